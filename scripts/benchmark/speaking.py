"""One participant: paced audio out over a real WebSocket, whatever comes back kept as it is."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import numpy as np

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.screens import Display, Part
from scripts.benchmark.tracks import Script
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

FRAME_SAMPLES = SAMPLE_RATE // 50
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
ENDED_WITHIN_S = 60.0
"""How long the last finals may take after the last audio."""

SETTLED_S = 10.0
"""A server that does not say when it is done has nothing more to say after so long."""


@dataclass(slots=True)
class Recording:
    """One connection as its client saw it; times on the loop's monotonic clock.

    began_s: when the track's first sample was spoken.
    frames: the text frames that came, each with the time at which it was received.
    late_s: for each audio frame, how long after its time it was sent.
    """

    began_s: float
    frames: list[tuple[float, str]] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)


def audio_frames(samples: Pcm16) -> list[bytes]:
    """The binary frames of a track: 20 ms of s16le each, the last one filled up with zeros."""
    missing = -len(samples) % FRAME_SAMPLES
    payload = np.pad(samples, (0, missing)).astype("<i2").tobytes()
    size = 2 * FRAME_SAMPLES
    return [payload[at : at + size] for at in range(0, len(payload), size)]


async def speak(
    http: aiohttp.ClientSession,
    url: str,
    track: str,
    script: Script,
    began_s: float,
    language: str | None = "en",
) -> Recording:
    """Speak a track from ``began_s`` on and listen until the server has ended it.

    A frame leaves when its last sample has been spoken, by a schedule that is fixed beforehand:
    lateness does not add up. Nothing is parsed meanwhile. Raises ``BenchmarkFailed`` unless the
    connection ends with 1000.
    """
    recording = Recording(began_s)
    frames = audio_frames(script.samples)
    async with http.ws_connect(url, compress=0, max_msg_size=0) as socket:
        listening = asyncio.create_task(listen(socket, recording), name=f"listen-{track}")
        try:
            await socket.send_str(start_message(track, language))
            await send_paced(socket, frames, began_s, recording.late_s)
            await socket.send_str('{"type":"stop"}')
            await asyncio.wait_for(listening, ENDED_WITHIN_S)
        except (ConnectionError, TimeoutError) as error:
            raise BenchmarkFailed(f"{track}: {type(error).__name__} {ending(socket)}") from error
        finally:
            listening.cancel()
        if socket.close_code != aiohttp.WSCloseCode.OK:
            raise BenchmarkFailed(f"{track}: {ending(socket)}")
    return recording


async def send_paced(
    socket: aiohttp.ClientWebSocketResponse,
    frames: Sequence[bytes],
    began_s: float,
    late_s: list[float],
    frame_s: float = FRAME_S,
) -> None:
    """Send each frame when its last sample has been spoken, and note how late that was.

    began_s: when the first frame's first sample is spoken, on the loop's clock. frame_s: how long
    a frame is spoken.
    """
    loop = asyncio.get_running_loop()
    for index, frame in enumerate(frames, 1):
        due_s = began_s + index * frame_s
        if (wait_s := due_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        late_s.append(loop.time() - due_s)
        await socket.send_bytes(frame)


async def listen(socket: aiohttp.ClientWebSocketResponse, recording: Recording) -> None:
    """Keep every text frame and when it came, until the connection ends."""
    loop = asyncio.get_running_loop()
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            recording.frames.append((loop.time(), message.data))


async def wait_settled(recording: Recording, display: Display) -> None:
    """Wait until all that is displayed is final and stayed so, ``ENDED_WITHIN_S`` at most."""
    loop = asyncio.get_running_loop()
    give_up_s = loop.time() + ENDED_WITHIN_S
    changed_s = loop.time()
    before: tuple[Part, ...] = ()
    while loop.time() < give_up_s:
        screens = list(display(recording.frames))
        parts = screens[-1].parts if screens else ()
        if parts != before:
            changed_s, before = loop.time(), parts
        if all(part.final for part in parts) and loop.time() - changed_s >= SETTLED_S:
            return
        await asyncio.sleep(0.5)


def start_message(track: str, language: str | None = "en") -> str:
    """The first message: 16 kHz, caption times from the track's first sample."""
    message = {
        "type": "start",
        "version": 1,
        "track": track,
        "encoding": "pcm_s16le",
        "sample_rate": SAMPLE_RATE,
        "channels": 1,
        "origin_ms": 0,  # so that caption times are times of the track
    }
    return json.dumps(message if language is None else {**message, "language": language})


def ending(socket: aiohttp.ClientWebSocketResponse) -> str:
    return f"the connection ended with close code {socket.close_code}"
