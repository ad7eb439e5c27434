"""Audio files of scripted words, as callers upload them."""

import io
import wave
from collections.abc import Iterable

import numpy as np

from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.messages import SAMPLE_RATE, Pcm16


def wav(*channels: Pcm16) -> bytes:
    """A 16 kHz WAV of as many channels, all as long as the longest."""
    longest = max(map(len, channels))
    padded = [np.pad(one, (0, longest - len(one))) for one in channels]
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.stack(padded, axis=1).astype("<i2").tobytes())
    return content.getvalue()


def sentences(*words: Iterable[int], pause_samples: int = SAMPLE_RATE) -> Pcm16:
    """Words, with a pause behind each sentence that ends its segment."""
    pause = silence(pause_samples)
    return np.concatenate([part for some in words for part in (spoken(some), pause)])
