"""One participant's audio, composed so that every onset and every end is known; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.benchmark.speech import SpokenText
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.2, 2.5
"""Between two utterances."""

TAIL_S = 1.5
"""Silence behind the last utterance: its final comes by the endpoint, not by ``stop``."""

NOISE_RMS = 10.0
"""Of a 16-bit sample: -70 dBFS, a quiet room, under everything."""


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
    tape = _Tape()
    deck: list[int] = []
    while not tape.said or tape.samples < seconds * SAMPLE_RATE:
        pause_s = rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
        deck = deck or [int(index) for index in rng.permutation(len(speech))]
        tape.say(pause_s, speech[deck.pop()])
    return tape.script(rng)


def sequence(speech: Sequence[SpokenText], pause_s: float, rng: np.random.Generator) -> Script:
    """These utterances in this order, each after the same pause."""
    tape = _Tape()
    for one in speech:
        tape.say(pause_s, one)
    return tape.script(rng)


class _Tape:
    """Utterances one after the other, each behind a pause."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.samples = 0
        self._parts: list[Pcm16] = []

    def say(self, pause_s: float, one: SpokenText) -> None:
        """A pause, then this."""
        pause = np.zeros(_samples(pause_s), np.int16)
        begins = self.samples + len(pause)
        self.said.append(Said(one.text, one.voice, begins + one.onset, begins + one.end))
        self._parts += [pause, one.samples]
        self.samples = begins + len(one.samples)

    def script(self, rng: np.random.Generator) -> Script:
        """All of it and a silent tail, in faint noise."""
        tail = np.zeros(_samples(TAIL_S), np.int16)
        return Script(_with_noise(np.concatenate([*self._parts, tail]), rng), tuple(self.said))


def _with_noise(samples: Pcm16, rng: np.random.Generator) -> Pcm16:
    noisy = samples + rng.normal(0.0, NOISE_RMS, len(samples)).round()
    return noisy.clip(-32_768, 32_767).astype(np.int16)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
