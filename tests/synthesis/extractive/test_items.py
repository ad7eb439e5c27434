"""The surest items, each once."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.items import action_items_of, decisions_of, open_questions_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals

POLICY = ExtractivePolicy()
NONE = Withdrawals()
Read = Callable[[Sequence[tuple[str, str]]], Gathered]


def test_what_is_said_twice_stands_once(read_meeting: Read) -> None:
    """And cites both places."""
    meeting = read_meeting(
        [
            ("Ann", "We decided to launch the mobile app in March."),
            ("Bo", "Right, we decided to launch the mobile app in March."),
        ]
    )
    assert [one.segments for one in decisions_of(meeting, POLICY, NONE)] == [("s0", "s1")]


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
    assert [one.segments for one in decisions_of(meeting, few, NONE)] == [("s1",), ("s2",)]


def test_a_name_becomes_the_voice_that_bears_it(read_meeting: Read) -> None:
    """As long as only one does; other names stay as they were said."""
    meeting = read_meeting(
        [
            ("Ann Lee", "Bob will write the report about the supplier."),
            ("Bob Ray", "Zoe will prepare the slides for the customer."),
        ]
    )
    assert [one.owner for one in action_items_of(meeting, POLICY, NONE)] == ["Bob Ray", "Zoe"]


def test_an_item_is_not_of_two_kinds(read_meeting: Read) -> None:
    """A promise is no decision, and a request no open question."""
    meeting = read_meeting([("Ann", "Can you send the invoice to the supplier tomorrow?")])
    assert len(action_items_of(meeting, POLICY, NONE)) == 1
    assert decisions_of(meeting, POLICY, NONE) == ()
    assert open_questions_of(meeting, POLICY) == ()


def test_one_sentence_six_times_is_one_item(read_meeting: Read) -> None:
    """However it was punctuated, and though it is too short to be embedded."""
    said = ["We decided on rubber.", "we decided, on rubber.", "So, we decided on rubber!"]
    meeting = read_meeting([("Ann", text) for text in said * 2])
    (one,) = decisions_of(meeting, POLICY, NONE)
    assert one.text == "We decided on rubber."
    assert len(one.segments) == POLICY.repeat_citations


def test_of_two_decisions_about_the_same_the_later_stands(read_meeting: Read) -> None:
    """Nobody said that the first one does not hold."""
    meeting = read_meeting(
        [
            ("Ann", "We decided to launch the new mobile app for all customers in March."),
            ("Bo", "Marketing wants posters in every city."),
            ("Ann", "We decided to launch the new mobile app for all customers in April."),
        ]
    )
    assert [one.text for one in decisions_of(meeting, POLICY, NONE)] == [
        "We decided to launch the new mobile app for all customers in April."
    ]


def test_the_same_task_of_two_people_is_two_tasks(read_meeting: Read) -> None:
    """Each has an owner."""
    meeting = read_meeting(
        [
            ("Ann", "I will send the report about the supplier by Friday."),
            ("Bo", "I will send the report about the supplier by Friday."),
        ]
    )
    assert [one.owner for one in action_items_of(meeting, POLICY, NONE)] == ["Ann", "Bo"]
