"""Arbitrary decisions and answers, for property tests that take many of them in a row."""

from typing import TypeVar

from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.messages import Hypothesis, Word

Choice = TypeVar("Choice")
WORDS = ("yes", "no", "Well,", "well", "the", "budget", "-", "three")


class Choices:
    """Decisions read from bytes: cheap to draw in the thousands, and they shrink."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, bound: int) -> int:
        return next(self._data, 0) % bound

    def of(self, *options: Choice) -> Choice:
        return options[self.below(len(options))]

    def answer(self, request: DecodeRequest) -> Hypothesis | Dropped:
        """Anything an executor may answer: text that fits or not, nonsense, silence, failure."""
        start, end = request.utterance.start, request.utterance.end
        match self.of("words", "words", "words", "none", "loop", "wild", "drop"):
            case "drop":
                return self.of(Dropped.FAILED, Dropped.SUPERSEDED)
            case "none":
                return Hypothesis(start, end, ())
            case "loop":
                return Hypothesis(
                    start, end, tuple(Word("so", start, start, 0.5) for _ in range(9))
                )
            case "wild":
                times = [start - 40 + self.below(end - start + 80) for _ in range(6)]
            case _:
                count = 2 * self.below(6)
                times = sorted(start + self.below(end - start + 1) for _ in range(count))
        pairs = zip(times[::2], times[1::2], strict=True)
        words = tuple(Word(self.of(*WORDS), min(pair), max(pair), 0.9) for pair in pairs)
        likelihood = self.of(-0.2, -0.2, -0.2, -3.0)
        return Hypothesis(
            start,
            end,
            words,
            self.of("en", "de"),
            average_log_probability=likelihood,
            language_probability=self.of(0.3, 0.9),
        )

    def run_of(self) -> list[float]:
        """A run of windows with one probability."""
        return [self.of(0.0, 0.2, 0.34, 0.4, 0.5, 0.9, 0.9)] * (1 + self.below(12))
