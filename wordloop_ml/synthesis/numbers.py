"""Numbers and days of a text, as digits or English words, with their units; pure.

"12.5 euros", "twelve and a half Euros" and "€12.50" are one number. Ordinals are none: "first" and "second" mostly put things in order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_VALUES: dict[str, int] = {word: at for at, word in enumerate(_ONES.split())}
_TENS: dict[str, int] = {
    word: 10 * at
    for at, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
}
_UNITS = {
    unit: name
    for name, units in {
        "euro": "€ euro euros",
        "dollar": "$ dollar dollars buck bucks",
        "pound": "£ pound pounds",
        "cent": "cent cents",
        "percent": "% percent",
        "second": "second seconds",
        "minute": "minute minutes",
        "hour": "hour hours",
        "day": "day days",
        "week": "week weeks",
        "month": "month months",
        "year": "year years",
        "foot": "foot feet",
        "metre": "metre metres meter meters",
        "inch": "inch inches",
        "mile": "mile miles",
    }.items()
    for unit in units.split()
}
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_PART = re.compile(rf"[€$£%]|{_DIGITS}|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\w\s]")
_SHARES = {"half": 0.5, "quarter": 0.25, "dozen": 12.0}
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august september october november december"
_CALENDAR = {"weekday", "calendar month", "date"}
_DATES = {
    word: (float(at), unit)
    for unit, words in (("weekday", _WEEKDAYS), ("calendar month", _MONTHS), ("date", "tomorrow"))
    for at, word in enumerate(words.split(), start=1)
}
CALENDAR_WORDS = frozenset(_DATES)
"""Names of days and months."""
_DATE = re.compile(
    r"\b(?i:"
    + "|".join(word for word in _DATES if word not in {"march", "may"})
    + r")\b|(?<=[\w,] )(?:March|May)\b"
)
"""Also words of other meanings, where they have a capital and do not begin a sentence."""
_ONE = 1.0
_ANY = 1_000
"""What the last word counts where a number begins: any word goes on with it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that stands in a text.

    unit: the singular name of what it counts, where that is a currency, a measure or a time. plain: written as a word of one
        ("one") without a unit, which is mostly a pronoun. start, end: its place in the text, in characters.
    """

    value: float
    unit: str | None
    plain: bool
    start: int
    end: int

    def is_said_by(self, other: "Number") -> bool:
        """Whether the other one, as it was said, says this one: an unnamed unit may be any but a day."""
        units = {self.unit, other.unit}
        same_unit = len(units) == 1 or (None in units and not units & _CALENDAR)
        return self.value == other.value and same_unit


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    start: int
    end: int


def numbers_of(text: str) -> list[Number]:
    """Return the numbers of a text, in order; a weekday or a month is one, counted from 1."""
    parts = [_Part(one[0].lower(), *one.span()) for one in _PART.finditer(text)]
    dates = [Number(*_DATES[one[0].lower()], False, *one.span()) for one in _DATE.finditer(text)]
    return sorted([*_read(parts), *dates], key=lambda one: one.start)


def _read(parts: list[_Part]) -> Iterator[Number]:
    at = 0
    while at < len(parts):
        read = _number(parts, at)
        if read is None:
            at += 1
            continue
        value, end = read
        unit = _unit_before(parts, at) or _unit_behind(parts, end)
        plain = value == _ONE and end == at + 1 and parts[at].text == "one" and unit is None
        yield Number(value, unit, plain, parts[at].start, parts[end - 1].end)
        at = end


def _number(parts: list[_Part], at: int) -> tuple[float, int] | None:
    """Return the number that begins at this part, and where it ends."""
    first = parts[at].text
    if first[0].isdecimal():
        return _scaled(parts, float(first.replace(",", "")), at + 1)
    if first in {"a", "an"} and _text(parts, at + 1) in {*_SCALES, *_SHARES}:
        return _number(parts, at + 1)
    if first in _SHARES:
        return _SHARES[first], at + 1
    return _spelled(parts, at) if _fits(first, _ANY) else None


def _scaled(parts: list[_Part], value: float, end: int) -> tuple[float, int]:
    """Read "7.7 million", "2 and a half"."""
    if (scale := _SCALES.get(_text(parts, end))) is not None:
        value, end = round(value * scale, 6), end + 1
    return _halved(parts, value, end)


def _spelled(parts: list[_Part], at: int) -> tuple[float, int]:
    """Read a number in words, as far as its words go together: "two hundred and fifty thousand"."""
    total, group, end = 0, 0, at
    smallest = _ANY
    while _fits(_text(parts, end), smallest):
        word = parts[end].text
        if word in _VALUES:
            group, smallest = group + _VALUES[word], 1
        elif word in _TENS:
            group, smallest = group + _TENS[word], 10
        elif word == "hundred":
            group, smallest = max(group, 1) * 100, 100
        else:
            total, group, smallest = total + max(group, 1) * _SCALES[word], 0, _ANY
        end += 1
        if _joins(_text(parts, end), group, total) and _fits(_text(parts, end + 1), smallest):
            end += 1
    value = float(total + group)
    if _text(parts, end) == "point" and _VALUES.get(_text(parts, end + 1), 10) < 10:
        value, end = _with_decimals(parts, int(value), end + 1)
        return _scaled(parts, value, end)
    return _halved(parts, value, end)


def _joins(word: str, group: int, total: int) -> bool:
    """Whether a word joins two of a number: "twenty-five", "two hundred and one"."""
    return word == "-" or (word == "and" and (group >= 100 or total > 0))


def _with_decimals(parts: list[_Part], whole: int, end: int) -> tuple[float, int]:
    digits = ""
    while (digit := _VALUES.get(_text(parts, end), 10)) < 10:
        digits, end = f"{digits}{digit}", end + 1
    return float(f"{whole}.{digits}"), end


def _fits(word: str, smallest: int) -> bool:
    """Whether a word goes on with a number whose last word counted ``smallest``."""
    if word in _VALUES:
        return smallest >= 100 or (smallest == 10 and 0 < _VALUES[word] < 10)
    if word in _TENS:
        return smallest >= 100
    if word == "hundred":
        return smallest != 100
    return word in _SCALES


def _halved(parts: list[_Part], value: float, end: int) -> tuple[float, int]:
    if [_text(parts, end + k) for k in range(3)] == ["and", "a", "half"]:
        return value + 0.5, end + 3
    return value, end


def _unit_before(parts: list[_Part], at: int) -> str | None:
    before = parts[at - 1].text if at else ""
    return _UNITS[before] if before in {"€", "$", "£"} else None


def _unit_behind(parts: list[_Part], end: int) -> str | None:
    behind = _text(parts, end)
    if behind == "-":
        behind = _text(parts, end + 1)
    if behind == "per" and _text(parts, end + 1) == "cent":
        return "percent"
    return _UNITS.get(behind)


def _text(parts: list[_Part], at: int) -> str:
    return parts[at].text if at < len(parts) else ""
