"""Who is to do what, in single sentences."""

import pytest

from tests.synthesis.extractive.conftest import sentence
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.tasks import task_in

POLICY = ExtractivePolicy()


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
    task = task_in(sentence(text), POLICY)
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
        "If we had the invoice I could send it.",
        "It occurred to me that we should contact the supplier.",
        "In my method we'll train the clerk with invoices.",
        "We must build a cheaper case or customers will leave.",
        "We talk of the invoices that need to be checked.",
        "I want to remind you of the invoice.",
        "I will remind the treasurer that the invoice was sent.",
        "I'll ask a question about the invoice.",
        "Let me make a proposal on the invoice.",
        "The customers hit by Dorian will get an invoice.",
        "I'll be sharing my time with the treasurer.",
        "I can confirm that the invoice was sent.",
        "We'll find out on Monday whether the supplier pays.",
        "Now I'll ask Carla about the invoice.",
        "I'm just going to read the invoice.",
        "I'll write two of'em down.",
        "I'll look at this board with the invoices.",
        "I'll send the But Carla has the invoice.",
        "The invoice is here, if you could send, yeah.",
        "My role is to make sure you send the invoice.",
        "Should you want to pay, you should send the invoice.",
        "I'll probably be late tomorrow.",
        "I'll hopefully get home by Friday.",
        "I'll tell you about the invoice.",
        "Somebody has to pay the invoice at some point.",
        "Sales call volumes doubled in May.",
        "I saw Anna and Ben share a taxi.",
        "Carla, report on the invoice?",
        "They give me until Friday for the invoice.",
    ],
)
def test_talk_about_work_is_no_task(text: str) -> None:
    """Nobody takes anything on."""
    assert task_in(sentence(text), POLICY) is None


@pytest.mark.parametrize(
    "text",
    [
        "The clerk has a stamp if you want to send invoices.",
        "Maybe the clerk helps if you can send the invoices.",
        "There's a folder if you want to send invoices.",
        "We should check the invoice of the supplier.",
        "Let's check the invoice of the supplier.",
        "I want to check the invoice of the supplier.",
        "Would you send the invoice with a stamp?",
        "I'll get you a coffee.",
    ],
)
def test_what_may_be_done_is_hardly_a_task(text: str) -> None:
    """What all should do, or one wants, mostly nobody does; behind another clause "if you want to" allows."""
    task = task_in(sentence(text), POLICY)
    assert task is not None
    assert task.sure < POLICY.task_threshold


@pytest.mark.parametrize(
    "text",
    [
        "If you want to send me the invoice.",
        "Carla, if you want to send me the invoice.",
        "The invoice is late, and that needs to be checked.",
        "There was a feeling that that needs to be checked by the clerk.",
        "Right now it is closed, so I'll send the invoice.",
        "I'll send the invoice, that's all for now.",
        "I'll remind the treasurer of the invoice.",
        "Carla will get the invoice.",
        "We should check the invoice by Friday.",
        "I want to check the invoice tomorrow.",
        "What we have to do now is to check the invoice.",
        "Would you mind sending the invoice?",
        "The invoice needs to be checked.",
        "I shall write to the supplier this evening.",
        "I'll get you the invoice by Friday.",
        "You'll have it by Monday.",
        "Somebody's got to write to the supplier.",
        "Carla, write a sign for the door.",
        "It's mine, give me until Monday for the invoice.",
    ],
)
def test_what_is_asked_is_still_a_task(text: str) -> None:
    """Though it looks like what is none."""
    task = task_in(sentence(text), POLICY)
    assert task is not None
    assert task.sure >= POLICY.task_threshold


def test_a_due_stands_behind_the_task() -> None:
    """What stands before it is of something else."""
    task = task_in(sentence("I can't send the draft by Friday, I'll send it by Monday."), POLICY)
    assert task is not None
    assert task.due == "Monday"


@pytest.mark.parametrize("doubt", ["I don't think", "I doubt", "I'm not sure that"])
def test_what_is_doubted_is_no_task(doubt: str) -> None:
    """Of a name, too."""
    assert task_in(sentence(f"{doubt} Ben will send the invoice by Friday."), POLICY) is None
