"""Quiet speech is brought to the detector's level; what is loud is left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.endpointer import LevelNormaliser
from wordloop_ml.messages import Samples

WINDOW = 512


def tone(amplitude: float) -> Samples:
    """A window of a tone."""
    wave: Samples = (np.sin(np.arange(WINDOW) * 0.3) * amplitude).astype(np.float32)
    return wave


def rms(window: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(window))))


def test_quiet_speech_is_raised_to_be_heard() -> None:
    """Once the level of the track is known, to the level of normal speech."""
    level, quiet = LevelNormaliser(), tone(0.005)
    heard = [level.normalise(quiet) for _ in range(400)]
    assert rms(heard[0]) > rms(quiet) * 9
    assert rms(heard[-1]) == pytest.approx(0.05, rel=0.05)


def test_loud_speech_is_untouched() -> None:
    """Sample by sample, from the first window on."""
    level, loud = LevelNormaliser(), tone(0.3)
    assert np.array_equal(level.normalise(loud), loud)


def test_a_pause_between_sentences_moves_little() -> None:
    """Noise at rest is not raised to speech while somebody breathes."""
    level = LevelNormaliser()
    level.normalise(tone(0.3))
    noise = tone(0.001)
    for _ in range(30):  # about a second
        paused = level.normalise(noise)
    assert rms(paused) <= rms(noise) * 2


def test_nothing_is_raised_by_more_than_30_db() -> None:
    """However long it is as quiet as that."""
    level, faint = LevelNormaliser(), tone(0.00002)
    heard = [level.normalise(faint) for _ in range(2_000)]
    assert rms(heard[-1]) == pytest.approx(rms(faint) * 31.6, rel=0.01)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0, width=32), st.integers(0, 99)), max_size=30))
def test_output_is_bounded_and_follows_from_the_audio_alone(
    windows: list[tuple[float, int]],
) -> None:
    """In [-1, 1], never quieter than what came, and the same each time."""
    one, other = LevelNormaliser(), LevelNormaliser()
    for amplitude, seed in windows:
        noise = np.random.default_rng(seed).uniform(-1, 1, WINDOW) * amplitude
        window = noise.astype(np.float32)
        before = window.copy()
        heard = one.normalise(window)
        assert np.array_equal(window, before)
        assert heard.dtype == np.float32
        assert heard.shape == window.shape
        assert np.abs(heard).max() <= 1.0
        assert np.all(np.abs(heard) >= np.abs(window))
        assert np.array_equal(heard, other.normalise(before))
