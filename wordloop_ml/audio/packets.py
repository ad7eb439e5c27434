"""The packets of one audio stream, decoded one by one, whatever lies between them.

FFmpeg finds the next whole packet behind bytes that are none. What it says on the way is the only
sign of some damage, so its errors are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.logging
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from wordloop_ml.audio.lengths import tag_bytes

_COUNTING_FORMS = frozenset({"mp3", "aac", "ac3", "eac3", "amr"})
"""Nothing but packets, whose timestamps are their count: what is lost has to be guessed by its
bytes."""
RAW_FORMS = _COUNTING_FORMS | {"flac", "mpegts"}
"""Forms that know no pause: a hole in one is damage."""
_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN")
"""Titles and pictures, which may stand between the packets of such forms."""
_LOOKED_AT_BYTES = 4_096
_SEARCHED_BYTES = 4 << 20
"""Behind the last good packet, the next one is looked for so far."""
_READ_ERRORS = 8
"""So many in a row, and there is nothing more to be had."""


@dataclass(slots=True)
class Trouble:
    """What happened since the frame before.

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
        """What a good packet is worth, and what there was before it since the last good one."""
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
    """What the timestamps say of a packet."""
    return float((packet.duration or 0) * (packet.time_base or 0))
