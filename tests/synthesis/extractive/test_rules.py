"""Decisions, tasks and questions in single sentences."""

import pytest

from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.rules import decision_in, due_in, question_in, task_in
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
    ],
)
def test_decisions_are_found(text: str) -> None:
    """Each says what was settled."""
    assert decision_in(said(text), POLICY) > 0


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
    assert decision_in(said(text), POLICY) == 0


@pytest.mark.parametrize(
    ("text", "owner", "due"),
    [
        ("I'll send the invoice to Carla by Friday.", "Anna", "Friday"),
        ("Can you check the invoice before the next meeting?", None, "before the next meeting"),
        ("Ben, can you check the invoice tomorrow?", "Ben", "tomorrow"),
        ("Carla will write the report.", "Carla", None),
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
