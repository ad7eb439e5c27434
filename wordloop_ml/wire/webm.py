"""WebM and Matroska as browsers record them, in pieces of any size (RFC 9559, RFC 8794); pure.

A recorder's Segment and Clusters have unknown sizes, so elements that hold others are not entered and left
but passed through: their children follow one another on one level, whatever they lie in.
"""

import struct

from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding
from wordloop_ml.wire.containers import (
    MAX_ELEMENT_BYTES,
    ContainedStream,
    Waiting,
    bad_container,
)

_SEGMENT, _CLUSTER, _TRACKS, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xA0
_PASSED_THROUGH = frozenset({_SEGMENT, _CLUSTER, _TRACKS, _BLOCK_GROUP})
_TRACK_ENTRY, _SIMPLE_BLOCK, _BLOCK = 0xAE, 0xA3, 0xA1
_TRACK_NUMBER, _TRACK_TYPE, _CODEC, _AUDIO = 0xD7, 0x83, 0x86, 0xE1
_RATE, _CHANNELS, _BITS = 0xB5, 0x9F, 0x6264

_AUDIO_TYPE = 2
_LACING = 0x06
_MOST_HEADER_BYTES = 12
"""Of an element: four for its id, eight for its size."""

_MOST_TRACK_BYTES = 65_536


class WebmDemuxer:
    """Gives the packets, or samples, of the first track of audio in Opus or PCM."""

    def __init__(self) -> None:
        self.stream: ContainedStream | None = None
        self._waiting = Waiting()
        self._number = 0
        self._codec = ""

    def push(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the packets that they complete. Raises ``BadInput``."""
        self._waiting.push(data)
        packets: list[bytes] = []
        while (header := _header(self._waiting.look(_MOST_HEADER_BYTES))) is not None:
            element, size, length = header
            if element in _PASSED_THROUGH:
                self._waiting.take(length)
                continue
            if size is None:
                raise bad_container("an element of WebM has no size")
            if element in {_SIMPLE_BLOCK, _BLOCK}:
                if not self._take_block(size, length, packets):
                    break
            elif element == _TRACK_ENTRY and self.stream is None:
                if size > _MOST_TRACK_BYTES:
                    raise bad_container("the description of a track of WebM is too long")
                if len(self._waiting) < length + size:
                    break
                self._take_track(self._waiting.take(length + size)[length:])
            else:
                self._waiting.skip(length + size)
        return packets

    def _take_block(self, size: int, length: int, packets: list[bytes]) -> bool:
        """Take a block, or skip one of another track; False where it is not whole yet."""
        number = _vint(self._waiting.look(8, length), keep_marker=False)
        if number is None and len(self._waiting) < length + min(size, 8):
            return False
        if self.stream is None or number is None or number[0] != self._number:
            self._waiting.skip(length + size)
            return True
        if size > MAX_ELEMENT_BYTES:
            raise bad_container("a block of WebM is too long")
        if len(self._waiting) < length + size:
            return False
        block = self._waiting.take(length + size)[length + number[1] :]
        if len(block) < 3:
            raise bad_container("a block of WebM is too short")
        if block[2] & _LACING:
            raise bad_container("a block of WebM holds several frames: lacing is not read")
        packets.append(block[3:])
        return True

    def _take_track(self, entry: bytes) -> None:
        """Choose a track of audio. Raises ``BadInput`` where its codec is none that is read."""
        fields = _children(entry)
        if _unsigned(fields.get(_TRACK_TYPE, b"")) != _AUDIO_TYPE:
            return
        audio = _children(fields.get(_AUDIO, b""))
        codec = fields.get(_CODEC, b"").rstrip(b"\0")
        channels = _unsigned(audio.get(_CHANNELS, b"\1"))
        bits = _unsigned(audio.get(_BITS, b""))
        self._number = _unsigned(fields.get(_TRACK_NUMBER, b""))
        if codec == b"A_OPUS":
            self.stream = ContainedStream(Encoding.OPUS, OPUS_SAMPLE_RATE, channels)
            return
        pcm = {
            (b"A_PCM/INT/LIT", 16): Encoding.PCM_S16LE,
            (b"A_PCM/FLOAT/IEEE", 32): Encoding.PCM_F32LE,
        }
        if (codec, bits) not in pcm:
            raise bad_container("WebM must hold Opus, or PCM of 16 bits or floats of 32")
        self.stream = ContainedStream(
            pcm[codec, bits], round(_number(audio.get(_RATE, b""))), channels
        )


def _header(data: bytes) -> tuple[int, int | None, int] | None:
    """Read an element's id and size, None for unknown, and how long both are; None for too few bytes."""
    identifier = _vint(data, keep_marker=True)
    if identifier is None:
        return None
    size = _vint(data[identifier[1] :], keep_marker=False)
    if size is None:
        return None
    unknown = size[0] == (1 << 7 * size[1]) - 1
    return identifier[0], None if unknown else size[0], identifier[1] + size[1]


def _vint(data: bytes, *, keep_marker: bool) -> tuple[int, int] | None:
    """Read an integer of variable size, and its length; None for too few bytes. Raises ``BadInput``."""
    if not data:
        return None
    length = 9 - data[0].bit_length()
    if length > (4 if keep_marker else 8):
        raise bad_container("this is no WebM")
    if len(data) < length:
        return None
    value = int.from_bytes(data[:length], "big")
    return value if keep_marker else value & ((1 << 7 * length) - 1), length


def _children(data: bytes) -> dict[int, bytes]:
    """Read the elements in one that is whole; of several with one id the first. Raises ``BadInput``."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        header = _header(data[at : at + _MOST_HEADER_BYTES])
        if header is None or header[1] is None:
            raise bad_container("a track of WebM is not described as it should be")
        element, size, length = header[0], header[1], header[2]
        found.setdefault(element, data[at + length : at + length + size])
        at += length + size
    return found


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data[:8], "big")


def _number(data: bytes) -> float:
    """Read a float of four or eight bytes; 0 where it is none, or not finite."""
    if len(data) not in {4, 8}:
        return 0.0
    value: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return value if 0 <= value < 1e9 else 0.0
