"""Brings quiet speech to a level at which the voice detector hears it; pure."""

from dataclasses import dataclass

import numpy as np

from wordloop_ml.messages import SAMPLE_RATE, Samples

_TARGET_RMS = 0.05
"""Speech at this level is normal speech; louder windows are left as they are."""

_MOST_GAIN = 31.6
"""30 dB: noise at rest stays far below speech."""

_FIRST_LEVEL = _TARGET_RMS / 10.0
"""The first words of a track may be quiet ones: 20 dB, until its level is known."""

_RELEASE_DB_PER_S = 3.0
"""How fast the level is forgotten after a loud window: a pause between sentences moves little."""


@dataclass(slots=True)
class LevelNormaliser:
    """A gain that follows the loudest windows of one track: down at once, up slowly.

    It depends on the audio alone, so that the same audio gives the same speech at any load.
    """

    level: float = _FIRST_LEVEL

    def normalise(self, window: Samples) -> Samples:
        """The window, amplified by at most 30 dB and clipped to [-1, 1]; float32, same shape."""
        rms = float(np.sqrt(window.dot(window) / max(len(window), 1)))
        released = self.level * 10.0 ** (-_RELEASE_DB_PER_S * len(window) / SAMPLE_RATE / 20.0)
        self.level = max(rms, released, _TARGET_RMS / _MOST_GAIN)
        gain = _TARGET_RMS / self.level
        if gain <= 1.0:
            return window
        louder: Samples = np.clip(window * np.float32(gain), -1.0, 1.0)
        return louder
