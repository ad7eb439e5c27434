"""Comparing what was heard with what was said: words aligned by least edits."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(said: Sequence[str], heard: Sequence[str]) -> tuple[int, list[tuple[int, int]]]:
    """Edits (substitutions, deletions, insertions) between two texts, and the words in common.

    The pairs are (place in `said`, place in `heard`) along one path of fewest edits (Levenshtein).
    """
    rows, columns = len(said) + 1, len(heard) + 1
    cost = [[max(i, j) if not i or not j else 0 for j in range(columns)] for i in range(rows)]
    for i in range(1, rows):
        for j in range(1, columns):
            same = said[i - 1] == heard[j - 1]
            cost[i][j] = min(
                cost[i - 1][j - 1] + (not same), cost[i - 1][j] + 1, cost[i][j - 1] + 1
            )
    pairs: list[tuple[int, int]] = []
    i, j = rows - 1, columns - 1
    while i and j:
        same = said[i - 1] == heard[j - 1]
        if cost[i][j] == cost[i - 1][j - 1] + (not same):
            if same:
                pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return cost[-1][-1], pairs[::-1]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie; nearest rank, 0.0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
