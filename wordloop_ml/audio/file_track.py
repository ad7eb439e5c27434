"""A stranger's file as one speaker's ``Track``, read little by little; blocking."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wordloop_ml.audio.files import AudioFile, audio_streams, open_audio
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Hypothesis, JobClass, Samples

FEED_SAMPLES = SAMPLE_RATE // 4

MOST_SAMPLES = 6 * 3_600 * SAMPLE_RATE
"""Six hours: a few megabytes of silence may last for weeks."""

MOST_SPEAKERS = 8
"""Streams, or channels, that can be speakers of their own."""

COMPARED_SAMPLES, SILENT_SAMPLES = 30 * SAMPLE_RATE, 120 * SAMPLE_RATE
"""How much of a file says whether its channels are recordings of their own, and how much of it is
looked at while all are silent."""

_ALIKE = 0.5
"""Channels that correlate by more are one recording, heard from two places."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of a file is one speaker. stream: among its audio streams. channel: of it; None for all, mixed."""

    stream: int = 0
    channel: int | None = None


def parts_of(path: Path, *, by_channel: bool) -> tuple[Part, ...]:
    """Find the speakers of a stranger's file: one for its first audio stream, unless they are wanted apart.

    by_channel: its audio streams, or else the channels of the only one; channels that hold the same
    recording are one speaker. Raises ``BadInput`` (``bad_audio``), which does not name the path.
    """
    try:
        if by_channel:
            return _speakers_of(path)
        open_audio(path, trusted=False).close()
    except BadInput as error:
        raise _nameless(error, path) from None
    return (Part(),)


def _nameless(error: BadInput, path: Path) -> BadInput:
    """Return the error of a file whose path tells its sender nothing."""
    what = str(error).removeprefix(str(path)).strip()
    return BadInput(f"the file {what}", code=ErrorCode.BAD_AUDIO, field="file")


def _speakers_of(path: Path) -> tuple[Part, ...]:
    streams = audio_streams(path, trusted=False)
    if len(streams) > 1:
        return tuple(Part(one.index) for one in streams[:MOST_SPEAKERS])
    channels = streams[0].channels
    if 1 < channels <= MOST_SPEAKERS and _hold_different_sound(path, channels):
        return tuple(Part(0, channel) for channel in range(channels))
    return (Part(),)


def _hold_different_sound(path: Path, channels: int) -> bool:
    """Whether no two channels correlate, as far as the beginning of the file says."""
    products: npt.NDArray[np.float64] = np.zeros((channels, channels))
    heard = 0
    with ExitStack() as opened:
        files = [
            opened.enter_context(open_audio(path, 0, channel, trusted=False))
            for channel in range(channels)
        ]
        try:
            for chunks in zip(*files, strict=False):
                together = np.stack([chunk[: min(map(len, chunks))] for chunk in chunks])
                products += together @ together.T
                heard += together.shape[1]
                if heard >= (COMPARED_SAMPLES if products.any() else SILENT_SAMPLES):
                    break
        except BadInput:
            pass  # it is damaged later on: whoever reads it all is told
    energies = np.sqrt(np.diag(products))
    alike = np.abs(products) / np.maximum(np.outer(energies, energies), 1e-12)
    return bool(energies.any()) and bool((alike[~np.eye(channels, dtype=bool)] < _ALIKE).all())


class FileTrack:
    """Feeds a part of a file to its track, on one thread at a time, not always the same one.

    inside: whether a thread is reading. damage: what of the file cannot be read, in words.
    """

    def __init__(self, path: Path, part: Part, track: Track) -> None:
        self.track = track
        self.inside = False
        self.damage: str | None = None
        self._path = path
        self._part = part
        self._audio: AudioFile | None = None
        self._pieces: Iterator[Samples] = iter(())
        self._ready: Samples | None = None
        self._over = False

    @property
    def readable(self) -> bool:
        """Whether there is more to read, and room for it."""
        track = self.track
        return not self._over and track.room >= FEED_SAMPLES and not track.crowded

    def read(self, budget_s: float) -> list[TrackOutput]:
        """Read on for about so long, or to the next request for a final; returns what the track says.

        At the end the track is finished. Raises ``BadInput``: ``BAD_AUDIO`` where nothing can
        be read, ``TOO_LARGE`` for more than ``MOST_SAMPLES``.
        """
        until_s = time.monotonic() + budget_s
        outputs: list[TrackOutput] = []
        self.inside = True
        try:
            while self.readable and not any(isinstance(one, DecodeRequest) for one in outputs):
                outputs += self._finals_only(self._feed_next())
                if time.monotonic() >= until_s:
                    break
        finally:
            self.inside = False
        return outputs

    def answer(self, request: DecodeRequest, result: Hypothesis | Dropped) -> list[TrackOutput]:
        """Tell the track what came of a request; returns what it says."""
        return self._finals_only(self.track.answer(request.request_id, result))

    def close(self) -> None:
        """Close the file, unless a thread that nobody can stop is still reading it."""
        if self._audio is not None and not self.inside:
            self._audio.close()

    def _feed_next(self) -> list[TrackOutput]:
        if self._audio is None:
            self._audio = self._opened()
            self._pieces = _pieces(self._audio)
        try:
            piece = next(self._pieces, None)
        except BadInput as error:
            if not self.track.received:
                raise _nameless(error, self._path) from None
            self.damage, piece = str(_nameless(error, self._path)), None
        if piece is None:
            self._over = True
            return self.track.finish()
        if self.track.received > MOST_SAMPLES:
            raise BadInput(
                f"the file lasts for more than {MOST_SAMPLES // SAMPLE_RATE // 3_600} hours",
                code=ErrorCode.TOO_LARGE,
                field="file",
            )
        return self.track.feed(piece)

    def _opened(self) -> AudioFile:
        try:
            return open_audio(self._path, self._part.stream, self._part.channel, trusted=False)
        except BadInput as error:
            raise _nameless(error, self._path) from None

    def _finals_only(self, outputs: Sequence[TrackOutput]) -> list[TrackOutput]:
        """Decline every other decode at once: nobody reads interims here."""
        kept: list[TrackOutput] = []
        todo = list(reversed(outputs))
        while todo:
            one = todo.pop()
            if isinstance(one, DecodeRequest) and one.kind is not JobClass.FINAL:
                todo.extend(reversed(self.track.answer(one.request_id, Dropped.SUPERSEDED)))
            else:
                kept.append(one)
        return kept


def _pieces(audio: Iterable[Samples]) -> Iterator[Samples]:
    """Divide and join chunks into pieces of ``FEED_SAMPLES``; the last one may be shorter.

    What was read before the audio raises comes as a piece first.
    """
    held: list[Samples] = []
    count = 0
    trouble: BadInput | None = None
    chunks = iter(audio)
    while True:
        try:
            chunk = next(chunks, None)
        except BadInput as error:
            chunk, trouble = None, error
        if chunk is None:
            break
        held.append(chunk)
        count += len(chunk)
        if count >= FEED_SAMPLES:
            joined = np.concatenate(held)
            whole = count - count % FEED_SAMPLES
            for start in range(0, whole, FEED_SAMPLES):
                yield joined[start : start + FEED_SAMPLES]
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)
    if trouble is not None:
        raise trouble
