"""One conversation with the real server, written down frame by frame for docs/protocol.md.

What a woman reads from a novel is sent at the speed of speech, then a gap, then the stop.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp

from scripts.benchmark.server_process import running_server, server_environment
from scripts.benchmark.speaking import FRAME_S, audio_frames, connect, start_message
from scripts.benchmark.speech import as_pcm
from scripts.evaluation.clips import read_samples
from wordloop_ml.messages import SAMPLE_RATE

ROOT = Path(__file__).resolve().parent.parent
SPEECH = ROOT / "scripts" / "speech" / "gaskell.flac"
DOCUMENT = ROOT / "docs" / "protocol_conversation.jsonl"

Line = tuple[float, dict[str, Any]]
"""When, on the loop's clock, and what."""


async def converse(url: str, http: aiohttp.ClientSession, frames: list[bytes]) -> list[Line]:
    """Hold the conversation, and return its lines in order."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    start = start_message("ada", language=None, speaker="Ada", epoch=1)
    async with connect(http, f"{url}/v1/meetings/standup/audio", "ada", began_s) as one:
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
        end: Line = (loop.time(), {"from": "server", "close": close})
    lines += [
        (at_s, {"from": "server", "text": json.loads(text)}) for at_s, text in one.recording.frames
    ]
    return [*sorted(lines, key=lambda line: line[0]), end]


def documented(lines: list[Line]) -> list[dict[str, Any]]:
    """The rows of the document, in milliseconds from the first; neighbouring audio frames share one."""
    rows: list[dict[str, Any]] = []
    for at_s, line in lines:
        if rows and "audio" in line and "audio" in rows[-1]:
            rows[-1]["audio"]["frames"] += line["audio"]["frames"]
            rows[-1]["audio"]["bytes"] += line["audio"]["bytes"]
        else:
            rows.append({"at_ms": round((at_s - lines[0][0]) * 1000), **line})
    return rows


async def record(seconds: float) -> None:
    """Run a server of its own, talk to it, write the document."""
    environment = server_environment({"WORDLOOP_PROFILE": "embedded"})
    log = ROOT / "out" / "conversation.log"
    log.parent.mkdir(exist_ok=True)
    samples = await asyncio.to_thread(read_samples, SPEECH)
    frames = audio_frames(as_pcm(samples[: int(seconds * SAMPLE_RATE)]))
    async with aiohttp.ClientSession() as http, running_server(environment, log) as server:
        rows = documented(await converse(server.url, http, frames))
    texts = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    DOCUMENT.write_text("\n".join(texts) + "\n", encoding="utf-8")
    print(f"{len(rows)} lines in {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    asyncio.run(record(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0))
