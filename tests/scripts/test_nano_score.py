"""Counting word errors."""

from scripts.nano.score import aligned, percentile


def test_the_same_words_are_all_in_common() -> None:
    """No edits, every word paired with itself."""
    assert aligned(["we", "ship", "on", "friday"], ["we", "ship", "on", "friday"]) == (
        0,
        [(0, 0), (1, 1), (2, 2), (3, 3)],
    )


def test_each_kind_of_edit_costs_one() -> None:
    """One word swapped, one lost, one added."""
    assert aligned(["a", "b", "c"], ["a", "x", "c"])[0] == 1
    assert aligned(["a", "b", "c"], ["a", "c"]) == (1, [(0, 0), (2, 1)])
    assert aligned(["a", "c"], ["a", "b", "c"]) == (1, [(0, 0), (1, 2)])


def test_nothing_heard_is_all_deletions() -> None:
    """And nothing said is all insertions."""
    assert aligned(["a", "b"], []) == (2, [])
    assert aligned([], ["a", "b"]) == (2, [])


def test_percentiles_are_values_of_the_list() -> None:
    """Nearest rank."""
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert percentile(list(range(100)), 0.95) == 95
    assert percentile([], 0.5) == 0.0
