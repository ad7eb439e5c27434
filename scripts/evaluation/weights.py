"""Where the weights of the summary's features come from, and what they are worth unseen.

Ridge regression of what a sentence shares with the reference (words, and twice its pairs of words,
over its length) on the features' z-scores; every meeting counts the same. Cross-validated over
meetings.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from scripts.evaluation.summaries import WORDS, Rouge, rouge, row
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.synthesis.extractive.notes import Floats, Gathered, Ints
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import as_statement
from wordloop_ml.synthesis.extractive.summary import NAMES, candidates, choose, features_of

RIDGE = 0.05
SCALE = 10.0
SHORTEST = 8
FOLDS = 5
_TOKEN = re.compile(r"[a-z0-9]+")


def table(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> str:
    """Summaries by weights that were fitted without the meeting; and the weights of all meetings."""
    pairs = zip(meetings, gathered, strict=True)
    examples = [example_of(meeting, one, policy) for meeting, one in pairs]
    shuffled = np.random.default_rng(0).permutation(len(examples))
    folds = [int(at) % FOLDS for at in shuffled]
    name = f"weights from other meetings ({FOLDS} folds)"
    rows = [row(name, held_out(examples, folds, policy))]
    fitted = zip(NAMES, fit(examples), strict=True)
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in fitted)
    head = ["summary", "R-1", "R-2", "content R-1"]
    return f"{report.Table(head, rows).text()}\n\nweights from all: {weights}\n"


@dataclass(frozen=True, slots=True)
class Example:
    """A meeting's candidate sentences, their features, and how much of the reference each has."""

    meeting: Meeting
    gathered: Gathered
    rows: Ints
    features: Floats
    shared: Floats


def example_of(meeting: Meeting, gathered: Gathered, policy: ExtractivePolicy) -> Example:
    """Return a meeting's candidates with the share of the reference that each has."""
    rows = candidates(gathered, policy)
    features = run_plan(features_of(gathered, rows, policy), None)
    reference = _TOKEN.findall(meeting.summaries[0].lower())
    one, two = Counter(reference), Counter(pairwise(reference))
    shared = []
    for at in rows:
        words = _TOKEN.findall(as_statement(gathered.sentences[at].text).lower())
        pairs = Counter(pairwise(words))
        both = (Counter(words) & one).total() + 2 * (pairs & two).total()
        shared.append(both / max(SHORTEST, len(words)))
    target = np.array(shared)
    return Example(meeting, gathered, rows, features, target - target.mean())


def fit(examples: Sequence[Example]) -> Floats:
    """One weight for each feature."""
    gram = RIDGE * np.eye(len(NAMES))
    moment = np.zeros(len(NAMES))
    for one in examples:
        gram += one.features.T @ one.features / len(one.features)
        moment += one.features.T @ one.shared / len(one.features)
    return np.asarray(SCALE * np.linalg.solve(gram, moment), np.float64)


def held_out(
    examples: Sequence[Example], parts: Sequence[int], policy: ExtractivePolicy, words: int = WORDS
) -> list[Rouge]:
    """Each meeting's summary by weights that were fitted on those of other parts."""
    scores: list[Rouge] = []
    for one, part in zip(examples, parts, strict=True):
        others = [other for other, its in zip(examples, parts, strict=True) if its != part]
        reference = one.meeting.summaries[0]
        scores.append(rouge(summary(one, fit(others), policy, words), reference))
    return scores


def summary(one: Example, weights: Floats, policy: ExtractivePolicy, words: int) -> str:
    """The summary that these weights choose."""
    chosen = choose(one.gathered, one.rows, one.features @ weights, words, policy)
    return " ".join(as_statement(one.gathered.sentences[at].text) for at in chosen)
