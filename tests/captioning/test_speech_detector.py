"""A track's audio by its position, and speech in it by its windows."""

import numpy as np

from wordloop_ml.captioning.endpointer import SpeechBegan, SpeechDetector, SpeechEnded
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Samples

POLICY = CaptioningPolicy()
WINDOW = POLICY.window_samples


class LoudnessVoice:
    """Loud is speech; fails when told to."""

    fails = False

    def probability(self, window: Samples) -> float:
        assert window.shape == (WINDOW,)
        if self.fails:
            raise EngineFailed("no probability")
        return 0.95 if np.abs(window).max() > 0.01 else 0.02


def loud(samples: int) -> Samples:
    """Speech to this detector."""
    return np.full(samples, 0.1, np.float32)


def test_windows_are_judged_one_by_one_and_the_rest_on_demand() -> None:
    """The part of a window that is left at the end is padded with silence."""
    detector = SpeechDetector(LoudnessVoice(), POLICY, 1_000)
    detector.append(loud(2 * WINDOW + 100))
    assert detector.pending_samples == 2 * WINDOW + 100
    events = [
        detector.process_window(WINDOW),
        detector.process_window(WINDOW),
        detector.process_window(detector.pending_samples),
    ]
    assert [type(event) for event in events] == [type(None), SpeechBegan, type(None)]
    assert (detector.pending_samples, detector.position, detector.received) == (
        0,
        1_000 + 2 * WINDOW + 100,
        detector.position,
    )


def test_audio_comes_back_by_its_position_until_it_is_released() -> None:
    """And makes room again."""
    detector = SpeechDetector(LoudnessVoice(), POLICY, 1_000)
    before = detector.room
    detector.append(loud(WINDOW))
    utterance = detector.audio(1_100, 1_300)
    assert (utterance.start, utterance.end) == (1_100, 1_300)
    detector.release_before(1_000 + WINDOW)
    assert detector.room == before


def test_a_border_from_outside_ends_speech_and_positions_go_on_after_a_gap() -> None:
    """Nothing that follows reaches behind it."""
    detector = SpeechDetector(LoudnessVoice(), POLICY, 0)
    detector.append(loud(4 * WINDOW))
    while detector.pending_samples:
        detector.process_window(WINDOW)
    assert detector.close(last=True) == [SpeechEnded(4 * WINDOW)]
    detector.skip(5_000)
    assert (
        detector.position
        == detector.received
        == detector.proven_silence_until
        == 4 * WINDOW + 5_000
    )


def test_a_window_that_the_detector_fails_on_is_like_the_one_before() -> None:
    """A burst is confirmed by a window that nobody heard."""
    voice = LoudnessVoice()
    detector = SpeechDetector(voice, POLICY, 0)
    detector.append(loud(2 * WINDOW))
    detector.process_window(WINDOW)
    voice.fails = True
    assert isinstance(detector.process_window(WINDOW), SpeechBegan)
    assert detector.failures == 1
