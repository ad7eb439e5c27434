"""Decisions, tasks and questions in single sentences."""

import pytest

from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.rules import (
    decisions_in,
    due_in,
    question_in,
    task_in,
)
from wordloop_ml.synthesis.extractive.sentences import Sentence

POLICY = ExtractivePolicy()


def said(text: str, voice: str = "Anna") -> Sentence:
    return Sentence(text, voice, 0, 0, len(text.split()))


@pytest.mark.parametrize(
    "text",
    [
        "We decided to launch the app in March.",
        "Let's go with the smaller hosting plan.",
        "The final decision is that the logo stays red.",
        "We're definitely going for voice recognition.",
        "It was agreed that the budget stays as it is.",
        "we decided, to launch, the app in march",
        "The flat case is definitely out, right?",
        "So to sum up, we have a rubber case and twelve euros.",
    ],
)
def test_decisions_are_found(text: str) -> None:
    """Each says what was settled."""
    assert [at for at, _ in decisions_in([said(text)], POLICY)] == [0]


@pytest.mark.parametrize(
    "text",
    [
        "Should we go with the smaller hosting plan?",
        "We haven't decided on the hosting plan yet.",
        "Maybe we'll go with the smaller plan.",
        "Let's go on to the next slide about hosting.",
        "I agree with the hosting plan of yesterday.",
        "We'll have to look at the hosting plan.",
    ],
)
def test_what_is_open_is_no_decision(text: str) -> None:
    """Questions, hedges and steering of the meeting are not decisions."""
    assert decisions_in([said(text)], POLICY) == []


@pytest.mark.parametrize(
    ("proposed", "reply", "decides"),
    [
        ("Shall we go with the rubber case?", "Yeah, good idea.", True),
        ("I suggest we use the rubber case.", "Okay.", True),
        ("Shall we go with the rubber case?", "No, it is too dear.", False),
        ("Shall we go with the rubber case?", "Yeah, but it is too dear.", False),
        ("Shall we use the rubber case or the wooden one?", "Okay.", False),
        ("The flat case is definitely out, right?", "No.", False),
    ],
)
def test_a_proposal_is_decided_when_another_agrees(
    proposed: str, reply: str, decides: bool
) -> None:
    """At once."""
    found = decisions_in([said(proposed), said(reply, "Bo")], POLICY)
    assert bool(found) is decides


def test_a_recap_goes_on_behind_its_beginning() -> None:
    """As long as its speaker does not ask, doubt or talk of something else."""
    texts = [
        "So we've basically worked out that we're going with a simple battery.",
        "We're having push-buttons on the outside.",
        "And it's gonna be in bright vegetable colours.",
        "Do we have lunch now?",
        "We have sandwiches with cheese.",
    ]
    found = decisions_in([said(text) for text in texts], POLICY)
    assert [at for at, _ in found] == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "owner", "due"),
    [
        ("I'll send the invoice to Carla by Friday.", "Anna", "Friday"),
        ("Can you check the invoice before the next meeting?", None, "before the next meeting"),
        ("Ben, can you check the invoice tomorrow?", "Ben", "tomorrow"),
        ("Carla will write the report.", "Carla", None),
        ("I'll, send the invoice, by, friday", "Anna", "friday"),
        ("i will send the invoice by the 3rd of march", "Anna", "the 3rd of march"),
        ("ben could you check the invoice in 2 weeks", "ben", "in 2 weeks"),
        ("Great, could you check the invoice at 5 pm?", None, "at 5 pm"),
        ("If you could check the invoice, that would be great.", None, None),
        ("I'll send the invoice, and then we have lunch on Friday.", "Anna", None),
        ("I'm going to work on the case for two hours.", "Anna", None),
        ("We need to contact the supplier next week.", None, "next week"),
        (
            "I'm also going to prepare the slides by the end of the month.",
            "Anna",
            "the end of the month",
        ),
    ],
)
def test_tasks_have_an_owner_and_a_due(text: str, owner: str | None, due: str | None) -> None:
    """As they were said; the speaker's own promise is the speaker's."""
    task = task_in(said(text), POLICY)
    assert task is not None
    assert (task.owner, task.due) == (owner, due)


@pytest.mark.parametrize(
    "text",
    [
        "I'll say that the invoice was late.",
        "If you send the invoice, they will check it.",
        "The user can send the invoice with one button.",
        "I have to say the invoice looks fine.",
        "We sent the invoice on Monday.",
        "Can you go back to the last slide for a second?",
        "How often do you think you will check the invoice?",
        "The phone that you can send the invoice with.",
        "If I send the invoice they will pay.",
    ],
)
def test_talk_about_work_is_no_task(text: str) -> None:
    """Nobody takes anything on."""
    assert task_in(said(text), POLICY) is None


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("Send it by Friday.", "Friday"),
        ("Send it by the end of the week.", "the end of the week"),
        ("It is due on March 3rd.", "on March 3rd"),
        ("We meet in two weeks.", "in two weeks"),
        ("We sell it by weight.", None),
    ],
)
def test_a_due_is_a_time(text: str, due: str | None) -> None:
    """Only what names a time."""
    assert due_in(text) == due


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Who is going to write the release notes?", True),
        ("who is going to write the release notes", True),
        ("Should we write the release notes for the store.", True),
        ("It needs a little more working out whether the store accepts the release.", True),
        ("What we wrote are the release notes.", False),
        ("The question is whether the app store accepts the release.", True),
        ("The app store accepts the release, right?", False),
        ("Any other questions about the release?", False),
        ("Sorry, what did you say about the release?", False),
        ("What?", False),
    ],
)
def test_questions_of_substance_are_found(text: str, asks: bool) -> None:
    """Tags, echoes and the chair's routine are none."""
    assert (question_in(said(text), POLICY) > 0) is asks
