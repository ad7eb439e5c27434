"""The log-mel picture of sound, as whisper.cpp computes it (`log_mel_spectrogram`).

Differences from the reference Python implementation: a periodic Hann window over 400 samples, the
beginning mirrored, zeros at the end, and frames that lie wholly in padding count as silence
(10 to the power of -10) before the clamp at eight decades below the loudest cell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SAMPLE_RATE: Final = 16_000
FFT_SAMPLES: Final = 400
HOP_SAMPLES: Final = 160
MELS: Final = 80

FloatArray = npt.NDArray[np.float32]


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    linear = mel * (200.0 / 3)
    return np.where(mel < 15.0, linear, 1000.0 * np.exp((mel - 15.0) * (np.log(6.4) / 27.0)))


@cache
def filters() -> FloatArray:
    """Triangular filters of equal area, shape (80, 201), as in Whisper's own filter file."""
    bins = np.linspace(0.0, SAMPLE_RATE / 2, FFT_SAMPLES // 2 + 1)
    top = 15.0 + np.log(SAMPLE_RATE / 2 / 1000.0) / (np.log(6.4) / 27.0)
    edges = _mel_to_hz(np.linspace(0.0, top, MELS + 2))
    width = np.diff(edges)
    ramps = edges[:, None] - bins[None, :]
    rising = -ramps[:-2] / width[:-1, None]
    falling = ramps[2:] / width[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return (weights * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


@cache
def _window() -> FloatArray:
    steps = np.arange(FFT_SAMPLES)
    return (0.5 * (1.0 - np.cos(2.0 * np.pi * steps / FFT_SAMPLES))).astype(np.float32)


def _spectrum(windowed: FloatArray) -> npt.NDArray[np.complex64]:
    return np.fft.rfft(windowed, axis=1).astype(np.complex64)


def log_mel(
    samples: FloatArray,
    frames: int,
    *,
    colour: FloatArray | None = None,
    spectrum: Callable[[FloatArray], npt.NDArray[Any]] = _spectrum,
) -> FloatArray:
    """The picture of `samples` (float32, (n,), 16 kHz, in [-1, 1]), shape (80, `frames`).

    `frames` is twice the audio context: what lies behind the sound is filled as whisper.cpp does.
    colour: in training, a gain in decades for each of the 80 bands: another microphone.
    spectrum: the real Fourier transform over the rows; training brings a faster one.
    """
    half = FFT_SAMPLES // 2
    sounding = min(frames, (len(samples) + half) // HOP_SAMPLES + 1)
    padded = np.zeros(max(half + len(samples), sounding * HOP_SAMPLES + FFT_SAMPLES), np.float32)
    padded[half : half + len(samples)] = samples
    mirror = samples[1 : half + 1][::-1]
    padded[half - len(mirror) : half] = mirror
    view = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES][:sounding]
    bins = spectrum(view * _window())
    power = bins.real**2 + bins.imag**2
    picture = np.full((MELS, frames), -10.0, np.float32)
    picture[:, :sounding] = np.log10(np.maximum(filters() @ power.T, 1e-10))
    if colour is not None:
        picture[:, :sounding] = np.maximum(picture[:, :sounding] + colour[:, None], -10.0)
    clamped: FloatArray = (np.maximum(picture, picture.max() - 8.0) + 4.0) / 4.0
    return clamped
