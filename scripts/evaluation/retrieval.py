"""Finding the turns that answer a question: QMSum's specific queries, windows of 8 turns, stride 4.

A window is right when it touches a relevant span; scores are cosines of ``POST /v1/embeddings``.
"""

from collections.abc import Sequence

import numpy as np

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from wordloop_ml.analysis.plan_runner import embed_all
from wordloop_ml.ports import Embedder
from wordloop_ml.synthesis.extractive.notes import Floats
from wordloop_ml.synthesis.extractive.words import without_fillers

TURNS, STRIDE = 8, 4


def table(meetings: Sequence[Meeting], embedder: Embedder) -> str:
    """Shares of the queries whose first right window is among the first 1 and 5; and the mean of
    its reciprocal rank."""
    rows = []
    for name, named in (("words alone", False), ("each turn behind its speaker's name", True)):
        found = []
        for one in meetings:
            queries = embed_all(embedder, [query.text for query in one.queries])
            said = embed_all(embedder, texts(one, named=named))
            found += ranks(one, np.asarray(queries @ said.T, np.float64))
        rows.append([name, *(f"{share:.3f}" for share in measured(found))])
    return report.Table(["embeddings of", "Hit@1", "Hit@5", "MRR"], rows).text() + "\n"


def windows(meeting: Meeting) -> list[tuple[int, int]]:
    """[begin, end) of each, in turns."""
    turns = len(meeting.transcript.segments)
    return [(at, min(at + TURNS, turns)) for at in range(0, max(turns - STRIDE, 1), STRIDE)]


def texts(meeting: Meeting, *, named: bool) -> list[str]:
    """What is said in each window, without fillers; if ``named``, each turn behind its speaker's name.

    Whoever asks what the marketing expert thought finds nothing of that in what he said.
    """
    said = []
    for segment in meeting.transcript.segments:
        text = without_fillers(segment.text)
        said.append(f"{segment.voice}: {text}" if text and named else text)
    return [" ".join(filter(None, said[begin:end])) for begin, end in windows(meeting)]


def ranks(meeting: Meeting, scores: Floats) -> list[int]:
    """The rank, from 1, of each query's first right window, by one row of scores a query."""
    found = []
    for query, row in zip(meeting.queries, scores, strict=True):
        right = [
            any(begin <= last and first < end for first, last in query.spans)
            for begin, end in windows(meeting)
        ]
        order = np.argsort(-row, kind="stable")
        found.append(1 + next((at for at, window in enumerate(order) if right[window]), 10**9))
    return found


def measured(found: Sequence[int]) -> tuple[float, float, float]:
    """Hit@1, Hit@5 and the mean reciprocal rank."""
    rank = np.array(found)
    return float((rank <= 1).mean()), float((rank <= 5).mean()), float((1 / rank).mean())
