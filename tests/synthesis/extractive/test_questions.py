"""Which questions stayed open."""

from collections.abc import Callable, Sequence

import pytest

from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import open_questions

Read = Callable[[Sequence[tuple[str, str]]], Gathered]
ASKED = ("Ann", "Who writes the release notes for the store?")


@pytest.mark.parametrize(
    ("replies", "is_open"),
    [
        ([("Bo", "I don't know.")], True),
        ([("Bo", "We'll have to check with the office.")], True),
        ([], True),
        ([("Ann", "Because the store wants release notes.")], True),
        ([("Bo", "Carla writes the release notes for the store.")], False),
        ([("Bo", "The people from the other office do.")], False),
    ],
)
def test_a_question_is_open_until_somebody_else_answers(
    read_meeting: Read, replies: list[tuple[str, str]], is_open: bool
) -> None:
    """Putting it off leaves it open, and so does talking on oneself."""
    found = open_questions(read_meeting([ASKED, *replies]), ExtractivePolicy())
    assert bool(found) is is_open


def test_yes_or_no_answers_what_can_be_answered_so(read_meeting: Read) -> None:
    """A single word is enough."""
    said = [("Ann", "Does the store accept the release notes?"), ("Bo", "Yes.")]
    assert open_questions(read_meeting(said), ExtractivePolicy()) == []


def test_a_question_that_was_put_off_is_more_open(read_meeting: Read) -> None:
    """Than one to which nobody replied."""
    policy = ExtractivePolicy()
    ((_, put_off),) = open_questions(read_meeting([ASKED, ("Bo", "Good question.")]), policy)
    ((_, ignored),) = open_questions(read_meeting([ASKED]), policy)
    assert put_off > ignored
