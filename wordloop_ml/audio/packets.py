"""Decodes the packets of one audio stream one by one, and tells whether its file is whole; blocking.

FFmpeg finds the next whole packet behind bytes that are none. What it says on the way is the only
sign of some damage, so its errors are counted. Files that are cut off are found by the lengths that
their own headers announce, where FFmpeg says nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.logging
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

_EXACT_FORMS = frozenset({"flac", "ogg", "aiff"})
"""Forms whose headers know the length exactly. Others count pauses that hold no samples (WebM), or
report themselves where they are cut off."""
_LARGEST_OGG_PAGE = 27 + 255 + 255 * 255
_FORGIVEN_BYTES = 512
_OPEN_WAV_BYTES = 0x7FFF_0000
"""Programs that write WAV to a pipe give such a length, or more, or none."""


def lasts_s(container: InputContainer) -> float | None:
    """Return the seconds that the whole file says it has, pictures included; may be an estimate."""
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def exact_s(container: InputContainer, stream: AudioStream) -> float | None:
    """Return the seconds of the stream where the file knows them exactly: one with less lost something."""
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
    """Return where the data end, as the header of the chunk says; 0 where that is left open."""
    at = 12
    while at + 8 <= len(head):
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            return at + 8 + length if length < _OPEN_WAV_BYTES else 0
        at += 8 + length + length % 2
    return 0


def _mp3_bytes(head: bytes) -> int:
    """Return the bytes of the frames, as a Xing header says in the first one; 0 without one."""
    found = re.search(rb"Xing|Info", head[:200])
    if found is None:
        return 0
    flags = int.from_bytes(head[found.end() : found.end() + 4])
    # the number of frames, where it is there, comes first
    at = found.end() + (8 if flags & 1 else 4)
    return int.from_bytes(head[at : at + 4]) if flags & 2 else 0


def tag_bytes(head: bytes) -> int:
    """Return the bytes of the ID3v2 tag that begins with ``head``; 0 where it begins none."""
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


_COUNTING_FORMS = frozenset({"mp3", "aac", "ac3", "eac3", "amr"})
"""Nothing but packets, whose timestamps are their count: what is lost has to be guessed by its
bytes."""
RAW_FORMS = _COUNTING_FORMS | {"flac", "mpegts"}
"""Forms that know no pause: a hole in one is damage."""
_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN")
"""Titles and pictures, which may stand between the packets of such forms."""
_LOOKED_AT_BYTES = 4_096
_SEARCHED_BYTES = 4 << 20
"""How far behind the last good packet the next one is searched for."""
_READ_ERRORS = 8
"""After so many errors in a row, reading ends."""


@dataclass(slots=True)
class Trouble:
    """What went wrong between two frames.

    failed: packets that could not be decoded, or were none. said: errors that FFmpeg wrote of the
    container. between: bytes of the file before this packet and behind the one before it. lost_s:
    seconds that these packets stood for, beyond what timestamps tell; less than nothing where
    timestamps count what was no audio.
    """

    failed: int = 0
    said: int = 0
    between: int = 0
    lost_s: float = 0.0


class PacketReader:
    """Decodes a stream from front to back; to be iterated over once. Blocking.

    Gives each frame with the trouble before it; ``trouble`` is what has come since. until: where
    the last packet ended in the file.

    path: of the same file, to look at bytes that are no packets.
    """

    def __init__(self, path: Path, container: InputContainer, stream: AudioStream) -> None:
        self.trouble = Trouble()
        self.until = 0
        self._path = path
        self._container = container
        self._packets = container.demux(stream)
        self._stream = stream
        self._counting = container.format.name in _COUNTING_FORMS
        self._is_pcm = stream.codec_context.name.startswith("pcm_")
        self._good_bytes = 0
        self._good_s = 0.0
        self._good_until: int | None = None
        self._failed_s = 0.0
        self._astray = False
        self._tag_until = 0
        # of the whole process: without a level, FFmpeg's errors are not even counted
        av.logging.set_level(av.logging.ERROR)
        av.logging.set_skip_repeated(False)

    def __iter__(self) -> Iterator[tuple[AudioFrame, Trouble]]:
        for packet in self._read():
            for frame in self._decode(packet):
                before, self.trouble = self.trouble, Trouble()
                yield frame, before

    def _read(self) -> Iterator["Packet[AudioStream]"]:
        errors = 0
        while errors < _READ_ERRORS:
            try:
                with av.logging.Capture() as said:
                    packet = next(self._packets, None)
            except av.FFmpegError:
                self.trouble.failed += 1
                errors += 1
                self._packets = self._container.demux(self._stream)
                continue
            self.trouble.said += len(said)
            if packet is None:
                return
            errors = 0
            if packet.pos is not None and packet.size:
                if self.until:
                    self.trouble.between += max(0, packet.pos - self.until)
                self.until = packet.pos + packet.size
            yield packet

    def _decode(self, packet: "Packet[AudioStream]") -> list[AudioFrame]:
        if packet.pos is not None and packet.pos + packet.size <= self._tag_until:
            self.trouble.lost_s -= _told_s(packet)
            return []
        try:
            # what it says of a single packet is of no use: it goes on or it fails
            with av.logging.Capture():
                frames = packet.decode()
        except av.FFmpegError:
            frames = []
            self._fail(packet)
        else:
            # FFmpeg marks a packet that the end of the file cuts short, and decodes it all the
            # same. In PCM that is right: programs that write to a pipe leave the length open.
            if packet.is_corrupt and not self._is_pcm:
                self._fail(packet)
            elif self._counting and packet.size:
                self._count(packet, frames)
        return frames

    def _fail(self, packet: "Packet[AudioStream]") -> None:
        self._astray = True
        if self._counting and self._is_tagged():
            self.trouble.lost_s -= _told_s(packet)
            return
        self.trouble.failed += 1
        self._failed_s += _told_s(packet)

    def _count(self, packet: "Packet[AudioStream]", frames: list[AudioFrame]) -> None:
        """Count a good packet, and what stood between it and the one before."""
        content, until = bytes(packet), self._good_until
        begins = until if until is not None else packet.pos or 0
        # FFmpeg's own positions do not count bytes that it skips
        if self._astray and (found := self._read_at(begins, _SEARCHED_BYTES).find(content)) > 0:
            begins += found
            worth_s = found * self._good_s / max(1, self._good_bytes)
            if self.trouble.failed:
                self.trouble.lost_s += worth_s - self._failed_s
        self._astray = False
        self._failed_s = 0.0
        self._good_until = begins + len(content)
        self._good_bytes += len(content)
        self._good_s += sum(one.samples / one.sample_rate for one in frames)

    def _is_tagged(self) -> bool:
        """Whether tags follow the last good packet, or nothing but some padding."""
        if self._good_until is None:
            return False
        content = self._read_at(self._good_until, _LOOKED_AT_BYTES)
        # pictures may hold what looks like packets
        self._tag_until = self._good_until + tag_bytes(content[:10])
        rest = content.lstrip(b"\0")
        return rest.startswith(_TAGS) if rest else len(content) < _LOOKED_AT_BYTES

    def _read_at(self, begins: int, length: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(begins)
                return file.read(length)
        except OSError:
            return b""


def _told_s(packet: "Packet[AudioStream]") -> float:
    """Return the seconds that a packet says it lasts; 0 where it does not say."""
    return float((packet.duration or 0) * (packet.time_base or 0))
