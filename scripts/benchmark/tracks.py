"""One participant's audio, composed so that every onset and every end is known; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.benchmark.speech import SpokenText
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.8, 2.5
"""Longer than the service's endpoint (0.5 s), so that an utterance mostly is a segment."""

TAIL_S = 1.5
"""Silence behind the last utterance: its final comes by the endpoint, not by ``stop``."""

NOISE_RMS = 4.0
"""Of a 16-bit sample: -78 dBFS, a quiet microphone. Digital silence would flatter the detector."""


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance on a track: what was said, and its true span in samples of the track."""

    text: str
    voice: str
    onset: int
    end: int


@dataclass(frozen=True, slots=True)
class Script:
    """A track's audio and all that is said on it, in order."""

    samples: Pcm16
    said: tuple[Said, ...]

    @property
    def seconds(self) -> float:
        """How long the track is."""
        return len(self.samples) / SAMPLE_RATE

    @property
    def talk_share(self) -> float:
        """The share of the track in which somebody speaks."""
        return sum(one.end - one.onset for one in self.said) / len(self.samples)


def compose(speech: Sequence[SpokenText], seconds: float, rng: np.random.Generator) -> Script:
    """Utterances in random order with random pauses; the last one begins before ``seconds``.

    Every utterance comes once before any comes again. A track always says something.
    """
    parts: list[Pcm16] = []
    said: list[Said] = []
    position = 0
    deck: list[int] = []
    while not said or position < seconds * SAMPLE_RATE:
        pause = np.zeros(_samples(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)), np.int16)
        deck = deck or [int(index) for index in rng.permutation(len(speech))]
        one = speech[deck.pop()]
        begins = position + len(pause)
        said.append(Said(one.text, one.voice, begins + one.onset, begins + one.end))
        parts += [pause, one.samples]
        position = begins + len(one.samples)
    parts.append(np.zeros(_samples(TAIL_S), np.int16))
    return Script(_with_noise(np.concatenate(parts), rng), tuple(said))


def sequence(speech: Sequence[SpokenText], pause_s: float, rng: np.random.Generator) -> Script:
    """These utterances in this order, each after the same pause."""
    parts: list[Pcm16] = []
    said: list[Said] = []
    position = 0
    pause = np.zeros(_samples(pause_s), np.int16)
    for one in speech:
        begins = position + len(pause)
        said.append(Said(one.text, one.voice, begins + one.onset, begins + one.end))
        parts += [pause, one.samples]
        position = begins + len(one.samples)
    parts.append(np.zeros(_samples(TAIL_S), np.int16))
    return Script(_with_noise(np.concatenate(parts), rng), tuple(said))


def _with_noise(samples: Pcm16, rng: np.random.Generator) -> Pcm16:
    noisy = samples + rng.normal(0.0, NOISE_RMS, len(samples)).round()
    return noisy.clip(-32_768, 32_767).astype(np.int16)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
