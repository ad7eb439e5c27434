"""Finding the turns that answer a question: QMSum's specific queries, windows of 8 turns, stride 4.

A window is right when it touches a relevant span. BM25 (Robertson and Zaragoza, 2009) stands beside
the embeddings, and a recipe of both, of who speaks, and of what lies around.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from wordloop_ml.analysis.plan_runner import embed_all
from wordloop_ml.ports import Embedder
from wordloop_ml.synthesis.extractive.notes import Floats
from wordloop_ml.synthesis.extractive.words import without_fillers
from wordloop_ml.synthesis.words import content_stems, stems, tokens

TURNS, STRIDE = 8, 4
K1, B = 1.2, 0.75

Scorer = Callable[[Meeting, Sequence[str]], Floats]
"""A meeting and its windows' texts; scores, one row a query, one column a window."""


APART = 2
"""Windows between two results of one search."""


def table(meetings: Sequence[Meeting], embedder: Embedder) -> str:
    """Shares of the queries whose first right window is among the first 1 and 5; and the mean of
    its reciprocal rank."""
    embeddings = by_embeddings(embedder)
    near, speakers = around(embeddings, 3.0), around(by_speakers, 0.5)
    recipe = apart(summed(embeddings, near, speakers, by_words), APART)
    rows = []
    for name, scorer, named in (
        ("BM25", by_words, True),
        ("embeddings, without speakers' names", embeddings, False),
        ("embeddings", embeddings, True),
        ("embeddings, neighbours, BM25, who speaks; apart", recipe, True),
    ):
        found = [ranks(one, scorer(one, texts(one, named=named))) for one in meetings]
        shares = measured([rank for some in found for rank in some])
        rows.append([name, *(f"{share:.3f}" for share in shares)])
    return report.Table(["scored by", "Hit@1", "Hit@5", "MRR"], rows).text() + "\n"


def windows(meeting: Meeting) -> list[tuple[int, int]]:
    """[begin, end) of each, in turns."""
    turns = len(meeting.transcript.segments)
    return [(at, min(at + TURNS, turns)) for at in range(0, max(turns - STRIDE, 1), STRIDE)]


def texts(meeting: Meeting, *, named: bool = True) -> list[str]:
    """What is said in each window, without fillers; each turn behind its speaker's name.

    Whoever asks what the marketing expert thought finds nothing of that in what he said.
    """
    said = []
    for segment in meeting.transcript.segments:
        text = without_fillers(segment.text)
        said.append(f"{segment.voice}: {text}" if text and named else text)
    return [" ".join(filter(None, said[begin:end])) for begin, end in windows(meeting)]


def ranks(meeting: Meeting, scores: Floats) -> list[int]:
    """The rank, from 1, of each query's first right window."""
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


def by_embeddings(embedder: Embedder) -> Scorer:
    """Cosine of the query and the window, each embedded as a whole."""

    def score(meeting: Meeting, said: Sequence[str]) -> Floats:
        queries = embed_all(embedder, [query.text for query in meeting.queries])
        return np.asarray(queries @ embed_all(embedder, said).T, np.float64)

    return score


def by_words(meeting: Meeting, said: Sequence[str]) -> Floats:
    """BM25 on the beginnings of words."""
    counts = [Counter(_terms(text)) for text in said]
    lengths = np.array([count.total() for count in counts], np.float64)
    lengths /= max(1.0, lengths.mean())
    holding = Counter(term for count in counts for term in count)
    scores = np.zeros((len(meeting.queries), len(said)))
    for row, query in enumerate(meeting.queries):
        for term in set(_terms(query.text)):
            rare = math.log(1 + (len(said) - holding[term] + 0.5) / (holding[term] + 0.5))
            often = np.array([count[term] for count in counts], np.float64)
            scores[row] += rare * often * (K1 + 1) / (often + K1 * (1 - B + B * lengths))
    return scores


def summed(*scorers: Scorer) -> Scorer:
    """The sum of the scorers' z-scores."""
    return lambda meeting, said: np.sum([_z(one(meeting, said)) for one in scorers], axis=0)


def around(scorer: Scorer, reach: float) -> Scorer:
    """Each window's score, and its neighbours' the less the farther away they are.

    reach: windows after which a neighbour counts for a third.
    """

    def score(meeting: Meeting, said: Sequence[str]) -> Floats:
        place = np.arange(len(said))
        near = np.exp(-np.abs(place[:, None] - place[None, :]) / reach)
        near /= near.sum(axis=0)
        return np.asarray(_z(scorer(meeting, said)) @ near, np.float64)

    return score


def by_speakers(meeting: Meeting, said: Sequence[str]) -> Floats:
    """The share of each window's words that are of voices whom the query names."""
    segments = meeting.transcript.segments
    voices = {segment.voice for segment in segments}
    bearers = Counter(word for voice in voices for word in set(tokens(voice)))
    scores = np.zeros((len(meeting.queries), len(said)))
    for row, query in enumerate(meeting.queries):
        asked = tokens(query.text)
        named = {
            voice
            for voice in voices
            if f" {' '.join(tokens(voice))} " in f" {' '.join(asked)} "
            or any(bearers[word] == 1 and len(word) > 3 and word in asked for word in tokens(voice))
        }
        for column, (begin, end) in enumerate(windows(meeting)):
            some = [(one.voice in named, len(one.text.split())) for one in segments[begin:end]]
            of_all = 1 + sum(words for _, words in some)
            scores[row, column] = sum(words for theirs, words in some if theirs) / of_all
    return scores


def apart(scorer: Scorer, windows_apart: int) -> Scorer:
    """The same order, but what lies near a better window comes behind everything that does not.

    Neighbouring windows share half of their turns: who reads five results wants five places.
    """

    def score(meeting: Meeting, said: Sequence[str]) -> Floats:
        plain = scorer(meeting, said)
        ranked = np.zeros_like(plain)
        for row, scores in enumerate(plain):
            taken: list[int] = []
            near: list[int] = []
            for at in (int(one) for one in np.argsort(-scores, kind="stable")):
                late = any(abs(at - other) <= windows_apart for other in taken)
                (near if late else taken).append(at)
            ranked[row, [*taken, *near]] = -np.arange(len(scores))
        return ranked

    return score


def _terms(text: str) -> list[str]:
    return [stem for word in tokens(text) for stem in content_stems([word]) or stems([word])]


def _z(scores: Floats) -> Floats:
    spread = scores.std(axis=1, keepdims=True)
    centred: Floats = scores - scores.mean(axis=1, keepdims=True)
    return centred / np.where(spread > 0, spread, 1.0)
