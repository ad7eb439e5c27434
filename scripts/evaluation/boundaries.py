"""Topic boundaries against QMSum's, by Pk (Beeferman, Berger and Lafferty, 1999).

QMSum names the turns of each topic, and topics come back: a boundary lies wherever one begins or ends.
Pk is the chance that two turns k apart are wrongly held to be of one topic, or of two; k is half
the mean length of a reference topic. Lower is better.
"""

from collections.abc import Sequence

from scripts.evaluation.meetings import Meeting

NEAR = 2
"""Boundaries so close are one: QMSum leaves single turns between topics out."""


def reference(meeting: Meeting) -> list[int]:
    """The turns with which something new begins, but for the first."""
    turns = len(meeting.transcript.segments)
    edges = sorted(
        {edge for spans in meeting.topics for first, last in spans for edge in (first, last + 1)}
    )
    found: list[int] = []
    for edge in edges:
        if NEAR < edge < turns - NEAR and (not found or edge - found[-1] > NEAR):
            found.append(edge)
    return found


def evenly(turns: int, boundaries: int) -> list[int]:
    """So many boundaries, at one distance."""
    return [round(turns * at / (boundaries + 1)) for at in range(1, boundaries + 1)]


def pk(turns: int, expected: Sequence[int], found: Sequence[int]) -> float:
    """In [0, 1]."""
    k = max(1, round(turns / (len(expected) + 1) / 2))
    ours, theirs = _labels(turns, found), _labels(turns, expected)
    pairs = range(turns - k)
    wrong = sum((ours[at] == ours[at + k]) != (theirs[at] == theirs[at + k]) for at in pairs)
    return wrong / max(1, len(pairs))


def _labels(turns: int, boundaries: Sequence[int]) -> list[int]:
    starts = set(boundaries)
    label = 0
    labels = []
    for turn in range(turns):
        label += turn in starts
        labels.append(label)
    return labels
