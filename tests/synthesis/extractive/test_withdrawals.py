"""What a meeting takes back, and what only sounds like it."""

from collections.abc import Callable, Sequence

import pytest

from wordloop_ml.synthesis.extractive.items import action_items_of, decisions_of
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.withdrawals import withdrawals_of

POLICY = ExtractivePolicy()
Said = Sequence[tuple[str, str]]
Reader = Callable[[Said], Gathered]

OTHER = "We agreed to hire two designers for the summer."
OLD = "We decided to launch the mobile app in March."


def decided(meeting: Gathered) -> list[str]:
    """The decisions that hold."""
    return [one.text for one in decisions_of(meeting, POLICY, withdrawals_of(meeting, POLICY))]


@pytest.mark.parametrize(
    "back",
    [
        "Actually, scratch that.",
        "actually scratch that",
        "Strike that, please.",
        "No, forget that.",
        "Never mind that.",
        "Let's not do that after all.",
        "Let's not.",
        "lets not do it",
        "I take that back.",
        "We're not doing that.",
        "We won't do that.",
        "Okay, we can forget about it.",
        "That's off the table.",
        "On second thought, no.",
        "Wait, no.",
        "Actually, no.",
        "We changed our minds.",
        "I've changed my mind about this.",
        "There has been a change of plan.",
        "We reversed that decision yesterday.",
        "The board overturned our earlier decision.",
    ],
)
def test_what_was_decided_just_before_is_taken_back(read_meeting: Reader, back: str) -> None:
    """By whoever it is; what was decided about other things stands."""
    meeting = read_meeting([("Ann", OTHER), ("Ann", OLD), ("Bo", back)])
    assert decided(meeting) == [OTHER]


@pytest.mark.parametrize(
    ("back", "new"),
    [
        ("Actually scratch that, we go with the beta for testers.", 1),
        ("We changed our minds, we go with a launch of the beta instead.", 1),
        ("No wait, let's launch the web version of it instead.", 1),
        ("On second thought, let's go with the web version.", 1),
        ("We decided against launching the mobile app in March.", 1),
        ("We decided not to launch the mobile app in March.", 1),
        ("So we're not launching the mobile app in March after all.", 1),
        ("Forget the launch of the mobile app, we're not launching it.", 1),
        ("The mobile app won't launch in March, it will launch in May.", 1),
        ("The mobile app is no longer launched in March.", 1),
        ("Let's not launch the mobile app in March, let's go with May.", 1),
        ("Instead we agreed to launch the mobile app in May.", 1),
    ],
)
def test_the_later_decision_wins(read_meeting: Reader, back: str, new: int) -> None:
    """However it is put, and long after."""
    talk = [("Bo", f"The supplier number {at} asked about the price again.") for at in range(12)]
    near = not back.startswith(("We decided", "So", "Forget", "The", "Let's", "Instead"))
    meeting = read_meeting([("Ann", OTHER), ("Ann", OLD), *([] if near else talk), ("Bo", back)])
    held = decided(meeting)
    assert held[0] == OTHER
    assert OLD not in held
    assert len(held) == 1 + new


@pytest.mark.parametrize(
    "said",
    [
        "Let's not forget that the app is for children.",
        "Don't forget that the budget is small.",
        "Maybe we could launch the mobile app in May instead.",
        "What if we don't launch the mobile app in March after all?",
        "I would rather talk about the posters.",
        "Posters are no longer as dear as they were.",
        "We use leather instead of plastic for the case.",
        "I forgot that the supplier is closed.",
        "Let's not worry about the posters today.",
        "My wife changed her mind about the hotel, so we stayed at home.",
        "On reflection, the food was great.",
        "You can cancel it any time, by the way.",
        "The mobile app won't change any prices.",
        "We won't launch the mobile app in April though.",
        "We are not going to launch another mobile app in March.",
    ],
)
def test_what_takes_nothing_back_leaves_decisions_alone(read_meeting: Reader, said: str) -> None:
    """Talk that sounds alike, proposals, and what is about something else."""
    meeting = read_meeting([("Ann", OLD), ("Bo", said)])
    assert OLD in decided(meeting)


def test_only_what_was_said_just_before_is_meant_by_that(read_meeting: Reader) -> None:
    """Some minutes later "that" is something else."""
    talk = [("Bo", f"The supplier number {at} asked about the price again.") for at in range(30)]
    meeting = read_meeting([("Ann", OLD), *talk, ("Bo", "Scratch that, I meant the other one.")])
    assert OLD in decided(meeting)


def test_a_second_thought_in_one_breath_begins_a_sentence(read_meeting: Reader) -> None:
    """Captions may lack the stop before it."""
    said = "We decided to launch the mobile app in March actually scratch that we go with the beta"
    meeting = read_meeting([("Ann", OTHER), ("Ann", said)])
    held = decided(meeting)
    assert held[0] == OTHER
    assert len(held) == 2
    assert "March" not in held[1]
    assert "we go with the beta" in held[1]


def test_what_is_decided_again_holds(read_meeting: Reader) -> None:
    """There and back."""
    meeting = read_meeting([("Ann", OLD), ("Bo", "Scratch that."), ("Ann", OLD)])
    assert decided(meeting) == [OLD]
    (one,) = decisions_of(meeting, POLICY, withdrawals_of(meeting, POLICY))
    assert one.segments == ("s2",)


