"""What a sentence denies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.polarity import (
    OPPOSITES,
    answers_no,
    denied,
    negated,
    negated_heads,
    says_no,
    undone_heads,
)
from wordloop_ml.synthesis.words import stem, tokens


def reached(text: str) -> set[str]:
    words = tokens(text)
    return {words[at] for at in negated(words)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("we do not use metal", {"use", "metal"}),
        ("I don't like it but we need plastic", {"like", "it"}),
        ("there is no joystick", {"joystick"}),
        ("without a battery", {"a", "battery"}),
        ("we use plastic", set()),
    ],
)
def test_a_negation_reaches_what_is_behind_it(text: str, words: set[str]) -> None:
    """Up to a word that begins another clause."""
    assert reached(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "why don't we use plastic",
        "shouldn't it be red",
        "I don't know if we use plastic",
        "not only the case",
        "no problem with plastic",
        "No, plastic is fine",
    ],
)
def test_what_only_sounds_negative_denies_nothing(text: str) -> None:
    """Questions, doubts and answers."""
    assert reached(text) <= {"know"}


def test_a_negation_has_a_head() -> None:
    """The first word that says something; hesitations do not."""
    words = tokens("we don't uh use metal and never sell plastic")
    assert {words[at] for at in negated_heads(words)} == {"use", "sell"}
    words = tokens("it is not going to be red")
    assert {words[at] for at in negated_heads(words)} == {"red"}


def test_what_is_refused_or_doubted_is_not_so() -> None:
    """The first word of it."""
    words = tokens("they refused to deliver and I doubt that customers want it")
    assert {words[at] for at in undone_heads(words)} == {"deliver", "customers"}
    assert says_no(words)
    assert not says_no(tokens("they deliver it"))


def test_words_deny_without_a_negation() -> None:
    """On both sides of them, since "was rejected" has it before."""
    words = tokens("the banana shape was rejected by them")
    assert {words[at] for at in denied(words)} >= {"banana", "shape"}
    assert not negated(words)


def test_a_no_answers() -> None:
    """Where it comes first."""
    assert answers_no(tokens("No, it isn't."))
    assert not answers_no(tokens("There is no case."))
    assert not answers_no([])


def test_opposites_are_mutual() -> None:
    """And no word is its own."""
    assert stem("reject") in OPPOSITES[stem("accept")]
    for one, others in OPPOSITES.items():
        assert one not in others
        assert all(one in OPPOSITES[other] for other in others)


@given(
    st.lists(
        st.sampled_from(
            [
                "we",
                "do",
                "not",
                "don't",
                "no",
                "but",
                "because",
                "use",
                "metal",
                "refuse",
                "without",
            ]
        )
    )
)
def test_what_is_negated_is_denied(words: list[str]) -> None:
    """And lies among the words."""
    assert negated_heads(words) <= negated(words) <= denied(words) <= set(range(len(words)))
