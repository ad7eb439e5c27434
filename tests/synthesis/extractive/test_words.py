"""Spoken words, written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.extractive.words import (
    as_statement,
    content_of,
    without_fillers,
    words_of,
)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Um, so we, uh, need a budget.", "so we, need a budget."),
        ("the the budget is is fine", "the budget is fine"),
        ("we should we should go", "we should go"),
        ("It is, you know, done.", "It is, done."),
        ("I had had enough", "I had had enough"),
        ("uh hmm", ""),
    ],
)
def test_fillers_and_stammers_go(said: str, written: str) -> None:
    """What carries no meaning is taken away, the rest stays as it was said."""
    assert without_fillers(said) == written


@pytest.mark.parametrize(
    ("said", "statement"),
    [
        ("and so, the budget is fine, and", "The budget is fine."),
        ("okay, who pays?", "Who pays?"),
        ("so", ""),
        ("", ""),
        ("?", ""),
    ],
)
def test_a_statement_stands_alone(said: str, statement: str) -> None:
    """It opens with a capital and ends with a stop, or is empty."""
    assert as_statement(said) == statement


@given(st.text(alphabet="ab um,. ?you know", max_size=60))
def test_cleaning_only_takes_away(said: str) -> None:
    """Every word of the result was said."""
    assert set(words_of(as_statement(without_fillers(said)))) <= set(words_of(said))


def test_content_words_are_what_a_text_is_about() -> None:
    """Function words and empty words of talk are left out."""
    assert content_of("I think we really need the marketing budget") == ["marketing", "budget"]
