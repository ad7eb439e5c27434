"""Which segments belong to which utterance: by time, never by text; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.benchmark.captions import Shown, ShownWord
from scripts.benchmark.tracks import Said
from wordloop_ml.messages import SAMPLE_RATE

LEAST_OVERLAP_MS = 100.0
"""A segment belongs to an utterance that it shares at least so much time with."""

WORD_SLACK_MS = 150.0
"""In a segment over several utterances, how far outside its utterance a word may stand."""


@dataclass(frozen=True, slots=True)
class Segment:
    """All captions of one segment, in the order in which they came."""

    shown: tuple[Shown, ...]

    @property
    def last(self) -> Shown:
        """What the client shows in the end."""
        return self.shown[-1]

    @property
    def final(self) -> Shown | None:
        """The final, if one came."""
        return self.last if self.last.final else None

    @property
    def interims(self) -> tuple[Shown, ...]:
        """The captions before the final."""
        return tuple(one for one in self.shown if not one.final)


@dataclass(frozen=True, slots=True)
class Attributed:
    """One utterance and the segments that cover it, in order of time.

    shared: the segments that cover another utterance too, by id.
    """

    said: Said
    segments: tuple[Segment, ...]
    shared: frozenset[str]

    def words_of(self, shown: Shown) -> tuple[ShownWord, ...]:
        """The words of a caption that are this utterance's.

        All of them, unless the segment is shared: then those whose middle lies in the utterance.
        """
        if shown.segment not in self.shared:
            return shown.words
        earliest = milliseconds(self.said.onset) - WORD_SLACK_MS
        latest = milliseconds(self.said.end) + WORD_SLACK_MS
        return tuple(
            word for word in shown.words if earliest <= (word.start + word.end) / 2 <= latest
        )


def segments_of(captions: Sequence[Shown]) -> list[Segment]:
    """The captions by segment, in the order of their first captions."""
    by_id: dict[str, list[Shown]] = {}
    for one in captions:
        by_id.setdefault(one.segment, []).append(one)
    return [Segment(tuple(shown)) for shown in by_id.values()]


def attribute(segments: Sequence[Segment], said: Sequence[Said]) -> list[Attributed]:
    """Each utterance with its segments."""
    covered = [[one for one in said if _overlap_ms(segment, one)] for segment in segments]
    shared = frozenset(
        segment.last.segment
        for segment, those in zip(segments, covered, strict=True)
        if len(those) > 1
    )
    attributed = []
    for one in said:
        own = [s for s, those in zip(segments, covered, strict=True) if one in those]
        own.sort(key=lambda segment: segment.last.start)
        attributed.append(Attributed(one, tuple(own), shared))
    return attributed


def over_nothing(segments: Sequence[Segment], said: Sequence[Said]) -> list[Segment]:
    """Segments that showed words where nobody spoke."""
    return [
        segment
        for segment in segments
        if any(shown.words for shown in segment.shown)
        and not any(_overlap_ms(segment, one) for one in said)
    ]


def milliseconds(sample: int) -> float:
    """A sample of the track in milliseconds."""
    return sample * 1000 / SAMPLE_RATE


def _overlap_ms(segment: Segment, said: Said) -> float:
    """The time that both share; 0.0 below the least that counts."""
    last = segment.last
    ends = min(last.end, milliseconds(said.end))
    overlap = ends - max(last.start, milliseconds(said.onset))
    return overlap if overlap >= LEAST_OVERLAP_MS else 0.0
