"""Texts compared word by word, in the normal form of Whisper's own evaluation; pure."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from operator import add

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
        return Errors(*map(add, astuple(self), astuple(other)))

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


_REPEATED = re.compile(
    r"(?<!\S)(?:"
    r"(?P<word>\S+)(?: (?P=word)(?!\S)){2,}"
    r"|(?P<pair>\S+ \S+)(?: (?P=pair)(?!\S))+"
    r"|(?P<phrase>\S+(?: \S+){2,19})(?:(?: \S+)? (?P=phrase)(?!\S))+"
    r")"
)
"""A word three times in a row, or a phrase twice; one of three words or more may have another word
between its copies."""


def said_twice(said: Sequence[str], shown: Sequence[str]) -> list[str]:
    """What follows on itself in ``shown`` more often than in ``said``, once for each copy too many."""
    return [*(_repeated(shown) - _repeated(said)).elements()]


def _repeated(words: Sequence[str]) -> Counter[str]:
    copies: Counter[str] = Counter()
    for found in _REPEATED.finditer(" ".join(words)):
        phrase = found[found.lastgroup or 0]
        copies[phrase] += found[0].count(phrase) - 1
    return copies
