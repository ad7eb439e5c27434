"""Summaries of whole meetings against QMSum's, by ROUGE, and where the weights of their features come from.

The first 110 words of each, F-measures of the rouge-score package without stemming. Beside it, the
same on content words alone: sentences in written style share function words with any summary.

The weights: ridge regression of what a sentence shares with the reference (words, twice its pairs of words,
and twice its different content words, over its length) on the features' z-scores; every meeting counts the same.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.synthesis.extractive.notes import Floats, Gathered, Ints
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import as_statement
from wordloop_ml.synthesis.extractive.summary import NAMES, candidates, choose, features_of
from wordloop_ml.synthesis.words import content_words, tokens

WORDS = 110
LONG = 8
"""Words of a "long" sentence, as the baseline chooses them."""

RIDGE = 0.05
SCALE = 10.0
SHORTEST = 8
FOLDS = 5
_TOKEN = re.compile(r"[a-z0-9]+")

Rouge = tuple[float, float, float]
"""F-measures in per cent: unigrams, bigrams, and unigrams of content words."""


def rouge(summary: str, reference: str) -> Rouge:
    """Score the first words of a summary against one reference."""
    cut = " ".join(summary.split()[:WORDS])
    scorer = RougeScorer(["rouge1", "rouge2"], use_stemmer=False)
    scores = scorer.score(reference, cut)
    content = scorer.score(_content(reference), _content(cut))["rouge1"]
    measures = (scores["rouge1"], scores["rouge2"], content)
    one, two, three = (100 * float(measure.fmeasure) for measure in measures)
    return one, two, three


def _content(text: str) -> str:
    return " ".join(content_words(tokens(text)))


def table(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> str:
    """A baseline without weights; weights fitted without the meeting; and the weights of all."""
    pairs = [*zip(meetings, gathered, strict=True)]
    examples = [example_of(meeting, one, policy) for meeting, one in pairs]
    folds = folds_of(len(examples))
    scores = {
        f"LEAD of cleaned sentences of {LONG} words or more": [
            rouge(lead(read), one.summaries[0]) for one, read in pairs
        ],
        f"weights from other meetings ({FOLDS} folds)": held_out(examples, folds, policy),
    }
    means = {name: np.mean(values, axis=0) for name, values in scores.items()}
    rows = [[name, *(f"{one:.1f}" for one in mean)] for name, mean in means.items()]
    fitted = zip(NAMES, fit(examples), strict=True)
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in fitted)
    head = ["summary", "R-1", "R-2", "content R-1"]
    return f"{report.Table(head, rows).text()}\n\nweights from all: {weights}\n"


def lead(gathered: Gathered) -> str:
    """The first long sentences, cleaned as ours are."""
    long = (as_statement(one.text) for one in gathered.sentences if one.words >= LONG)
    return " ".join(islice(long, WORDS))


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
    content = frozenset(content_words(reference))
    shared = []
    for at in rows:
        words = _TOKEN.findall(as_statement(gathered.sentences[at].text).lower())
        pairs = Counter(pairwise(words))
        both = (Counter(words) & one).total() + 2 * (pairs & two).total()
        both += 2 * len(content.intersection(words))
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


def folds_of(number: int) -> list[int]:
    """Divide meetings into parts at random, always the same."""
    return [int(at) % FOLDS for at in np.random.default_rng(0).permutation(number)]


def unseen_weights(examples: Sequence[Example], parts: Sequence[int]) -> list[Floats]:
    """For each meeting the weights that were fitted on those of other parts."""
    fitted = {
        part: fit([one for one, its in zip(examples, parts, strict=True) if its != part])
        for part in set(parts)
    }
    return [fitted[part] for part in parts]


def held_out(
    examples: Sequence[Example], parts: Sequence[int], policy: ExtractivePolicy, words: int = WORDS
) -> list[Rouge]:
    """Each meeting's summary by weights that were fitted on those of other parts."""
    return [
        rouge(summary(one, weights, policy, words), one.meeting.summaries[0])
        for one, weights in zip(examples, unseen_weights(examples, parts), strict=True)
    ]


def summary(one: Example, weights: Floats, policy: ExtractivePolicy, words: int) -> str:
    """The summary that these weights choose."""
    chosen = choose(one.gathered, one.rows, one.features @ weights, words, policy)
    return " ".join(as_statement(one.gathered.sentences[at].text) for at in chosen)
