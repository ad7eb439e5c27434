"""Which word on a screen belongs to which utterance: by alignment of the texts; pure.

The words of a whole track on the screen are aligned with the words of all utterances that have
begun (Levenshtein's alignment, jiwer's). A word that stands in both is right and belongs to its
utterance. A wrong word belongs where the next right word of its part does, else where the one
before does; and in a part without a right word, to the utterance that began last when it appeared.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import jiwer

from scripts.benchmark.screens import Part, Screen
from scripts.benchmark.tracks import Said
from scripts.speech_evaluation.words import normal_words
from wordloop_ml.messages import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Placed:
    """A word on the screen. utterance: its place in the script, None before the first began."""

    word: str
    utterance: int | None
    right: bool


class Attribution:
    """Places the words of one track's screens, given in order.

    began_s: when the track's first sample was spoken, on the screens' clock.
    """

    def __init__(self, said: Sequence[Said], began_s: float) -> None:
        self._onsets_s = [began_s + one.onset / SAMPLE_RATE for one in said]
        self._said = [words_of(one.text) for one in said]
        self._appeared: dict[str, int] = {}

    def place(self, screen: Screen) -> list[list[Placed]]:
        """The words of each part."""
        begun = bisect_right(self._onsets_s, screen.at_s)
        reference = [(word, at) for at, words in enumerate(self._said[:begun]) for word in words]
        texts = [words_of(part.text) for part in screen.parts]
        shown = [word for text in texts for word in text]
        owners = dict(_matches(reference, shown))
        placed, first = [], 0
        for part, text in zip(screen.parts, texts, strict=True):
            own = [owners.get(first + at) for at in range(len(text))]
            placed.append(list(self._part(part, text, own, begun)))
            first += len(text)
        there = {part.key for part, text in zip(screen.parts, texts, strict=True) if text}
        self._appeared = {key: at for key, at in self._appeared.items() if key in there}
        return placed

    def _part(
        self, part: Part, text: Sequence[str], owners: Sequence[int | None], begun: int
    ) -> Iterator[Placed]:
        if text:
            self._appeared.setdefault(part.key, begun)
        latest = self._appeared.get(part.key, begun) - 1
        last = next((one for one in reversed(owners) if one is not None), None)
        fallback = last if last is not None else (latest if latest >= 0 else None)
        following: list[int | None] = []
        after = fallback
        for owner in reversed(owners):
            after = owner if owner is not None else after
            following.append(after)
        for word, owner, near in zip(text, owners, reversed(following), strict=True):
            yield Placed(word, near, owner is not None)


def _matches(
    reference: Sequence[tuple[str, int]], shown: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """The place of each right word that is shown, and its utterance."""
    if not reference or not shown:
        return
    text = " ".join(word for word, _ in reference)
    for chunk in jiwer.process_words(text, " ".join(shown)).alignments[0]:
        if chunk.type == "equal":
            for at in range(chunk.hyp_end_idx - chunk.hyp_start_idx):
                yield chunk.hyp_start_idx + at, reference[chunk.ref_start_idx + at][1]


@lru_cache(maxsize=100_000)
def words_of(text: str) -> tuple[str, ...]:
    """Its words in normal form."""
    return tuple(normal_words(text, "en"))
