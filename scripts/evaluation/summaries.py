"""Summaries of whole meetings against QMSum's, by ROUGE.

The first 110 words of each, F-measures of the rouge-score package without stemming. Beside it, the
same on content words alone: sentences in written style share function words with any summary.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import as_statement
from wordloop_ml.synthesis.words import content_words, tokens

WORDS = 110
LONG = 8
"""Words of a "long" sentence, as the baseline chooses them."""

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


def row(name: str, scores: Iterable[Rouge]) -> list[str]:
    """A name and the means of its scores."""
    return [name, *(f"{value:.1f}" for value in np.mean([*scores], axis=0))]


def table(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], _policy: ExtractivePolicy
) -> str:
    """The baseline that needs no weights; ``weights.table`` has ours."""
    pairs = zip(meetings, gathered, strict=True)
    scores = [rouge(lead(read), one.summaries[0]) for one, read in pairs]
    rows = [row(f"LEAD of cleaned sentences of {LONG} words or more", scores)]
    return report.Table(["summary", "R-1", "R-2", "content R-1"], rows).text() + "\n"


def lead(gathered: Gathered) -> str:
    """The first long sentences, cleaned as ours are."""
    long = (as_statement(one.text) for one in gathered.sentences if one.words >= LONG)
    return " ".join(islice(long, WORDS))


def _content(text: str) -> str:
    return " ".join(content_words(tokens(text)))
