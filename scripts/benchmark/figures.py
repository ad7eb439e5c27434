"""The published figures, from what was said when and what was received when; pure.

docs/benchmarks.md defines each of them in words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scripts.benchmark.attribution import Attributed, Segment, milliseconds
from scripts.benchmark.captions import Shown, ShownWord, plain_words
from scripts.benchmark.stages import Delay
from wordloop_ml.messages import SAMPLE_RATE

END_SLACK_MS = 300.0
"""A final covers the end of an utterance that it stops short of by at most so much."""


@dataclass(frozen=True, slots=True)
class UtteranceFigures:
    """One utterance; times in seconds, None where the thing never came.

    onset_s: where on its track. first_caption_s and first_right_s count from the true onset,
    final_s from the true end. first_wrong: None without a first caption.
    reference, first_text, final_text: what was said, shown first, and shown in the end.
    first_delay: of the first caption, as far as the server timed it.
    """

    onset_s: float
    voice: str
    first_caption_s: float | None
    first_right_s: float | None
    first_wrong: bool | None
    final_s: float | None
    segments: int
    reference: str
    first_text: str
    final_text: str
    first_delay: Delay | None = None


def measure_utterance(one: Attributed, began_s: float) -> UtteranceFigures:
    """The figures of one utterance.

    began_s: when the track's first sample was spoken, on the clock of ``Shown.at_s``.
    """
    said = one.said
    spoken_s = began_s + said.onset / SAMPLE_RATE
    stopped_s = began_s + said.end / SAMPLE_RATE
    first = _first_shown(one, spoken_s)
    right = _first_right(one, first, spoken_s) if first is not None else None
    final = _last_final(one)
    return UtteranceFigures(
        onset_s=said.onset / SAMPLE_RATE,
        voice=said.voice,
        first_caption_s=None if first is None else first.at_s - spoken_s,
        first_right_s=None if right is None else right.at_s - spoken_s,
        first_wrong=None if first is None else right is not first,
        final_s=None if final is None else final.at_s - stopped_s,
        segments=len(one.segments),
        reference=said.text,
        first_text="" if first is None else _text(one.words_of(first)),
        final_text=" ".join(
            _text(one.words_of(segment.final))
            for segment in one.segments
            if segment.final is not None
        ),
        first_delay=None if first is None else _delay(first, said.onset, spoken_s),
    )


def _delay(first: Shown, onset: int, spoken_s: float) -> Delay | None:
    """What is known of a first caption: it heard the audio up to its end."""
    if first.timing is None:
        return None
    listening_s = (first.end - milliseconds(onset)) / 1000
    return Delay(first.timing, listening_s, first.at_s - spoken_s)


def _first_shown(one: Attributed, spoken_s: float) -> Shown | None:
    shown = (
        caption
        for segment in one.segments
        for caption in segment.shown
        if caption.at_s > spoken_s and one.words_of(caption)
    )
    return min(shown, key=lambda caption: caption.at_s, default=None)


def _first_right(one: Attributed, first: Shown, spoken_s: float) -> Shown | None:
    """The first caption of that segment whose first word is that of the segment's final."""
    segment = next(each for each in one.segments if first in each.shown)
    if segment.final is None:
        return None
    wanted = _first_word(one.words_of(segment.final))
    for caption in segment.shown:
        words = one.words_of(caption)
        if caption.at_s > spoken_s and words and _first_word(words) == wanted:
            return caption
    return None


def _last_final(one: Attributed) -> Shown | None:
    """The final that covers the end of the utterance."""
    for segment in one.segments:
        final = segment.final
        if final is not None and final.end >= milliseconds(one.said.end) - END_SLACK_MS:
            return final
    return None


def _first_word(words: Iterable[ShownWord]) -> str:
    return next(iter(plain_words(_text(words))), "")


def _text(words: Iterable[ShownWord]) -> str:
    return " ".join(word.text for word in words)


def interim_gaps_s(segments: Iterable[Segment]) -> list[float]:
    """The time between one interim and the next of the same segment, in seconds."""
    return [
        after.at_s - before.at_s
        for segment in segments
        for before, after in pairwise(segment.interims)
    ]


def transcript_latencies_s(segments: Iterable[Segment], began_s: float) -> list[float]:
    """How far each interim is behind: the audio spoken so far minus what it transcribes."""
    return [
        shown.at_s - began_s - shown.end / 1000
        for segment in segments
        for shown in segment.interims
        if shown.words
    ]


def revisions(segments: Iterable[Segment]) -> tuple[int, int]:
    """How many words were shown as stable, and how many of these their final contradicts.

    A word counts once for its place in the segment. It is contradicted when the final has another
    word there, or none: a shift contradicts all that stands behind it. Words in lower case, without
    punctuation. Segments that never had a final count as contradicted altogether.
    """
    stable = revised = 0
    for segment in segments:
        forecast: set[tuple[int, tuple[str, ...]]] = set()
        for shown in segment.interims:
            forecast |= {
                (place, plain_words(word.text))
                for place, word in enumerate(shown.words)
                if word.stable
            }
        ends = [] if segment.final is None else [plain_words(w.text) for w in segment.final.words]
        stable += len(forecast)
        revised += sum(place >= len(ends) or ends[place] != word for place, word in forecast)
    return stable, revised


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles by nearest rank (each is a value that was measured), and of how many."""

    p50: float
    p95: float
    p99: float
    count: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """The percentiles of the values that are there; None without any."""
    there = sorted(value for value in values if value is not None)
    if not there:
        return None
    p50, p95, p99 = (
        float(value) for value in np.percentile(there, [50, 95, 99], method="inverted_cdf")
    )
    return Spread(p50, p95, p99, len(there))


def count(figures: Sequence[UtteranceFigures], of: Callable[[UtteranceFigures], bool]) -> int:
    """How many utterances are so."""
    return sum(map(of, figures))
