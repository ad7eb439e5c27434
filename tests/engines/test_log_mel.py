"""Whisper's spectrograms, held to the formula that they are a fast form of."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.speech import samples_of
from wordloop_ml.engines.log_mel import FRAME_SAMPLES, HOP_SAMPLES, log_mel, mel_filters
from wordloop_ml.messages import SAMPLE_RATE, Samples

Doubles = npt.NDArray[np.float64]


def mel(hertz: float) -> float:
    """Slaney's scale: linear up to 1 kHz, logarithmic above."""
    if hertz < 1_000:
        return hertz * 3 / 200
    return 15 + 27 * float(np.log(hertz / 1_000) / np.log(6.4))


def hertz(mels: float) -> float:
    """Its inverse."""
    return mels * 200 / 3 if mels < 15 else 1_000 * 6.4 ** ((mels - 15) / 27)


def triangle(band: int, bands: int, frequency: float) -> float:
    """What a band makes of a frequency; each triangle has the area 1."""
    step = mel(SAMPLE_RATE / 2) / (bands + 1)
    low, middle, high = (hertz(step * (band + corner)) for corner in range(3))
    rising, falling = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
    return max(0.0, min(rising, falling)) * 2 / (high - low)


def slowly(samples: Samples, frames: int, bands: int = 80) -> Doubles:
    """The spectrogram by the definition: a sum over samples for each frame and bin."""
    half = FRAME_SAMPLES // 2
    sound = np.concatenate([samples, np.zeros(frames * HOP_SAMPLES + half)]).astype(np.float64)
    times = np.arange(FRAME_SAMPLES)
    window = np.sin(np.pi * times / FRAME_SAMPLES) ** 2
    bins = np.arange(half + 1)
    waves = np.exp(-2j * np.pi * np.outer(bins, times) / FRAME_SAMPLES)
    frequencies = [float(SAMPLE_RATE * one / FRAME_SAMPLES) for one in bins]
    filters = np.array(
        [[triangle(band, bands, one) for one in frequencies] for band in range(bands)]
    )
    columns = []
    for frame in range(frames):
        # mirrored at its start, without saying the first sample twice
        heard = sound[np.abs(frame * HOP_SAMPLES - half + times)]
        columns.append(filters @ np.abs(waves @ (window * heard)) ** 2)
    logs = np.log10(np.maximum(np.array(columns).T, 1e-10))
    clamped: Doubles = (np.maximum(logs, logs.max() - 8) + 4) / 4
    return clamped


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("seconds", [0.1, 0.3331, 1.0])
def test_it_is_the_definition(seconds: float, bands: int) -> None:
    """Of speech, with silence behind it, in each number of bands that Whisper has."""
    samples = samples_of("en_read_jfk_1")[8_000 : 8_000 + int(seconds * SAMPLE_RATE)]
    frames = len(samples) // HOP_SAMPLES + 20
    made = log_mel(samples, frames, bands)
    assert made.shape == (bands, frames)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, slowly(samples, frames, bands), atol=2e-4)


def test_silence_has_one_value() -> None:
    """Log of 1e-10, scaled; also where there is no audio at all."""
    for samples in (0, 1_600):
        made = log_mel(np.zeros(samples, np.float32), 20)
        np.testing.assert_allclose(made, -1.5, rtol=1e-6)


def test_a_tone_is_loudest_in_its_band() -> None:
    """From low to high."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    loudest = [
        int(log_mel(np.sin(2 * np.pi * tone * times).astype(np.float32), 100)[:, 50].argmax())
        for tone in (200, 440, 1_000, 3_000, 7_000)
    ]
    assert loudest == sorted(set(loudest))


def test_the_filters_are_shared_and_cannot_be_written() -> None:
    """Every worker reads the same."""
    assert mel_filters(80) is mel_filters(80)
    with pytest.raises(ValueError, match="read-only"):
        mel_filters(80)[0, 0] = 1.0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 4_000), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_every_length_fits_its_frames(samples: int, more: int, seed: int) -> None:
    """Numbers within two of each other, the silence behind the audio at the floor, nothing written."""
    sound = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    before = sound.copy()
    frames = -(-samples // HOP_SAMPLES) + more + 1
    made = log_mel(sound, frames)
    assert made.shape == (80, frames)
    assert np.isfinite(made).all()
    assert made.max() - made.min() <= 2.0 + 1e-6
    behind = made[:, -(-(samples + FRAME_SAMPLES // 2) // HOP_SAMPLES) + 1 :]
    assert np.all(behind == made.min())
    np.testing.assert_array_equal(sound, before)
