"""Decodes any audio or video file that FFmpeg (through PyAV) reads to 16 kHz mono; blocking.

Time follows the file's timestamps as far as these can be believed. Behind a fragment of MP4 whose
head is damaged, FFmpeg stops; browsers record a header, then fragments, each with the time it begins
at (ISO/IEC 14496-12, 8.8), so with the header alone before it any later fragment is a file.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import av
import av.logging
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from wordloop_ml.audio.packets import RAW_FORMS, PacketReader, Trouble, exact_s, is_cut_off, lasts_s
from wordloop_ml.audio.streams import FILE_QUALITY, StreamResampler
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import Downmix

_JITTER_S = 0.05
"""Timestamps are rounded, and those of live recordings tremble: less than this is no hole."""
_OVERLAP_S = 1.0
"""Audio may run ahead of its timestamps by this much; by more, the timestamps have begun anew."""
_LONGEST_HOLE_S = 600.0
"""The longest hole, where nothing says how long the whole is."""
_LONGEST_FILE_S = 86_400.0


class Timeline:
    """Computes from timestamps where silence belongs between decoded audio; pure.

    A timestamp ahead of the audio is a hole: audio that begins later than its video, packets that
    were lost, pauses that were not recorded. One that leads nowhere, or back, is not followed: the
    audio goes on, and its later timestamps are read from there, until they are as they were.

    begins_s: the timestamp of time zero; None takes the first. lasts_s: how long the whole is, as
    far as that is known; no hole ends behind it.
    """

    def __init__(self, begins_s: float | None = None, lasts_s: float | None = None) -> None:
        self._zero_s = self._begins_s = begins_s
        self._lasts_s = min(lasts_s or 0.0, _LONGEST_FILE_S)
        self.doubted = 0
        """How many leaps ahead were not followed."""

    def hole_s(self, stamp_s: float | None, position_s: float, *, exact: bool = False) -> float:
        """Return the seconds of silence before the audio with this timestamp; 0 nearly always.

        position_s: how much there is already. exact: something is known to be missing here, so
        that even a small hole is one.
        """
        if stamp_s is None or not math.isfinite(stamp_s):
            return 0.0
        if self._zero_s is None or self._begins_s is None:
            self._zero_s = self._begins_s = stamp_s - position_s
        for zero_s in (self._zero_s, self._begins_s):
            ahead_s = stamp_s - zero_s - position_s
            if -_OVERLAP_S <= ahead_s <= self._longest_s(position_s):
                self._zero_s = zero_s
                return ahead_s if ahead_s > (0.0 if exact else _JITTER_S) else 0.0
        self.doubted += stamp_s - self._zero_s > position_s
        self._zero_s = stamp_s - position_s
        return 0.0

    def skip(self, lost_s: float) -> None:
        """Shift time zero by lost audio, for timestamps that only count the packets there are."""
        if self._zero_s is not None and self._begins_s is not None:
            self._zero_s -= lost_s
            self._begins_s -= lost_s

    def _longest_s(self, position_s: float) -> float:
        left_s = self._lasts_s - position_s
        return left_s + _OVERLAP_S if left_s > 0 else _LONGEST_HOLE_S


_FRAGMENT = b"moof\0\0\0\x10mfhd"
"""How each begins, behind four bytes of its size."""
_LARGEST_HEADER = 1 << 20
"""That of a fragmented file names its streams and no samples."""
_BLOCK = 1 << 20


def first_fragment(path: Path) -> int | None:
    """Find where the first fragment of a file begins; None where it has none."""
    return next_fragment(path, 0, _LARGEST_HEADER)


def next_fragment(path: Path, begins: int, most_bytes: int | None = None) -> int | None:
    """Find where the next fragment at or behind a position begins; None without one.

    most_bytes: it is looked for so far.
    """
    kept = b""
    try:
        with path.open("rb") as file:
            at = file.seek(begins)
            while block := file.read(_BLOCK):
                # not one that began before
                found = (kept + block).find(_FRAGMENT, 4)
                if found >= 0:
                    return at - len(kept) + found - 4
                at += len(block)
                kept = (kept + block)[-len(_FRAGMENT) - 4 :]
                if most_bytes is not None and at - begins > most_bytes:
                    break
    except OSError:
        pass
    return None


class FromFragment(io.RawIOBase):
    """A file without what lies between its header and one of its fragments; to be read and closed.

    Everything stands where it was: what is left out has become a box of free space.

    first: where the first fragment begins, and the header ends. begins: of the fragment, behind it.
    Raises ``OSError``.
    """

    def __init__(self, path: Path, first: int, begins: int) -> None:
        self._file: BinaryIO = path.open("rb")
        # a size of 1 stands for the eight bytes behind the name
        self._free = b"\0\0\0\1free" + (begins - first).to_bytes(8)
        self._first = first

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes, fewer at the end of the file."""
        at = self._file.tell()
        content = bytearray(self._file.read(size))
        begin, end = max(at, self._first), min(at + len(content), self._first + len(self._free))
        if begin < end:
            content[begin - at : end - at] = self._free[begin - self._first : end - self._first]
        return bytes(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


_TOLERATED_LOSS_S = 0.15
_NEAR_S = 0.5
"""Holes with less than this between them are named as one."""
_MOST_HOLES = 4
"""Holes that the error names one by one; there may be hundreds."""
_MOST_PLACED_CHANNELS = 8
_READ_BYTES = 1 << 16
"""Of a stranger's file at a time: each read is a call of Python."""
_MOST_BETWEEN_BYTES = 256
"""Between two packets stands the head of a block, or of a cluster."""
_SAID_BEFORE_S = 2.0
"""A hole that begins so soon after an error that FFmpeg logged is damage."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """An audio stream of a file. index: among its audio streams. title, language: as tagged."""

    index: int
    title: str = ""
    language: str = ""
    channels: int = 1


class AudioFile:
    """An audio stream of an open file: iterate over it once, then close it.

    Iterating blocks on the disk and on decoding; it gives chunks of float32, shape (n,), in
    [-1, 1], 16 kHz, mono, n >= 1. Time zero is where the file begins to play: audio that begins
    later than its video, and whatever else its timestamps leave out, is silence. Where the file
    turns out to be damaged, all that is readable comes first, before and behind the damage, and
    then ``BadInput`` ``UNREADABLE_AUDIO``, which says what is missing.

    duration_s: as the file says, None where it does not; an estimate, good for a progress bar.

    channel: the one to give instead of all of them, mixed. content: what the container reads, where
    FFmpeg does not open the path by itself.
    """

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        stream: int,
        *,
        channel: int | None = None,
        content: BinaryIO | None = None,
    ) -> None:
        self._path = path
        self._channel = channel
        self._content = content
        self._container = container
        self._index = stream
        self._stream = container.streams.audio[stream]
        self.duration_s = lasts_s(container)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        _close(self._container, self._content)

    def __iter__(self) -> Iterator[Samples]:
        form, begins = self._container.format.name, self._container.start_time
        raw = form in RAW_FORMS
        # alone in a file, its packets lie side by side
        alone = form.startswith("matroska") and len(self._container.streams) == 1
        first = first_fragment(self._path) if form.startswith("mov") else None
        timeline = Timeline(
            None if begins is None else begins / av.time_base,
            None if raw or first is not None else lasts_s(self._container),
        )
        converter = _Converter(self._channel)
        damage = _Damage()
        said_s = -math.inf
        rest = Trouble()
        for reader in self._readers(first):
            for frame, trouble in reader:
                timeline.skip(trouble.lost_s)
                stamp_s, at_s = _stamp_s(frame), converter.position_s
                said_s = at_s if trouble.said else said_s
                hole_s = timeline.hole_s(stamp_s, at_s, exact=trouble.failed > 0)
                # of Ogg, FFmpeg knows some packets later where it went on
                doubtful = at_s - said_s < _SAID_BEFORE_S or (raw and at_s > 0)
                doubtful |= alone and trouble.between > _MOST_BETWEEN_BYTES
                if trouble.failed or (hole_s and doubtful):
                    damage.add(at_s, at_s + hole_s)
                if hole_s:
                    yield from converter.pause(hole_s)
                yield from converter.convert(frame)
                if converter.spoilt:
                    damage.add(at_s + hole_s, converter.position_s)
                rest = reader.trouble
        yield from converter.flush()
        damage.doubted = timeline.doubted
        self._check(converter.position_s, rest, damage)

    def _readers(self, first: int | None) -> Iterator[PacketReader]:
        """Yield readers of the file's packets, and of those behind damaged heads of fragments.

        first: where the first fragment begins.
        """
        reader = PacketReader(self._path, self._container, self._stream)
        yield reader
        until = reader.until
        while first is not None and (begins := next_fragment(self._path, until)) is not None:
            until = begins + 1
            try:
                with av.logging.Capture(), FromFragment(self._path, first, begins) as masked:
                    container = av.open(masked, "r", metadata_errors="replace")
                    with container:
                        stream = container.streams.audio[self._index]
                        reader = PacketReader(self._path, container, stream)
                        reader.trouble.failed = 1
                        yield reader
            except (av.FFmpegError, OSError, IndexError):
                continue
            until = max(until, reader.until)

    def _check(self, ended_s: float, trouble: Trouble, damage: "_Damage") -> None:
        """Raise ``BadInput`` unless everything was readable."""
        if (
            trouble.failed
            or trouble.said
            or ended_s < (exact_s(self._container, self._stream) or 0.0) - _TOLERATED_LOSS_S
            or is_cut_off(self._path, self._container.format.name)
        ):
            whole_s = self.duration_s or 0.0
            of = f" of {whole_s:.1f} s" if ended_s < whole_s - _TOLERATED_LOSS_S else ""
            damage.end = f"after {ended_s:.1f} s{of}"
        if not ended_s:
            what = "is damaged: none of its audio" if damage.end else "holds no sound: nothing"
            raise _unreadable(self._path, f"{what} can be read")
        if what := str(damage):
            raise _unreadable(self._path, f"is damaged: {what}")


class _Damage:
    """What could not be read of a file. end: after what nothing is; doubted: see ``Timeline``."""

    def __init__(self) -> None:
        self.end = ""
        self.doubted = 0
        self._holes: list[tuple[float, float]] = []

    def add(self, from_s: float, to_s: float) -> None:
        """Note a hole; those near to each other become one."""
        if self._holes and from_s - self._holes[-1][1] < _NEAR_S:
            from_s, _ = self._holes.pop()
        self._holes.append((from_s, to_s))

    def __str__(self) -> str:
        """Say what is missing, in one line; empty where nothing is."""
        holes = [_between(*hole) for hole in self._holes[:_MOST_HOLES]]
        if len(self._holes) > _MOST_HOLES:
            holes.append(f"in {len(self._holes) - _MOST_HOLES} more places")
        where = [*holes, self.end] if self.end else holes
        parts = [f"nothing readable {', '.join(where)}"] if where else []
        if self.doubted:
            parts.append("timestamps that lead nowhere were passed over, times may be wrong")
        return "; ".join(parts)


def _between(from_s: float, to_s: float) -> str:
    begin, end = f"{from_s:.1f}", f"{to_s:.1f}"
    return f"at {begin} s" if begin == end else f"from {begin} to {end} s"


def audio_streams(path: Path, *, trusted: bool = True) -> list[StreamInfo]:
    """List the audio streams of a file, one at least. ``trusted``, and what is raised: as of ``open_audio``."""
    container, content = _opened(path, trusted)
    try:
        return [
            StreamInfo(
                index,
                stream.metadata.get("title", ""),
                stream.metadata.get("language", ""),
                # typed as always there; FFmpeg has streams that it names and cannot decode
                getattr(getattr(stream, "codec_context", None), "channels", 1),
            )
            for index, stream in enumerate(container.streams.audio)
        ]
    finally:
        _close(container, content)


def open_audio(
    path: Path, stream: int = 0, channel: int | None = None, *, trusted: bool = True
) -> AudioFile:
    """Open one of the file's audio streams, by its index among them.

    channel: one of its channels alone; of fewer, the last; None mixes all.
    trusted: whether the file is its reader's own, and may name others: of a stranger's, which could
    be a playlist of files of this machine, nothing but its own bytes is read.

    Raises ``BadInput`` ``UNREADABLE_AUDIO``, with one line that says what is wrong.
    """
    container, content = _opened(path, trusted)
    chosen = container.streams.audio[stream]
    # typed as always there; FFmpeg has streams that it names and cannot decode
    if getattr(chosen, "codec_context", None) is None:
        _close(container, content)
        raise _unreadable(path, "holds audio that FFmpeg cannot decode")
    return AudioFile(path, container, stream, channel=channel, content=content)


_NO_PROTOCOL = "none"
"""A whitelist that no protocol is on: FFmpeg opens nothing by itself."""


def _opened(path: Path, trusted: bool) -> tuple[InputContainer, BinaryIO | None]:
    """Open a file that has an audio stream, and its content where that is to be closed with it.

    Raises ``BadInput`` for any other.
    """
    _refuse_what_is_no_file(path)
    content: BinaryIO | None = None
    try:
        # neither a name nor a playlist inside makes FFmpeg fetch a URL
        with av.logging.Capture():
            if trusted:
                container = av.open(
                    f"file:{path}",
                    options={"protocol_whitelist": "file"},
                    metadata_errors="replace",
                )
            else:
                content = path.open("rb", buffering=0)
                container = av.open(
                    content,
                    "r",
                    options={"protocol_whitelist": _NO_PROTOCOL},
                    metadata_errors="replace",
                    buffer_size=_READ_BYTES,
                )
    except (av.FFmpegError, OSError, ValueError) as error:
        if content is not None:
            content.close()
        if isinstance(error, PermissionError):
            raise _unreadable(path, "may not be read: permission denied") from None
        raise _unreadable(path, _why_unknown(path)) from None
    if not container.streams.audio:
        _close(container, content)
        raise _unreadable(path, "holds no audio stream")
    return container, content


def _close(container: InputContainer, content: BinaryIO | None) -> None:
    container.close()
    if content is not None:
        content.close()


def _why_unknown(path: Path) -> str:
    try:
        with path.open("rb") as file:
            is_mp4 = file.read(12)[4:8] == b"ftyp"
    except OSError:
        is_mp4 = False
    if is_mp4:
        return "has no index that can be read: it was cut off, damaged there, or never finished"
    return "is no audio or video file that FFmpeg knows"


class _Converter:
    """Converts decoded frames to 16 kHz mono; follows a stream that changes its format on the way.

    spoilt: the last frame held values that are no numbers, and silence has taken their place.
    channel: the one to take, the last of fewer; None mixes all.
    """

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self._channels = 1
        self.spoilt = False
        self._format: tuple[int, str, str] | None = None
        self._to_float = AudioResampler()
        self._downmix = Downmix(1, SAMPLE_RATE)
        self._resampler = StreamResampler(SAMPLE_RATE, quality=FILE_QUALITY)
        self._position_s = 0.0
        self._given = 0

    @property
    def position_s(self) -> float:
        """The seconds of audio so far, what the resampler still holds included."""
        return self._position_s

    def convert(self, frame: AudioFrame) -> Iterator[Samples]:
        """Convert a frame; yields what is ready, in chunks that are not empty."""
        frame_format = (frame.sample_rate, frame.layout.name, frame.format.name)
        if frame_format != self._format:
            yield from self.flush()
            self._open(frame)
            self._format = frame_format
        self.spoilt = False
        for packed in self._to_float.resample(frame):
            samples: Samples = packed.to_ndarray()[0]
            peak = np.abs(samples).max(initial=0.0)
            if not np.isfinite(peak):
                self.spoilt = True
                samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
            mono = self._mono(samples if peak <= 1 else np.clip(samples, -1, 1))
            self._position_s += len(mono) / frame.sample_rate
            yield from self._give(self._resampler.push(mono))

    def pause(self, seconds: float) -> Iterator[Samples]:
        """Append silence."""
        yield from self.flush()
        owed = max(0, round((self._position_s + seconds) * SAMPLE_RATE) - self._given)
        for at in range(0, owed, SAMPLE_RATE):
            yield from self._give(np.zeros(min(SAMPLE_RATE, owed - at), np.float32))
        self._position_s = self._given / SAMPLE_RATE

    def flush(self) -> Iterator[Samples]:
        """Yield what the resampler still holds."""
        yield from self._give(self._resampler.flush())
        self._format = None

    def _mono(self, interleaved: Samples) -> Samples:
        if self._channel is None:
            return self._downmix.mix(interleaved)
        frames = interleaved.reshape(-1, self._channels)
        return frames[:, min(self._channel, self._channels - 1)]

    def _open(self, frame: AudioFrame) -> None:
        self._channels = channels = frame.layout.nb_channels
        # FFmpeg knows how loud a centre channel is, where it is told which one that is; packed:
        # PyAV cannot hold planes of eight channels and more
        placed = all(one.name != "NONE" for one in frame.layout.channels)
        folded = placed and 2 < channels <= _MOST_PLACED_CHANNELS and self._channel is None
        self._to_float = AudioResampler(
            format="flt", layout="stereo" if folded else None, rate=frame.sample_rate
        )
        self._downmix = Downmix(2 if folded else channels, frame.sample_rate)
        self._resampler = StreamResampler(frame.sample_rate, quality=FILE_QUALITY)

    def _give(self, samples: Samples) -> tuple[Samples, ...]:
        self._given += len(samples)
        return (samples,) if len(samples) else ()


def _stamp_s(frame: AudioFrame) -> float | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base)


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        raise _unreadable(path, "does not exist") from None
    except (OSError, ValueError):  # a ValueError is a NUL byte in the name
        raise _unreadable(path, "cannot be looked at") from None
    if path.is_dir():
        raise _unreadable(path, "is a directory")
    if not path.is_file():
        raise _unreadable(path, "is no regular file")
    if not size_bytes:
        raise _unreadable(path, "is empty")


def _unreadable(path: Path, what: str) -> BadInput:
    # a name may hold bytes that are no UTF-8, or a line break: it is shown on one line in any case
    name = str(path).encode(errors="backslashreplace").decode()
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return BadInput(f"{line} {what}", code=ErrorCode.UNREADABLE_AUDIO)
