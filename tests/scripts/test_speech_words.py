"""Texts compared word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.evaluation.words import (
    Errors,
    annotations,
    compare,
    normal_words,
    said_twice,
)

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("three three four six", "334-6."),
        ("one two three", "1. 2, 3."),
        ("nineteen forty five", "1945"),
        ("mister hale uh i'm here", "Mr. Hale, I am here!"),
        ("the colour", "The color [door slams]"),
        ("what can be", "What can be..."),
        ("twenty dollars", "$20"),
    ],
)
def test_spellings_of_the_same_words_are_the_same(said: str, shown: str) -> None:
    """Numbers, titles, contractions, fillers, British spelling and annotations are levelled."""
    assert normal_words(said, "en") == normal_words(shown, "en")


def test_languages_without_blanks_are_compared_by_character() -> None:
    """Their words are characters."""
    assert normal_words("今天天气。", "zh") == ["今", "天", "天", "气"]


@pytest.mark.parametrize(
    ("said", "shown", "errors"),
    [
        ("a b c", "a b c", Errors(3)),
        ("a b c", "a x c d", Errors(3, substituted=1, inserted=1)),
        ("a b c", "", Errors(3, deleted=3)),
        ("", "a b", Errors(0, inserted=2)),
        ("", "", Errors(0)),
    ],
)
def test_errors_are_counted_by_kind(said: str, shown: str, errors: Errors) -> None:
    """The edges too: nothing said, nothing shown."""
    assert compare(said.split(), shown.split()) == errors


@given(WORDS, WORDS)
def test_errors_explain_the_difference_in_length(said: list[str], shown: list[str]) -> None:
    """What was shown is what was said, without what was left out, with what was inserted."""
    errors = compare(said, shown)
    assert len(shown) == len(said) - errors.deleted + errors.inserted
    assert errors.wrong <= max(len(said), len(shown))


@pytest.mark.parametrize(
    ("said", "shown", "twice"),
    [
        ("and so my fellow americans", "and so my fellow americans and so my fellow americans",
         ["and so my fellow americans"]),
        ("and so my fellow americans ask", "and so my fellow american and so my fellow ask",
         ["and so my fellow"]),
        ("it is it is", "it is it is", []),
        ("go on go on", "go on go on go on", ["go on"]),
        ("no no", "no no", []),
        ("well", "well well well well", ["well"] * 3),
        ("a day of the man of the house", "a day of the man of the house", []),
    ],
)  # fmt: skip
def test_a_phrase_counts_when_it_was_said_less_often(
    said: str, shown: str, twice: list[str]
) -> None:
    """What people say twice may be shown twice."""
    assert said_twice(said.split(), shown.split()) == twice


@given(WORDS)
def test_what_was_said_is_never_said_too_often(said: list[str]) -> None:
    """A right text has no phrase twice, however people repeat themselves."""
    assert said_twice(said, said) == []


def test_annotations_are_found_in_all_their_brackets() -> None:
    """As Whisper writes them."""
    assert annotations("[BLANK_AUDIO] Yes (laughs) ♪♪ >> No *sighs* 3 * 4") == [
        "[BLANK_AUDIO]",
        "(laughs)",
        "♪♪",
        ">>",
        "*sighs*",
    ]
