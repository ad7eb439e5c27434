"""What the streaming demuxers of WebM, Ogg and WAV share: the stream that they find, and bytes that wait; pure.

Each demuxer takes a container in pieces of any size, as a connection brings them, and gives its one
stream of audio in pieces that a decoder takes: Opus packets, or samples.
"""

from dataclasses import dataclass
from typing import Protocol

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE

MAX_ELEMENT_BYTES = 1 << 20
"""Bytes of the largest part of a container that is kept until it is whole."""


@dataclass(frozen=True, slots=True)
class ContainedStream:
    """The audio in a container. Raises ``BadInput`` where its numbers are none that a track takes."""

    encoding: Encoding
    sample_rate: int
    channels: int

    def __post_init__(self) -> None:
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise bad_container(f"audio must have {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise bad_container(f"audio must have 1 to {MAX_CHANNELS} channels")


class Demuxer(Protocol):
    """Takes a container apart. stream: what it holds; None until that is known."""

    stream: ContainedStream | None

    def push(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the packets, or samples, that they complete.

        Raises ``BadInput`` (``bad_audio``).
        """
        ...


class Waiting:
    """Bytes that have come and were not taken yet, and how many of those to come are of no use."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._skip = 0

    def __len__(self) -> int:
        return len(self._data)

    def push(self, data: bytes) -> None:
        """Append bytes, without those that were to be skipped."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._data += memoryview(data)[skipped:]

    def look(self, count: int, at: int = 0) -> bytes:
        """Return up to ``count`` bytes, which stay, from the ``at``-th on."""
        return bytes(memoryview(self._data)[at : at + count])

    def take(self, count: int) -> bytes:
        """Return ``count`` bytes and remove them; fewer where fewer have come."""
        taken = self.look(count)
        del self._data[:count]
        return taken

    def skip(self, count: int) -> None:
        """Remove ``count`` bytes, also those that are yet to come."""
        self._skip += max(0, count - len(self._data))
        del self._data[:count]


def bad_container(message: str) -> BadInput:
    """Make the error for a container that cannot be read."""
    return BadInput(message, code=ErrorCode.BAD_AUDIO)
