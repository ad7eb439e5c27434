"""Sounds without words: what a meeting's microphone hears between sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from scripts.nano.mel import SAMPLE_RATE, FloatArray

Generator = np.random.Generator


def _shaped(samples: int, rng: Generator, exponent: float) -> FloatArray:
    """Gaussian noise whose power falls with frequency to the power of `exponent`."""
    bins = np.fft.rfft(rng.standard_normal(samples))
    scale = np.maximum(np.arange(len(bins)), 1.0) ** (-exponent / 2)
    return np.fft.irfft(bins * scale, samples).astype(np.float32)


def white(samples: int, rng: Generator) -> FloatArray:
    return rng.standard_normal(samples, dtype=np.float32)


def pink(samples: int, rng: Generator) -> FloatArray:
    return _shaped(samples, rng, 1.0)


def brown(samples: int, rng: Generator) -> FloatArray:
    return _shaped(samples, rng, 2.0)


def _clock(samples: int) -> npt.NDArray[np.float64]:
    return np.arange(samples) / SAMPLE_RATE


def hum(samples: int, rng: Generator) -> FloatArray:
    """Mains at 50 or 60 Hz with its harmonics."""
    base = rng.choice([50.0, 60.0]) * rng.uniform(0.998, 1.002)
    out = np.zeros(samples)
    for harmonic in range(1, int(rng.integers(2, 14))):
        phase = rng.uniform(0, 2 * np.pi)
        level = rng.uniform(0.2, 1.0) / harmonic
        out += level * np.sin(2 * np.pi * base * harmonic * _clock(samples) + phase)
    return (out + 0.01 * rng.standard_normal(samples)).astype(np.float32)


def keyboard(samples: int, rng: Generator) -> FloatArray:
    """Keystrokes: short bursts, each with a ring of its own, down and up again."""
    out = 0.003 * rng.standard_normal(samples)
    at = int(rng.uniform(0, 0.3) * SAMPLE_RATE)
    while at < samples:
        length = int(rng.uniform(0.008, 0.06) * SAMPLE_RATE)
        decay = np.exp(-np.arange(length) / (rng.uniform(0.001, 0.012) * SAMPLE_RATE))
        ring = np.sin(2 * np.pi * rng.uniform(300, 5000) * np.arange(length) / SAMPLE_RATE)
        burst = decay * (rng.standard_normal(length) + rng.uniform(0, 1.5) * ring)
        for offset, level in ((0, 1.0), (int(rng.uniform(0.05, 0.12) * SAMPLE_RATE), 0.5)):
            part = out[at + offset : at + offset + length]
            part += level * rng.uniform(0.3, 1.0) * burst[: len(part)]
        at += int(rng.uniform(0.06, 0.5) * SAMPLE_RATE)
    return out.astype(np.float32)


def tones(samples: int, rng: Generator) -> FloatArray:
    """Steady tones, dial tones, beeps and sweeps."""
    clock = _clock(samples)
    out = np.zeros(samples)
    for _ in range(int(rng.integers(1, 4))):
        frequency = np.full(samples, float(np.exp(rng.uniform(np.log(90), np.log(6000)))))
        if rng.random() < 0.25:
            frequency *= np.linspace(1.0, rng.uniform(0.5, 2.0), samples)
        out += rng.uniform(0.2, 1.0) * np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)
    if rng.random() < 0.4:
        period, duty = rng.uniform(0.15, 1.5), rng.uniform(0.2, 0.8)
        out *= (clock + rng.uniform(0, period)) % period < duty * period
    return (out + 0.001 * rng.standard_normal(samples)).astype(np.float32)


def chords(samples: int, rng: Generator) -> FloatArray:
    """Something like music: plucked or held chords of a few partials."""
    out = np.zeros(samples)
    at = 0
    root = 110.0 * 2 ** rng.uniform(0, 1.5)
    while at < samples:
        length = min(int(rng.uniform(0.15, 1.2) * SAMPLE_RATE), samples - at)
        clock = np.arange(length) / SAMPLE_RATE
        envelope = np.exp(-clock * rng.uniform(0.3, 6.0)) * np.minimum(1.0, clock / 0.01)
        for step in rng.choice([0, 2, 3, 4, 5, 7, 9, 11, 12], int(rng.integers(1, 5))):
            for partial in range(1, 6):
                pitch = root * 2 ** (step / 12) * partial
                out[at : at + length] += envelope * np.sin(2 * np.pi * pitch * clock) / partial**1.5
        at += length
    return out.astype(np.float32)


def breath(samples: int, rng: Generator) -> FloatArray:
    """Slow swells of band-limited noise: breathing, a fan, a rustling sleeve."""
    bins = np.fft.rfft(rng.standard_normal(samples))
    pitch = np.linspace(0, SAMPLE_RATE / 2, len(bins))
    centre, width = rng.uniform(300, 3000), rng.uniform(200, 2000)
    shaped = np.fft.irfft(bins * np.exp(-(((pitch - centre) / width) ** 2)), samples)
    swell = np.sin(np.pi * (_clock(samples) / rng.uniform(0.4, 2.5) + rng.uniform(0, 1))) ** 2
    return (shaped * (swell + 0.02)).astype(np.float32)


def thumps(samples: int, rng: Generator) -> FloatArray:
    """A hand on the table, a door, a bumped microphone."""
    out = 0.002 * rng.standard_normal(samples)
    for _ in range(1 + int(rng.poisson(samples / SAMPLE_RATE))):
        at = int(rng.uniform(0, samples))
        length = min(int(rng.uniform(0.05, 0.4) * SAMPLE_RATE), samples - at)
        clock = np.arange(length) / SAMPLE_RATE
        knock = np.sin(2 * np.pi * rng.uniform(40, 250) * clock + rng.uniform(0, 6))
        knock += 0.3 * rng.standard_normal(length)
        out[at : at + length] += knock * np.exp(-clock * rng.uniform(8, 60))
    return out.astype(np.float32)


def silence(samples: int, rng: Generator) -> FloatArray:
    """Digital silence, or the least noise that a converter makes."""
    if rng.random() < 0.5:
        return np.zeros(samples, np.float32)
    return rng.integers(-1, 2, samples).astype(np.float32)


KINDS: Final[dict[str, Callable[[int, Generator], FloatArray]]] = {
    "white": white,
    "pink": pink,
    "brown": brown,
    "hum": hum,
    "keyboard": keyboard,
    "tones": tones,
    "chords": chords,
    "breath": breath,
    "thumps": thumps,
    "silence": silence,
}


def at_level(sound: FloatArray, decibels: float) -> FloatArray:
    """`sound` scaled to `decibels` of root mean square, full scale being 0; silence stays."""
    power = float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
    if power == 0.0:
        return sound
    return (sound * (10 ** (decibels / 20) / power)).astype(np.float32)
