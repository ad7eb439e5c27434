"""What is said on a track: utterances of numbered words, made up as they are spoken; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from wordloop_ml.engines.scripted_audio import WORD_SAMPLES, silence, spoken
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

HIGHEST_WORD = 31_000
"""Higher numbers are left to poison."""

_LONG_WORDS = 76
"""19 s without a pause: the service has to cut in the middle."""


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word and its samples on the track, [start, end)."""

    number: int
    start: int
    end: int


class Talk:
    """One participant, whose words each have a number of their own.

    words: the numbers to say, in this order. count: words of an utterance, from and to.
    pause_s: seconds between two utterances, from and to. long_share: of utterances that force a
    cut. said: the words so far. begun: the first sample of each utterance so far.
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
        self._random = random
        self._words = words
        self._count, self._pause_s, self._long_share = count, pause_s, long_share
        self._ending = False
        self._next: list[int] = []
        self.said: list[SaidWord] = []
        self.begun: list[int] = []
        self.samples = 0

    def end(self) -> None:
        """Make the utterance at hand the last."""
        self._ending = True

    def say_next(self, number: int) -> None:
        """Make the next utterance this word alone."""
        self._next.append(number)

    def utterances(self) -> Iterator[Pcm16]:
        """Yield one utterance after the other, each with the pause behind it: int16, 16 kHz.

        Raises ``ValueError`` when all words have been said.
        """
        while not self._ending:
            numbers = [self._next.pop()] if self._next else self._numbers()
            pause = round(self._random.uniform(*self._pause_s) * SAMPLE_RATE)
            self.begun.append(self.samples)
            for index, number in enumerate(numbers):
                start = self.samples + index * WORD_SAMPLES
                self.said.append(SaidWord(number, start, start + WORD_SAMPLES))
            audio = np.concatenate([spoken(numbers), silence(pause)])
            self.samples += len(audio)
            yield audio

    def _numbers(self) -> range:
        """Take the next few words, or as many as force a cut."""
        long = self._random.random() < self._long_share
        count = _LONG_WORDS if long else self._random.randint(*self._count)
        numbers = self._words[:count]
        if len(numbers) < count:
            raise ValueError("a track has said all of its words: give it more, or less time")
        self._words = self._words[count:]
        return numbers


def word_ranges(tracks: int) -> list[range]:
    """Divide the numbers among so many tracks, so that no two have one in common."""
    each = HIGHEST_WORD // tracks
    return [range(index * each, (index + 1) * each) for index in range(tracks)]
