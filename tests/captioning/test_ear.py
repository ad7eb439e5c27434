"""A track's audio by its position, and speech in it by its windows."""

import numpy as np

from wordloop_ml.captioning.ear import Ear
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segmenter import SpeechBegan, SpeechEnded
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
    ear = Ear(LoudnessVoice(), POLICY, 1_000)
    ear.append(loud(2 * WINDOW + 100))
    assert ear.unheard == 2 * WINDOW + 100
    events = [ear.hear(WINDOW), ear.hear(WINDOW), ear.hear(ear.unheard)]
    assert [type(event) for event in events] == [type(None), SpeechBegan, type(None)]
    assert (ear.unheard, ear.position, ear.received) == (0, 1_000 + 2 * WINDOW + 100, ear.position)


def test_audio_comes_back_by_its_position_until_it_is_released() -> None:
    """And makes room again."""
    ear = Ear(LoudnessVoice(), POLICY, 1_000)
    before = ear.room
    ear.append(loud(WINDOW))
    utterance = ear.audio(1_100, 1_300)
    assert (utterance.start, utterance.end) == (1_100, 1_300)
    ear.release_before(1_000 + WINDOW)
    assert ear.room == before


def test_a_border_from_outside_ends_speech_and_positions_go_on_after_a_gap() -> None:
    """Nothing that follows reaches behind it."""
    ear = Ear(LoudnessVoice(), POLICY, 0)
    ear.append(loud(4 * WINDOW))
    while ear.unheard:
        ear.hear(WINDOW)
    assert ear.close(last=True) == [SpeechEnded(4 * WINDOW)]
    ear.skip(5_000)
    assert ear.position == ear.received == ear.proven_silence_until == 4 * WINDOW + 5_000


def test_a_window_that_the_detector_fails_on_is_like_the_one_before() -> None:
    """A burst is confirmed by a window that nobody heard."""
    voice = LoudnessVoice()
    ear = Ear(voice, POLICY, 0)
    ear.append(loud(2 * WINDOW))
    ear.hear(WINDOW)
    voice.fails = True
    assert isinstance(ear.hear(WINDOW), SpeechBegan)
    assert ear.failures == 1
