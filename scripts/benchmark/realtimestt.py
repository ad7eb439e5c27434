"""RealtimeSTT's FastAPI server, spoken to as ours is, so that both are measured in one run.

It runs with its own defaults (faster-whisper), but for a CPU, the weights given for both of its
lanes, the language, and nobody turned away.
"""

import asyncio
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.scenario import Dialect
from scripts.benchmark.screens import Frames, Part, Screen
from scripts.benchmark.server_process import Launch
from scripts.benchmark.speaking import (
    FRAME_SAMPLES,
    Recording,
    audio_frames,
    ending,
    listen,
    send_paced,
    wait_settled,
)
from scripts.benchmark.tracks import Script
from wordloop_ml.messages import SAMPLE_RATE

SESSIONS = 64

_METADATA = json.dumps(
    {"sampleRate": SAMPLE_RATE, "channels": 1, "format": "pcm_s16le", "frames": FRAME_SAMPLES}
).encode()
_HEADER = struct.pack("<I", len(_METADATA)) + _METADATA


@dataclass(frozen=True, slots=True)
class RealtimeStt:
    """Where its checkout lies, with a ``.venv`` in it, and the weights for it."""

    folder: Path
    model: Path

    def launch(self, port: int) -> Launch:
        """Its server."""
        options = {
            "host": "127.0.0.1",
            "port": port,
            "model": self.model,
            "realtime-model": self.model,
            "device": "cpu",
            "language": "en",
            "max-sessions": SESSIONS,
            "max-active-speakers": SESSIONS,
            "log-level": "WARNING",
        }
        command = (
            str(self.folder / ".venv" / "bin" / "python"),
            str(self.folder / "example_fastapi_server" / "server.py"),
            *(f"--{name}={value}" for name, value in options.items()),
        )
        return Launch(
            command, ready="/health", ready_text='"ready":true', folder=self.folder, exits=False
        )

    def dialect(self) -> Dialect:
        """How it is spoken to."""
        return Dialect("/ws/transcribe", speak, display)


async def speak(
    http: aiohttp.ClientSession, url: str, track: str, script: Script, began_s: float
) -> Recording:
    """Speak a track as our own server hears it, in packets of its own."""
    recording = Recording(began_s)
    frames = [_HEADER + frame for frame in audio_frames(script.samples)]
    async with http.ws_connect(url, compress=0, max_msg_size=0) as socket:
        listening = asyncio.create_task(listen(socket, recording), name=f"listen-{track}")
        try:
            await socket.send_str('{"type":"start"}')
            await send_paced(socket, frames, began_s, recording.late_s)
            await wait_settled(recording, display)
        except ConnectionError as error:
            raise BenchmarkFailed(f"{track}: {ending(socket)}") from error
        finally:
            listening.cancel()
    return recording


def display(frames: Frames) -> Iterator[Screen]:
    """Its segments, each replaced by its next text and settled by its final; pure."""
    parts: dict[int, Part] = {}
    for at_s, text in frames:
        message = json.loads(text)
        if message["type"] in {"realtime", "final"}:
            segment = int(message["segmentId"])
            parts[segment] = Part(str(segment), message["text"], message["type"] == "final")
            yield Screen(at_s, tuple(parts[one] for one in sorted(parts)))
