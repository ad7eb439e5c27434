"""Strict JSON objects from text that a stranger sent (RFC 8259, I-JSON's rules of RFC 7493).

What ``json.loads`` lets through and a protocol must not: duplicate names, NaN and Infinity,
numbers that overflow or cost quadratic time, and nesting that exhausts the stack.
"""

import json
import math
import re
from typing import Any, NoReturn

from wordloop_ml.errors import BadInput, ErrorCode

MAX_TEXT_BYTES = 65_536
"""Text frames up to and including this many bytes are read."""

MAX_NESTING = 16
"""Objects and arrays may stand this deep in one another; messages of version 1 need one."""

MAX_NUMBER_CHARS = 32
"""Longer than any number a message needs; Python reads long integers in quadratic time."""

# possessive, and content with an unclosed string, so that no text makes it run twice over itself
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|(?s:\\.))*+"?|[\[\]{}]')


def parse_object(text: str, *, most_bytes: int = MAX_TEXT_BYTES) -> dict[str, Any]:
    """The one JSON object that ``text`` holds; it may have ``most_bytes``, in UTF-8.

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
