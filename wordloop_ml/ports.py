"""The Protocols of engines: what the service calls, and what it may rely on.

Everything here is blocking and is called from inference threads, except for ``VoiceStream``,
whose calls are short enough for the event loop (see docs/adr/0004-vad-in-the-loop.md).
Engines raise ``EngineFailed`` for a job that is lost, ``StartupFailed`` while being opened. An engine in
another process answers within a deadline, or any call raises ``EngineAway``: the job may be done later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode
from wordloop_ml.languages import known_as
from wordloop_ml.messages import (
    DecodeOptions,
    Generated,
    GenerationOptions,
    Hypothesis,
    Prompt,
    Samples,
    Task,
    TokenisedText,
    Utterance,
    Vectors,
)


@dataclass(frozen=True, slots=True)
class TranscriberCapabilities:
    """What a transcriber can do; the contract suite and the callers ask before they rely on it.

    name: the engine's name, e.g. ``whisper_cpp``.
    model: the identity of the weights, e.g. ``tiny.en-q8_0``.
    languages: those that it can transcribe, by the codes that it knows them by.
    shortest_samples, longest_samples: what one job may hold at 16 kHz; shorter audio is an
        empty hypothesis, longer audio is ``BadInput``.
    word_times: words carry times that were measured, not spread evenly.
    translates: it can write English for speech in its other languages.
    final_beams: how many hypotheses it follows for a final, unless it is told otherwise.
    hallucinates: it may write what nobody said, so that guards have to judge its text.
    """

    name: str
    model: str
    languages: tuple[str, ...]
    shortest_samples: int
    longest_samples: int
    word_times: bool
    translates: bool = False
    final_beams: int = 1
    hallucinates: bool = True

    def code_of(self, language: str | None) -> str | None:
        """Return the model's code for a language (of ``languages.language_of``); None for None.

        Raises ``BadInput`` (``UNSUPPORTED_LANGUAGE``) for one that it does not know.
        """
        if language is None:
            return None
        code = known_as(language, self.languages)
        self.check(code or language, Task.TRANSCRIBE)
        return code

    def check(self, language: str | None, task: Task) -> None:
        """Refuse what every decode would fail at; the language is one of ``code_of``.

        Raises ``BadInput``: ``UNSUPPORTED_LANGUAGE`` or ``UNSUPPORTED_TASK``.
        """
        if language is not None and language not in self.languages:
            raise BadInput(
                "the model of this server does not know the language",
                code=ErrorCode.UNSUPPORTED_LANGUAGE,
            )
        if task is Task.TRANSLATE and not self.translates:
            raise BadInput(
                "the model of this server does not translate", code=ErrorCode.UNSUPPORTED_TASK
            )


def check_job(
    capabilities: TranscriberCapabilities,
    samples: Samples,
    options: DecodeOptions,
    most_beams: int,
) -> None:
    """Refuse a job that an engine cannot do, before native code sees it.

    Raises ``BadInput`` for audio that is too long, a language or a task that the model does not
    know, or too many beams; ``EngineFailed`` for samples that are no numbers.
    """
    if samples.ndim != 1 or len(samples) > capabilities.longest_samples:
        raise BadInput(
            f"{samples.size} samples, one job holds {capabilities.longest_samples}",
            code=ErrorCode.TOO_LARGE,
        )
    capabilities.check(options.language, options.task)
    if not 1 <= options.beams <= most_beams:
        raise BadInput(f"{options.beams} beams, the engine has 1 to {most_beams}")
    if not np.isfinite(samples).all():  # a NaN would spread through the whole decode
        raise EngineFailed("the audio holds samples that are no numbers")


class TranscriberWorker(Protocol):
    """The state of one inference thread: not shared, not thread-safe, closed by its owner."""

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Decode one utterance in one bounded native call.

        Words lie inside the utterance and do not run backwards. Raises ``EngineFailed``, ``EngineAway``.
        """
        ...

    def close(self) -> None:
        """Free the native state; harmless when called twice."""
        ...


