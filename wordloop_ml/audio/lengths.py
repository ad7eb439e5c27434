"""How long an audio file is, as far as it says so itself; blocking."""

import re
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

_EXACT_FORMS = frozenset({"flac", "ogg", "aiff"})
"""Forms whose headers know the length exactly. Others count pauses that hold no samples (WebM), or
report themselves where they are cut off."""
_LARGEST_OGG_PAGE = 27 + 255 + 255 * 255
_FORGIVEN_BYTES = 512
_OPEN_WAV_BYTES = 0x7FFF_0000
"""Programs that write WAV to a pipe give such a length, or more, or none."""


def lasts_s(container: InputContainer) -> float | None:
    """How long the whole file is, with its pictures, as it says; may be an estimate."""
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def exact_s(container: InputContainer, stream: AudioStream) -> float | None:
    """How long the stream is, where the file knows for certain: one that has less lost something."""
    if not stream.duration or not stream.time_base:
        return None
    if container.format.name not in _EXACT_FORMS:
        return None
    return float(stream.duration * stream.time_base)


def is_cut_off(path: Path, form: str) -> bool:
    """Whether a file ends before the bytes that its own headers announce, where FFmpeg says nothing.

    form: as FFmpeg names it.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if form == "wav":
                file.seek(0)
                return _wav_bytes(file.read(65_536)) > size + _FORGIVEN_BYTES
            if form == "mp3":
                file.seek(0)
                frames_at = tag_bytes(file.read(10))
                file.seek(frames_at)
                return frames_at + _mp3_bytes(file.read(4_096)) > size
            if form == "ogg":
                file.seek(max(0, size - 2 * _LARGEST_OGG_PAGE))
                return not _whole_ogg_pages(file.read())
    except OSError:
        pass
    return False


def _wav_bytes(head: bytes) -> int:
    """Where the data end, as the header of the chunk says; 0 where that is left open."""
    at = 12
    while at + 8 <= len(head):
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            return at + 8 + length if length < _OPEN_WAV_BYTES else 0
        at += 8 + length + length % 2
    return 0


def _mp3_bytes(head: bytes) -> int:
    """How many bytes the frames have, as a Xing header says in the first one; 0 without one."""
    found = re.search(rb"Xing|Info", head[:200])
    if found is None:
        return 0
    flags = int.from_bytes(head[found.end() : found.end() + 4])
    # the number of frames, where it is there, comes first
    at = found.end() + (8 if flags & 1 else 4)
    return int.from_bytes(head[at : at + 4]) if flags & 2 else 0


def tag_bytes(head: bytes) -> int:
    """How long the ID3v2 tag is of which these are the first bytes; 0 where they are of none."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    # seven bits in each of four bytes (id3.org, ID3v2.4.0, 3.1)
    return 10 + sum((byte & 0x7F) << 7 * at for at, byte in enumerate(reversed(head[6:10])))


def _whole_ogg_pages(tail: bytes) -> bool:
    """Whether the last page has all the bytes that its header announces (RFC 3533, 6)."""
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return True
    header = tail[at : at + 27]
    if len(header) < 27:
        return False
    sizes = tail[at + 27 : at + 27 + header[26]]
    return len(sizes) == header[26] and at + 27 + len(sizes) + sum(sizes) <= len(tail)
