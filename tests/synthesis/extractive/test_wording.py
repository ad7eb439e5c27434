"""How items are worded, and which of them mean what was said before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.extractive.wording import explains, points_back, says_nothing, worded
from wordloop_ml.synthesis.words import tokens


@pytest.mark.parametrize(
    ("statement", "item"),
    [
        ("The co completely green label is out.", "The completely green label is out."),
        (
            "I'm ca. Or I'm calling the printer about labels.",
            "I'm calling the printer about labels.",
        ),
        ("D. We ordered the green labels.", "We ordered the green labels."),
        ("Simple and so I need you to order labels.", "I need you to order labels."),
        ("We'll order of we'll print green labels.", "We'll print green labels."),
        ("I'll order it I'll order the green labels.", "I'll order the green labels."),
        (
            "I need to know what we what the printer wants.",
            "I need to know what the printer wants.",
        ),
        ("The label is a So we'll print green labels.", "We'll print green labels."),
        ("We'll print green labels for the But that's late.", "We'll print green labels."),
        ("We had the and yeah, so let's use green labels.", "Let's use green labels."),
        ("Green labels are definitely out, right?", "Green labels are definitely out."),
        ("I'll order the green labels and what.", "I'll order the green labels."),
        ("I'll order the green labels, but i.", "I'll order the green labels."),
        ("I'll order the green labels so that.", "I'll order the green labels."),
        ("I'll order the green labels or if.", "I'll order the green labels."),
    ],
)
def test_false_starts_and_unfinished_ends_are_left_off(statement: str, item: str) -> None:
    """What was given up, and what was not reached."""
    assert worded(statement) == item


@pytest.mark.parametrize(
    "statement",
    [
        "We'll go with option A.",
        "The hr HR hired is called Ann.",
        "I'll tell Anna I'll order the labels.",
        "I won't say I'll order the green labels.",
        "We'll print labels in The Hague.",
        "I'll print labels and I'll order the paper.",
        "Could you order the green labels for the?",
        "We said no and we'll print four labels.",
    ],
)
def test_what_was_meant_stays(statement: str) -> None:
    """Who does what, negations and numbers; a question keeps its end."""
    assert worded(statement) == statement


@given(
    st.lists(
        st.sampled_from(
            ["We'll", "we'll", "I", "A", "So", "and", "print", "no", "two", "the", "yeah,", "co"]
        ),
        min_size=1,
    ).map(" ".join)
)
def test_words_are_only_left_off(said: str) -> None:
    """None is put in, and their order stays."""
    statement = said[0].upper() + said[1:] + "."
    left = iter(tokens(statement))
    assert all(word in left for word in tokens(worded(statement)))


@pytest.mark.parametrize(
    "text",
    [
        "I'll do that for the next meeting with the printer and the designers.",
        "I'll put them there tomorrow.",
        "You look into the price of those.",
        "We'll go with that label.",
        "I'll go back and check.",
        "I will write to the printer and let you know.",
        "I hope the printer will do it.",
    ],
)
def test_what_points_back_is_known(text: str) -> None:
    """It has little of its own, or stands for what is to be done."""
    assert points_back(text)


@pytest.mark.parametrize(
    "text",
    [
        "This is in as well then, the printer label.",
        "I'll order the green labels and send them to Anna.",
        "I haven't compared labels with paper, but I want to do it.",
        "I'll send labels to the printer when I do it.",
        "Scratch that we go with labels.",
    ],
)
def test_what_says_itself_what_it_means_stands_alone(text: str) -> None:
    """A pronoun whose noun is there is no riddle."""
    assert not points_back(text)


def test_little_is_not_nothing() -> None:
    """One content word says nothing, two a little."""
    assert says_nothing("I'll go back and check.")
    assert not says_nothing("You look into the price of those labels.")


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("The printer raised the price of green labels.", True),
        ("Yeah.", False),
        ("I'll put them there tomorrow.", False),
        ("That's a difficult label.", False),
        ("The printer raised the price of the.", False),
        ("The price it The printer was So we have labels.", False),
        ("I don't know the price of labels.", False),
    ],
)
def test_a_neighbour_has_to_tell_something(text: str, tells: bool) -> None:
    """In whole words, and not about something before it."""
    assert explains(text) is tells
