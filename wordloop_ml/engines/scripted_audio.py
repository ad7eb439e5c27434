"""Audio that carries its own transcript: numbered words, readable after any segmentation.

A spoken word is a block of samples of one level, and the level is its number: word n has samples
of ``BASE_LEVEL + n``. Its middle sample alone has the opposite sign: the marker. A cut anywhere
leaves the marker on exactly one side, so a word is heard by exactly one of two neighbouring
utterances, the one that holds at least half of it. Silence is zeros.

The levels are int16 values. They survive the way to float32 in [-1, 1) and back (a division by
32768 is exact), but no gain, no resampling and no lossy codec: this is audio for 16 kHz PCM.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordloop_ml.messages import Pcm16, Samples

BASE_LEVEL = 1_000
"""The level of word 0: an RMS of 0.03, well above what guards take for silence."""

HIGHEST_NUMBER = 32_767 - BASE_LEVEL
WORD_SAMPLES = 4_000
_FULL_SCALE = 32_768


@dataclass(frozen=True, slots=True)
class HeardBlock:
    """A word whose marker lies in the audio: its number, and its samples there, [start, end)."""

    number: int
    start: int
    end: int


def word_text(number: int) -> str:
    """Spell word ``number``."""
    return f"w{number}"


def silence(samples: int) -> Pcm16:
    """Make silence: int16 zeros, shape (samples,)."""
    return np.zeros(samples, np.int16)


def spoken(
    words: Iterable[int], *, word_samples: int = WORD_SAMPLES, pause_samples: int = 0
) -> Pcm16:
    """Make audio that says these numbers: int16, shape (n,), 16 kHz.

    words: each in [0, 31767]; without a pause between them, neighbours must differ.
    word_samples: how long each takes, at least 2. pause_samples: silence after each.
    """
    parts: list[Pcm16] = []
    before: int | None = None
    for number in words:
        if not 0 <= number <= HIGHEST_NUMBER or word_samples < 2:
            raise ValueError(f"word {number} of {word_samples} samples cannot be spoken")
        if number == before and pause_samples == 0:
            raise ValueError(f"word {number} twice in a row would be heard as one")
        block = np.full(word_samples + pause_samples, BASE_LEVEL + number, np.int16)
        block[word_samples // 2] *= -1
        block[word_samples:] = 0
        parts.append(block)
        before = number
    return np.concatenate(parts) if parts else silence(0)


def hear(samples: Samples) -> list[HeardBlock]:
    """Find the words whose marker lies in this audio, in order.

    samples: float32, shape (n,), in [-1, 1].
    """
    levels: npt.NDArray[np.int32] = np.rint(samples * _FULL_SCALE).astype(np.int32)
    magnitudes = np.abs(levels)
    borders = np.flatnonzero(np.diff(magnitudes)) + 1
    markers = np.flatnonzero((levels <= -BASE_LEVEL) & (magnitudes <= BASE_LEVEL + HIGHEST_NUMBER))
    runs, first, counts = np.unique(
        np.searchsorted(borders, markers, side="right"), return_index=True, return_counts=True
    )
    edges = [0, *borders.tolist(), len(samples)]
    return [
        HeardBlock(int(magnitudes[markers[at]]) - BASE_LEVEL, edges[run], edges[run + 1])
        for run, at, count in zip(runs.tolist(), first.tolist(), counts.tolist(), strict=True)
        if count == 1  # a block has one marker: this is some other sound
    ]
