"""Live audio of foreign interfaces to 16 kHz samples: bytes of any length, on one track or one for each channel.

Blocking, but each step takes a fraction of a millisecond, so that the event loop makes it
(docs/adr/0009).
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from wordloop_ml.audio.streams import AudioInput
from wordloop_ml.messages import Samples
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding, PcmDecoder, Positions
from wordloop_ml.wire.client_messages import VERSION, StartMessage

PIECE_BYTES = 32_768
"""Bytes that are decoded in one step: a second of audio or some."""


class LiveAudio(Protocol):
    """Decodes what one connection sends, in order.

    tracks: how many it gives samples of, in each step.
    """

    tracks: int

    def decode(self, payload: bytes) -> Iterator[tuple[Samples, ...]]:
        """Decode the next bytes, step by step: the 16 kHz samples of each track, which may be none.

        Raises ``BadInput`` (``bad_audio``).
        """
        ...

    def flush(self) -> tuple[Samples, ...]:
        """Return what is still held of each track; nothing follows."""
        ...


class PcmAudio:
    """Samples one after another; a sample may be divided between two messages.

    separate: each channel is a track; else they are mixed to one.
    """

    def __init__(
        self, encoding: Encoding, sample_rate: int, channels: int = 1, *, separate: bool = False
    ) -> None:
        self.tracks = channels if separate else 1
        mixed = 1 if separate else channels
        self._channel_bytes = PcmDecoder(encoding, 1).sample_bytes
        self._frame_bytes = self._channel_bytes * channels
        self._inputs = tuple(_input(encoding, sample_rate, mixed) for _ in range(self.tracks))
        self._rest = b""

    def decode(self, payload: bytes) -> Iterator[tuple[Samples, ...]]:
        """Decode the next bytes; what is left of a divided sample waits for the next ones."""
        data = self._rest + payload if self._rest else payload
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        step = PIECE_BYTES - PIECE_BYTES % self._frame_bytes
        for start in range(0, whole, step):
            piece = data[start : min(start + step, whole)]
            yield tuple(
                one.audio(part)
                for one, part in zip(self._inputs, self._channels(piece), strict=True)
            )

    def flush(self) -> tuple[Samples, ...]:
        """Return what the resamplers hold."""
        return tuple(one.flush() for one in self._inputs)

    def _channels(self, piece: bytes) -> list[bytes]:
        if self.tracks == 1:
            return [piece]
        interleaved = np.frombuffer(piece, np.uint8).reshape(-1, self.tracks, self._channel_bytes)
        return [interleaved[:, channel].tobytes() for channel in range(self.tracks)]


class OpusAudio:
    """Opus packets, one in each message.

    channels: 1 or 2, as the encoder was told.
    """

    tracks = 1

    def __init__(self, channels: int = 1) -> None:
        self._input = _input(Encoding.OPUS, OPUS_SAMPLE_RATE, channels)

    def decode(self, payload: bytes) -> Iterator[tuple[Samples, ...]]:
        """Decode one packet."""
        yield (self._input.audio(payload),)

    def flush(self) -> tuple[Samples, ...]:
        """Return what the resampler holds."""
        return (self._input.flush(),)


def _input(encoding: Encoding, sample_rate: int, channels: int) -> AudioInput:
    start = StartMessage(VERSION, "", encoding, sample_rate, channels)
    return AudioInput(start, Positions(sample_rate))
