"""What nobody says so often is a loop; what comes twice is a suspicion; people repeat themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.guards import (
    AudioFacts,
    Repetition,
    reject_reason,
    repetition_in,
    without_repeats,
)
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import Hypothesis, RejectReason, Word

POLICY = CaptioningPolicy()
NONE, DOUBLED, LOOP = Repetition.NONE, Repetition.DOUBLED, Repetition.LOOP
CLAUSE = "そうですね、"
LONG_CLAUSE = "明日の会議です。"


def spoken(text: str) -> tuple[Word, ...]:
    """Words, one after the other."""
    return tuple(Word(one, 10 * at, 10 * at + 9, 0.9) for at, one in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "repetition", "once"),
    [
        ("let us start with the budget", NONE, "let us start with the budget"),
        (
            "And so my fellow Americans. And so my fellow Americans.",
            DOUBLED,
            "And so my fellow Americans.",
        ),
        ("7 of clubs. " * 3, DOUBLED, "7 of clubs."),
        ("7 of clubs. " * 4, LOOP, "7 of clubs."),
        ("so " * 9, LOOP, "so"),
        ("S-0-0-0-0-0-0-0-0", LOOP, None),
        ("no, no, no", NONE, "no, no, no"),
        ("no, no, no, no, no", NONE, "no, no, no, no, no"),
        ("very, very, very good", NONE, "very, very, very good"),
        ("bye bye. bye bye.", NONE, "bye bye. bye bye."),
        ("haha and 1000000", NONE, "haha and 1000000"),
    ],
)
def test_a_text_repeats_itself_more_or_less(
    text: str, repetition: Repetition, once: str | None
) -> None:
    """Case and punctuation aside; what is taken out are the copies."""
    words = spoken(text)
    assert repetition_in(words, POLICY) is repetition
    if once is not None:
        assert " ".join(word.text for word in without_repeats(words, POLICY)) == once


def test_thank_you_thank_you_is_what_people_say() -> None:
    """Its letters are fewer than those of a phrase that is doubted."""
    policy = CaptioningPolicy(doubled_letters=10)
    assert repetition_in(spoken("thank you, thank you"), policy) is NONE
    assert repetition_in(spoken("thank you all, thank you all"), policy) is DOUBLED


@pytest.mark.parametrize(
    ("text", "repetition"),
    [
        (CLAUSE * 3, LOOP),
        (LONG_CLAUSE * 3, LOOP),
        (LONG_CLAUSE * 2, DOUBLED),
        (LONG_CLAUSE, NONE),
        ("はいはい", NONE),
    ],
)
def test_a_loop_hides_in_writing_without_blanks(text: str, repetition: Repetition) -> None:
    """Where all that stands without a blank is one word."""
    assert repetition_in(spoken(text), POLICY) is repetition


@pytest.mark.parametrize("times", [2, 3])
def test_a_clause_without_blanks_is_said_once(times: int) -> None:
    """The first copy stays."""
    (word,) = without_repeats(spoken(LONG_CLAUSE * times), POLICY)
    assert word.text == LONG_CLAUSE


def test_short_text_is_judged_by_its_repeats() -> None:
    """Under 32 bytes no compression ratio says anything."""
    hypothesis = Hypothesis(0, 1_000, spoken("あ" * 8))
    assert len(hypothesis.text.encode()) < 32
    facts = AudioFacts(0, 1_000, loudest_rms=0.1)
    assert reject_reason(hypothesis, facts, POLICY) is RejectReason.REPETITION


VOCABULARY = ("so", "So,", "and", "the", "budget", "my", "fellow", "Americans.", "7", "no")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5), st.integers(1, 6)),
        max_size=6,
    )
)
def test_taking_repeats_out_never_invents_and_is_done_at_once(
    phrases: list[tuple[list[str], int]],
) -> None:
    """What is left is some of the words, in their order, and repeats itself no more."""
    said = [text for phrase, times in phrases for text in phrase * times]
    words = tuple(Word(text, at, at + 1, 0.9) for at, text in enumerate(said))
    kept = without_repeats(words, POLICY)
    assert [word for word in words if word in kept] == list(kept)
    assert without_repeats(kept, POLICY) == kept
    assert repetition_in(kept, POLICY) is NONE
    assert bool(kept) == bool(words)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("あいう、。0-h", min_size=1, max_size=40), max_size=4))
def test_inside_words_too_it_is_done_at_once(texts: list[str]) -> None:
    """Each word stays a word, and none grows."""
    words = tuple(Word(text, at, at + 1, 0.9) for at, text in enumerate(texts))
    kept = without_repeats(words, POLICY)
    assert without_repeats(kept, POLICY) == kept
    assert all(word.text for word in kept)
    starts = {word.start: word.text for word in words}
    assert all(len(word.text) <= len(starts[word.start]) for word in kept)
