"""Chooses the sentences that stand for the meeting; pure.

Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): again and again the sentence whose
weighted features are best, less what the chosen ones have already said, until the summary is long
enough. Then they are put in order. Features are what can be counted about a sentence: its length,
words, place and nearness to the meeting's mean.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from wordloop_ml.messages import Vectors
from wordloop_ml.synthesis.extractive.items import says_enough, statement
from wordloop_ml.synthesis.extractive.notes import Floats, Gathered, Ints
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy, FeatureWeights
from wordloop_ml.synthesis.extractive.sameness import says_the_same
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals
from wordloop_ml.synthesis.messages import Statement
from wordloop_ml.synthesis.statements import Names
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.words import content_of, count_words, stems, tokens

_FIRST_PERSON = frozenset({"we", "we're", "we'll", "we've", "us", "our", "ours", "let's"})
_ADDRESS = frozenset(
    {"i", "i'm", "i'd", "i'll", "i've", "me", "my", "you", "you're", "you'll", "you've", "your"}
)
_ARTICLES = frozenset({"the", "of"})
_LINKS = frozenset({"to", "and"})

NAMES = tuple(field.name for field in fields(FeatureWeights))


def features_of(meeting: Gathered, rows: Ints, policy: ExtractivePolicy) -> Steps[Floats]:
    """One row for each of these sentences, one column for each of ``NAMES``; z-scores, so that a
    weight means the same in every meeting."""
    terms = yield from _term_frequency(meeting, rows, policy)
    table = np.zeros((len(rows), len(NAMES)))
    central = _centrality(meeting, rows)
    total = max(1.0, float(meeting.words.sum()))
    for at, row in enumerate(rows):
        place = float(meeting.heard[row]) / total
        counted = _counted(meeting.sentences[row].text, policy)
        counted |= {
            "opening": np.exp(-place / policy.opening_share),
            "early": np.exp(-place / policy.early_share),
            "ending": np.exp(-(1.0 - place) / policy.ending_share),
            "central": central[at],
            "term_frequency": terms[at],
        }
        table[at] = [counted[name] for name in NAMES]
        if (at + 1) % policy.pause_sentences == 0:
            yield Pause()
    return _z_scores(table)


def _term_frequency(meeting: Gathered, rows: Ints, policy: ExtractivePolicy) -> Steps[Floats]:
    """How often the content words of each of these sentences are said in the meeting, by their stems."""
    terms: list[frozenset[str]] = []
    for at, sentence in enumerate(meeting.sentences):
        terms.append(stems(content_of(sentence.text, meeting.language)))
        if (at + 1) % policy.pause_sentences == 0:
            yield Pause()
    count = Counter(term for said in terms for term in said)
    # summed exactly: a set has its words in another order in another process
    said = np.array([math.fsum(math.log(count[term]) for term in terms[row]) for row in rows])
    return said / np.sqrt(np.maximum(1.0, meeting.words[rows]))


def _counted(text: str, policy: ExtractivePolicy) -> dict[str, float]:
    """Those features that follow from the sentence alone."""
    words = tokens(text)
    many = max(1, len(words))
    return {
        "length": min(many, policy.long_words) / policy.long_words,
        "address": _share(words, _ADDRESS, many),
        "group": _share(words, _FIRST_PERSON, many),
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


def summary_of(
    meeting: Gathered,
    words: int,
    policy: ExtractivePolicy,
    withdrawn: Withdrawals | None = None,
) -> Steps[tuple[Statement, ...]]:
    """Choose a summary of about ``words`` words; fewer where less was said.

    What was said several times stands once and cites them all, what was taken back not at all.
    """
    gone = withdrawn.gone if withdrawn is not None else frozenset()
    rows = candidates(meeting, policy, gone)
    table = yield from features_of(meeting, rows, policy)
    scores = table @ np.array([getattr(policy.weights, name) for name in NAMES])
    chosen = choose(meeting, rows, scores, words, policy)
    names = Names({one.voice for one in meeting.sentences})
    # "I'm the Project Manager, so I had to fill it in" says nothing beside its name
    telling = [at for at in chosen if says_enough(names.without(meeting.sentences[at].statement))]
    return tuple(
        statement(
            meeting,
            [at, *(row for row in rows if row != at and says_the_same(meeting, row, at, policy))],
            policy,
        )
        for at in telling or chosen
    )


def candidates(
    meeting: Gathered, policy: ExtractivePolicy, gone: frozenset[int] = frozenset()
) -> Ints:
    """Sentences that say enough to stand alone and hold; every one that holds, where none does."""
    holding = [int(at) for at in meeting.embedded if at not in gone]
    enough = [
        at
        for at in holding
        if count_words(meeting.sentences[at].statement) >= policy.summary_words
        and says_enough(meeting.sentences[at].statement)
    ]
    return np.array(enough or holding, np.intp)


def choose(
    meeting: Gathered, rows: Ints, scores: Floats, words: int, policy: ExtractivePolicy
) -> list[int]:
    """Choose sentences until they have so many words; returns them in order."""
    best = np.argsort(-scores, kind="stable")[: policy.most_candidates]
    contents = [
        frozenset(content_of(meeting.sentences[rows[at]].text, meeting.language)) for at in best
    ]
    texts = [meeting.sentences[rows[at]].statement for at in best]
    vectors = meeting.vectors[meeting.row[rows[best]]]
    worth = scores[best].copy()
    nearest = np.zeros(len(best))
    said: frozenset[str] = frozenset()
    chosen: list[int] = []
    length = 0
    for _ in range(len(best)):
        known = np.array([len(one & said) / max(1, len(one)) for one in contents])
        at = int(np.argmax(worth - policy.repeated * known - policy.alike * nearest))
        worth[at] = -np.inf
        row = int(rows[best[at]])
        if not texts[at] or any(says_the_same(meeting, row, one, policy) for one in chosen):
            continue
        chosen.append(row)
        length += count_words(texts[at])
        if length >= words:
            break
        said |= contents[at]
        nearest = np.maximum(nearest, vectors @ vectors[at])
    return sorted(chosen)
