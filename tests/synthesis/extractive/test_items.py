"""Decisions, action items and open questions: which are chosen, answered, taken back."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.synthesis.extractive.conftest import gathered
from tests.talk import random_talk
from wordloop_ml.synthesis.extractive.items import (
    action_items_of,
    decisions_of,
    open_questions,
    open_questions_of,
)
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals, withdrawals_of
from wordloop_ml.synthesis.messages import Segment, Transcript

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
    said = [
        "We decided on rubber cases.",
        "we decided, on rubber cases.",
        "So, we decided on rubber cases!",
    ]
    meeting = read_meeting([("Ann", text) for text in said * 2])
    (one,) = decisions_of(meeting, POLICY, NONE)
    assert one.text == "We decided on rubber cases."
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


@pytest.mark.parametrize(
    ("reply", "before", "kept"),
    [("Hm, the weather.", 2, 1), ("Yes, good idea.", 2, 2), ("Hm, the weather.", 60, 2)],
)
def test_what_is_told_early_in_a_long_meeting_was_decided_before(
    read_meeting: Read, reply: str, before: int, kept: int
) -> None:
    """Unless another agrees at once."""
    talk = [
        (["Ann", "Bo"][at % 2], f"{' '.join(one.text.split())}.")
        for at, one in enumerate(random_talk(120, 3))
    ]
    early = [("Ann", "We decided to launch the mobile app in March."), ("Bo", reply)]
    late = [("Ann", "It was agreed that the budget stays small."), ("Bo", "Hm.")]
    meeting = read_meeting([*talk[:before], *early, *talk[before:], *late])
    assert len(decisions_of(meeting, POLICY, NONE)) == kept
    today = [("Ann", "Today we decided to launch the mobile app in March."), ("Bo", reply)]
    meeting = read_meeting([*talk[:before], *today, *talk[before:], *late])
    assert len(decisions_of(meeting, POLICY, NONE)) == 2
    short = read_meeting([*early, *late])
    assert len(decisions_of(short, POLICY, NONE)) == 2


def test_the_same_task_of_two_people_is_two_tasks(read_meeting: Read) -> None:
    """Each has an owner."""
    meeting = read_meeting(
        [
            ("Ann", "I will send the report about the supplier by Friday."),
            ("Bo", "I will send the report about the supplier by Friday."),
        ]
    )
    assert [one.owner for one in action_items_of(meeting, POLICY, NONE)] == ["Ann", "Bo"]


def test_what_says_too_little_stands_with_what_was_said_before(read_meeting: Read) -> None:
    """And is left out where that does not help."""
    meeting = read_meeting(
        [
            ("Bo", "Solar panels do not go with a rubber case."),
            ("Ann", "Right."),
            ("Bo", "So we lose that."),
        ]
    )
    (one,) = decisions_of(meeting, POLICY, NONE)
    assert one.text == "Solar panels do not go with a rubber case. We lose that."
    assert one.segments == ("s0", "s2")
    assert decisions_of(read_meeting([("Bo", "So we lose that.")]), POLICY, NONE) == ()


def test_what_points_back_stands_behind_what_it_means(read_meeting: Read) -> None:
    """Said by whoever; chatter between them is passed over."""
    meeting = read_meeting(
        [
            ("Bo", "The printer raised the price of green labels."),
            ("Ann", "Hm."),
            ("Ann", "I'll have to ask the designer about that by Friday."),
        ]
    )
    (one,) = action_items_of(meeting, POLICY, NONE)
    assert one.task == (
        "The printer raised the price of green labels. I'll have to ask the designer about that by Friday."
    )
    assert (one.owner, one.segments) == ("Ann", ("s0", "s2"))


def test_the_task_of_another_is_no_neighbour(read_meeting: Read) -> None:
    """It would seem to be this voice's; and what says nothing without one goes."""
    meeting = read_meeting(
        [("Bo", "I'll order the green labels."), ("Ann", "I'll go back and check by Friday.")]
    )
    assert [one.task for one in action_items_of(meeting, POLICY, NONE)] == [
        "I'll order the green labels."
    ]


def test_a_task_said_again_is_no_other(read_meeting: Read) -> None:
    """What it adds is nothing."""
    said = ["I'll order the green labels.", "I'll do it as soon as I can."]
    meeting = read_meeting([("Ann", text) for text in said])
    assert [one.task for one in action_items_of(meeting, POLICY, NONE)] == said[:1]


