"""Compare what was said with what a client stored, and measure delays; pure.

After Jepsen's checkers of a history: lost, doubled, out of order, unexpected.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise

from scripts.benchmark.captions import Part, Screen
from scripts.benchmark.figures import measure_track, words_of
from scripts.benchmark.speech import Said
from scripts.drills.talk import SaidWord
from scripts.evaluation.words import said_twice
from wordloop_ml.engines.scripted import word_text
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.wire.server_messages import CaptionMessage, NoticeCode, NoticeMessage

_PER_MS = SAMPLE_RATE // 1_000


@dataclass(slots=True)
class Verdict:
    """Counts of words, or of people's utterances, over any number of tracks.

    lost: said, in no final and in no gap. doubled: times too often. out_of_order: that come
    before what was said earlier. unexpected: never said on this track, or from the middle of
    a gap. named: said where a gap is named. misnumbered: finals whose ``seq`` is not one more
    than the one before. gaps: named to the client, by code.
    """

    said: int = 0
    heard: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    unexpected: int = 0
    named: int = 0
    misnumbered: int = 0
    gaps: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> dict[str, int]:
        """The counts that must be 0, by name."""
        names = ("lost", "doubled", "out_of_order", "unexpected", "misnumbered")
        return {name: getattr(self, name) for name in names}

    def __add__(self, other: "Verdict") -> "Verdict":
        """Count both."""
        names = [one.name for one in fields(self)]
        return Verdict(*(getattr(self, name) + getattr(other, name) for name in names))


def check_words(
    said: Sequence[SaidWord], finals: Sequence[CaptionMessage], notices: Sequence[NoticeMessage]
) -> Verdict:
    """Judge one track of numbered words by what its client has stored, in the order of storing.

    The texts of the words count, which the engine reads from the sample values, and never their
    times: an offset that is wrong everywhere cannot hide a loss.
    """
    gaps = _gaps(notices)
    order = {word_text(word.number): index for index, word in enumerate(said)}
    heard = [word.text for final in finals for word in final.words]
    times = Counter(heard)
    known = [text for text in heard if text in order]
    missing = [word for word in said if word_text(word.number) not in times]
    named = [word for word in missing if _touches(word, gaps)]
    buried = [word for word in said if word_text(word.number) in times and _within(word, gaps)]
    return Verdict(
        said=len(said),
        heard=len(heard),
        lost=len(missing) - len(named),
        doubled=sum(times[text] - 1 for text in set(known)),
        out_of_order=sum(order[after] < order[before] for before, after in pairwise(known)),
        unexpected=len(heard) - len(known) + len(buried),
        named=len(named),
        misnumbered=_misnumbered(finals),
        gaps=Counter(str(one.code) for one in notices),
    )


def check_utterances(
    said: Sequence[Said], finals: Sequence[CaptionMessage], notices: Sequence[NoticeMessage]
) -> Verdict:
    """Judge one track of people's utterances, of which a model makes what it can.

    lost: as in docs/benchmarks.md, fewer than a third of its words are right. doubled: phrases that
    follow on themselves more often than they were said. out_of_order: finals.
    """
    parts = tuple(Part(f"{at}", final.text, final=True) for at, final in enumerate(finals))
    end_s = max((one.end for one in said), default=0) / SAMPLE_RATE
    track = measure_track(said, [Screen(end_s, parts)], 0.0)
    missing = [one for one, found in zip(said, track.utterances, strict=True) if found.lost]
    named = [one for one in missing if _touches(one, _gaps(notices))]
    spoken = [word for one in said for word in words_of(one.text)]
    shown = [word for final in finals for word in words_of(final.text)]
    return Verdict(
        said=len(said),
        heard=len(said) - len(missing),
        lost=len(missing) - len(named),
        doubled=len(said_twice(spoken, shown)),
        out_of_order=sum(after.start < before.start for before, after in pairwise(finals)),
        named=len(named),
        misnumbered=_misnumbered(finals),
        gaps=Counter(str(one.code) for one in notices),
    )


def _misnumbered(finals: Sequence[CaptionMessage]) -> int:
    return sum(final.seq != number for number, final in enumerate(finals, 1))


def _gaps(notices: Sequence[NoticeMessage]) -> list[tuple[int, int]]:
    return [
        ((one.start or 0) * _PER_MS, (one.end or 0) * _PER_MS)
        for one in notices
        if one.code is not NoticeCode.REJECTED
    ]


def _touches(one: SaidWord | Said, gaps: Iterable[tuple[int, int]]) -> bool:
    return any(start < one.end and one.onset < end for start, end in gaps)


def _within(one: SaidWord, gaps: Iterable[tuple[int, int]]) -> bool:
    return any(start <= one.onset and one.end <= end for start, end in gaps)


@dataclass(frozen=True, slots=True)
class Shown:
    """A caption with words arrived: when, and where on the track its last word ends."""

    at_s: float
    end_ms: int


def after_fault_s(
    fault_s: float,
    began_s: float,
    said: Sequence[SaidWord] | Sequence[Said],
    shown: Sequence[Shown],
) -> float | None:
    """Measure until the first caption that covers audio later than the fault; None if none came.

    From the fault or, where nobody spoke then, from the next word (or utterance) on. began_s: when
    the track's sample 0 was spoken, on the clock of ``shown``.
    """
    position = (fault_s - began_s) * SAMPLE_RATE
    word = next((one for one in said if one.end > position), None)
    came = (one.at_s for one in shown if one.at_s > fault_s and one.end_ms * _PER_MS > position)
    at_s = next(came, None)
    if word is None or at_s is None:
        return None
    return at_s - max(fault_s, began_s + word.onset / SAMPLE_RATE)
