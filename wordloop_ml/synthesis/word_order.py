"""Compares the order of words: whether all of some stand in others, and how many do; pure."""

from collections.abc import Sequence

from wordloop_ml.synthesis.numbers import numbers_of
from wordloop_ml.synthesis.polarity import denied_from, is_negator

_LONGEST_GAP = 6
"""Words that a quotation may leave out in one place."""


def subsequence(wanted: Sequence[str], words: Sequence[str]) -> range | None:
    """Return where all wanted words stand in order, but for a few others between them that deny and count nothing.

    None where a word before them denies them: "use metal" is not said by "don't use metal".
    """
    for start in (at for at, word in enumerate(words) if wanted and word == wanted[0]):
        at, skipped = start, 0
        for word in wanted:
            gap = 0
            while at < len(words) and words[at] != word and gap <= _LONGEST_GAP:
                if is_negator(words[at]) or numbers_of(words[at]):
                    gap = _LONGEST_GAP
                at, gap = at + 1, gap + 1
            skipped += gap
            if at >= len(words) or gap > _LONGEST_GAP or skipped > len(wanted) + _LONGEST_GAP:
                break
            at += 1
        else:
            if not denied_from(words, start):
                return range(start, at)
    return None


def common_in_order(some: Sequence[str], others: Sequence[str]) -> int:
    """Return how many items two sequences have in the same order: the length of their longest common subsequence."""
    row = [0] * (len(others) + 1)
    for one in some:
        above = row
        row = [0]
        for at, other in enumerate(others):
            row.append(above[at] + 1 if one == other else max(above[at + 1], row[at]))
    return row[-1]
