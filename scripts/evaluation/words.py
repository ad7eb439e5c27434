"""Texts compared word by word, in the normal form of Whisper's own evaluation; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

BY_CHARACTER = frozenset({"ja", "zh"})
"""Languages written without blanks: their words are characters."""

_NUMBER = re.compile(r"\d+(?:\.\d+)*|\bone\b")
_ANNOTATION = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]+\*|[♩-♯]+|>>|<<")


@dataclass(frozen=True, slots=True)
class Errors:
    """How a text differs from what was said. said: words that were said."""

    said: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(
            self.said + other.said,
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
        )

    @property
    def wrong(self) -> int:
        """All errors together."""
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float | None:
        """Errors over words said, as a ratio; None where nothing was said."""
        return self.wrong / self.said if self.said else None


@cache
def _english() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()


@cache
def _other(*, by_character: bool) -> BasicTextNormalizer:
    return BasicTextNormalizer(split_letters=by_character)


def normal_words(text: str, language: str | None) -> list[str]:
    """The words of a text, so that only what is said differs between two of them.

    Without case, punctuation, annotations in brackets and, in English, fillers and two spellings
    of a word or a number. Each digit is a word of its own, because "three four" comes out as 34
    and "3 4" does not. language: None, where nobody speaks, is taken for English.
    """
    if language in {None, "en"}:
        normal = _english()(text)
    else:
        normal = _other(by_character=language in BY_CHARACTER)(text)
    words = _NUMBER.sub(lambda number: _digits(number[0]), normal).split()
    # the normaliser leaves a point of an ellipsis, and currencies
    return [word for word in words if any(letter.isalnum() for letter in word)]


def _digits(number: str) -> str:
    """One word for each digit; the normaliser spells a lone 1, and no other number."""
    digits = number.replace("one", "1").replace(".", "")
    return f" {' '.join(digits)} "


def compare(said: Sequence[str], shown: Sequence[str]) -> Errors:
    """The fewest errors that make one of the other: Levenshtein's distance over words."""
    if not said:
        return Errors(inserted=len(shown))
    measured = jiwer.process_words(" ".join(said), " ".join(shown))
    return Errors(len(said), measured.substitutions, measured.deletions, measured.insertions)


def equal_words(said: Sequence[str], shown: Sequence[str]) -> list[tuple[int, int]]:
    """The places in both of the words that Levenshtein's alignment finds in both."""
    if not said or not shown:
        return []
    return [
        (chunk.ref_start_idx + at, chunk.hyp_start_idx + at)
        for chunk in jiwer.process_words(" ".join(said), " ".join(shown)).alignments[0]
        if chunk.type == "equal"
        for at in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def annotations(text: str) -> list[str]:
    """What is in a text and was not spoken: ``[noise]``, ``(music)``, ``*laughs*``, notes, ``>>``."""
    return _ANNOTATION.findall(text)


def said_twice(said: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Phrases that follow on themselves in ``shown`` more often than they were said at all.

    A phrase has two words or more; one of three or more may have another word between its copies.
    A single word counts when it comes three times in a row. Each phrase is listed once for each
    copy too many.
    """
    twice: list[str] = []
    at = 0
    while at < len(shown):
        size, copies, end = _repetition(shown, at)
        if copies > 1:
            phrase = list(shown[at : at + size])
            extra = copies - max(1, _occurrences(phrase, said))
            twice += [" ".join(phrase)] * max(0, extra)
        at = end
    return twice


def _repetition(shown: Sequence[str], at: int) -> tuple[int, int, int]:
    """The phrase at this place whose copies reach furthest: its size, its copies, and their end.

    Of several that reach as far, the shortest.
    """
    best = 1, 1, at + 1
    for size in range(1, (len(shown) - at) // 2 + 1):
        phrase, copies, end = shown[at : at + size], 1, at + size
        while (following := _next_copy(shown, phrase, end)) is not None:
            copies, end = copies + 1, following + size
        if copies > (2 if size == 1 else 1) and end > best[2]:
            best = size, copies, end
    return best


def _next_copy(shown: Sequence[str], phrase: Sequence[str], end: int) -> int | None:
    for gap in range(2 if len(phrase) > 2 else 1):
        if list(shown[end + gap : end + gap + len(phrase)]) == list(phrase):
            return end + gap
    return None


def _occurrences(phrase: Sequence[str], said: Sequence[str]) -> int:
    """How often a phrase was said, without overlaps."""
    count = at = 0
    while at + len(phrase) <= len(said):
        if list(said[at : at + len(phrase)]) == list(phrase):
            count, at = count + 1, at + len(phrase)
        else:
            at += 1
    return count
