"""One participant: paced audio out over a real WebSocket, whatever comes back kept as it is."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import numpy as np

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.captions import Display, Part
from wordloop_ml.messages import SAMPLE_RATE, Pcm16
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import StartMessage, StopMessage, encode_client

FRAME_SAMPLES = SAMPLE_RATE // 50
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
JOINED = 5
"""Frames that travel as one message above the pace of speech."""

ENDED_WITHIN_S = 120.0
"""How long the last finals may take after the last audio."""

ENDS = {
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.ERROR,
}

SETTLED_WITHIN_S, SETTLED_S = 60.0, 10.0
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


class Connection:
    """An open WebSocket and what has come over it. Nothing is parsed while it is open."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str, began_s: float) -> None:
        self.socket = socket
        self.name = name
        self.recording = Recording(began_s)
        self.close_reason = ""
        self._listening: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Keep every text frame from now on, and when it came, until the connection ends."""
        self._listening = asyncio.create_task(self._listen(), name=f"listen-{self.name}")

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while (message := await self.socket.receive()).type not in ENDS:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.recording.frames.append((loop.time(), message.data))
        self.close_reason = str(message.extra or "")

    async def send_paced(
        self, frames: Sequence[bytes], began_s: float, frame_s: float = FRAME_S
    ) -> None:
        """Send each frame when its last sample has been spoken, and note how late that was.

        The schedule is fixed beforehand, so that lateness does not add up. began_s: when the first
        frame's first sample is spoken, on the loop's clock. frame_s: how long a frame is spoken.
        """
        loop = asyncio.get_running_loop()
        for index, frame in enumerate(frames, 1):
            due_s = began_s + index * frame_s
            if (wait_s := due_s - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            self.recording.late_s.append(loop.time() - due_s)
            await self.socket.send_bytes(frame)

    async def stop(self) -> None:
        """Say that the audio has ended, and wait for the server to close the connection.

        Raises ``BenchmarkFailed`` unless it does so with 1000, ``TimeoutError`` when it takes longer
        than ``ENDED_WITHIN_S``.
        """
        await self.socket.send_str(encode_client(StopMessage()))
        if self._listening is not None:
            await asyncio.wait_for(self._listening, ENDED_WITHIN_S)
        if self.socket.close_code != aiohttp.WSCloseCode.OK:
            raise BenchmarkFailed(f"{self.name}: close code {self.socket.close_code}")

    async def wait_settled(self, display: Display) -> None:
        """Wait until all that is displayed is final and stayed so, ``SETTLED_WITHIN_S`` at most."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + SETTLED_WITHIN_S
        changed_s = loop.time()
        before: tuple[Part, ...] = ()
        while loop.time() < give_up_s:
            screens = list(display(self.recording.frames))
            parts = screens[-1].parts if screens else ()
            if parts != before:
                changed_s, before = loop.time(), parts
            if all(part.final for part in parts) and loop.time() - changed_s >= SETTLED_S:
                return
            await asyncio.sleep(0.5)

    def cancel(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()


@asynccontextmanager
async def connect(
    http: aiohttp.ClientSession, url: str, name: str, began_s: float
) -> AsyncIterator[Connection]:
    """Open a WebSocket until the block ends. began_s: when the track's first sample is spoken.

    Raises ``BenchmarkFailed`` where the connection breaks or is waited for in vain.
    """
    async with http.ws_connect(url, compress=0, max_msg_size=0) as socket:
        connection = Connection(socket, name, began_s)
        try:
            yield connection
        except (ConnectionError, TimeoutError) as error:
            what = f"{type(error).__name__}, close code {socket.close_code}"
            raise BenchmarkFailed(f"{name}: {what}") from error
        finally:
            connection.cancel()


async def speak(
    http: aiohttp.ClientSession,
    url: str,
    track: str,
    samples: Pcm16,
    began_s: float,
    language: str | None = "en",
    *,
    speed: float = 1.0,
    notes: bool = False,
) -> Recording:
    """Speak a track to our own server from ``began_s`` on, until the server has ended it.

    speed: over the pace of speech; above it, at most so much, and in longer messages. notes: whether
    the server is to take notes. Raises ``BenchmarkFailed`` unless the connection ends with 1000.
    """
    frames, joined = audio_frames(samples), 1 if speed == 1.0 else JOINED
    messages = [b"".join(frames[at : at + joined]) for at in range(0, len(frames), joined)]
    async with connect(http, url, track, began_s) as one:
        one.listen()
        await one.socket.send_str(start_message(track, language, notes=notes))
        await one.send_paced(messages, began_s, joined * FRAME_S / speed)
        await one.stop()
    return one.recording


def audio_frames(samples: Pcm16) -> list[bytes]:
    """Cut a track into binary frames of 20 ms, s16le, the last one filled up with zeros."""
    missing = -len(samples) % FRAME_SAMPLES
    payload = np.pad(samples, (0, missing)).astype("<i2").tobytes()
    size = 2 * FRAME_SAMPLES
    return [payload[at : at + size] for at in range(0, len(payload), size)]


def start_message(
    track: str,
    language: str | None = "en",
    *,
    speaker: str | None = None,
    epoch: int | None = None,
    notes: bool = False,
) -> str:
    """Return the first message: 16 kHz, caption times from the track's first sample."""
    stream = (1, track, Encoding.PCM_S16LE, SAMPLE_RATE, 1)
    start = StartMessage(
        *stream, language=language, speaker=speaker, epoch=epoch, origin_ms=0, notes=notes
    )
    return encode_client(start)
