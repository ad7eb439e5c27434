"""A track and what comes out of it; sound is loud or silent, and the detector hears just that."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.messages import Caption, Hypothesis, JobClass, Samples, Word

Kind = TypeVar("Kind")
Answer = Callable[[DecodeRequest], Hypothesis | Dropped]
MS = 16


class LoudnessVoice:
    """Loud is speech."""

    def probability(self, window: Samples) -> float:
        return 0.95 if np.abs(window).max() > 0.01 else 0.02


def sentence(
    *words: tuple[str, int, int],
    likelihood: float = -0.2,
    cut_off: bool = False,
    confidence: float = 0.9,
) -> Answer:
    """An engine that hears those of these words (text, start and end in ms) that are there.

    cut_off: it hears a word that the end of the audio cuts off as something else.
    """

    def answer(request: DecodeRequest) -> Hypothesis:
        start, end = request.utterance.start, request.utterance.end
        inside = tuple(
            Word(text if ends * MS <= end else "uh", begins * MS, min(ends * MS, end), confidence)
            for text, begins, ends in words
            if start <= begins * MS and (begins * MS + 2_400 if cut_off else ends * MS) <= end
        )
        return Hypothesis(start, end, inside, average_log_probability=likelihood)

    return answer


class Scene:
    """A track, and everything that came out of it, in order."""

    def __init__(self, **options: int | bool | str | tuple[str, ...] | None) -> None:
        self.track = Track("ana", LoudnessVoice(), CaptioningPolicy(), **options)  # type: ignore[arg-type]
        self.out: list[TrackOutput] = []
        self.answered = 0

    def say(self, ms: int, engine: Answer | None = None) -> "Scene":
        return self._hear(ms, 0.1, engine)

    def hush(self, ms: int, engine: Answer | None = None) -> "Scene":
        return self._hear(ms, 0.0, engine)

    def _hear(self, ms: int, value: float, engine: Answer | None) -> "Scene":
        for _ in range(ms // 20):
            self.out += self.track.feed(np.full(20 * MS, value, dtype=np.float32))
            if engine is not None:
                self.answer_all(engine)
        return self

    def answer_all(self, engine: Answer) -> "Scene":
        """Answer what was asked, and what is asked again, in order."""
        while self.answered < len(self.requests):
            request = self.requests[self.answered]
            self.answered += 1
            self.out += self.track.answer(request.request_id, engine(request))
        return self

    def forget_requests(self) -> "Scene":
        """Leave what was asked so far without an answer."""
        self.answered = len(self.requests)
        return self

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [output for output in self.out if isinstance(output, kind)]

    @property
    def requests(self) -> list[DecodeRequest]:
        return self.all(DecodeRequest)

    def requests_of(self, kind: JobClass) -> list[DecodeRequest]:
        return [request for request in self.requests if request.kind is kind]

    @property
    def finals(self) -> list[Caption]:
        return [caption for caption in self.all(Caption) if caption.final]

    @property
    def interims(self) -> list[Caption]:
        return [caption for caption in self.all(Caption) if not caption.final]

    def kinds(self) -> list[JobClass]:
        return [request.kind for request in self.requests]


HELLO = sentence(("hello", 1_000, 1_300), ("there", 1_320, 1_700))
NOTHING = sentence()
TALK = sentence(*((f"w{at}", 100 + 300 * at, 350 + 300 * at) for at in range(200)), cut_off=True)
