"""Word error rates."""

import pytest

from scripts.benchmark.word_errors import word_error_rate


def test_errors_of_all_tracks_are_counted_over_all_spoken_words() -> None:
    """One substitution and one added word over six spoken ones."""
    rate = word_error_rate(
        ["Hello there, Ada.", "It's all right."], ["hello the Ada", "its all right now"]
    )
    assert rate == pytest.approx(3 / 6)


def test_case_and_punctuation_are_no_errors() -> None:
    """They are not what is measured."""
    assert word_error_rate(["Twenty-one, OK?"], ["twenty one ok"]) == 0.0


def test_a_track_without_a_transcript_misses_every_word() -> None:
    """Silence is not forgiven."""
    assert word_error_rate(["one two", "three four"], ["one two", ""]) == 0.5


def test_without_a_spoken_word_there_is_no_rate() -> None:
    """Rather an error than a zero."""
    with pytest.raises(ValueError, match="nothing was said"):
        word_error_rate(["..."], ["hello"])