def test_a_task_is_taken_back_as_well(read_meeting: Reader) -> None:
    """And the one that takes its place is told."""
    meeting = read_meeting(
        [
            ("Ann", "I will send the invoice to the supplier by Friday."),
            ("Ann", "Actually scratch that, I will call the supplier tomorrow."),
        ]
    )
    items = action_items_of(meeting, POLICY, withdrawals_of(meeting, POLICY))
    assert [one.due for one in items] == ["tomorrow"]


def test_what_is_named_is_meant_and_not_what_was_said_last(read_meeting: Reader) -> None:
    """A word of it is enough, where somebody says outright that it does not hold."""
    meeting = read_meeting(
        [
            ("Ann", OLD),
            ("Bo", "I will send the invoice to the customer by Friday."),
            ("Ann", "We need to fix the login screen this week."),
            ("Bo", "About the launch, we changed our minds, we go with May instead."),
            ("Bo", "Scratch what I said about the invoice, Ann will send it."),
        ]
    )
    withdrawn = withdrawals_of(meeting, POLICY)
    assert [one.segments for one in decisions_of(meeting, POLICY, withdrawn)] == [("s3",)]
    items = action_items_of(meeting, POLICY, withdrawn)
    assert [(one.owner, one.segments) for one in items] == [(None, ("s2",)), ("Ann", ("s4",))]


@pytest.mark.parametrize(
    ("reply", "holds"),
    [
        ("No, I don't like it.", False),
        ("Absolutely not.", False),
        ("I disagree, let's wait.", False),
        ("Well, I don't want it like that.", False),
        ("No, absolutely not.", False),
        ("No.", False),
        ("Let's wait until Bo is here.", False),
        ("Let's wait for the tests.", False),
        ("Not yet, the tests are failing.", False),
        ("No, the customers won't like it.", False),
        ("No problem.", True),
        ("No, that's a good idea.", True),
        ("No, absolutely, great.", True),
        ("No more questions.", True),
        ("No wonder.", True),
        ("Let's wait for Bo before the next item.", True),
        ("Not yet on the website, right?", True),
        ("Yes.", True),
        ("Hm.", True),
    ],
)
@pytest.mark.parametrize(
    "said", [OLD, "Let's go with the blue design.", "The flat case is definitely out, right?"]
)
def test_what_the_next_voice_refuses_is_not_decided(
    read_meeting: Reader, said: str, reply: str, holds: bool
) -> None:
    """What was decided before it is."""
    meeting = read_meeting([("Ann", OTHER), ("Ann", said), ("Bo", reply), ("Ann", "Hm, hm.")])
    held = decided(meeting)
    assert held[0] == OTHER
    assert (len(held) == 2) is holds


@pytest.mark.parametrize(
    ("asked", "reply", "holds"),
    [
        ("Any objections?", "No.", True),
        ("Any objections?", "Nope, fine.", True),
        ("Does anybody mind?", "No.", True),
        ("Any objections?", "I don't like it.", False),
        ("Any objections?", "No, I disagree.", False),
        ("Okay?", "No.", False),
    ],
)
def test_no_objection_is_no_refusal(
    read_meeting: Reader, asked: str, reply: str, holds: bool
) -> None:
    """Where somebody asked for objections."""
    for said in ([("Ann", OLD), ("Ann", asked)], [("Ann", f"{OLD} {asked}")]):
        assert bool(decided(read_meeting([*said, ("Bo", reply)]))) is holds


def test_not_to_do_it_is_said_of_what_was_proposed_at_once_before(read_meeting: Reader) -> None:
    """And of no promise before that."""
    meeting = read_meeting(
        [
            ("Ann", OLD),
            ("Bo", "We could stack a promotion of the posters on top of it for December as well."),
            ("Ann", "No, I hear you. Let's not. The launch of the app is enough."),
        ]
    )
    assert decided(meeting) == [OLD]


def test_no_to_a_question_takes_nothing_back(read_meeting: Reader) -> None:
    """It answers."""
    asked = [("Ann", OLD), ("Ann", "Is the supplier here today?"), ("Bo", "Actually, no.")]
    assert decided(read_meeting(asked)) == [OLD]


def test_a_promise_that_is_taken_back_is_no_decision(read_meeting: Reader) -> None:
    """Nor a task any more."""
    meeting = read_meeting(
        [
            ("Ann", "I'll send the contract to the supplier today."),
            ("Bo", "Thanks."),
            ("Ann", "Actually no, I won't send the contract to the supplier."),
        ]
    )
    withdrawn = withdrawals_of(meeting, POLICY)
    assert decided(meeting) == []
    assert action_items_of(meeting, POLICY, withdrawn) == ()


def test_who_stops_short_takes_their_own_words_back(read_meeting: Reader) -> None:
    """And not the decision before."""
    meeting = read_meeting(
        [
            ("Ann", OLD),
            ("Bo", "I'll redo the media plan for that tonight."),
            ("Bo", "Oh, wait, no, Cy has the file open."),
        ]
    )
    assert decided(meeting) == [OLD]
    assert action_items_of(meeting, POLICY, withdrawals_of(meeting, POLICY)) == ()


@pytest.mark.parametrize(("near", "stands"), [(True, False), (False, True)])
def test_to_ignore_it_means_what_was_said_at_once_before(
    read_meeting: Reader, near: bool, stands: bool
) -> None:
    """Later it is some noise."""
    talk = (
        []
        if near
        else [
            (
                "Bo",
                "The posters of last year hang in every station of the city, and people like them a lot.",
            )
        ]
    )
    meeting = read_meeting([("Ann", OLD), *talk, ("Bo", "Just ignore it.")])
    assert (OLD in decided(meeting)) is stands
