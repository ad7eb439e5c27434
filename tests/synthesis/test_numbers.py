"""Numbers in digits and in words, and their units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.numbers import numbers_of

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(number: int) -> str:
    """Spell a number below a billion, as people say it."""
    if number < 20:
        return ONES[number]
    if number < 100:
        ten, one = divmod(number, 10)
        return TENS[ten - 2] + (f"-{ONES[one]}" if one else "")
    for size, name in ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred")):
        if number >= size:
            many, rest = divmod(number, size)
            end = f" and {spelled(rest)}" if 0 < rest < 100 else f" {spelled(rest)}" if rest else ""
            return f"{spelled(many)} {name}{end}"
    raise AssertionError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Twelve and a half Euros", [12.5]),
        ("seventy six point three percent", [76.3]),
        ("590,000 loans and £1.5 billion", [590_000, 1.5e9]),
        ("from fifteen to twenty five", [15, 25]),
        ("7.7million, one point six", [7.7e6, 1.6]),
        ("a hundred people, half of them, a dozen", [100, 0.5, 12]),
        ("2017-18, 1.2.3", [2017, 18, 1.2, 3]),
        ("three or four, five and six", [3, 4, 5, 6]),
        ("thousands of them, first and second", []),
        ("", []),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, values: list[float]) -> None:
    """Words go together as far as they can."""
    assert [one.value for one in numbers_of(text)] == values


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("12.5 euros", "euro"),
        ("€12.50", "euro"),
        ("70%", "percent"),
        ("seventy per cent", "percent"),
        ("a two-foot range", "foot"),
        ("two remotes", None),
    ],
)
def test_units_stand_on_either_side(text: str, unit: str | None) -> None:
    """Currencies, measures and times have a name; whatever else is counted has none."""
    assert [one.unit for one in numbers_of(text)] == [unit]


def test_a_number_is_said_by_the_same_one() -> None:
    """A unit that is not named may be any; another one may not."""
    euros, percent, bare, other = (
        numbers_of(text)[0] for text in ("12 euros", "twelve percent", "twelve", "thirteen euros")
    )
    assert euros.is_said_by(bare)
    assert bare.is_said_by(percent)
    assert not euros.is_said_by(percent)
    assert not euros.is_said_by(other)


def test_a_lonely_one_is_plain() -> None:
    """It is a pronoun more often than a number."""
    assert [one.plain for one in numbers_of("the one in one year, 1")] == [True, False, False]


@given(st.integers(0, 999_999_999))
def test_every_whole_number_is_read_as_it_is_written(number: int) -> None:
    """In digits, with commas, and in words."""
    for text in (str(number), f"{number:,}", spelled(number)):
        assert [(one.value, text[one.start : one.end]) for one in numbers_of(text)] == [
            (number, text)
        ]


@given(st.text())
def test_any_text_has_its_numbers_in_order(text: str) -> None:
    """And apart from one another."""
    found = numbers_of(text)
    places = [place for one in found for place in (one.start, one.end)]
    assert places == sorted(places)
    assert all(one.start < one.end for one in found)


def test_days_and_months_are_numbers() -> None:
    """Each is one that has to be said, too; words of other meanings are none."""

    def dates(text: str) -> list[tuple[float, str | None]]:
        return [(one.value, one.unit) for one in numbers_of(text)]

    assert dates("We launch on friday, 3 March.") == [
        (5.0, "weekday"),
        (3.0, None),
        (3.0, "calendar month"),
    ]
    assert dates("In May or august, not tomorrow") == [
        (5.0, "calendar month"),
        (8.0, "calendar month"),
        (1.0, "date"),
    ]
    assert dates("May I march on? You may.") == []
