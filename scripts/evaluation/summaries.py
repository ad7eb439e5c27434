"""Summaries of whole meetings against QMSum's, by ROUGE.

The first 110 words of each, F-measures of the rouge-score package without stemming. Beside it, the
same on content words alone: sentences in written style share function words with any summary.
"""

import random
from collections.abc import Callable, Iterable, Sequence

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
"""Words of a "long" sentence, as the baselines choose them."""
DRAWS = 20
"""How often the random baseline is drawn."""

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
    """The summaries that need no weights; ``weights.table`` has ours."""
    pairs = list(zip(meetings, gathered, strict=True))

    def of(choose: Callable[[Meeting, Gathered], str]) -> list[Rouge]:
        return [rouge(choose(one, read), one.summaries[0]) for one, read in pairs]

    draws = [score for seed in range(DRAWS) for score in of(random_long(seed))]
    rows = [
        row("LEAD: the first words", of(raw_lead)),
        row("LEAD of cleaned sentences of 8 words or more", of(lead)),
        row(f"random ones of these ({DRAWS} draws)", draws),
    ]
    return report.Table(["summary", "R-1", "R-2", "content R-1"], rows).text() + "\n"


def raw_lead(meeting: Meeting, _gathered: Gathered) -> str:
    """The first words of the transcript."""
    return " ".join(segment.text for segment in meeting.transcript.segments[: 10 * WORDS])


def lead(_meeting: Meeting, gathered: Gathered) -> str:
    """The first long sentences, cleaned as ours are."""
    return " ".join(_long(gathered)[:WORDS])


def random_long(seed: int) -> Callable[[Meeting, Gathered], str]:
    """Long sentences at random, cleaned as ours are."""

    def choose(meeting: Meeting, gathered: Gathered) -> str:
        chance = random.Random(f"{seed} {meeting.name}")
        long = _long(gathered)
        return " ".join(chance.sample(long, min(len(long), WORDS)))

    return choose


def _long(gathered: Gathered) -> list[str]:
    return [as_statement(one.text) for one in gathered.sentences if one.words >= LONG]


def _content(text: str) -> str:
    return " ".join(content_words(tokens(text)))
