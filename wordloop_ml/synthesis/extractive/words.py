"""Spoken words as one would write them: fillers out, false starts mended; pure.

What is taken away carries no meaning (``um``, a word said twice, ``you know`` between commas);
nothing is ever put in but a capital and a full stop.
"""

import re

from wordloop_ml.synthesis.extractive.languages import (
    UNSPACED_LANGUAGES,
    bare,
    is_verb,
    stop_words,
    unspaced_runs,
)
from wordloop_ml.synthesis.words import UNSPACED, WORD_CHARACTER, tokens

WORD = re.compile(rf"{WORD_CHARACTER}+(?:['’]{WORD_CHARACTER}+)*")
"""A word with its apostrophes; numbers are words."""

_FILLER = re.compile(
    r"\b(?:u+h+|u+m+|e+rm*|h+m+|m+h*m+|mm+|ah+|eh+|oh|huh|uh[- ]huh|mm[- ]?hmm)\b[,.]?",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?:^|(?<=,))\s*(?:you know|i mean|you see|like|sort of|kind of|well|right|okay|"
    r"actually(?!\s*,?\s*no\b)|basically)\s*,",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s+")
_LOOSE_STOP = re.compile(r"\s+([,.;:?!])")
_STOPS = re.compile(r",(?:\s*,)+")
_COMMA_BEFORE_STOP = re.compile(r"[,;:]\s*([.?!])")
_STAMMER = re.compile(r"\b(\w[\w'’]*(?: \w[\w'’]*){0,3})(?:,? \1\b)+", re.IGNORECASE)
_MAY_REPEAT = frozenset({"that", "had", "very", "no", "really", "far", "many", "bye"})
_OPENING = re.compile(
    r"^(?:[,;:.\-–—]\s*|(?:and|but|so|well|okay|ok|yeah|yes|yep|right|now|then|also|alright|"
    r"all right|"
    r"anyway|i mean|you know|you see|like|because|cause|cuz|'cause)\b[,;.]?\s*)+",
    re.IGNORECASE,
)
_ENDING = re.compile(
    r"(?:[\s,;:\-–—]+(?:and|but|so|or|because|you know|i mean|yeah|right|okay))*"
    r"[\s,;:\-–—]*$",
    re.IGNORECASE,
)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def without_fillers(text: str) -> str:
    """The text without fillers, asides and stammers; may be empty."""
    text = _FILLER.sub(" ", text)
    text = _ASIDE.sub(" ", text)
    text = _tidied(text)
    text = _STAMMER.sub(_once, text)
    return _tidied(text).strip(" ,;:")


def as_statement(text: str, *, english: bool = True) -> str:
    """A cleaned sentence as it may stand alone: opened by a capital, ended by a stop."""
    said = text.rstrip(" .,;:!-–—。、！；")
    if english:
        said = _ENDING.sub("", _OPENING.sub("", said))
    if not WORD.search(said):
        return ""
    stop = "。" if UNSPACED.match(said[-1]) else "."
    if said.endswith(("?", "？")):
        stop = ""
    return said[0].upper() + said[1:] + stop


def _tidied(text: str) -> str:
    text = _LOOSE_STOP.sub(r"\1", _BLANKS.sub(" ", text))
    text = _STOPS.sub(",", text)
    return _COMMA_BEFORE_STOP.sub(r"\1", text).strip()


def _once(match: re.Match[str]) -> str:
    said: str = match.group(1)
    return match.group(0) if said.lower() in _MAY_REPEAT or said.isdigit() else said


def spoken_words(text: str) -> int:
    """How many words were said; two characters of a script without blanks are one."""
    return len(WORD.findall(text)) + len(UNSPACED.findall(text)) // 2


def content_of(text: str, language: str | None = "en") -> list[str]:
    """The words that say what a text is about, in lower case, in order.

    In Chinese and Japanese, which write no blanks, what may be words.
    """
    if language in UNSPACED_LANGUAGES:
        return [word.lower() for run in unspaced_runs(text, language) for word in run]
    stop = stop_words(language)
    words = (bare(word, language) for word in tokens(text) if not is_verb(word, language))
    return [word for word in words if word not in stop and (len(word) > 2 or word.isdigit())]
