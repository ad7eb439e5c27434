"""Finds where one topic ends and the next begins; pure.

The meeting is cut into blocks of some tens of words, each with the mean of its sentences'
embeddings. Of all ways to divide the blocks, dynamic programming finds the one in which the blocks
lie closest to the mean of their topic, each topic costing a penalty (the variance criterion of
Alemi and Ginsparg, Text segmentation based on semantic word embeddings, 2015, with the
penalised dynamic programming of Utiyama and Isahara, ACL 2001).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from wordloop_ml.synthesis.extractive.notes import Floats, Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.steps import Pause, Steps


def stretches(meeting: Gathered, policy: ExtractivePolicy) -> Steps[list[tuple[int, int]]]:
    """Sentences of each topic: [begin, end), in order; together they are all sentences."""
    if not len(meeting.sentences):
        return []
    starts, blocks = _blocks(meeting, policy)
    cuts = yield from divide(blocks, policy)
    edges = [0, *(starts[cut] for cut in cuts), len(meeting.sentences)]
    return list(pairwise(edges))


def _blocks(meeting: Gathered, policy: ExtractivePolicy) -> tuple[list[int], Floats]:
    """The first sentence of each block, and its embedding without what all blocks share."""
    total = max(1.0, float(meeting.words.sum()))
    size = max(policy.block_words, total / policy.most_blocks)
    block = (meeting.heard // size).astype(np.intp)
    _, starts, block = np.unique(block, return_index=True, return_inverse=True)
    sums = np.zeros((len(starts), meeting.vectors.shape[1]))
    if len(meeting.embedded):
        weights = np.minimum(meeting.words[meeting.embedded], policy.longest_sentence_words)
        np.add.at(sums, block[meeting.embedded], meeting.vectors * weights[:, None])
    sums = _unit(sums)
    return [int(start) for start in starts], _unit(sums - policy.shared * sums.mean(axis=0))


def divide(blocks: Floats, policy: ExtractivePolicy) -> Steps[list[int]]:
    """The indices of the blocks with which topics begin, but for the first."""
    count = len(blocks)
    shortest = min(policy.topic_blocks, count)
    most = int(min(policy.most_topics, max(1, count // shortest)))
    prefix = np.vstack([np.zeros(blocks.shape[1]), np.cumsum(blocks, axis=0)])
    gram = prefix @ prefix.T
    norm = np.diag(gram)
    best = np.full((most + 1, count + 1), np.inf)
    best[0, 0] = 0.0
    came = np.zeros((most + 1, count + 1), np.intp)
    for end in range(shortest, count + 1):
        begin = np.arange(0, end - shortest + 1)
        spread = (end - begin) - (norm[end] + norm[begin] - 2 * gram[end, begin]) / (end - begin)
        for topics in range(1, most + 1):
            costs = best[topics - 1, begin] + spread
            at = int(np.argmin(costs))
            best[topics, end] = costs[at]
            came[topics, end] = at
        if end % policy.pause_rows == 0:
            yield Pause()
    return _path(best, came, policy)


def _path(
    best: Floats, came: np.ndarray[tuple[int, ...], np.dtype[np.intp]], policy: ExtractivePolicy
) -> list[int]:
    """The cuts of the cheapest number of topics."""
    end = best.shape[1] - 1
    # what one topic more must save: a share of what one topic for all would cost
    penalty = policy.topic_penalty * best[1, end]
    topics = 1 + int(np.argmin(best[1:, end] + penalty * np.arange(1, len(best))))
    cuts: list[int] = []
    while topics > 1:
        end = int(came[topics, end])
        cuts.append(end)
        topics -= 1
    return cuts[::-1]


def evenly(count: int, topics: int) -> Sequence[int]:
    """The cuts of ``count`` blocks into topics of one length."""
    return [round(count * topic / topics) for topic in range(1, topics)]


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
