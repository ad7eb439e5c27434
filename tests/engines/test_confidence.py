"""Probabilities to confidences."""

from hypothesis import given
from hypothesis import strategies as some

from wordloop_ml.engines.confidence import calibrated, with_calibration
from wordloop_ml.messages import Word
from wordloop_ml.weights import Calibration

CALIBRATIONS = some.builds(Calibration, some.floats(0.01, 100.0), some.floats(-20.0, 20.0))


@given(some.floats(0.0, 1.0))
def test_without_a_calibration_nothing_changes(confidence: float) -> None:
    """To the bit."""
    assert calibrated(confidence, Calibration()) == confidence


@given(some.floats(0.0, 1.0), some.floats(0.0, 1.0), CALIBRATIONS)
def test_a_surer_word_stays_surer(one: float, other: float, calibration: Calibration) -> None:
    """Whatever the numbers, the order and the range stay."""
    low, high = sorted((one, other))
    assert 0.0 <= calibrated(low, calibration) <= calibrated(high, calibration) <= 1.0


def test_an_over_confident_model_is_believed_less() -> None:
    """Half the slope: 0.9 is then worth 0.75. An offset moves the even chance."""
    assert round(calibrated(0.9, Calibration(0.5)), 3) == 0.75
    assert round(calibrated(0.5, Calibration(1.0, -1.0)), 3) == 0.269


def test_only_the_confidence_of_a_word_changes() -> None:
    """Text and times are the model's."""
    words = (Word("hello", 10, 20, 0.9), Word("there", 20, 30, 0.5))
    changed = with_calibration(words, Calibration(0.5))
    assert [(word.text, word.start, word.end) for word in changed] == [
        ("hello", 10, 20),
        ("there", 20, 30),
    ]
    assert [round(word.confidence, 3) for word in changed] == [0.75, 0.5]
    assert with_calibration(words, Calibration()) is words