class Transcriber(Protocol):
    """A speech-to-text model, loaded once per process."""

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        ...

    def open_worker(self) -> TranscriberWorker:
        """Open a state for one more thread; raises ``EngineFailed`` when none can be had."""
        ...

    def close(self) -> None:
        """Free the weights, after every worker is closed; harmless when called twice."""
        ...


class VoiceStream(Protocol):
    """The detector's memory of one track: fed windows in order, on one thread."""

    def probability(self, window: Samples) -> float:
        """Return the probability, in [0, 1], that this window holds speech.

        window: float32, shape (VoiceDetector.window_samples,).
        """
        ...


class VoiceDetector(Protocol):
    """A voice activity detector, loaded once per process."""

    @property
    def window_samples(self) -> int:
        """How many samples at 16 kHz one window holds."""
        ...

    def open_stream(self) -> VoiceStream:
        """Open the memory of one track."""
        ...

    def close(self) -> None:
        """Free the model; harmless when called twice."""
        ...


@dataclass(frozen=True, slots=True)
class EmbedderCapabilities:
    """What an embedder makes.

    name: the engine's name. model: the identity of the weights. digest: their SHA-256, in hex;
        vectors of different digests do not belong into one index.
    dimensions: of a vector. longest_tokens: what it reads of a text; the rest is dropped.
    """

    name: str
    model: str
    digest: str
    dimensions: int
    longest_tokens: int


class Embedder(Protocol):
    """A sentence embedding model, loaded once per process; its calls are safe on any thread."""

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """What it makes."""
        ...

    def tokenise(self, texts: Sequence[str]) -> list[TokenisedText]:
        """Tokenise each text, in order; 256 texts take some milliseconds."""
        ...

    def embed(self, batch: Sequence[TokenisedText]) -> Vectors:
        """Embed texts in one native call; float32, shape (texts, dimensions), in order.

        How long it takes follows from the longest of them times their number: whoever calls
        bounds that. Raises ``EngineFailed``, ``EngineAway``.
        """
        ...

    def close(self) -> None:
        """Free the model; harmless when called twice."""
        ...


@dataclass(frozen=True, slots=True)
class GeneratorCapabilities:
    """What a generator can do.

    name: the engine's name. model: the identity of the weights. digest: their SHA-256, in hex.
    context_tokens: prompt and answer together.
    """

    name: str
    model: str
    digest: str
    context_tokens: int


class Generation(Protocol):
    """One answer on its way. One thread at a time, but not always the same one."""

    def step(self, budget_s: float, threads: int = 1) -> Generated | None:
        """Go on for about this long, in bounded native calls; None while there is more to come.

        threads: how many inference threads lend it their cores, its own among them.
        Raises ``EngineFailed`` or ``EngineAway``, and the answer is lost.
        """
        ...

    def pause(self) -> None:
        """Let a step that runs on another thread return early, as soon as the native code looks up.

        May be called from any thread, also beside a running step. The step, or the next one, returns None; the one
        behind it goes on, and does again what the native call under way had not finished.
        """
        ...

    def cancel(self) -> None:
        """Stop a step that runs on another thread, as soon as the native code looks up.

        May be called from any thread, also beside a running step. That step raises ``EngineFailed``.
        """
        ...

    def close(self) -> None:
        """Let the next generation begin; harmless when called twice."""
        ...


class Generator(Protocol):
    """A language model, loaded once per process, that gives one answer at a time."""

    @property
    def local(self) -> bool:
        """Whether its steps run on the cores of this process."""
        ...

    @property
    def capabilities(self) -> GeneratorCapabilities:
        """What it can do."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text would take."""
        ...

    def begin(self, prompt: Prompt, options: GenerationOptions) -> Generation:
        """Start an answer; returns at once, ``Generation.step`` does the work.

        Raises ``EngineFailed`` when the prompt and the answer do not fit the context, and ``Busy``
        while another generation is not closed.
        """
        ...

    def close(self) -> None:
        """Free the model; harmless when called twice."""
        ...
