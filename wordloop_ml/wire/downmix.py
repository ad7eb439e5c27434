"""Several channels to one, so that channels of opposite polarity do not cancel each other; pure."""

import math

import numpy as np
import numpy.typing as npt

from wordloop_ml.messages import Samples

_REMEMBERED_S = 0.5
"""Over this time, what was heard counts for less and less (to 1/e)."""
_OPPOSITE = -0.7
"""A channel with this correlation to those before it, or less, is turned round."""
_NO_LONGER = -0.3
"""And is left as it is again from this correlation on; in between, nothing changes."""
_RAMP_S = 0.01
_SILENT = 1e-12
"""Mean squares below this (-120 dB of full scale) say nothing about polarity."""


class Downmix:
    """The average of the channels of one stream, each with the polarity that agrees with the rest.

    A channel that is wired the wrong way round (right = -left) would cancel the others: it is
    inverted while it does. Whatever has no such channel is averaged. A change
    takes 10 ms, so that it is not heard.

    sample_rate: of the samples, which says how long half a second is.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._channels = channels
        self._sample_rate = sample_rate
        self._energy: npt.NDArray[np.float64] = np.zeros((channels, channels))
        self._signs: npt.NDArray[np.float32] = np.ones(channels, np.float32)

    def mix(self, interleaved: Samples) -> Samples:
        """One channel: float32, shape (n,), in [-1, 1].

        interleaved: float32, shape (n * channels,), in [-1, 1]; passed on where it has one channel.
        """
        if self._channels == 1 or not len(interleaved):
            return interleaved
        frames = interleaved.reshape(-1, self._channels)
        before, self._signs = self._signs, self._agreeing(frames)
        if (before == self._signs).all():
            return self._weighted(frames, self._signs)
        ramp = min(len(frames), math.ceil(self._sample_rate * _RAMP_S))
        old, new = self._weighted(frames[:ramp], before), self._weighted(frames, self._signs)
        new[:ramp] = old + np.linspace(0, 1, ramp, dtype=np.float32) * (new[:ramp] - old)
        return new

    def _weighted(self, frames: Samples, signs: npt.NDArray[np.float32]) -> Samples:
        mono: Samples = frames @ (signs / np.float32(self._channels))
        # halves add up to one exactly, thirds and their like do not
        return mono if self._channels == 2 else np.clip(mono, -1, 1)

    def _agreeing(self, frames: Samples) -> npt.NDArray[np.float32]:
        """The polarity of each channel, after these frames have been heard, too."""
        kept = math.exp(-len(frames) / (self._sample_rate * _REMEMBERED_S))
        heard = (frames.T @ frames).astype(np.float64) / self._sample_rate
        self._energy = kept * self._energy + heard
        # plain numbers: there are four of them as a rule
        energy: list[list[float]] = self._energy.tolist()
        before: list[float] = self._signs.tolist()
        signs = [1.0]
        for channel in range(1, self._channels):
            others = range(channel)
            towards = sum(signs[one] * energy[one][channel] for one in others)
            together = sum(
                signs[one] * signs[two] * energy[one][two] for one in others for two in others
            )
            loudness = math.sqrt(max(0.0, together * energy[channel][channel]))
            if loudness <= _SILENT:
                signs.append(before[channel])
            else:
                limit = _NO_LONGER if before[channel] < 0 else _OPPOSITE
                signs.append(-1.0 if towards < limit * loudness else 1.0)
        return np.array(signs, np.float32)
