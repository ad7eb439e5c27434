"""Which container a stream begins with that ought to be bare samples or packets.

Read as samples, a container is noise, and captions of noise tell nobody what is wrong. Each signature
is one that audio has by chance in one stream of a billion billion: 40 bits and more, at the very beginning;
or three headers of MPEG audio at the distances that they themselves tell.
"""

import re
from collections.abc import Callable

from wordloop_ml.errors import BadInput, ErrorCode

HEAD_BYTES = 4_096
"""What is looked at: some frames of MP3 at its highest rate."""

_SIGNATURES: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("WebM", rb"\x1a\x45\xdf\xa3.{1,60}webm"),
        ("Matroska", rb"\x1a\x45\xdf\xa3.{1,60}matroska"),
        # a cluster of unknown size: a recorder's stream without its beginning
        ("WebM", rb"\x1f\x43\xb6\x75\x01\xff{7}"),
        ("Ogg", rb"OggS\x00[\x00-\x07]"),
        ("MP4", rb"\x00\x00[\x00-\x03].(?:ftyp|styp)[ -~]{4}"),
        ("MP4", rb"\x00\x00..moof\x00\x00\x00\x10mfhd"),
        ("WAV", rb"(?:RIFF|RF64|BW64).{4}WAVE"),
        ("AIFF", rb"FORM.{4}AIF[FC]"),
        ("CAF", rb"caff\x00\x01\x00\x00"),
        ("FLAC", rb"fLaC[\x00\x80]\x00\x00\x22"),
        ("MP3", rb"ID3[\x02-\x04]\x00.[\x00-\x7f]{4}"),
        ("AMR", rb"#!AMR(?:-WB)?\n"),
        ("the header of an Ogg Opus stream", rb"OpusHead"),
    )
)

_MP3_KBIT = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATE = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}

_CHAINED = 3
"""Headers in a row that make a stream of MPEG audio."""


def container_of(head: bytes) -> str | None:
    """What a stream that begins like this looks like; None for audio, or too little to tell."""
    for name, pattern in _SIGNATURES:
        if pattern.match(head):
            return name
    if _is_chain(head, _mp3_frame_bytes, 0xFE0C):
        return "MP3"
    if _is_chain(head, _adts_frame_bytes, 0xFFFC):
        return "AAC"
    return None


class StreamHead:
    """The first bytes of one connection's audio, looked at while they come in."""

    def __init__(self) -> None:
        self._head = b""

    def look(self, payload: bytes) -> None:
        """The next frame. Raises ``BadInput`` (``bad_audio``) for a container."""
        if len(self._head) >= HEAD_BYTES:
            return
        self._head = (self._head + payload)[:HEAD_BYTES]
        name = container_of(self._head)
        if name is not None:
            raise BadInput(f"this looks like {name}: {_advice(name)}", code=ErrorCode.BAD_AUDIO)


def _advice(name: str) -> str:
    if name == "WAV":
        return "leave its header out, and send the samples that follow"
    return "send decoded samples, or bare Opus packets, one a frame"


def _is_chain(head: bytes, frame_bytes: Callable[[bytes], int], constant: int) -> bool:
    """Whether headers follow one another at the distances that they tell.

    constant: the bits of the second and third byte that are the same in each header.
    """
    at, first = 0, int.from_bytes(head[1:3], "big") & constant
    for _ in range(_CHAINED - 1):
        length = frame_bytes(head[at : at + 6])
        at += length
        following = head[at : at + 6]
        same = int.from_bytes(following[1:3], "big") & constant == first
        if not length or not same or not frame_bytes(following):
            return False
    return True


def _mp3_frame_bytes(header: bytes) -> int:
    """The length of the frame of MPEG audio, layer III, that begins so; 0 for none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, kbit, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in _MP3_RATE or rate == 3 or not 0 < kbit < 15:
        return 0
    samples = 144_000 if version == 3 else 72_000
    bits = _MP3_KBIT[1 if version == 3 else 2][kbit]
    return samples * bits // _MP3_RATE[version][rate] + (header[2] >> 1 & 1)


def _adts_frame_bytes(header: bytes) -> int:
    """The length of the ADTS frame that begins so; 0 for none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0
