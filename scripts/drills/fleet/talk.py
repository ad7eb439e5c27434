"""What is said on a track: utterances of numbered words, made up as they are spoken; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from wordloop_ml.engines.scripted_audio import WORD_SAMPLES, silence, spoken
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

HIGHEST_WORD = 31_000
"""Words beyond are for poison."""

_UTTERANCE_WORDS = (2, 14)
_LONG_WORDS = 76
"""19 s without a pause: the service has to cut in the middle."""

_LONG_SHARE = 0.04
_PAUSE_S = (0.7, 2.5)


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word and its samples on the track, [start, end)."""

    number: int
    start: int
    end: int


class Talk:
    """One participant. Every word has a number of its own, and no other track has it.

    words: the numbers that may be said, from the first on. said: what has been said so far.
    """

    def __init__(self, random: Random, words: range) -> None:
        self._random = random
        self._words = words
        self._ending = False
        self._next: list[int] = []
        self.said: list[SaidWord] = []
        self.samples = 0

    def end(self) -> None:
        """The utterance at hand is the last."""
        self._ending = True

    def say_next(self, number: int) -> None:
        """The next utterance is this word, alone between two of its kind."""
        self._next.append(number)

    def utterances(self) -> Iterator[Pcm16]:
        """Utterance after utterance, each with the pause behind it; raises at the last number."""
        while not self._ending:
            numbers = [self._next.pop()] if self._next else self._numbers()
            pause = round(self._random.uniform(*_PAUSE_S) * SAMPLE_RATE)
            for index, number in enumerate(numbers):
                start = self.samples + index * WORD_SAMPLES
                self.said.append(SaidWord(number, start, start + WORD_SAMPLES))
            audio = np.concatenate([spoken(numbers), silence(pause)])
            self.samples += len(audio)
            yield audio

    def _numbers(self) -> range:
        """The next few words, or as many as force a cut."""
        long = self._random.random() < _LONG_SHARE
        count = _LONG_WORDS if long else self._random.randint(*_UTTERANCE_WORDS)
        numbers = self._words[:count]
        if len(numbers) < count:
            raise ValueError("a track has said all of its words: give it more, or less time")
        self._words = self._words[count:]
        return numbers


def word_ranges(tracks: int) -> list[range]:
    """Numbers for so many tracks, none twice, neither on a track nor on two."""
    each = HIGHEST_WORD // tracks
    return [range(index * each, (index + 1) * each) for index in range(tracks)]
