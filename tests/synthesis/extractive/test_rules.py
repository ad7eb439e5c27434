"""Decisions, tasks and questions in single sentences."""

import pytest

from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.rules import (
    decisions_in,
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
        "So we're agreed then, the samples go out on Monday.",
        "Fine by me, go ahead with the blue samples.",
        "Okay, blue it is for the samples.",
        "So no to the marquee for the picnic.",
        "We'll push the launch of the samples to April.",
        "The launch of the samples moves to April then.",
        "Let's lock in Friday for the picnic.",
        "Fine, thirty seconds it is, no factory.",
        "Okay, so we go live on the sixteenth.",
        "No results by phone before eleven from now on.",
        "So all the proceeds go to the minibus repair.",
        "That's the price for the tickets sorted.",
        "Go with the blue handle.",
        "All in favour of the quote, that's four, carried.",
        "We'll park that question until October.",
        "We're all agreed on the rubber case.",
        "Okay, we hold the price of the case until spring.",
        "Fine by me, go ahead with the rubber case.",
        "The motion on the budget is carried.",
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
        "We have found that we want the smaller plan.",
        "I think we should use something like this.",
        "She said that we decided on the smaller plan.",
        "They wrote and said no, we decided against the smaller plan.",
        "We have been quite clear that we are going to keep the plan.",
        "Let's keep the rubber as an option.",
        "We'll start with the hosting plan.",
        "We'll take that away, about the hosting plan.",
        "We never agreed to pay for the hosting.",
        "We almost agreed to buy the printer.",
        "I wish we had chosen the smaller plan.",
        "Last year we decided to skip the picnic.",
        "I know what it is.",
        "So we use our own eyes.",
        "Okay so we run into this problem every week.",
        "We'll keep going with the slides.",
        "No worries, the budget and the case.",
        "Okay, see you at the picnic then.",
        "Let's keep it friendly with the supplier.",
        "Go ahead with a short question.",
        "Before we decided on the smaller plan, the big one was leased.",
        "We agreed to buy the printer, but that is off now.",
        "Okay, we pay them forty euros a month.",
        "Right, any other business then.",
        "Okay, questions about the budget then.",
        "If it rains then we use the tent.",
        "They stay at the office till late.",
        "Let me go ahead with the slides.",
        "All of us were carried.",
        "Yeah, because it is.",
        "Okay, here it is.",
        "Right, we use the tent every summer.",
        "We're so glad you chose our company.",
        "We hear they decided on a tent.",
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
        ("What about the rubber case?", "Yeah, let's do that.", True),
        ("What about the rubber case?", "Yeah.", False),
        ("Shall I order the rubber case?", "Yeah, let's do it.", True),
        ("The rubber case is in the shop.", "Yeah, let's do it.", False),
        ("Can everybody hear me?", "Okay, let's do it.", False),
        ("Can we start with the meeting?", "Okay, let's do it.", False),
        ("Could we paint the rubber case?", "Okay, let's do it.", True),
        ("What about the rubber case?", "I don't think that's a good idea.", False),
        ("What about the rubber case?", "Not perfect, is it.", False),
        ("What about the rubber case?", "We never agreed on that.", False),
        ("Let's run with the rubber case.", "Same here.", True),
        ("I propose we take the rubber case.", "Seconded.", True),
        ("All in favour of the rubber case?", "Aye.", True),
        ("How about we drop the rubber case?", "Works for me.", True),
        ("Let's not paint the rubber case.", "Agreed.", True),
        ("So the plan is rubber first, wood later.", "Makes sense.", True),
    ],
)
def test_a_proposal_is_decided_when_another_agrees(
    proposed: str, reply: str, decides: bool
) -> None:
    """At once."""
    found = decisions_in([said(proposed), said(reply, "Bo")], POLICY)
    assert bool(found) is decides


