"""What can be counted about a sentence that tells whether it belongs into a summary; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from wordloop_ml.messages import Vectors
from wordloop_ml.synthesis.extractive import lexicon
from wordloop_ml.synthesis.extractive.gathered import Floats, Gathered, Ints
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy, FeatureWeights
from wordloop_ml.synthesis.extractive.words import content_of
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.words import tokens

_ARTICLES = frozenset({"the", "of"})
_LINKS = frozenset({"to", "and"})

NAMES = tuple(field.name for field in fields(FeatureWeights))


def features_of(meeting: Gathered, rows: Ints, policy: ExtractivePolicy) -> Steps[Floats]:
    """One row for each of these sentences, one column for each of ``NAMES``; z-scores, so that a
    weight means the same in every meeting."""
    frequent = yield from _frequent(meeting, policy)
    table = np.zeros((len(rows), len(NAMES)))
    central = _centrality(meeting, rows)
    total = max(1.0, float(meeting.words.sum()))
    for at, row in enumerate(rows):
        place = float(meeting.heard[row]) / total
        counted = _counted(meeting.sentences[row].text, frequent, policy)
        counted |= {
            "opening": np.exp(-place / policy.opening_share),
            "early": np.exp(-place / policy.early_share),
            "ending": np.exp(-(1.0 - place) / policy.ending_share),
            "central": central[at],
        }
        table[at] = [counted[name] for name in NAMES]
        if (at + 1) % policy.pause_sentences == 0:
            yield Pause()
    return _z_scores(table)


def _frequent(meeting: Gathered, policy: ExtractivePolicy) -> Steps[frozenset[str]]:
    """The content words that most sentences hold."""
    count: Counter[str] = Counter()
    for at, sentence in enumerate(meeting.sentences):
        count.update(set(content_of(sentence.text, meeting.language)))
        if (at + 1) % policy.pause_sentences == 0:
            yield Pause()
    ranked = sorted(count, key=lambda word: (-count[word], word))
    return frozenset(ranked[: policy.frequent_words])


def _counted(text: str, frequent: frozenset[str], policy: ExtractivePolicy) -> dict[str, float]:
    """Those features that follow from the sentence alone."""
    words = tokens(text)
    many = max(1, len(words))
    return {
        "length": min(many, policy.long_words) / policy.long_words,
        "address": _share(words, lexicon.ADDRESS, many),
        "group": _share(words, lexicon.FIRST_PERSON, many),
        "frequent": min(len(frequent.intersection(words)), policy.most_frequent),
        "articles": _share(words, _ARTICLES, many),
        "links": _share(words, _LINKS, many),
    }


def _share(words: Iterable[str], wanted: frozenset[str], many: int) -> float:
    return sum(word in wanted for word in words) / many


def _centrality(meeting: Gathered, rows: Ints) -> Floats:
    """The cosine of each sentence with the mean of all of them."""
    if not len(rows):
        return np.zeros(0)
    vectors: Vectors = meeting.vectors[meeting.row[rows]]
    mean = (vectors * meeting.words[rows][:, None]).sum(axis=0)
    return np.asarray(vectors @ mean / max(1e-9, float(np.linalg.norm(mean))), np.float64)


def _z_scores(table: Floats) -> Floats:
    if not len(table):
        return table
    spread = table.std(axis=0)
    scores: Floats = (table - table.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return scores
