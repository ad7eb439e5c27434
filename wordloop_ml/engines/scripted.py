"""Engines that read their words from the sample values: for tests and drills, no models needed.

``scripted_audio`` describes the audio. What they hear depends on nothing but the samples, so a
test knows every word that must come out, however the audio was cut, delayed or sent again.
"""

import hashlib
import time
from collections.abc import Callable

import numpy as np

from wordloop_ml.engines.scripted_audio import hear, word_text
from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode
from wordloop_ml.messages import (
    SAMPLE_RATE,
    DecodeOptions,
    Hypothesis,
    Samples,
    Utterance,
    Word,
)
from wordloop_ml.ports import TranscriberCapabilities

Cost = Callable[[Utterance], float]
"""How many seconds of a core one job takes."""

Failure = Callable[[Utterance], Exception | None]
"""What one job raises, or None; it may also wait, and so hold the job up."""

_LONGEST_SAMPLES = 30 * SAMPLE_RATE
_CHUNK = bytes(1 << 18)
"""Hashing this takes a fraction of a millisecond, without the GIL."""


CAPABILITIES = TranscriberCapabilities(
    name="scripted",
    model="scripted",
    languages=("en",),
    shortest_samples=1,
    longest_samples=_LONGEST_SAMPLES,
    word_times=True,
)


class ScriptedTranscriber:
    """A transcriber of ``scripted_audio``.

    cost: seconds of CPU time per job, spent without the GIL as a native decode would; None for
    none. fail: asked before each job; what it returns is raised.
    """

    def __init__(self, *, cost: Cost | None = None, fail: Failure | None = None) -> None:
        self._cost = cost
        self._fail = fail
        self._closed = False

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        return CAPABILITIES

    def open_worker(self) -> "ScriptedWorker":
        """A worker for one more thread; raises ``EngineFailed`` once closed."""
        if self._closed:
            raise EngineFailed("the transcriber is closed")
        return ScriptedWorker(self._cost, self._fail)

    def close(self) -> None:
        """No more workers; harmless when called twice."""
        self._closed = True


class ScriptedWorker:
    """One thread's scripted decoder."""

    def __init__(self, cost: Cost | None, fail: Failure | None) -> None:
        self._cost = cost
        self._fail = fail
        self._closed = False

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Read the words off the samples.

        Raises ``EngineFailed``, ``BadInput`` for audio that is too long, a language other than
        English or a translation, or whatever the script says.
        """
        if self._closed:
            raise EngineFailed("the worker is closed")
        samples = utterance.samples
        if len(samples) > _LONGEST_SAMPLES:
            raise BadInput(
                f"{len(samples)} samples, one job holds {_LONGEST_SAMPLES}",
                code=ErrorCode.TOO_LARGE,
            )
        CAPABILITIES.check(options.language, options.task)
        if not np.isfinite(samples).all():
            raise EngineFailed("the audio holds samples that are no numbers")
        failure = self._fail(utterance) if self._fail is not None else None
        if failure is not None:
            raise failure
        if self._cost is not None:
            _work(self._cost(utterance))
        start = utterance.start
        words = tuple(
            Word(word_text(block.number), start + block.start, start + block.end, 0.9)
            for block in hear(samples)
        )
        return Hypothesis(
            start,
            utterance.end,
            words,
            no_speech_probability=0.0 if words else 1.0,
            average_log_probability=-0.1 if words else 0.0,
        )

    def close(self) -> None:
        """No more jobs; harmless when called twice."""
        self._closed = True


class ScriptedVoiceDetector:
    """Hears speech in every window that is not all zeros."""

    def __init__(self, window_samples: int = 512) -> None:
        self._window_samples = window_samples
        self._closed = False

    @property
    def window_samples(self) -> int:
        """How many samples at 16 kHz one window holds."""
        return self._window_samples

    def open_stream(self) -> "ScriptedVoiceStream":
        """A stream; it remembers nothing. Raises ``EngineFailed`` once closed."""
        if self._closed:
            raise EngineFailed("the voice detector is closed")
        return ScriptedVoiceStream(self._window_samples)

    def close(self) -> None:
        """No more streams; harmless when called twice."""
        self._closed = True


class ScriptedVoiceStream:
    """One track of a scripted detector."""

    def __init__(self, window_samples: int) -> None:
        self._window_samples = window_samples

    def probability(self, window: Samples) -> float:
        """1.0 for a window with a sample that is not zero, else 0.0."""
        if window.shape != (self._window_samples,) or not np.isfinite(window).all():
            raise EngineFailed(f"a window has shape {window.shape}, or holds no numbers")
        return 1.0 if window.any() else 0.0


def _work(seconds: float) -> None:
    """Use a core for so long, mostly without the GIL, as a decode does.

    Counted in this thread's CPU time: on a busy machine it takes longer, like the real thing.
    """
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        hashlib.sha256(_CHUNK)