def test_a_promise_that_is_waved_off_is_none(read_meeting: Read) -> None:
    """Whoever hears it does not need it."""
    said = [("Ann", "I'll have to check the supplier invoice again.")]
    assert action_items_of(read_meeting([*said, ("Bo", "Not important.")]), POLICY, NONE) == ()
    assert len(action_items_of(read_meeting([*said, ("Bo", "Important.")]), POLICY, NONE)) == 1


def test_who_answers_does_so_once_asked(read_meeting: Read) -> None:
    """A remark on how a sentence begins takes nothing on."""
    said = [
        ("Ann", "If the folder is full we all see the labels,"),
        ("Bo", "Okay, cool."),
        ("Ann", "as to where we go from here, you're going to check the supplier invoice."),
        ("Cy", "Right."),
    ]
    (one,) = action_items_of(read_meeting(said), POLICY, NONE)
    assert one.owner == "Cy"
    asked = [
        ("Ann", "You'll be looking at the supplier invoice"),
        ("Bo", "Yeah, sure."),
        ("Ann", "in the new folder."),
        ("Cy", "Right."),
    ]
    (one,) = action_items_of(read_meeting(asked), POLICY, NONE)
    assert one.owner == "Bo"


@pytest.mark.parametrize(
    ("said", "owners"),
    [
        (
            [("Ann", "Could you check the supplier invoice?"), ("Bo", "Sure."), ("Cy", "Okay.")],
            ["Bo"],
        ),
        (
            [
                ("Ann", "Could you check the supplier invoice?"),
                ("Bo", "The invoice, fine."),
                ("Cy", "Hm."),
            ],
            ["Bo"],
        ),
        (
            [
                ("Ann", "Could you check the supplier invoice?"),
                ("Bo", "No, I can't."),
                ("Cy", "Okay."),
            ],
            [],
        ),
        (
            [
                ("Ann", "Could you check the supplier invoice?"),
                ("Ann", "It is late."),
                ("Bo", "Yes."),
                ("Cy", "Right."),
            ],
            [None],
        ),
        (
            [
                ("Ann", "Could you check the supplier invoice?"),
                ("Ann", "It is late."),
                ("Bo", "Oh dear."),
            ],
            ["Bo"],
        ),
        (
            [
                ("Ann", "Could you all check the supplier invoice?"),
                ("Bo", "Sure."),
                ("Cy", "Okay."),
            ],
            [None],
        ),
        (
            [
                ("Ann", "Would you three mind mailing me your invoices?"),
                ("Bo", "Sure."),
                ("Cy", "Yes."),
            ],
            [None],
        ),
        (
            [
                ("Ann", "Cy, could you check the supplier invoice?"),
                ("Bo", "Good idea."),
                ("Cy", "Okay."),
            ],
            ["Cy"],
        ),
        (
            [
                ("Ann", "cy can you check the supplier invoice please"),
                ("Bo", "Good idea."),
                ("Cy", "Okay."),
            ],
            ["Cy"],
        ),
        ([("Ann", "Would you check the supplier invoice?"), ("Bo", "Yes.")], ["Bo"]),
        ([("Ann", "Would you check the supplier invoice?"), ("Bo", "It was late.")], []),
        ([("Ann", "I can check the supplier invoice."), ("Bo", "Yes."), ("Cy", "Okay.")], ["Ann"]),
        (
            [("Ann", "I can check the supplier invoice."), ("Bo", "It was late."), ("Cy", "Okay.")],
            [],
        ),
        (
            [
                ("Ann", "bo will check the supplier invoice tomorrow"),
                ("Bo", "Yes."),
                ("Cy", "Okay."),
            ],
            ["Bo"],
        ),
        (
            [
                ("Ann", "the printer will check the supplier invoice"),
                ("Bo", "Yes."),
                ("Cy", "Okay."),
            ],
            [],
        ),
    ],
)
def test_a_task_is_for_who_is_named_or_says_yes(
    read_meeting: Read, said: list[tuple[str, str]], owners: list[str | None]
) -> None:
    """Or for the other one of two; for nobody in particular where nobody can tell; "no" takes it away."""
    items = action_items_of(read_meeting(said), POLICY, NONE)
    assert [one.owner for one in items] == owners


def test_a_role_is_the_voice_that_has_it(read_meeting: Read) -> None:
    """Also two tasks in one sentence, and several who share one."""
    meeting = read_meeting(
        [
            (
                "Project Manager",
                "The Industrial Designer is gonna work on the case and the Marketing Expert will work on the market.",
            ),
            ("Industrial Designer", "Okay."),
            ("Project Manager", "The two designers are going to work together on a prototype."),
            ("User Interface Designer", "Good."),
            ("Marketing", "Okay."),
        ]
    )
    items = action_items_of(meeting, POLICY, NONE)
    assert [(one.task, one.owner) for one in items] == [
        ("The Industrial Designer is gonna work on the case.", "Industrial Designer"),
        ("The Marketing Expert will work on the market.", "Marketing"),
        ("The two designers are going to work together on a prototype.", "the two designers"),
    ]


