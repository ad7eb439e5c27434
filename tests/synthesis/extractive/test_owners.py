"""Whose a task is: who took it on, was asked, or took it over."""

from collections.abc import Callable, Sequence

import pytest

from wordloop_ml.synthesis.extractive.items import action_items_of
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals

POLICY = ExtractivePolicy()
NONE = Withdrawals()
Read = Callable[[Sequence[tuple[str, str]]], Gathered]


@pytest.mark.parametrize(
    ("said", "owners"),
    [
        (["Bo, can you write the report by Friday?", "Sorry, I can't.", "I'll do it."], ["Cy"]),
        (["Bo, can you write the report by Friday?", "I'm on holiday, so I can't.", "Okay."], []),
        (
            ["Bo, can you write the report by Friday?", "I'd rather not.", "Let me take that."],
            ["Cy"],
        ),
        (["I'll send the contract by Friday.", "Actually, I'll do it.", "Good."], ["Bo"]),
        (["I'll send the contract by Friday.", "Actually, I'll send it.", "Good."], ["Bo"]),
        (["Cy, can you write the report?", "I'll do it this afternoon.", "Thanks."], ["Bo"]),
        (["Cy, can you write the report?", "I'll take care of that one.", "Thanks."], ["Bo"]),
        (["Should I order the lamps and also check the bulbs?", "Yes, please.", "Good."], ["Ann"]),
        (
            ["I'll send the draft tonight.", "Great, I'll check it tomorrow.", "Good."],
            ["Ann", "Bo"],
        ),
        (
            ["Cy, can you order the door?", "I'll check that the shop is open.", "Yes."],
            ["Cy", "Bo"],
        ),
        (["Bo, can you order the door?", "Sure, but I can't do it before Monday.", "Ok."], ["Bo"]),
        (["Bo, can you order the door?", "Yes, I'd love to but I can't wait.", "Ok."], ["Bo"]),
        (["Bo, can you order the door?", "I'd love to, but I can't.", "Ok."], []),
        (["Bo and Cy will write the report.", "Yes.", "Okay."], [None]),
        (["Cy or Bo should call the supplier.", "Yes.", "Okay."], [None]),
        (["In Berlin, can you please send the parcel?", "Yes.", "Good."], ["Bo"]),
        (
            ["Cy, the contract is late. Can you send it to the client?", "Yes, it is.", "Sure."],
            ["Cy"],
        ),
        (
            ["Could you prepare the slides for the customer?", "Yes, Cy, please do that.", "Sure."],
            [None],
        ),
        (["Cy, please send the invoice to the customer by Friday.", "Good.", "Okay."], ["Cy"]),
        (
            [
                "Can you order the samples from the supplier?",
                "Yes, I will order the samples.",
                "Good.",
            ],
            ["Bo"],
        ),
        (["BO WILL SEND THE CONTRACT TO THE CLIENT.", "YES.", "OKAY."], ["Bo"]),
    ],
)
def test_a_task_is_handed_on(read_meeting: Read, said: list[str], owners: list[str | None]) -> None:
    """By who cannot, to who says so; several who are named are no one owner."""
    lines = list(zip(["Ann", "Bo", "Cy"], said, strict=True))
    items = action_items_of(read_meeting(lines), POLICY, NONE)
    assert [one.owner for one in items] == owners


def test_who_was_asked_next_has_the_task(read_meeting: Read) -> None:
    """When they say yes."""
    meeting = read_meeting(
        [
            ("Ann", "Bo, can you write the report by Friday?"),
            ("Bo", "No, I can't."),
            ("Ann", "Cy, can you do it?"),
            ("Cy", "Sure, I'll write it."),
        ]
    )
    (one,) = action_items_of(meeting, POLICY, NONE)
    assert (one.owner, one.due, one.segments) == ("Cy", "Friday", ("s0", "s3"))


@pytest.mark.parametrize(
    "promise",
    [
        "I'll have the contract ready by Thursday.",
        "I'll sort the supplier invoice out by Monday.",
        "I'll get Dave to look at the supplier invoice.",
        "I'll drop the supplier a line about the invoice.",
        "I'll circle back with legal about the invoice.",
        "I'll let the supplier know about the invoice.",
        "Happy to write the first draft of the letter.",
        "You'll have the new cut of the video from me by Thursday lunch.",
        "I'll redo the media plan for the launch tonight.",
        "Shall I order the samples from the supplier?",
        "Leave the hoarding to me, I'll paint the fence.",
        "ill set the slots up on the system and have them there by wednesday",
        "Yeah I can do the supplier call about the invoice.",
    ],
)
def test_people_promise_in_many_words(read_meeting: Read, promise: str) -> None:
    """Offers are accepted by thanks, too."""
    meeting = read_meeting([("Bo", promise), ("Ann", "Thanks, yes please."), ("Cy", "Hm.")])
    assert [one.owner for one in action_items_of(meeting, POLICY, NONE)] == ["Bo"]


@pytest.mark.parametrize(
    "request_",
    [
        "Bo, can I ask you to call the supplier?",
        "Bo, would you be able to send the contract by Monday?",
        "Bo, are you okay to pay the invoice by Monday?",
        "Bo, are you alright to do the induction for the new gang?",
        "Bo, fancy ringing the hire place about the hut?",
        "Bo, over to you for the budget numbers by Monday.",
        "Can we get Bo to pay the supplier invoice?",
        "Let's have Bo call the supplier about the invoice.",
        "Bo to pay the supplier invoice by Friday.",
        "Bo's going to pay the supplier invoice.",
    ],
)
def test_people_ask_in_many_words(read_meeting: Read, request_: str) -> None:
    """Also in those of notes."""
    meeting = read_meeting([("Ann", request_), ("Bo", "Yeah, sure."), ("Cy", "Hm.")])
    assert [one.owner for one in action_items_of(meeting, POLICY, NONE)] == ["Bo"]


def test_what_is_left_to_somebody_is_what_was_said_before(read_meeting: Read) -> None:
    """It says nothing itself."""
    meeting = read_meeting(
        [("Ann", "The supplier invoice is still not paid."), ("Bo", "Leave that with me.")]
    )
    (one,) = action_items_of(meeting, POLICY, NONE)
    assert (one.owner, one.segments) == ("Bo", ("s0", "s1"))


def test_who_accepts_may_say_when(read_meeting: Read) -> None:
    """In the sentence behind the yes, too."""
    meeting = read_meeting(
        [
            ("Ann", "Bo, can you write the list of magazines?"),
            ("Bo", "Sure. You'll have it on Monday."),
        ]
    )
    assert [one.due for one in action_items_of(meeting, POLICY, NONE)] == ["on Monday"]
