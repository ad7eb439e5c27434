"""What may name a meeting, a track, a segment, a speaker or a term of a vocabulary; pure.

One rule for wherever a name comes in: the start message, the request for a synthesis, transcripts
from files, the names of audio files.
"""

import re
import unicodedata

from wordloop_ml.messages import VOCABULARY_CHARACTERS, VOCABULARY_ENTRIES

MAX_IDENTIFIER_CHARS = 64
MAX_SEGMENT_ID_CHARS = 128
"""A track, and the number of a sample; others may have other ids."""

IDENTIFIER_PATTERN = "^[A-Za-z0-9_.:-]{1,64}$"
"""Meeting and track identifiers; they go into URLs, segment ids and logs unescaped."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

SEGMENT_ID_PATTERN = "^[A-Za-z0-9_.:-]{1,128}$"

_SEGMENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def valid_identifier(name: str) -> bool:
    """Whether ``name`` may name a meeting or a track."""
    return _IDENTIFIER.fullmatch(name) is not None


def valid_segment_id(name: str) -> bool:
    """Whether ``name`` may stand for a segment of a transcript."""
    return _SEGMENT_ID.fullmatch(name) is not None


MAX_SPEAKER_CHARS = 128
MAX_TERM_CHARS = 64

_JOINERS = "\u200c\u200d"
"""Invisible, but names in several scripts need them, and emoji."""
_SPACES = frozenset({"Zs", "Zl", "Zp"})
_NEVER_SHOWN = frozenset({"Cc", "Cs"})
"""Control characters and halves of surrogate pairs."""


def plain_name(text: str, most_chars: int = MAX_SPEAKER_CHARS) -> str | None:
    """Normalise a name to one printable line; None where it is none, or is longer.

    Odd spaces (U+3000, no-break, tab) become plain ones, one between words; invisible marks of
    direction and their like (Unicode's Cf, but for joiners) are dropped; what can be composed is
    (NFC). Control characters and halves of surrogate pairs are in no name.
    """
    if len(text) > most_chars:
        return None
    shown: list[str] = []
    for letter in unicodedata.normalize("NFC", text):
        category = unicodedata.category(letter)
        if category in _SPACES or letter == "\t":
            shown.append(" ")
        elif category in _NEVER_SHOWN:
            return None
        elif category != "Cf" or letter in _JOINERS:
            shown.append(letter)
    name = " ".join(word for word in "".join(shown).split(" ") if word)
    return name if name.strip(_JOINERS + " ") and len(name) <= most_chars else None


def name_in(text: str) -> str:
    """Make a name of any text: as ``plain_name``, without what no name holds, and cut.

    Empty where nothing is left. For names that nobody can be asked to mend: of files, in files.
    """
    kept = (letter for letter in text if unicodedata.category(letter) not in _NEVER_SHOWN)
    return plain_name("".join(kept)[:MAX_SPEAKER_CHARS]) or ""


def plain_terms(terms: object) -> tuple[str, ...]:
    """Normalise the terms of a vocabulary. Raises ``ValueError``: the rule that they break, never a term."""
    if not isinstance(terms, list) or len(terms) > VOCABULARY_ENTRIES:
        raise ValueError(f"must be a list of at most {VOCABULARY_ENTRIES} terms")
    plain = tuple(
        name
        for term in terms
        if isinstance(term, str) and (name := plain_name(term, MAX_TERM_CHARS)) is not None
    )
    if len(plain) < len(terms):
        raise ValueError(
            f"must hold terms of 1 to {MAX_TERM_CHARS} printable characters, not all blank"
        )
    if sum(map(len, plain)) > VOCABULARY_CHARACTERS:
        raise ValueError(f"must hold at most {VOCABULARY_CHARACTERS} characters together")
    return plain
