"""Tells whether two sentences of a meeting say the same; pure."""

import re

from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.numbers import CALENDAR_WORDS
from wordloop_ml.synthesis.words import content_stems, tokens

_NAME = re.compile(r"(?<=[\w,] )[A-Z][\w'-]+")
"""A capital inside a sentence."""
_NO_NAMES = CALENDAR_WORDS | {"i", "i'm", "i'll", "i've", "i'd", "okay", "yeah"}


def says_the_same(meeting: Gathered, one: int, other: int, policy: ExtractivePolicy) -> bool:
    """Whether one of two sentences is enough: the same words, or nearly the same meaning."""
    mine, theirs = meeting.sentences[one], meeting.sentences[other]
    if one == other or mine.plain == theirs.plain:
        return True
    if meeting.language in (None, "en"):
        return meeting.similarity(one, other) >= policy.same and not _of_others(
            mine.text, theirs.text
        )
    # the embeddings are of English: what they cannot read is all alike to them
    words, others = set(tokens(mine.text)), set(tokens(theirs.text))
    return len(words & others) >= policy.same_words * len(words | others)


def says_more(meeting: Gathered, one: int, other: int) -> bool:
    """Whether the one has something in it (a month, a number, a thing) that the other has not."""
    mine, theirs = (content_stems(tokens(meeting.sentences[at].text)) for at in (one, other))
    return not mine <= theirs


def _of_others(text: str, other: str) -> bool:
    """Whether two sentences name somebody or something, and have no name in common: Maria, Paula."""
    names, others = (
        frozenset(found.group(0).lower() for found in _NAME.finditer(said)) - _NO_NAMES
        for said in (text, other)
    )
    return bool(names and others) and not names & others