@pytest.mark.parametrize(
    ("lines", "decides"),
    [
        ("The brewery is nicer.|Great, so the brewery.", True),
        ("The brewery is nicer.|Right, so the brewery is nicer.", False),
        ("The brewery is nicer.|Okay, so the invitations.", False),
        ("The brewery is nicer.|Good, so the brewery?", False),
        ("Lebanese, but no booth.|Then Lebanese, and no photo booth.", True),
    ],
)
def test_a_few_words_close_what_others_spoke_of(lines: str, decides: bool) -> None:
    """What nobody spoke of is the next matter."""
    voices = ["Bo", "Anna"]
    told = [said(text, voices[at]) for at, text in enumerate(lines.split("|"))]
    assert [at for at, _ in decisions_in(told, POLICY)] == ([1] if decides else [])


@pytest.mark.parametrize(
    ("lines", "decides"),
    [
        ("Two people go to the fair without a booth.|Everyone okay with that?|Yes.", True),
        ("Two people go to the fair without a booth.|Any objections?|No.", True),
        ("Two people go to the fair without a booth.|Is that acceptable?|It is.", True),
        ("Two people go to the fair without a booth.|Everyone happy?|I disagree.", False),
        ("So two people for the fair, everyone alright with that?|Fine.|Good.", True),
        ("I'm recording the meeting about the fair.|Everyone okay with that?|Yes.", False),
        ("All in favour of the booth at the fair?|That's four.|Carried.", True),
        ("All in favour of the booth at the fair?|That's one.|Hm.", False),
    ],
)
def test_what_is_put_to_all_is_decided_unless_somebody_objects(lines: str, decides: bool) -> None:
    """Or carried by a vote."""
    one, two, three = lines.split("|")
    asked = "?" in one
    told = [said(one), said(two, "Bo" if asked else "Anna"), said(three, "Bo")]
    assert [at for at, _ in decisions_in(told, POLICY)] == ([0] if decides else [])


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
    ],
)
def test_talk_about_work_is_no_task(text: str) -> None:
    """Nobody takes anything on."""
    assert task_in(said(text), POLICY) is None


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
    ],
)
def test_what_may_be_done_is_hardly_a_task(text: str) -> None:
    """What all should do, or one wants, mostly nobody does; behind another clause "if you want to" allows."""
    task = task_in(said(text), POLICY)
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
    ],
)
def test_what_is_asked_is_still_a_task(text: str) -> None:
    """Though it looks like what is none."""
    task = task_in(said(text), POLICY)
    assert task is not None
    assert task.sure >= POLICY.task_threshold


@pytest.mark.parametrize(
    ("talk", "decides"),
    [
        ("The first field trial of the sensor failed in the winter.", False),
        ("To sum up, we have a sensor for the winter.", True),
        ("Today we spoke of the sensor for the winter.", True),
    ],
)
def test_a_long_speech_tells_what_was_decided_once(talk: str, decides: bool) -> None:
    """Unless it sums a meeting up, or somebody else has a word in it."""
    speech = [talk, *["The sensor was wet and it froze in the first winter of all."] * 20]
    decision = "We decided on a sealed case for the sensor."
    told = [said(text) for text in (*speech, decision)]
    found = [at for at, _ in decisions_in([*told, said("Thanks.", "Ben")], POLICY)]
    assert (len(speech) in found) is decides
    spoken = [*told[:-1], said("Mm.", "Ben"), told[-1]]
    assert len(speech) + 1 in [at for at, _ in decisions_in(spoken, POLICY)]


def test_a_due_stands_behind_the_task() -> None:
    """What stands before it is of something else."""
    task = task_in(said("I can't send the draft by Friday, I'll send it by Monday."), POLICY)
    assert task is not None
    assert task.due == "Monday"


@pytest.mark.parametrize("doubt", ["I don't think", "I doubt", "I'm not sure that"])
def test_what_is_doubted_is_no_task(doubt: str) -> None:
    """Of a name, too."""
    assert task_in(said(f"{doubt} Ben will send the invoice by Friday."), POLICY) is None


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
