"""What became of the words: said against stored; pure.

After Jepsen's checkers of a history: lost, doubled, out of order, unexpected.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from scripts.drills.fleet.talk import SaidWord
from wordloop_ml.engines.scripted_audio import word_text
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.wire.server_messages import Caption, Notice, NoticeCode

_PER_MS = SAMPLE_RATE // 1_000


@dataclass(slots=True)
class Verdict:
    """Counts of words, over any number of tracks.

    lost: said, in no final and in no named hole. doubled: times too often. out_of_order: words
    that come before the one that was said earlier. unexpected: never said on this track, or
    from the middle of a hole. named: said where a hole is named. misnumbered: finals whose ``seq``
    is not one more than the one before. holes: named to the client, by code.
    """

    said: int = 0
    heard: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    unexpected: int = 0
    named: int = 0
    misnumbered: int = 0
    holes: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> int:
        """Everything that must be 0."""
        counts = (self.lost, self.doubled, self.out_of_order, self.unexpected, self.misnumbered)
        return sum(counts)

    def add(self, other: "Verdict") -> None:
        """Count another track, too."""
        self.said += other.said
        self.heard += other.heard
        self.lost += other.lost
        self.doubled += other.doubled
        self.out_of_order += other.out_of_order
        self.unexpected += other.unexpected
        self.named += other.named
        self.misnumbered += other.misnumbered
        self.holes += other.holes


def check_track(
    said: Sequence[SaidWord], finals: Sequence[Caption], notices: Sequence[Notice]
) -> Verdict:
    """Judge one track by what its client has stored, in the order in which it was stored.

    The texts of the words count, which the engine reads from the sample values, and never their
    times: an offset that is wrong everywhere cannot hide a loss.
    """
    holes = [
        ((one.start or 0) * _PER_MS, (one.end or 0) * _PER_MS)
        for one in notices
        if one.code is not NoticeCode.REJECTED
    ]
    order = {word_text(word.number): index for index, word in enumerate(said)}
    heard = [word.text for final in finals for word in final.words]
    times = Counter(heard)
    known = [text for text in heard if text in order]
    missing = [word for word in said if word_text(word.number) not in times]
    named = [word for word in missing if _touches(word, holes)]
    buried = [word for word in said if word_text(word.number) in times and _within(word, holes)]
    return Verdict(
        said=len(said),
        heard=len(heard),
        lost=len(missing) - len(named),
        doubled=sum(times[text] - 1 for text in set(known)),
        out_of_order=sum(order[after] < order[before] for before, after in pairwise(known)),
        unexpected=len(heard) - len(known) + len(buried),
        named=len(named),
        misnumbered=sum(final.seq != number for number, final in enumerate(finals, 1)),
        holes=Counter(str(one.code) for one in notices),
    )


def _touches(word: SaidWord, holes: Iterable[tuple[int, int]]) -> bool:
    return any(start < word.end and word.start < end for start, end in holes)


def _within(word: SaidWord, holes: Iterable[tuple[int, int]]) -> bool:
    return any(start <= word.start and word.end <= end for start, end in holes)
