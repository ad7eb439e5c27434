"""JSON objects that a stranger sent, read by strict rules, and the rules for names; pure.

RFC 8259, with the rules of I-JSON (RFC 7493): unlike ``json.loads``, ``parse_object`` refuses
duplicate names, NaN and Infinity, numbers that overflow or cost quadratic time, and nesting that
exhausts the stack.

Names of meetings, tracks, segments, speakers and terms have one rule wherever they come in: messages,
requests, transcripts from files, the names of audio files.

Errors name the field and the rule that it breaks, never a value other than a number.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any, NoReturn

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import language_of
from wordloop_ml.messages import VOCABULARY_CHARACTERS, VOCABULARY_ENTRIES

MAX_TEXT_BYTES = 65_536
"""Text frames up to and including this many bytes are read."""

MAX_NESTING = 16
"""Objects and arrays may stand this deep in one another; messages of version 1 need one."""

MAX_NUMBER_CHARS = 32
"""Longer than any number a message needs; Python reads long integers in quadratic time."""

# possessive, and content with an unclosed string, so that no text makes it run twice over itself
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|(?s:\\.))*+"?|[\[\]{}]')


def parse_object(text: str, *, most_bytes: int = MAX_TEXT_BYTES) -> dict[str, Any]:
    """Parse the one JSON object that ``text`` holds, of at most ``most_bytes`` in UTF-8.

    Raises ``BadInput``: ``TOO_LARGE``, ``BAD_JSON``, or ``BAD_MESSAGE`` for JSON that is not an
    object. Nothing else escapes, whatever the text.
    """
    # the first test spares encoding what is too long in any case
    if len(text) > most_bytes or len(text.encode(errors="replace")) > most_bytes:
        raise BadInput(f"a message is at most {most_bytes} bytes", code=ErrorCode.TOO_LARGE)
    _refuse_deep_nesting(text)
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
        )
    except json.JSONDecodeError as error:
        raise _bad_json(f"not JSON, at character {error.pos}") from None
    if not isinstance(value, dict):
        raise BadInput("a message must be a JSON object", code=ErrorCode.BAD_MESSAGE)
    return value


def _bad_json(message: str) -> BadInput:
    return BadInput(message, code=ErrorCode.BAD_JSON)


def _refuse_deep_nesting(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            depth += 1
            if depth > MAX_NESTING:
                raise _bad_json(f"JSON nested deeper than {MAX_NESTING} at {match.start()}")
        elif token in ("]", "}"):
            depth -= 1


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _bad_json("JSON object with a name twice")
    return fields


def _refuse_constant(_: str) -> NoReturn:
    raise _bad_json("JSON knows no NaN or Infinity")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARS:
        raise _bad_json(f"JSON number longer than {MAX_NUMBER_CHARS} characters")
    return int(digits)


def _parse_float(digits: str) -> float:
    if len(digits) > MAX_NUMBER_CHARS:
        raise _bad_json(f"JSON number longer than {MAX_NUMBER_CHARS} characters")
    value = float(digits)
    if not math.isfinite(value):
        raise _bad_json("JSON number out of range")
    return value


MAX_IDENTIFIER_CHARS = 64
MAX_SEGMENT_ID_CHARS = 128
"""Room for a track and the number of a sample, as ids are made here; others may make other ids."""

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
"""Zero-width non-joiner and joiner, which names in several scripts and emoji need."""
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


def name_in(text: str, most_chars: int = MAX_SPEAKER_CHARS) -> str:
    """Make a name of any text: as ``plain_name``, without what no name holds, and cut.

    Empty where nothing is left. For names that nobody can be asked to mend: of files, in files.
    """
    kept = (letter for letter in text if unicodedata.category(letter) not in _NEVER_SHOWN)
    return plain_name("".join(kept)[:most_chars], most_chars) or ""


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


def likely_terms(terms: Iterable[object]) -> tuple[str, ...]:
    """Normalise the terms that a vocabulary has room for, in order, and leave the rest out.

    For clients that cannot be told: what they have too much of only makes its words less likely.
    """
    kept: dict[str, None] = {}
    characters = 0
    for term in terms:
        name = plain_name(term, MAX_TERM_CHARS) if isinstance(term, str) else None
        if name is None or name in kept or characters + len(name) > VOCABULARY_CHARACTERS:
            continue
        if len(kept) == VOCABULARY_ENTRIES:
            break
        kept[name] = None
        characters += len(name)
    return tuple(kept)


MAX_POSITION = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 7493, 2.2)."""


