"""Segments become sentences; pure.

A final ends where somebody paused, not where a sentence does. So pieces of one voice are joined
while the sentence has not ended, across short pauses and short remarks of others, then divided at
stops, and at a clause when a sentence will not end.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wordloop_ml.synthesis.extractive.lexicon import PUT_DOWN, SECOND_THOUGHT
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.words import (
    WORD,
    as_statement,
    spoken_words,
    without_fillers,
    words_of,
)
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.words import UNSPACED

_STOP = re.compile(r"[.?!…]+[\"'”’)]*\s+|[。？！]+[」』”）]*\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|hon|st|vs|etc|e\.g|i\.e|no|inc|ltd|approx)|\b[A-Za-z])\.$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:]\s+(?=(?:and|but|so|because|which|then|or|if|when|that)\b)|;\s+", re.IGNORECASE
)
_ENDS = re.compile(rf"(?:[.?!…][\"'”’)]*|[。？！][」』”）]*|{UNSPACED.pattern})$")
"""A final in writing without blanks ends where somebody paused, often without a stop."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a chunk.

    text: without fillers, as it was said otherwise. voice: whose it is. first, last: positions of
        its first and last segment in the chunk. words: how many it has. statement: the
        sentence as it may stand alone; empty where it may not. plain: the words of that, without
        case and punctuation; what has the same ones says the same.
    """

    text: str
    voice: str
    first: int
    last: int
    words: int
    statement: str = ""
    plain: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    """Pieces of one voice whose sentence has not ended: (position, text).

    until: when the last one ended, in milliseconds.
    """

    voice: str
    pieces: list[tuple[int, str]]
    words: int = 0
    until: int = 0


def sentences_of(
    segments: Sequence[Segment], policy: ExtractivePolicy, *, english: bool = True
) -> list[Sentence]:
    """The sentences of a chunk, in order of their first segment, those without a word left out.

    english: fillers are taken out, and a second thought begins a sentence.
    """
    found: list[Sentence] = []
    waiting: dict[str, _Open] = {}
    for position, segment in enumerate(segments):
        for turn in list(waiting.values()):
            if _given_up(turn, position, segment, policy):
                found.extend(_divided(waiting.pop(turn.voice), policy, english))
        turn = waiting.setdefault(segment.voice, _Open(segment.voice, []))
        turn.pieces.append((position, segment.text.strip()))
        turn.words += spoken_words(segment.text)
        turn.until = max(turn.until, segment.end)
        if _ENDS.search(segment.text.strip()) or turn.words >= policy.longest_turn_words:
            found.extend(_divided(waiting.pop(segment.voice), policy, english))
    for turn in waiting.values():
        found.extend(_divided(turn, policy, english))
    return sorted(found, key=lambda sentence: (sentence.first, sentence.last))


def _given_up(turn: _Open, position: int, segment: Segment, policy: ExtractivePolicy) -> bool:
    """Whether a sentence is over although no stop came: others said too much meanwhile, or its
    speaker was silent for too long."""
    others = position - turn.pieces[-1][0] - (segment.voice == turn.voice)
    silent_ms = segment.start - turn.until
    return others > policy.join_across_segments or silent_ms > policy.join_within_ms


def _divided(turn: _Open, policy: ExtractivePolicy, english: bool) -> Iterator[Sentence]:
    """The sentences of pieces that belong together."""
    text = ""
    starts: list[int] = []
    for _, piece in turn.pieces:
        text += " " if text else ""
        starts.append(len(text))
        text += piece
    positions = [position for position, _ in turn.pieces]
    for begin, end in _spans(text, policy, english):
        cleaned = without_fillers(text[begin:end]) if english else text[begin:end].strip()
        words = spoken_words(cleaned)
        if words:
            first = max(k for k, start in enumerate(starts) if start <= begin)
            last = max(k for k, start in enumerate(starts) if start < end)
            statement = as_statement(cleaned, english=english)
            plain = tuple(words_of(statement or cleaned))
            yield Sentence(
                cleaned, turn.voice, positions[first], positions[last], words, statement, plain
            )


def _spans(text: str, policy: ExtractivePolicy, english: bool) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends."""
    begin = 0
    stops = [
        stop.end()
        for stop in _STOP.finditer(text)
        if text[stop.start()] != "." or not _ABBREVIATION.search(text[: stop.start() + 1])
    ]
    thoughts = [thought.start() for thought in SECOND_THOUGHT.finditer(text)] if english else []
    thoughts = [at for at in thoughts if PUT_DOWN.search(text, begin, at)]
    for end in sorted({*stops, *thoughts} - {0}):
        yield from _clauses(text, begin, end, policy)
        begin = end
    if begin < len(text):
        yield from _clauses(text, begin, len(text), policy)


def _clauses(
    text: str, begin: int, end: int, policy: ExtractivePolicy
) -> Iterator[tuple[int, int]]:
    """One span, or several when it is too long: cut at the clause nearest behind what is wanted."""
    longest = policy.longest_sentence_words
    while True:
        words = list(WORD.finditer(text, begin, end))
        if len(words) <= longest:
            break
        reach = words[longest - 1].end()
        wanted = words[longest // 3].start()
        cuts = [cut.end() for cut in _CLAUSE.finditer(text, wanted, reach)]
        cut = cuts[-1] if cuts else words[longest].start()
        yield begin, cut
        begin = cut
    yield begin, end
