"""Summaries of whole meetings against QMSum's, by ROUGE.

The first 110 words of each, F-measures of the rouge-score package without stemming. Beside it, the same
on content words alone: sentences in written style share function words with any summary.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from scripts.evaluation.meetings import DOMAINS, Meeting
from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.words import as_statement
from wordloop_ml.synthesis.words import content_words, tokens

WORDS = 110
LONG = 8
"""Words of a "long" sentence, as the baselines choose them."""
DRAWS = 20
"""How often the random baseline is drawn."""

Chooser = Callable[[Meeting, Gathered], str]


@dataclass(frozen=True, slots=True)
class Rouge:
    """F-measures in per cent: unigrams, bigrams, and unigrams of content words."""

    one: float
    two: float
    content: float


def rouge(summary: str, reference: str) -> Rouge:
    """The first words of a summary against one reference."""
    cut = " ".join(summary.split()[:WORDS])
    scorer = RougeScorer(["rouge1", "rouge2"], use_stemmer=False)
    scores = scorer.score(reference, cut)
    content = scorer.score(_content(reference), _content(cut))["rouge1"]
    return Rouge(
        100 * scores["rouge1"].fmeasure, 100 * scores["rouge2"].fmeasure, 100 * content.fmeasure
    )


def mean(scores: Iterable[Rouge]) -> Rouge:
    """Of each number by itself."""
    table = np.array([(one.one, one.two, one.content) for one in scores])
    return Rouge(*(float(value) for value in table.mean(axis=0)))


def by_domain(meetings: Sequence[Meeting], scores: Sequence[Rouge]) -> dict[str, Rouge]:
    """Pooled, and each domain."""
    pairs = list(zip(meetings, scores, strict=True))
    return {"all": mean(scores)} | {
        domain: mean(one for meeting, one in pairs if meeting.domain == domain)
        for domain in DOMAINS
    }


def lead(_meeting: Meeting, gathered: Gathered) -> str:
    """The first long sentences, cleaned as ours are."""
    return " ".join(_long(gathered)[:WORDS])


def raw_lead(meeting: Meeting, _gathered: Gathered) -> str:
    """The first words of the transcript."""
    return " ".join(segment.text for segment in meeting.transcript.segments[: 10 * WORDS])


def random_long(seed: int) -> Chooser:
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