class Fields:
    """Reads the fields of one object by name and rule.

    where: what stands before its fields' names in errors, such as ``segments[3].``.

    A field that is null is a field that was left out: many encoders write every optional field.
    """

    def __init__(self, values: dict[str, Any], where: str = "") -> None:
        self._names = values.keys()
        self._values = {name: value for name, value in values.items() if value is not None}
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def only(self, known: Iterable[str]) -> None:
        """Refuse any other field (``UNKNOWN_FIELD``), null or not, without repeating its name."""
        if not self._names <= set(known):
            place = self._where.removesuffix(".") or "the request"
            raise BadInput(
                f"{place} has a field other than {', '.join(known)}", code=ErrorCode.UNKNOWN_FIELD
            )

    def value(self, name: str) -> Any:
        """Read a required value of any type. This and the other readers raise ``BadInput``."""
        if name not in self._values:
            raise self.bad(name, "is missing")
        return self._values[name]

    def inner(self, name: str) -> "Fields":
        """Read an object inside this one."""
        return self._object(self.value(name), name)

    def item(self, name: str, at: int, value: object) -> "Fields":
        """Read a value at index ``at`` of the list ``name``, which must be an object."""
        return self._object(value, f"{name}[{at}]")

    def items(self, name: str) -> "list[Fields]":
        """Read a list of objects."""
        values = self.value(name)
        if not isinstance(values, list):
            raise self.bad(name, "must be a list")
        return [self.item(name, at, value) for at, value in enumerate(values)]

    def _object(self, value: object, name: str) -> "Fields":
        if not isinstance(value, dict):
            raise self.bad(name, "must be an object")
        return Fields(value, f"{self._where}{name}.")

    def text(self, name: str) -> str:
        """Read a string."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self.bad(name, "must be a string")
        return value

    def optional_text(self, name: str) -> str | None:
        """Read a string; None where it is left out."""
        return self.text(name) if name in self else None

    def boolean(self, name: str) -> bool:
        """Read true or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self.bad(name, "must be true or false")
        return value

    def number(self, name: str) -> float:
        """Read a number, with a fraction or without."""
        value = self.value(name)
        if type(value) not in (int, float):
            raise self.bad(name, "must be a number")
        return float(value)

    def optional_number(self, name: str) -> float | None:
        """Read a number; None where it is left out."""
        return self.number(name) if name in self else None

    def integer(self, name: str, *, low: int = 0, high: int = MAX_POSITION) -> int:
        """Read an integer within bounds, both inclusive."""
        value = self.value(name)
        # bool is an int to Python, and 1.0 is none to most readers of JSON
        if type(value) is not int or not low <= value <= high:
            raise self.bad(name, f"must be an integer from {low} to {high}")
        return value

    def truth(self, name: str) -> bool:
        """Read true or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self.bad(name, "must be true or false")
        return value

    def optional_integer(self, name: str, *, high: int = MAX_POSITION) -> int | None:
        """Read an integer from 0 to ``high``; None where it is left out."""
        return self.integer(name, high=high) if name in self else None

    def identifier(self, name: str) -> str:
        """Read the identifier of a meeting or a track."""
        value = self.text(name)
        if not valid_identifier(value):
            raise self.bad(name, "must be 1 to 64 characters of A-Z a-z 0-9 _ . : -")
        return value

    def speaker(self) -> str | None:
        """Read the speaker's name by the rule of ``plain_name``; None where it is left out."""
        if "speaker" not in self:
            return None
        name = plain_name(self.text("speaker"))
        if name is None:
            raise self.bad("speaker", "must be 1 to 128 printable characters, not all blank")
        return name

    def language(self) -> str | None:
        """Read the primary subtag of the language; None where it is left open, or left out."""
        if "language" not in self:
            return None
        try:
            return language_of(self.text("language"))
        except ValueError as error:
            raise self.bad("language", str(error)) from None

    def bad(self, name: str, rule: str, code: ErrorCode = ErrorCode.BAD_MESSAGE) -> BadInput:
        """Make the error for a field that breaks a rule."""
        return BadInput(f"{self._where}{name} {rule}", code=code)


def parse_json(content: bytes, *, most_bytes: int) -> dict[str, Any]:
    """Parse the one JSON object in these bytes. Raises ``BadInput`` as ``parse_object`` does."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8, at byte {error.start}", code=ErrorCode.BAD_JSON) from None
    return parse_object(text, most_bytes=most_bytes)
