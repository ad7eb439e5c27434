"""Topic boundaries against QMSum's, by Pk (Beeferman, Berger and Lafferty, 1999).

QMSum names the turns of each topic, and topics come back: a boundary lies wherever one begins or ends.
Pk is the chance that two turns k apart are wrongly held to be of one topic, or of two; k is half
the mean length of a reference topic. Lower is better.
"""

from collections.abc import Sequence

import numpy as np

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.synthesis.extractive.notes import Gathered, Ints
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.topics import stretches

NEAR = 2
"""Boundaries so close are one: QMSum leaves single turns between topics out."""


def table(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> str:
    """Pk and topics a meeting: ours, and boundaries that know nothing."""
    ways: dict[str, list[tuple[float, int]]] = {}
    for meeting, one in zip(meetings, gathered, strict=True):
        turns, expected = len(meeting.transcript.segments), reference(meeting)
        found = [int(one.first[begin]) for begin, _ in run_plan(stretches(one, policy), None)[1:]]
        for name, cuts in (
            ("ours", found),
            ("evenly spaced, as many as ours", evenly(turns, len(found))),
            ("evenly spaced, as many as the reference", evenly(turns, len(expected))),
            ("none", []),
        ):
            ways.setdefault(name, []).append((pk(turns, expected, cuts), len(cuts) + 1))
    means = {name: np.mean(values, axis=0) for name, values in ways.items()}
    rows = [[name, f"{mean:.3f}", f"{count:.1f}"] for name, (mean, count) in means.items()]
    return report.Table(["boundaries", "Pk", "topics a meeting"], rows).text() + "\n"


def reference(meeting: Meeting) -> list[int]:
    """The turns with which something new begins, but for the first."""
    turns = len(meeting.transcript.segments)
    edges = {
        edge for spans in meeting.topics for first, last in spans for edge in (first, last + 1)
    }
    found: list[int] = []
    for edge in sorted(edges):
        if NEAR < edge < turns - NEAR and (not found or edge - found[-1] > NEAR):
            found.append(edge)
    return found


def evenly(turns: int, boundaries: int) -> list[int]:
    """So many boundaries, at one distance."""
    return [round(turns * at / (boundaries + 1)) for at in range(1, boundaries + 1)]


def pk(turns: int, expected: Sequence[int], found: Sequence[int]) -> float:
    """Return Pk, in [0, 1]."""
    k = max(1, round(turns / (len(expected) + 1) / 2))
    ours, theirs = _topics(turns, found), _topics(turns, expected)
    apart = (ours[k:] != ours[:-k]) != (theirs[k:] != theirs[:-k])
    return float(apart.mean()) if len(apart) else 0.0


def _topics(turns: int, boundaries: Sequence[int]) -> Ints:
    """The topic of each turn, by number."""
    return np.searchsorted(np.array(boundaries, np.int64), np.arange(turns), side="right")
