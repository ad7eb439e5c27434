"""WAV as it is streamed: a header, then samples to the end, in pieces of any size; pure."""

import struct

from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.containers import ContainedStream, Waiting, bad_container

_RIFF_BYTES = 12
_CHUNK_BYTES = 8
_MOST_FORMAT_BYTES = 1_024
_EXTENSIBLE = 0xFFFE
_ENCODINGS = {
    (1, 16): Encoding.PCM_S16LE,
    (3, 32): Encoding.PCM_F32LE,
    (6, 8): Encoding.PCM_ALAW,
    (7, 8): Encoding.PCM_MULAW,
}
"""Format tag and bits of a sample, as WAVEFORMAT has them."""

_TAGS = {encoding: (tag, bits) for (tag, bits), encoding in _ENCODINGS.items()}

_UNKNOWN_SIZES = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})
"""Sizes of data that a writer gives who does not know when it will end; others may lie, too."""


class WavDemuxer:
    """Gives the samples; of a chunk of data of a known size no more than that."""

    def __init__(self) -> None:
        self.stream: ContainedStream | None = None
        self._waiting = Waiting()
        self._begun = False
        self._left: int | None = None  # bytes of data to come; None for all
        self._in_data = False

    def push(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the samples among them. Raises ``BadInput``."""
        self._waiting.push(data)
        if not self._begun:
            if len(self._waiting) < _RIFF_BYTES:
                return []
            self._waiting.take(_RIFF_BYTES)
            self._begun = True
        while not self._in_data:
            if not self._take_chunk():
                return []
        count = len(self._waiting) if self._left is None else min(self._left, len(self._waiting))
        samples = self._waiting.take(count)
        if self._left is not None:
            self._left -= count
            self._waiting.skip(len(self._waiting))  # what follows the data is no audio
        return [samples] if samples else []

    def _take_chunk(self) -> bool:
        """Take a chunk up to the data; False where it is not whole yet."""
        head = self._waiting.look(_CHUNK_BYTES)
        if len(head) < _CHUNK_BYTES:
            return False
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"data":
            if self.stream is None:
                raise bad_container("WAV must describe its samples before they come")
            self._waiting.take(_CHUNK_BYTES)
            self._left = None if size in _UNKNOWN_SIZES else size
            self._in_data = True
        elif name == b"fmt ":
            if size > _MOST_FORMAT_BYTES:
                raise bad_container("the format of WAV is too long")
            if len(self._waiting) < _CHUNK_BYTES + size:
                return False
            self.stream = _stream(self._waiting.take(_CHUNK_BYTES + size)[_CHUNK_BYTES:])
            self._waiting.skip(size % 2)
        else:
            self._waiting.skip(_CHUNK_BYTES + size + size % 2)
        return True


def wav_header(encoding: Encoding, sample_rate: int, channels: int) -> bytes:
    """Write what stands before samples of an unknown number. Raises ``KeyError`` for Opus."""
    tag, bits = _TAGS[encoding]
    frame_bytes = channels * bits // 8
    form = struct.pack(
        "<HHIIHH", tag, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, bits
    )
    endless = b"\xff" * 4
    return b"".join((b"RIFF", endless, b"WAVEfmt ", struct.pack("<I", 16), form, b"data", endless))


def _stream(form: bytes) -> ContainedStream:
    """Read WAVEFORMAT, or WAVEFORMATEXTENSIBLE. Raises ``BadInput``."""
    if len(form) < 16:
        raise bad_container("the format of WAV is too short")
    tag, channels, sample_rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = int.from_bytes(form[24:26], "little")
    if (tag, bits) not in _ENCODINGS:
        raise bad_container("WAV must hold PCM of 16 bits, floats of 32, A-law or mu-law")
    return ContainedStream(_ENCODINGS[tag, bits], sample_rate, channels)
