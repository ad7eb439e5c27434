"""The text behind citations: which segments exist, what their words weigh, and stretches of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from wordloop_ml.synthesis.messages import Segment, Transcript
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.words import content_stems, stems, tokens

SEGMENTS_A_STRETCH = 60
"""So many segments of some fifteen words are read in about five milliseconds."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of cited text, and what it is about."""

    text: str
    stems: frozenset[str]


class CitedText:
    """A transcript, prepared for looking things up in it."""

    def __init__(self, transcript: Transcript, occurrences: Counter[str]) -> None:
        self._segments = transcript.segments
        self._positions = {one.id: at for at, one in enumerate(transcript.segments)}
        self._occurrences = occurrences
        self._extent = (
            min(one.start for one in transcript.segments),
            max(one.end for one in transcript.segments),
        )
        self.voices = {one.voice.casefold(): one.voice for one in transcript.segments}

    def unknown(self, ids: Sequence[str]) -> int:
        """How many of them do not exist."""
        return sum(one not in self._positions for one in ids)

    def known(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Those that exist, once each, in the order of the transcript."""
        found = {self._positions[one] for one in ids if one in self._positions}
        return tuple(self._segments[at].id for at in sorted(found))

    def segments(self, ids: Sequence[str]) -> list[Segment]:
        """The segments of ids that exist."""
        return [self._segments[self._positions[one]] for one in ids]

    def stretch(self, start: int, end: int, ids: Sequence[str]) -> tuple[int, int]:
        """This stretch (milliseconds), inside the meeting and around these segments, at least one."""
        there = self.segments(ids)
        first, last = self._extent
        return (
            min(max(start, first), *(one.start for one in there)),
            max(min(end, last), *(one.end for one in there)),
        )

    def share(self, wanted: frozenset[str], there: frozenset[str]) -> float:
        """How much of the wanted stems is there, in [0, 1]; rare ones weigh more."""
        total = sum(map(self._weight, wanted))
        return sum(map(self._weight, wanted & there)) / total if total else 0.0

    def _weight(self, stem: str) -> float:
        # inverse document frequency, a segment being a document; unheard words weigh most
        return log(1 + (len(self._segments) + 1) / (self._occurrences[stem] + 0.5))


def read(transcript: Transcript) -> Steps[CitedText]:
    """Read the whole transcript, with pauses."""
    occurrences: Counter[str] = Counter()
    for at, segment in enumerate(transcript.segments, start=1):
        occurrences.update(stems(tokens(segment.text)))
        if at % SEGMENTS_A_STRETCH == 0:
            yield Pause()
    return CitedText(transcript, occurrences)


def windows_of(segments: Sequence[Segment], words: int) -> list[Window]:
    """The segments' text in windows of about so many words; each begins half a window later."""
    halves = list(_pieces(segments, max(1, words // 2)))
    if len(halves) < 2:
        return [_window(text) for text in halves]
    return [_window(f"{one} {other}") for one, other in pairwise(halves)]


def _window(text: str) -> Window:
    return Window(text, stems(tokens(text)))


def _pieces(segments: Sequence[Segment], words: int) -> Iterator[str]:
    waiting: list[str] = []
    for segment in segments:
        waiting += segment.text.split()
        while len(waiting) >= words:
            yield " ".join(waiting[:words])
            del waiting[:words]
    if waiting:
        yield " ".join(waiting)


def stems_of(text: str) -> frozenset[str]:
    """What an item is about; all its words, where they are function words alone."""
    words = tokens(text)
    return content_stems(words) or stems(words)
