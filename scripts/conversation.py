"""One conversation with the real server, written down frame by frame for docs/protocol.md.

What a woman reads from a novel is sent at the speed of speech, then a gap, then the stop.
"""

import asyncio
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from scripts.benchmark.server_process import base_url, running_server, server_environment
from wordloop_ml.audio.files import open_audio
from wordloop_ml.messages import SAMPLE_RATE

ROOT = Path(__file__).resolve().parent.parent
SPEECH = ROOT / "scripts" / "speech" / "gaskell.flac"
DOCUMENT = ROOT / "docs" / "protocol_conversation.jsonl"
FRAME_SAMPLES = SAMPLE_RATE // 50

START = {
    "type": "start",
    "version": 1,
    "track": "ada",
    "speaker": "Ada",
    "encoding": "pcm_s16le",
    "sample_rate": SAMPLE_RATE,
    "channels": 1,
    "origin_ms": 0,
    "epoch": 1,
}


class Recorder:
    """The lines of the document; neighbouring audio frames share one."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._began_s = asyncio.get_running_loop().time()

    def text(self, who: str, frame: dict[str, Any]) -> None:
        self._add({"from": who, "text": frame})

    def audio(self, payload: bytes) -> None:
        last = self.lines[-1]
        if "audio" in last:
            last["audio"]["frames"] += 1
            last["audio"]["bytes"] += len(payload)
        else:
            self._add({"from": "client", "audio": {"frames": 1, "bytes": len(payload)}})

    def close(self, code: int, reason: str) -> None:
        self._add({"from": "server", "close": {"code": code, "reason": reason}})

    def _add(self, line: dict[str, Any]) -> None:
        at_ms = round((asyncio.get_running_loop().time() - self._began_s) * 1000)
        self.lines.append({"at_ms": at_ms, **line})


def speech(seconds: float) -> bytes:
    """The beginning of her track as s16le."""
    with open_audio(SPEECH) as audio:
        samples = np.concatenate(list(islice(audio, 10_000)))[: int(seconds * SAMPLE_RATE)]
    return (samples * 32_767).astype("<i2").tobytes()


async def listen(socket: aiohttp.ClientWebSocketResponse, recorder: Recorder) -> None:
    """Write down what the server says, to the close."""
    while (frame := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
        recorder.text("server", json.loads(frame.data))
    recorder.close(int(socket.close_code or 0), str(frame.extra or ""))


async def converse(url: str, http: aiohttp.ClientSession, audio: bytes) -> Recorder:
    """Hold the conversation."""
    async with http.ws_connect(f"{url}/v1/meetings/standup/audio") as socket:
        recorder = Recorder()
        recorder.text("client", START)
        await socket.send_str(json.dumps(START))
        listening = asyncio.create_task(listen(socket, recorder))
        began_s = asyncio.get_running_loop().time()
        for index, at in enumerate(range(0, len(audio), 2 * FRAME_SAMPLES)):
            due_s = began_s + index * FRAME_SAMPLES / SAMPLE_RATE
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            payload = audio[at : at + 2 * FRAME_SAMPLES]
            recorder.audio(payload)
            await socket.send_bytes(payload)
        for message in ({"type": "gap", "samples": SAMPLE_RATE}, {"type": "stop"}):
            recorder.text("client", message)
            await socket.send_str(json.dumps(message))
        await listening
        return recorder


async def record(seconds: float) -> None:
    """Run a server of its own, talk to it, write the document."""
    environment = server_environment({"WORDLOOP_PROFILE": "embedded"})
    log = ROOT / "out" / "conversation.log"
    log.parent.mkdir(exist_ok=True)
    async with aiohttp.ClientSession() as http, running_server(environment, http, log):
        recorder = await converse(base_url(environment), http, speech(seconds))
    lines = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in recorder.lines)
    DOCUMENT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(recorder.lines)} lines in {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    asyncio.run(record(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0))
