"""Write docs/protocol_conversation.jsonl: one conversation with the real server, frame by frame.

What a woman reads from a novel is sent at the speed of speech, then a gap, then the stop. Run it when
the protocol changes: ``.venv/bin/python -m scripts.conversation``.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp

from scripts.benchmark.server_process import running_server, server_environment
from scripts.benchmark.speaking import FRAME_S, audio_frames, connect, start_message
from scripts.benchmark.speech import as_pcm
from scripts.evaluation.clips import read_samples
from wordloop_ml.messages import SAMPLE_RATE

SPEECH, SECONDS = Path("scripts/speech/gaskell.flac"), 6
DOCUMENT, LOG = Path("docs/protocol_conversation.jsonl"), Path("out/conversation.log")

Line = tuple[float, dict[str, Any]]
"""When, on the loop's clock, and what."""


async def converse(url: str, http: aiohttp.ClientSession, frames: list[bytes]) -> list[Line]:
    """Hold the conversation, and return its lines in order."""
    loop = asyncio.get_running_loop()
    start = start_message("ada", language=None, speaker="Ada", epoch=1)
    async with connect(http, f"{url}/v1/meetings/standup/audio", "ada", loop.time()) as one:
        lines: list[Line] = [(loop.time(), {"from": "client", "text": json.loads(start)})]
        one.listen()
        await one.socket.send_str(start)
        began_s = loop.time()
        await one.send_paced(frames, began_s)
        for at, (frame, late_s) in enumerate(zip(frames, one.recording.late_s, strict=True), 1):
            audio = {"frames": 1, "bytes": len(frame)}
            lines.append((began_s + at * FRAME_S + late_s, {"from": "client", "audio": audio}))
        gap = {"type": "gap", "samples": SAMPLE_RATE}
        said = [gap, {"type": "stop"}]
        lines += [(loop.time(), {"from": "client", "text": message}) for message in said]
        await one.socket.send_str(json.dumps(gap))
        await one.stop()
        close = {"code": one.socket.close_code, "reason": one.close_reason}
    told = [(at_s, json.loads(text)) for at_s, text in one.recording.frames]
    lines += [(at_s, {"from": "server", "text": message}) for at_s, message in told]
    end: Line = (loop.time(), {"from": "server", "close": close})
    return [*sorted(lines, key=lambda line: line[0]), end]


def documented(lines: list[Line]) -> list[dict[str, Any]]:
    """The rows of the document, in milliseconds from the first; neighbouring audio frames share one."""
    rows: list[dict[str, Any]] = []
    for at_s, line in lines:
        if rows and "audio" in line and "audio" in rows[-1]:
            for what, count in line["audio"].items():
                rows[-1]["audio"][what] += count
        else:
            rows.append({"at_ms": round((at_s - lines[0][0]) * 1000), **line})
    return rows


async def record(frames: list[bytes]) -> list[dict[str, Any]]:
    """Run a server of its own, and talk to it; return the rows of the document."""
    environment = server_environment({"WORDLOOP_PROFILE": "embedded"})
    async with aiohttp.ClientSession() as http, running_server(environment, LOG) as server:
        return documented(await converse(server.url, http, frames))


if __name__ == "__main__":
    LOG.parent.mkdir(exist_ok=True)
    speech = as_pcm(read_samples(SPEECH)[: SECONDS * SAMPLE_RATE])
    found = asyncio.run(record(audio_frames(speech)))
    texts = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in found)
    DOCUMENT.write_text("\n".join(texts) + "\n", encoding="utf-8")
