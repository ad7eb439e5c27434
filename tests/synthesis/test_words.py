"""Words, counted and compared."""

import pytest

from wordloop_ml.synthesis.words import content_stems, content_words, count_words, stems, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("Good morning, all.", 3), ("会議を始めます", 3), ("안녕 여러분", 2)],
)
def test_words_are_counted_in_scripts_with_and_without_blanks(text: str, words: int) -> None:
    """Roughly, where there are none."""
    assert count_words(text) == pytest.approx(words, abs=1)


def test_tokens_have_no_punctuation() -> None:
    """But the apostrophe inside them; ideographs stand alone."""
    assert tokens("It’s 5 o'clock -- we're OK!") == ["it's", "5", "o'clock", "we're", "ok"]
    assert tokens("会議A") == ["会", "議", "a"]


def test_function_words_say_nothing() -> None:
    """What is left is what a text is about."""
    assert content_words(tokens("We will send the report")) == ["send", "report"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("send the reports", "sending a report"),
        ("we decided", "to decide"),
        ("Ada's plan", "Ada planning"),
        ("stories", "a story"),
        ("the call", "calling, called"),
    ],
)
def test_endings_do_not_matter(one: str, other: str) -> None:
    """Roughly, as stemmers are."""
    assert content_stems(tokens(one)) == content_stems(tokens(other))


def test_short_words_keep_what_looks_like_an_ending() -> None:
    """For there would be too little left of them."""
    assert stems(["thing", "bus", "red"]) == {"thing", "bus", "red"}
