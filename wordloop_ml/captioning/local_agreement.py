"""Decides which words of a growing segment are expected to stay, by LocalAgreement-2; pure.

Source: Liu, Spanakis, Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and
Translation by Partial Hypothesis Selection" (Interspeech 2020): a word is stable when two
consecutive hypotheses agree on it. Words are compared without case and punctuation, which move
with every new word; a stable word may still change those, never its letters and never its place.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from wordloop_ml.messages import CaptionWord, Word


def normalised(text: str) -> str:
    """Return the form in which words are compared: letters and digits, case folded.

    A text without any is returned as it is.
    """
    return "".join(filter(str.isalnum, text.casefold())) or text


class LocalAgreement:
    """Follows the words of one segment from one hypothesis to the next.

    agree_samples: new audio that makes the agreement of two hypotheses count. confidence: of both
    hypotheses in a word, at least, for it to become stable.
    """

    def __init__(self, agree_samples: int, confidence: float = 0.0) -> None:
        self._agree_samples = agree_samples
        self._confidence = confidence
        self._heard_until: int | None = None
        self._stable: list[Word] = []
        self._fresh: Sequence[Word] = ()  # what the newest hypothesis says beyond the stable words
        self._compared: Sequence[Word] = ()  # what the next hypothesis has to agree with
        self._compared_until = 0

    @property
    def words(self) -> tuple[CaptionWord, ...]:
        """The whole text of the segment so far."""
        return tuple(
            CaptionWord(word.text, word.start, word.end, word.confidence, stable)
            for words, stable in ((self._stable, True), (self._fresh, False))
            for word in words
        )

    @property
    def stable_words(self) -> int:
        """How many words have become stable; never shrinks."""
        return len(self._stable)

    def add(self, words: Sequence[Word], until: int) -> bool:
        """Take a hypothesis over the audio up to ``until``; return whether it is used.

        One without words, or over no more audio than the one before, is not.

        Words that run from two hypotheses whose audio hardly differs prove nothing by agreeing,
        so a hypothesis within ``agree_samples`` of the one before is shown and not compared.
        """
        if not words or (self._heard_until is not None and until <= self._heard_until):
            return False
        fresh = self._after_stable(words)
        if self._heard_until is None:
            self._compared, self._compared_until = fresh, until
        elif until - self._compared_until >= self._agree_samples:
            agreed = self._agreed(fresh)
            self._stable.extend(fresh[:agreed])
            fresh = fresh[agreed:]
            self._compared, self._compared_until = fresh, until
        self._fresh, self._heard_until = fresh, until
        return True

    def _agreed(self, fresh: Sequence[Word]) -> int:
        """Count the words from the start that both hypotheses have and are sure of."""
        pairs = zip(fresh, self._compared, strict=False)
        same = _common_prefix(fresh, self._compared)
        sure = takewhile(
            lambda pair: min(one.confidence for one in pair) >= self._confidence, pairs
        )
        return min(same, sum(1 for _ in sure))

    def revised_by(self, words: Sequence[Word]) -> int:
        """Count the stable words that the words of the final do not confirm."""
        return min(len(self._stable), *_prefix_distances(self._stable, words))

    def _after_stable(self, words: Sequence[Word]) -> Sequence[Word]:
        """Return the words of a hypothesis beyond the stable ones, with times not before theirs."""
        known = len(self._stable)
        if _common_prefix(self._stable, words) == known:
            self._stable = list(words[:known])  # newer times, case and punctuation
            return words[known:]
        last_end = self._stable[-1].end
        distances = _prefix_distances(self._stable, words)
        ends = (0, *(word.end for word in words))
        split = min(range(len(distances)), key=lambda at: (distances[at], abs(ends[at] - last_end)))
        return tuple(
            replace(word, start=max(word.start, last_end), end=max(word.end, last_end))
            for word in words[split:]
        )


def _common_prefix(one: Sequence[Word], other: Sequence[Word]) -> int:
    """Count the words that two hypotheses share from their start."""
    pairs = zip(one, other, strict=False)
    same = takewhile(lambda pair: normalised(pair[0].text) == normalised(pair[1].text), pairs)
    return sum(1 for _ in same)


def _prefix_distances(known: Sequence[Word], words: Sequence[Word]) -> list[int]:
    """Return the edit distances, in words, from ``known`` to each prefix of ``words``, the empty one first."""
    targets = [normalised(word.text) for word in words]
    row = list(range(len(targets) + 1))
    for index, word in enumerate(known, start=1):
        text = normalised(word.text)
        above, row = row, [index]
        for at, target in enumerate(targets):
            row.append(min(above[at] + (text != target), above[at + 1] + 1, row[at] + 1))
    return row
