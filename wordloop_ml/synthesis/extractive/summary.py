"""The sentences that stand for the meeting; pure.

Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): again and again the sentence whose
weighted features are best, less what the chosen ones have already said, until the summary is long
enough. Then they are put in order.
"""

import numpy as np

from wordloop_ml.synthesis.extractive.features import NAMES, features_of
from wordloop_ml.synthesis.extractive.gathered import Floats, Gathered, Ints
from wordloop_ml.synthesis.extractive.items import statement
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals, says_the_same
from wordloop_ml.synthesis.extractive.words import content_of
from wordloop_ml.synthesis.messages import Statement
from wordloop_ml.synthesis.steps import Steps
from wordloop_ml.synthesis.words import count_words


def summary_of(
    meeting: Gathered,
    words: int,
    policy: ExtractivePolicy,
    withdrawn: Withdrawals | None = None,
) -> Steps[tuple[Statement, ...]]:
    """About so many words of the meeting; less where less was said.

    What was said several times stands once and cites them all, what was taken back not at all.
    """
    gone = withdrawn.gone if withdrawn is not None else frozenset()
    rows = np.array([at for at in candidates(meeting, policy) if at not in gone], np.intp)
    table = yield from features_of(meeting, rows, policy)
    scores = table @ np.array([getattr(policy.weights, name) for name in NAMES])
    chosen = choose(meeting, rows, scores, words, policy)
    return tuple(
        statement(
            meeting,
            [at, *(row for row in rows if row != at and says_the_same(meeting, row, at, policy))],
            policy,
        )
        for at in chosen
    )


def candidates(meeting: Gathered, policy: ExtractivePolicy) -> Ints:
    """Sentences that say enough to stand alone; every one, where none does."""
    enough = [
        at
        for at in meeting.embedded
        if count_words(meeting.sentences[at].statement) >= policy.summary_words
    ]
    return np.array(enough or meeting.embedded, np.intp)


def choose(
    meeting: Gathered, rows: Ints, scores: Floats, words: int, policy: ExtractivePolicy
) -> list[int]:
    """The sentences, in order, until they have so many words."""
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
