"""What is said on a track, made up as it is spoken: numbered words, or people's utterances; pure."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from scripts.benchmark.speech import Said, SpokenText
from wordloop_ml.engines.scripted import WORD_SAMPLES, silence, spoken
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

HIGHEST_WORD = 31_000
"""Higher numbers are left to poison."""

_LONG_WORDS = 76
"""19 s without a pause: the service has to cut in the middle."""


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word and its samples on the track, [onset, end)."""

    number: int
    onset: int
    end: int


class Talk(ABC):
    """One participant. begun: the first sample of each utterance so far. samples: all so far.

    pause_s: seconds between two utterances, from and to.
    """

    def __init__(self, random: Random, pause_s: tuple[float, float]) -> None:
        self._random = random
        self._pause_s = pause_s
        self._ending = False
        self.begun: list[int] = []
        self.samples = 0

    def end(self) -> None:
        """Make the utterance at hand the last."""
        self._ending = True

    def utterances(self) -> Iterator[Pcm16]:
        """Yield one utterance after the other, each with the pause behind it: int16, 16 kHz."""
        while not self._ending:
            self.begun.append(self.samples)
            pause = silence(round(self._random.uniform(*self._pause_s) * SAMPLE_RATE))
            audio = np.concatenate([self._say(), pause])
            self.samples += len(audio)
            yield audio

    @abstractmethod
    def _say(self) -> Pcm16:
        """Make the next utterance and note what it says, from ``samples`` on."""


class NumberedTalk(Talk):
    """Words that each have a number of their own.

    words: the numbers to say, in this order. count: words of an utterance, from and to.
    long_share: of utterances that force a cut. said: the words so far. Raises ``ValueError`` when
    all words have been said.
    """

    def __init__(
        self,
        random: Random,
        words: range,
        *,
        count: tuple[int, int] = (2, 14),
        pause_s: tuple[float, float] = (0.7, 2.5),
        long_share: float = 0.04,
    ) -> None:
        super().__init__(random, pause_s)
        self._words = words
        self._count, self._long_share = count, long_share
        self._next: list[int] = []
        self.said: list[SaidWord] = []

    def say_next(self, number: int) -> None:
        """Make the next utterance this word alone."""
        self._next.append(number)

    def _say(self) -> Pcm16:
        numbers = [self._next.pop()] if self._next else self._numbers()
        for index, number in enumerate(numbers):
            onset = self.samples + index * WORD_SAMPLES
            self.said.append(SaidWord(number, onset, onset + WORD_SAMPLES))
        return spoken(numbers)

    def _numbers(self) -> range:
        """Take the next few words, or as many as force a cut."""
        long = self._random.random() < self._long_share
        count = _LONG_WORDS if long else self._random.randint(*self._count)
        numbers = self._words[:count]
        if len(numbers) < count:
            raise ValueError("a track has said all of its words: give it more, or less time")
        self._words = self._words[count:]
        return numbers


class RecordedTalk(Talk):
    """Recordings of people in random order. said: the utterances so far."""

    def __init__(self, random: Random, speech: Sequence[SpokenText]) -> None:
        super().__init__(random, (1.2, 2.5))
        self._last: SpokenText | None = None
        self._speech = speech
        self.said: list[Said] = []

    def _say(self) -> Pcm16:
        # none right after itself, which would be a phrase twice
        one = self._random.choice([one for one in self._speech if one is not self._last])
        self._last = one
        onset, end = self.samples + one.onset, self.samples + one.end
        self.said.append(Said(one.text, one.voice, onset, end))
        return one.samples


def word_ranges(tracks: int) -> list[range]:
    """Divide the numbers among so many tracks, so that no two have one in common."""
    each = HIGHEST_WORD // tracks
    return [range(index * each, (index + 1) * each) for index in range(tracks)]
