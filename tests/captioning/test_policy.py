"""Numbers with which a track could stand still are refused."""

from typing import Any

import pytest

from wordloop_ml.captioning.policy import CaptioningPolicy


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ({"window_samples": 0}, "window_samples"),
        ({"neg_threshold": 0.6}, "thresholds"),
        ({"neg_threshold": 0.0}, "thresholds"),
        ({"speculate_samples": 8_001}, "speculate_samples"),
        ({"cut_margin_samples": 120_000}, "cut_margin_samples"),
        ({"buffer_samples": 240_000}, "buffer_samples"),
        ({"final_beams": 0}, "final_beams"),
        ({"final_retries": -1}, "final_retries"),
        ({"retry_temperature": 0.0}, "retry_temperature"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(numbers: dict[str, Any], complaint: str) -> None:
    """At start-up, with the name of the number."""
    with pytest.raises(ValueError, match=complaint):
        CaptioningPolicy(**numbers)


def test_the_defaults_are_those_of_the_design() -> None:
    """Pre-roll 400 ms, endpoint 500 ms, forced cut 15 s, a buffer of 60 s; whisper's guards."""
    policy = CaptioningPolicy()
    assert policy.pre_roll_samples == 16 * 400
    assert policy.min_silence_samples == 16 * 500
    assert policy.longest_segment_samples == 16 * 15_000
    assert policy.buffer_samples == 16 * 60_000
    assert (policy.no_speech_probability, policy.log_probability) == (0.6, -1.0)
    assert policy.compression_ratio == 2.4
