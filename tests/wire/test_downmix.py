import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.messages import Samples
from wordloop_ml.wire.downmix import Downmix

RATE = 16_000
FRAME = 320


def noise(seconds: float, seed: int = 0) -> Samples:
    """As loud as speech may be, and like nothing of another seed."""
    numbers = np.random.default_rng(seed).standard_normal(round(RATE * seconds))
    return (0.1 * numbers).clip(-1, 1).astype(np.float32)


def mixed(*channels: Samples, frame: int = FRAME) -> Samples:
    """The channels as one, mixed frame by frame."""
    downmix = Downmix(len(channels), RATE)
    together = np.stack(channels, axis=1)
    return np.concatenate(
        [downmix.mix(together[at : at + frame].ravel()) for at in range(0, len(together), frame)]
    )


def level(samples: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@given(st.integers(1, 8), st.integers(1, 500), st.integers(0, 5), st.sampled_from([-1.0, 0.3, 1.0]))
def test_any_channels_give_one_in_range(
    channels: int, frame: int, seed: int, polarity: float
) -> None:
    """As many samples as there were on each, whatever the frames."""
    one = np.clip(10 * noise(0.1, seed), -1, 1)
    heard = mixed(*(one * polarity**number for number in range(channels)), frame=frame)
    assert heard.dtype == np.float32
    assert heard.shape == one.shape
    assert np.max(np.abs(heard)) <= 1


@pytest.mark.parametrize("other", [noise(1, 1), noise(1, 0), 0 * noise(1), 0.2 * noise(1, 0)])
def test_what_does_not_cancel_is_averaged_sample_for_sample(other: Samples) -> None:
    """Two speakers, one in the middle, one side alone, one side louder."""
    one = noise(1, 0)
    np.testing.assert_array_equal(
        mixed(one, other), np.stack([one, other], 1).mean(axis=1, dtype=np.float32)
    )


@pytest.mark.parametrize("frame", [64, 320, 4_096, 16_000])
@pytest.mark.parametrize("channels", [2, 3, 4, 8])
def test_a_channel_of_opposite_polarity_does_not_take_the_others_away(
    channels: int, frame: int
) -> None:
    """It is turned round, within 10 ms of the first sound."""
    one = noise(1)
    turned = [one if number % 2 == 0 else -one for number in range(channels)]
    heard = mixed(*turned, frame=frame)
    np.testing.assert_allclose(heard[400:], one[400:], atol=1e-6)


def test_one_that_is_nearly_opposite_is_turned_too() -> None:
    """Other noise on each line, and not quite as loud."""
    one = noise(1)
    assert level(mixed(one + 0.2 * noise(1, 1), -0.8 * one)) > 0.8 * level(one)


def test_polarity_may_change_on_the_way_without_a_click() -> None:
    """Somebody puts the plug right: the ramp is as smooth as the sound."""
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    right = np.where(np.arange(len(tone)) < RATE, -tone, tone)
    heard = mixed(tone, right)
    assert np.max(np.abs(np.diff(heard))) < 1.5 * np.max(np.abs(np.diff(tone)))
    assert level(heard[-RATE // 4 :]) == pytest.approx(level(tone), rel=0.01)
    assert level(heard[: RATE // 2]) == pytest.approx(level(tone), rel=0.05)


def test_silence_changes_nothing() -> None:
    """Nor does it forget which channel is turned."""
    one = noise(0.5)
    quiet = np.zeros(10 * RATE, np.float32)
    audio = np.concatenate([one, quiet, one])
    heard = mixed(audio, -audio)
    np.testing.assert_allclose(heard[-len(one) :], one, atol=1e-6)
