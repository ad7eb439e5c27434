"""Computes Whisper's log-mel spectrograms; pure.

Source: openai/whisper, audio.py: frames of 25 ms every 10 ms under a Hann window, Slaney's mel
triangles, base-10 logarithms clamped to 8 below the loudest and scaled to about [-1, 1].
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from wordloop_ml.messages import Samples
from wordloop_ml.weights import conversion

Floats = npt.NDArray[np.float32]

HOP_SAMPLES = 160
FRAME_SAMPLES = 400
BANDS = 80


def log_mel(samples: Samples, frames: int, bands: int = BANDS) -> Floats:
    """Compute the spectrogram of ``samples`` with silence behind them; float32 (bands, frames).

    samples: float32, shape (n,), at most ``frames * HOP_SAMPLES``.
    """
    half = FRAME_SAMPLES // 2
    padded = np.zeros(frames * HOP_SAMPLES + 2 * half, np.float32)
    padded[half : half + len(samples)] = samples
    # the first frames see the audio mirrored at its start, as torch.stft pads it
    mirrored = samples[1 : half + 1][::-1]
    padded[half - len(mirrored) : half] = mirrored
    # every frame behind the audio is silent: not worth a transform
    heard = min(frames, -(-(len(samples) + half) // HOP_SAMPLES) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES][:heard]
    spectra = np.fft.rfft(windows * _hann(), axis=1)
    power = np.square(spectra.real) + np.square(spectra.imag)
    mels = np.full((bands, frames), 1e-10, np.float32)
    np.maximum(mel_filters(bands) @ power.astype(np.float32).T, 1e-10, out=mels[:, :heard])
    logs = np.log10(mels)
    np.maximum(logs, logs.max() - 8.0, out=logs)
    logs += 4.0
    logs /= 4.0
    return logs


@cache
def mel_filters(bands: int) -> Floats:
    """The filters that Whisper's files carry; float32, shape (bands, 201), read-only and shared."""
    filters: Floats = conversion.mel_filters(bands)
    filters.flags.writeable = False
    return filters


@cache
def _hann() -> Floats:
    window: Floats = (
        0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)
    ).astype(np.float32)
    window.flags.writeable = False
    return window
