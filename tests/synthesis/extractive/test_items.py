"""The surest items, each once."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.items import action_items_of, decisions_of, open_questions_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy

POLICY = ExtractivePolicy()
Read = Callable[[Sequence[tuple[str, str]]], Gathered]


def test_what_is_said_twice_stands_once(read_meeting: Read) -> None:
    """The first time it was said."""
    meeting = read_meeting(
        [
            ("Ann", "We decided to launch the mobile app in March."),
            ("Bo", "Right, we decided to launch the mobile app in March."),
        ]
    )
    assert [one.segments for one in decisions_of(meeting, POLICY)] == [("s0",)]


def test_the_surest_are_kept_in_order(read_meeting: Read) -> None:
    """What was decided outright before what was merely proposed so."""
    meeting = read_meeting(
        [
            ("Ann", "Let's go with the red logo for the poster."),
            ("Bo", "It was agreed that the budget stays small."),
            ("Ann", "We decided to launch the mobile app in March."),
        ]
    )
    few = replace(POLICY, most_decisions=2)
    assert [one.segments for one in decisions_of(meeting, few)] == [("s1",), ("s2",)]


def test_a_name_becomes_the_voice_that_bears_it(read_meeting: Read) -> None:
    """As long as only one does; other names stay as they were said."""
    meeting = read_meeting(
        [
            ("Ann Lee", "Bob will write the report about the supplier."),
            ("Bob Ray", "Zoe will prepare the slides for the customer."),
        ]
    )
    assert [one.owner for one in action_items_of(meeting, POLICY)] == ["Bob Ray", "Zoe"]


def test_an_item_is_not_of_two_kinds(read_meeting: Read) -> None:
    """A promise is no decision, and a request no open question."""
    meeting = read_meeting([("Ann", "Can you send the invoice to the supplier tomorrow?")])
    assert len(action_items_of(meeting, POLICY)) == 1
    assert decisions_of(meeting, POLICY) == ()
    assert open_questions_of(meeting, POLICY) == ()
