"""Any audio or video file that FFmpeg (through PyAV) reads, as 16 kHz mono."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from wordloop_ml.audio.resampler import FILE_QUALITY, StreamResampler
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples

# Forms whose headers know the length exactly and whose readers skip what is damaged in silence.
# Others estimate it (MP3), count pauses that hold no samples (WebM), or report damage themselves.
_EXACT_FORMS = frozenset({"flac", "ogg"})
_TOLERATED_LOSS_S = 0.15


class AudioFile:
    """The first audio stream of an open file: iterate over it once, then close it.

    Iterating blocks on the disk and on decoding; it gives chunks of float32, shape (n,), in
    [-1, 1], 16 kHz, mono, n >= 1. Time zero is the first sample. Where the file turns out to be
    corrupt, what was readable comes first, and then ``BadInput`` ``UNREADABLE_AUDIO``.

    duration_s: as the file says, None where it does not; an estimate, good for a progress bar.
    """

    def __init__(self, path: Path, container: InputContainer, stream: AudioStream) -> None:
        self._path = path
        self._container = container
        self._stream = stream
        self._is_pcm = stream.codec_context.name.startswith("pcm_")
        self.duration_s = _duration_s(container, stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        self._container.close()

    def __iter__(self) -> Iterator[Samples]:
        given = 0
        converter = _Converter()
        corrupt = False
        try:
            for frame in self._frames():
                for chunk in converter.convert(frame):
                    given += len(chunk)
                    yield chunk
        except (av.FFmpegError, _CorruptAudioError):
            corrupt = True
        rest = converter.flush()
        if len(rest):
            given += len(rest)
            yield rest
        if corrupt:
            raise _unreadable(
                self._path, f"is corrupt: nothing readable after {given / SAMPLE_RATE:.1f} s"
            )
        lost_s = self._lost_s(given)
        if lost_s > _TOLERATED_LOSS_S:
            raise _unreadable(self._path, f"is corrupt: {lost_s:.1f} s of it cannot be read")
        if not given:
            raise _unreadable(self._path, "holds no sound: its audio stream is empty")

    def _frames(self) -> Iterator[AudioFrame]:
        for packet in self._container.demux(self._stream):
            # FFmpeg marks a packet that the end of the file cuts short, and decodes it all the
            # same. In PCM that is right: programs that write to a pipe leave the length open.
            if packet.is_corrupt and not self._is_pcm:
                raise _CorruptAudioError
            yield from packet.decode()

    def _lost_s(self, given: int) -> float:
        if self.duration_s is None or self._container.format.name not in _EXACT_FORMS:
            return 0.0
        return self.duration_s - given / SAMPLE_RATE


def open_audio(path: Path) -> AudioFile:
    """Open the file's first audio stream.

    Raises ``BadInput`` ``UNREADABLE_AUDIO``, with one line that says what is wrong.
    """
    _refuse_what_is_no_file(path)
    try:
        # "file:" and the whitelist: neither a name nor a playlist inside makes FFmpeg fetch a URL
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except PermissionError:
        raise _unreadable(path, "may not be read: permission denied") from None
    except (av.FFmpegError, OSError, ValueError):
        raise _unreadable(path, "is no audio or video file that FFmpeg knows") from None
    if not container.streams.audio:
        container.close()
        raise _unreadable(path, "holds no audio stream")
    stream = container.streams.audio[0]
    # typed as always there; FFmpeg has streams that it names and cannot decode
    if getattr(stream, "codec_context", None) is None:
        container.close()
        raise _unreadable(path, "holds audio that FFmpeg cannot decode")
    return AudioFile(path, container, stream)


class _CorruptAudioError(Exception):
    """Audio that FFmpeg passes on, and that no one should listen to."""


class _Converter:
    """Decoded frames to 16 kHz mono; follows a stream that changes its format on the way."""

    def __init__(self) -> None:
        self._format: tuple[int, str, str] | None = None
        self._to_float = AudioResampler()
        self._resampler = StreamResampler(SAMPLE_RATE, quality=FILE_QUALITY)

    def convert(self, frame: AudioFrame) -> Iterator[Samples]:
        """What is ready after this frame, in chunks that are not empty."""
        frame_format = (frame.sample_rate, frame.layout.name, frame.format.name)
        if frame_format != self._format:
            yield from _unless_empty(self.flush())
            self._format = frame_format
            self._to_float = AudioResampler(
                format="fltp",
                # FFmpeg knows how loud a centre channel is; two channels are averaged below
                layout="mono" if frame.layout.nb_channels == 1 else "stereo",
                rate=frame.sample_rate,
            )
            self._resampler = StreamResampler(frame.sample_rate, quality=FILE_QUALITY)
        for planar in self._to_float.resample(frame):
            mono: Samples = planar.to_ndarray().mean(axis=0, dtype=np.float32)
            if not np.isfinite(mono).all():
                raise _CorruptAudioError
            yield from _unless_empty(self._resampler.push(np.clip(mono, -1, 1)))

    def flush(self) -> Samples:
        """What the resampler still holds of the format at hand."""
        return self._resampler.flush()


def _unless_empty(samples: Samples) -> tuple[Samples, ...]:
    return (samples,) if len(samples) else ()


def _duration_s(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


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
