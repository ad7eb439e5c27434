"""Finds what a hypothesis says several times in a row; pure.

Whisper repeats itself in three ways: words loop until the tokens run out, a whole text comes a
second time behind the first, and a loop hides inside a word or in writing without blanks. People
repeat themselves, too ("no, no, no"; "thank you, thank you"): a phrase that comes twice is only a
suspicion, and what nobody says is a loop.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import IntEnum

from wordloop_ml.captioning.local_agreement import normalised
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import Word

_LONGEST_BODY = 24
"""Words that a repeated phrase may have."""

_LOOP_IN_WORD = re.compile(r"(.)\1{7,}|(.{2,3}?)\2{4,}|(.{4,40}?)\3{2,}")
"""Laughter and long numbers repeat letters, too; nothing that is said does so often."""

_DOUBLED_IN_WORD = re.compile(r"(.{6,60}?)\1+")
"""A clause of Japanese or Chinese, where a word of ours is all that stands without a blank."""


class Repetition(IntEnum):
    """How much a text repeats itself."""

    NONE = 0
    DOUBLED = 1
    LOOP = 2


def repetition_in(words: Sequence[Word], policy: CaptioningPolicy) -> Repetition:
    """How much these words repeat themselves, case and punctuation aside."""
    spoken = [normalised(word.text) for word in words]
    if any(_LOOP_IN_WORD.search(word) for word in spoken):
        return Repetition.LOOP
    runs = list(_runs(spoken))
    if any(_is_loop(body, times, policy) for _, body, times in runs):
        return Repetition.LOOP
    doubled = any(_is_doubled(spoken[at : at + body], n, policy) for at, body, n in runs)
    doubled = doubled or any(_DOUBLED_IN_WORD.search(word) for word in spoken)
    return Repetition.DOUBLED if doubled else Repetition.NONE


def without_repeats(words: Sequence[Word], policy: CaptioningPolicy) -> tuple[Word, ...]:
    """The words with each loop and each doubled phrase said once: its first copy stays."""
    kept = [replace(word, text=_unlooped(word.text)) for word in words]
    while _drop_copies(kept, policy):
        pass  # what stands together now may repeat itself
    return tuple(kept)


def _drop_copies(words: list[Word], policy: CaptioningPolicy) -> bool:
    """Drop the copies of the shortest phrases that have some; whether there were any."""
    spoken = [normalised(word.text) for word in words]
    shortest = 0
    copies: list[slice] = []
    for at, body, times in _runs(spoken):
        if shortest and body > shortest:
            break
        phrase = spoken[at : at + body]
        if _is_loop(body, times, policy) or _is_doubled(phrase, times, policy):
            shortest = body
            copies.append(slice(at + body, at + body * times))
    for copy in reversed(copies):
        del words[copy]
    return bool(copies)


def _is_loop(body: int, times: int, policy: CaptioningPolicy) -> bool:
    return times >= policy.loop_times and times * body >= policy.loop_words


def _is_doubled(phrase: Sequence[str], times: int, policy: CaptioningPolicy) -> bool:
    """Whether it is worth a doubt: long phrases that come twice, of three words three times."""
    long = sum(map(len, phrase)) >= policy.doubled_letters
    return (len(phrase) > 1 and long) or (len(phrase) > 2 and times > 2)


def _runs(spoken: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Where a phrase stands twice or more in a row: (its start, its words, how often).

    Phrases that repeat a shorter one are left to that one.
    """
    for body in range(1, min(_LONGEST_BODY, len(spoken) // 2) + 1):
        start = 0
        for at in range(body, len(spoken) + 1):
            if at < len(spoken) and spoken[at] == spoken[at - body]:
                continue
            times = (at - start) // body
            if times > 1 and not _repeats_shorter(spoken[start : start + body]):
                yield start, body, times
            start = at - body + 1


def _repeats_shorter(phrase: Sequence[str]) -> bool:
    count = len(phrase)
    return any(
        count % part == 0 and phrase[part:] == phrase[:-part] for part in range(1, count // 2 + 1)
    )


def _unlooped(text: str) -> str:
    once = _LOOP_IN_WORD.sub(lambda match: next(filter(None, match.groups())), text)
    return _DOUBLED_IN_WORD.sub(r"\1", once)
