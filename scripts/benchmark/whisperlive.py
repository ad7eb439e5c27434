"""WhisperLive's server, spoken to as ours is, so that both are measured in one run.

It runs with its own defaults (faster-whisper, int8, one model for all), but for nobody turned away.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.scenario import Dialect
from scripts.benchmark.screens import Frames, Part, Screen
from scripts.benchmark.server_process import Launch
from scripts.benchmark.speaking import Recording, ending, listen, send_paced, wait_settled
from scripts.benchmark.speech import FULL_SCALE
from scripts.benchmark.tracks import Script
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

READY_WITHIN_S = 60.0
FRAME_S = 0.1
CLIENTS, CONNECTED_S = 64, 3_600
UPGRADE_REQUIRED = 426
"""What it answers to HTTP."""

_OPTIONS = {"language": "en", "task": "transcribe", "model": "tiny.en", "use_vad": True}
"""As its own client sends them; the weights on its command line stand above ``model``."""


@dataclass(frozen=True, slots=True)
class WhisperLive:
    """Where its checkout lies, with a ``.venv`` in it, and the weights for it."""

    folder: Path
    model: Path

    def launch(self, port: int) -> Launch:
        """Its server."""
        command = (
            str(self.folder / ".venv" / "bin" / "python"),
            "run_server.py",
            f"--port={port}",
            "--backend=faster_whisper",
            f"--faster_whisper_custom_model_path={self.model}",
            f"--max_clients={CLIENTS}",
            f"--max_connection_time={CONNECTED_S}",
        )
        return Launch(
            command, ready="/", ready_status=UPGRADE_REQUIRED, folder=self.folder, exits=False
        )

    def dialect(self) -> Dialect:
        """How it is spoken to."""
        return Dialect("/", speak, display, warm=warm)


async def warm(http: aiohttp.ClientSession, base: str) -> None:
    """Let it load its model, which it does for its first client."""
    async with http.ws_connect(base, compress=0) as socket:
        await _begin(socket, "warm")


async def speak(
    http: aiohttp.ClientSession, url: str, track: str, script: Script, began_s: float
) -> Recording:
    """Speak a track once the server is ready for it, and wait as long as its own client does."""
    recording = Recording(began_s)
    async with http.ws_connect(url, compress=0, max_msg_size=0) as socket:
        await _begin(socket, f"{track}-{began_s}")
        listening = asyncio.create_task(listen(socket, recording), name=f"listen-{track}")
        try:
            await send_paced(socket, _frames(script.samples), began_s, recording.late_s, FRAME_S)
            await wait_settled(recording, display)
            await socket.send_bytes(b"END_OF_AUDIO")
        except ConnectionError as error:
            raise BenchmarkFailed(f"{track}: {ending(socket)}") from error
        finally:
            listening.cancel()
    return recording


async def _begin(socket: aiohttp.ClientWebSocketResponse, uid: str) -> None:
    await socket.send_json({"uid": uid, **_OPTIONS})
    async with asyncio.timeout(READY_WITHIN_S):
        message = await socket.receive_json()
    if message.get("message") != "SERVER_READY":
        raise BenchmarkFailed(f"WhisperLive was not ready: {message}")


def _frames(samples: Pcm16) -> list[bytes]:
    """32-bit floats, as its own client sends them."""
    size = round(FRAME_S * SAMPLE_RATE)
    floats = (np.pad(samples, (0, -len(samples) % size)) / FULL_SCALE).astype("<f4")
    return [floats[at : at + size].tobytes() for at in range(0, len(floats), size)]


def display(frames: Frames) -> Iterator[Screen]:
    """Completed segments stay, in order of their beginning; the open one behind them is replaced.

    Pure. A message holds the last ten completed segments and, last, the open one.
    """
    completed: dict[float, Part] = {}
    for at_s, text in frames:
        segments = json.loads(text).get("segments")
        if segments is None:
            continue
        opened: tuple[Part, ...] = ()
        for one in segments:
            start = float(one["start"])
            if one["completed"]:
                completed[start] = Part(f"{start}", one["text"].strip(), final=True)
            else:
                opened = (Part(f"open {start}", one["text"].strip(), final=False),)
        yield Screen(at_s, (*(completed[start] for start in sorted(completed)), *opened))
