"""The log-mel picture, against a plain reading of whisper.cpp's definition."""

import numpy as np

from scripts.nano.mel import filters, log_mel


def _slow_picture(samples: np.ndarray, frames: int) -> np.ndarray:
    """Frame by frame, with a Fourier matrix, in double precision."""
    padded = np.concatenate([samples[1:201][::-1], samples, np.zeros(frames * 160 + 800)])
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(400) / 400))
    matrix = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
    picture = np.full((80, frames), -10.0)
    for frame in range(min(frames, (len(samples) + 200) // 160 + 1)):
        bins = matrix @ (window * padded[frame * 160 : frame * 160 + 400])
        power = filters().astype(np.float64) @ np.abs(bins) ** 2
        picture[:, frame] = np.log10(np.maximum(power, 1e-10))
    clamped: np.ndarray = (np.maximum(picture, picture.max() - 8.0) + 4.0) / 4.0
    return clamped


def test_the_picture_follows_the_definition() -> None:
    """Noise and a tone, with room behind them."""
    rng = np.random.default_rng(3)
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    samples = (0.1 * tone + 0.01 * rng.normal(size=8000)).astype(np.float32)
    assert np.allclose(log_mel(samples, 100), _slow_picture(samples, 100), atol=2e-3)


def test_a_context_shorter_than_the_sound_is_its_beginning() -> None:
    """Only the clamp can differ: it hangs on the loudest cell."""
    samples = np.random.default_rng(4).normal(size=16000).astype(np.float32) * 0.1
    assert np.allclose(log_mel(samples, 40), log_mel(samples, 90)[:, :40], atol=1e-5)


def test_digital_silence_is_flat() -> None:
    """10 to the power of -10 everywhere, scaled; logarithms differ by CPU in the last bit."""
    assert np.allclose(log_mel(np.zeros(4000, np.float32), 50), -1.5, rtol=0.0, atol=1e-6)


def test_the_filters_are_slaney_triangles_of_equal_area() -> None:
    """80 bands over 201 bins of 40 Hz; the largest value is that of Whisper's own file."""
    assert filters().shape == (80, 201)
    assert np.isclose(filters().max(), 0.02588, atol=1e-4)
    assert np.all(filters().argmax(axis=1)[1:] >= filters().argmax(axis=1)[:-1])