def test_one_track_of_several_people_promises_nothing_in_its_name() -> None:
    """And answers its own questions."""
    said = [
        "I will send the invoice to the supplier by Friday.",
        "Who writes the release notes for the store?",
        "Carla writes the release notes for the store.",
        "Should the posters be green or blue in the spring?",
        "I don't know yet.",
    ]
    meeting = gathered(
        Transcript(
            "m",
            tuple(
                Segment(f"s{at}", "room", text, 5_000 * at, 5_000 * at + 4_000)
                for at, text in enumerate(said)
            ),
            "en",
        )
    )
    assert [(one.owner, one.due) for one in action_items_of(meeting, POLICY, NONE)] == [
        (None, "Friday")
    ]
    assert [one.segments for one in open_questions_of(meeting, POLICY)] == [("s3",)]


def test_a_closing_recap_takes_the_place_of_what_it_leaves_out(read_meeting: Read) -> None:
    """Fragments are one decision; what was decided about a joystick does not hold any more."""
    meeting = read_meeting(
        [
            ("Ann", "Let's go with a joystick for the volume."),
            ("Bo", "Let's go with yellow rubber for the case."),
            ("Ann", "Fifteen euros is too expensive."),
            ("Bo", "Okay."),
            (
                "Ann",
                "No joystick. Push-buttons. No special colour. Twelve and a half euros. Then it's okay.",
            ),
        ]
    )
    held = [one.text for one in decisions_of(meeting, POLICY, withdrawals_of(meeting, POLICY))]
    assert held == [
        "Let's go with yellow rubber for the case.",
        "No joystick. Push-buttons. No special colour. Twelve and a half euros.",
    ]


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


def test_a_task_that_is_only_spoken_of_again_is_none(read_meeting: Read) -> None:
    """Of the same voice."""
    meeting = read_meeting(
        [
            ("Ann", "I'll talk to the assistants about the hours."),
            ("Ann", "I'm going to do that in person before Friday."),
        ]
    )
    assert [one.segments for one in action_items_of(meeting, POLICY, NONE)] == [("s0",)]


def test_a_brief_choice_stands_behind_what_it_names(read_meeting: Read) -> None:
    """Whoever said it."""
    meeting = read_meeting(
        [
            ("Bo", "We could upgrade the database on Sunday the seventeenth."),
            ("Cy", "That works."),
            ("Ann", "Right, the seventeenth it is, then."),
        ]
    )
    (one,) = decisions_of(meeting, POLICY, NONE)
    assert one.segments == ("s0", "s2")


def test_what_names_somebody_else_is_another_decision(read_meeting: Read) -> None:
    """However alike it is."""
    texts = [
        "We decided to hire Maria as a new designer for the whole web team of the company.",
        "We decided to hire Paula as a new designer for the whole web team of the company.",
    ]
    meeting = read_meeting([("Ann", text) for text in texts])
    assert [one.text for one in decisions_of(meeting, POLICY, NONE)] == texts


def test_an_item_does_not_stand_with_what_another_said_of_something_else(
    read_meeting: Read,
) -> None:
    """Only with what it answers, or points back to."""
    other = ("Bo", "The new office should not be in Berlin.")
    asked = ("Bo", "Which new database do we take?")
    assert (
        decisions_of(read_meeting([other, ("Ann", "We decided on Postgres.")]), POLICY, NONE) == ()
    )
    (one,) = decisions_of(read_meeting([asked, ("Ann", "We decided on Postgres.")]), POLICY, NONE)
    assert one.text == "Which new database do we take? We decided on Postgres."


@pytest.mark.parametrize(
    "brief",
    [
        "I'll bring it.",
        "Yeah, I'll cancel it.",
        "I'd rather take that.",
        "I'll talk to them today.",
        "You know what, I'll write it myself.",
        "I'll have it out by noon.",
    ],
)
def test_a_promise_may_be_brief(read_meeting: Read, brief: str) -> None:
    """What of was said just before."""
    meeting = read_meeting([("Bo", "The trade fair booth is still booked."), ("Bo", brief)])
    (one,) = action_items_of(meeting, POLICY, NONE)
    assert (one.owner, one.segments) == ("Bo", ("s0", "s1"))
