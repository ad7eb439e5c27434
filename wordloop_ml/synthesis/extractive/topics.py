"""Finds where one topic ends and the next begins, and names each; pure.

The meeting is cut into blocks of some tens of words, each with the mean of its sentences'
embeddings. Of all ways to divide the blocks, dynamic programming finds the one in which the blocks
lie closest to the mean of their topic, each topic costing a penalty (the variance criterion of
Alemi and Ginsparg, Text segmentation based on semantic word embeddings, 2015, with the
penalised dynamic programming of Utiyama and Isahara, ACL 2001).

Titles are phrases that are said in a topic, and less elsewhere. Candidates are runs of content words
within a sentence. A phrase weighs by how often it is said here, how much more often than elsewhere
in the meeting, and grows with its length (after C-value: Frantzi, Ananiadou and Mima, 2000):
"remote control" rather than "control".
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from wordloop_ml.synthesis.extractive.notes import Floats, Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.words import (
    UNSPACED_LANGUAGES,
    WORD,
    bare,
    content_of,
    stems,
    unspaced_runs,
    words_of,
    writes_nouns_with_capitals,
)


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


_LETTER = re.compile(r"[^\W\d_]")
_FEWEST_LETTERS = 3

_GENERIC_WORDS = """
    meeting review design discussion presentation agenda minutes project group team update status item
    action decision topic session call slide question issue document folder email mail summary report
    point note company member conversation conference recording transcript introduction conclusion
    speaker participant task chat decided decide discuss discussed agreed planned suggested
"""
_GENERIC = frozenset(word.removesuffix("s") for word in _GENERIC_WORDS.split())
"""Any meeting could be called by these: "Design review meeting"."""

Phrase = tuple[str, ...]


class Phrases:
    """The phrases of each stretch of a meeting."""

    def __init__(
        self, counts: Sequence[Counter[Phrase]], shown: dict[Phrase, Counter[str]]
    ) -> None:
        self._counts = counts
        self._all: Counter[Phrase] = Counter()
        for count in counts:
            self._all.update(count)
        self._shown = shown

    def best(self, stretch: int | None, policy: ExtractivePolicy) -> list[str]:
        """The phrases that name this stretch best (None: the whole meeting), as they were said."""
        counts = self._all if stretch is None else self._counts[stretch]
        chosen: list[Phrase] = []
        taken: set[str] = set()
        ranked = sorted(counts, key=lambda phrase: (-self._weight(phrase, stretch, policy), phrase))
        for phrase in ranked:
            if len(chosen) == policy.title_phrases:
                break
            # "control" says nothing beside "remote control"
            if stems(list(phrase)) & taken or _GENERIC.issuperset(phrase):
                continue
            chosen.append(phrase)
            taken |= stems(list(phrase))
        return [self._shown[phrase].most_common(1)[0][0] for phrase in chosen]

    def _weight(self, phrase: Phrase, stretch: int | None, policy: ExtractivePolicy) -> float:
        here = self._all[phrase] if stretch is None else self._counts[stretch][phrase]
        if here < policy.title_times and (len(phrase) > 1 or stretch is None):
            return 0.0
        weight = math.log1p(here) * (1.0 + policy.title_length * (len(phrase) - 1))
        if stretch is None:
            spread = sum(phrase in count for count in self._counts) / len(self._counts)
            return weight * (0.5 + spread)
        share = here / self._all[phrase]
        return weight * (policy.title_everywhere + share)


def phrases_of(
    meeting: Gathered, parts: Sequence[tuple[int, int]], policy: ExtractivePolicy
) -> Steps[Phrases]:
    """Count the phrases of each part."""
    counts: list[Counter[Phrase]] = []
    shown: dict[Phrase, Counter[str]] = {}
    # whoever speaks is no topic
    names = frozenset(word for one in meeting.sentences for word in words_of(one.voice))
    done = 0
    for begin, end in parts:
        count: Counter[Phrase] = Counter()
        for at in range(begin, end):
            # short answers hold no phrase
            if meeting.row[at] < 0:
                continue
            for phrase, words in _candidates(
                meeting.sentences[at].text, names, meeting.language, policy
            ):
                count[phrase] += 1
                shown.setdefault(phrase, Counter())[words] += 1
            done += 1
            if done % policy.pause_sentences == 0:
                yield Pause()
        counts.append(count)
    return Phrases(counts, shown)


def title_of(phrases: Sequence[str], language: str | None = "en") -> str:
    """The phrases as one title; empty when there are none."""
    if not phrases:
        return ""
    if language == "en" and len(phrases) > 1:
        text = f"{', '.join(phrases[:-1])} and {phrases[-1]}"
    else:
        text = ("、" if language in UNSPACED_LANGUAGES else ", ").join(phrases)
    return text[0].upper() + text[1:]


def _candidates(
    text: str, names: frozenset[str], language: str | None, policy: ExtractivePolicy
) -> Iterator[tuple[Phrase, str]]:
    """Every run of content words that is not too long: its key, and as it was said."""
    if language in UNSPACED_LANGUAGES:
        for run in unspaced_runs(text, language):
            yield from _unspaced(run, names, policy)
    else:
        for run in _spaced_runs(text, names, language):
            yield from _runs(run, policy)


def _spaced_runs(text: str, names: frozenset[str], language: str | None) -> Iterator[list[str]]:
    """Content words with nothing but blanks between them."""
    content = frozenset(content_of(text, language)) - names
    nouns_alone = writes_nouns_with_capitals(language)
    run: list[str] = []
    last = 0
    for found in WORD.finditer(text) if content else ():
        whole = found.group(0)
        word = bare(whole, language)
        broken = text[last : found.start()].strip(" -") != "" or not whole.startswith(word)
        last = found.end()
        plain = (
            word.lower().replace("’", "'") in content
            and len(_LETTER.findall(word)) >= _FEWEST_LETTERS
            and (word[0].isupper() or not nouns_alone)
        )
        if run and (broken or not plain):
            yield run
            run = []
        if plain:
            run.append(word)
    yield run


def _runs(run: Sequence[str], policy: ExtractivePolicy) -> Iterator[tuple[Phrase, str]]:
    for length in range(1, policy.title_words + 1):
        for at in range(len(run) - length + 1):
            words = run[at : at + length]
            yield tuple(word.lower().removesuffix("s") for word in words), " ".join(words)


def _unspaced(
    run: Sequence[str], names: frozenset[str], policy: ExtractivePolicy
) -> Iterator[tuple[Phrase, str]]:
    """Words side by side; of Chinese, whose characters are told apart by nothing, two at least."""
    fewest = 2 if run and len(run[0]) == 1 else 1
    for length in range(fewest, fewest + policy.title_words):
        for at in range(len(run) - length + 1):
            phrase = "".join(run[at : at + length])
            if not any(phrase in name for name in names):
                yield tuple(word.lower() for word in run[at : at + length]), phrase
