"""Engines in another process behind the ports; ``served_models.py`` is the other side, and has the table of tensors.

Nothing of a meeting goes there but the audio of one decode: neither positions nor names of meetings.
Audio goes as int16, which is what the buffers of tracks hold: nothing is lost.
"""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np

from wordloop_ml.engines.remote_model import (
    HIGHEST_PRIORITY,
    ModelConnection,
    RemoteModel,
    json_of,
)
from wordloop_ml.errors import Busy, EngineAway, EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import (
    DecodeOptions,
    Finish,
    Generated,
    GenerationOptions,
    Hypothesis,
    Pcm16,
    Prompt,
    Samples,
    TokenisedText,
    Utterance,
    Vectors,
    Word,
)
from wordloop_ml.ports import (
    EmbedderCapabilities,
    GeneratorCapabilities,
    TranscriberCapabilities,
    check_job,
)
from wordloop_ml.wire.open_inference import Tensor, Tensors, text_tensor

OPEN_WITHIN_S, OPEN_EVERY_S = 60.0, 0.5
"""How long a start waits for an engine that is away, and how often it asks."""

GENERATE_WITHIN_S = 600.0
"""Longer than the longest answer takes on one core."""

_FULL_SCALE = 32_768


def pcm16_of(samples: Samples) -> Pcm16:
    """Return samples of [-1, 1] as int16; what was int16 before comes back as it was."""
    levels = np.rint(samples * np.float32(_FULL_SCALE))
    pcm: Pcm16 = np.clip(levels, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    return pcm


def capabilities_of(
    model: RemoteModel, *, within_s: float = OPEN_WITHIN_S, every_s: float = OPEN_EVERY_S
) -> dict[str, Any]:
    """Ask an engine what it is, every so often while it is away, for as long as a start may take.

    Raises ``StartupFailed`` (``engine_away``, ``engine_incompatible``).
    """
    until_s = time.monotonic() + within_s
    while True:
        try:
            said = model.describe()
        except EngineAway as error:
            if time.monotonic() >= until_s:
                raise StartupFailed(
                    f"the engine of the {model.role} did not answer within {within_s:g} s",
                    code=ErrorCode.ENGINE_AWAY,
                ) from error
            time.sleep(every_s)
        except EngineFailed as error:
            raise _strange(model) from error
        else:
            del said["role"]
            return said


class RemoteTranscriber:
    """A transcriber elsewhere."""

    def __init__(self, model: RemoteModel, capabilities: TranscriberCapabilities) -> None:
        self._model = model
        self._capabilities = capabilities

    @classmethod
    def open(cls, model: RemoteModel) -> "RemoteTranscriber":
        """Ask what it is. Raises ``StartupFailed`` (``engine_away``, ``engine_incompatible``)."""
        said = capabilities_of(model)
        del said["digest"]
        try:
            languages = tuple(str(one) for one in said.pop("languages"))
            return cls(model, TranscriberCapabilities(languages=languages, **said))
        except (KeyError, TypeError) as error:
            raise _strange(model) from error

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        return self._capabilities

    def open_worker(self) -> "RemoteTranscriberWorker":
        """Open a worker with a connection of its own; raises ``EngineFailed`` once closed."""
        return RemoteTranscriberWorker(self._model, self._capabilities)

    def close(self) -> None:
        """Open no more workers; harmless when called twice."""
        self._model.close()


class RemoteTranscriberWorker:
    """One thread's connection to a transcriber."""

    def __init__(self, model: RemoteModel, capabilities: TranscriberCapabilities) -> None:
        self._model = model
        self._capabilities = capabilities
        self._connection: ModelConnection | None = model.connect()

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Have one utterance decoded; raises ``EngineAway``, ``EngineFailed`` and ``BadInput``."""
        if self._connection is None:
            raise EngineFailed("the worker is closed")
        samples = utterance.samples
        check_job(self._capabilities, samples, options, most_beams=max(options.beams, 1))
        if len(samples) < self._capabilities.shortest_samples:
            return Hypothesis(utterance.start, utterance.end, (), no_speech_probability=1.0)
        request = self._model.request(
            {"audio": pcm16_of(samples)},
            ("hypothesis",),
            {
                "priority": HIGHEST_PRIORITY + options.job_class,
                "timeout": round(self._model.deadline_s * 1e6),
            },
            **decode_fields(options),
        )
        began_s = time.monotonic()
        answer = json_of(self._connection.call(request), "hypothesis")
        return _heard(answer, utterance, time.monotonic() - began_s)

    def close(self) -> None:
        """Close the connection; harmless when called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def decode_fields(options: DecodeOptions) -> dict[str, Any]:
    """Return the options of a decode as they are written."""
    return {
        "language": options.language,
        "task": options.task,
        "prompt": options.prompt,
        "context": options.context.name.lower(),
        "temperature": options.temperature,
        "beams": options.beams,
        "expected_language": options.expected_language,
    }


def _heard(answer: dict[str, Any], utterance: Utterance, took_s: float) -> Hypothesis:
    """Read a hypothesis, and move it to where the utterance begins. Raises ``EngineFailed``."""
    start = utterance.start
    try:
        words = tuple(
            Word(str(text), start + int(first), start + int(end), float(confidence))
            for text, first, end, confidence in answer["words"]
        )
        heard = Hypothesis(
            start,
            utterance.end,
            words,
            language=str(answer["language"]),
            no_speech_probability=float(answer["no_speech_probability"]),
            average_log_probability=float(answer["average_log_probability"]),
            language_probability=float(answer["language_probability"]),
            unfinished=bool(answer["unfinished"]),
            waited_s=max(0.0, took_s - float(answer["ran_s"])),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EngineFailed("an answer's hypothesis is none") from error
    at = start
    for word in words:
        if not at <= word.start <= word.end <= utterance.end or not 0.0 <= word.confidence <= 1.0:
            raise EngineFailed("an answer's words lie outside of the audio")
        at = word.end
    return heard


class RemoteEmbedder:
    """An embedder elsewhere; its calls are safe on any thread."""

    def __init__(self, model: RemoteModel, capabilities: EmbedderCapabilities) -> None:
        self._model = model
        self._capabilities = capabilities

    @classmethod
    def open(cls, model: RemoteModel) -> "RemoteEmbedder":
        """Ask what it is. Raises ``StartupFailed`` (``engine_away``, ``engine_incompatible``)."""
        try:
            return cls(model, EmbedderCapabilities(**capabilities_of(model)))
        except TypeError as error:
            raise _strange(model) from error

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """What it makes."""
        return self._capabilities

    def tokenise(self, texts: Sequence[str]) -> list[TokenisedText]:
        """Tokenise each text, in order; raises ``EngineAway`` and ``EngineFailed``."""
        if not texts:
            return []
        answer = self._model.call({"texts": text_tensor(*texts)}, ("ids", "lengths", "dropped"))
        ids = _numbers(answer, "ids")
        lengths = _numbers(answer, "lengths")
        dropped = _numbers(answer, "dropped")
        if min(lengths, default=0) < 0 or sum(lengths) != len(ids):
            raise EngineFailed("an answer's lengths are not those of its ids")
        if not len(texts) == len(lengths) == len(dropped):
            raise EngineFailed("an answer has not as many texts as were asked for")
        ends = np.cumsum([0, *lengths]).tolist()
        return [
            TokenisedText(tuple(ids[start:end]), most)
            for (start, end), most in zip(pairwise(ends), dropped, strict=True)
        ]

    def embed(self, batch: Sequence[TokenisedText]) -> Vectors:
        """Embed texts; float32, shape (texts, dimensions), in order.

        Raises ``EngineAway`` and ``EngineFailed``.
        """
        made = self._capabilities
        shape = (len(batch), made.dimensions)
        if not batch:
            return np.zeros(shape, np.float32)
        lengths = [len(one.ids) for one in batch]
        if min(lengths) < 1 or max(lengths) > made.longest_tokens:
            raise EngineFailed(f"a text has {min(lengths)} to {max(lengths)} tokens")
        ids = np.array([token for one in batch for token in one.ids], np.int64)
        inputs: dict[str, Tensor] = {"ids": ids, "lengths": np.array(lengths, np.int32)}
        vectors = self._model.call(inputs, ("vectors",)).get("vectors")
        if vectors is None or vectors.dtype != np.float32 or vectors.shape != shape:
            raise EngineFailed("an answer has not the vectors that were asked for")
        if not np.isfinite(vectors).all():
            raise EngineFailed("an answer's vectors are no numbers")
        return vectors

    def close(self) -> None:
        """Make no more embeddings; harmless when called twice."""
        self._model.close()


class RemoteGenerator:
    """A generator elsewhere, of which this process wants one answer at a time."""

    def __init__(self, model: RemoteModel, capabilities: GeneratorCapabilities) -> None:
        self._model = model
        self._capabilities = capabilities
        self._lock = threading.Lock()
        self._in_use = False

    @classmethod
    def open(cls, model: RemoteModel) -> "RemoteGenerator":
        """Ask what it is. Raises ``StartupFailed`` (``engine_away``, ``engine_incompatible``)."""
        try:
            return cls(model, GeneratorCapabilities(**capabilities_of(model)))
        except TypeError as error:
            raise _strange(model) from error

    @property
    def local(self) -> bool:
        """It runs elsewhere; a step waits."""
        return False

    @property
    def capabilities(self) -> GeneratorCapabilities:
        """What it can do."""
        return self._capabilities

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text would take; raises ``EngineAway`` and ``EngineFailed``."""
        [count] = _numbers(self._model.call({"text": text_tensor(text)}, ("tokens",)), "tokens", 1)
        return count

    def begin(self, prompt: Prompt, options: GenerationOptions) -> "RemoteGeneration":
        """Start an answer; the request goes out with the first step.

        Raises ``EngineFailed`` once closed, and ``Busy`` while another generation is not closed.
        """
        with self._lock:
            if self._in_use:
                raise Busy("the generator gives another answer")
            connection = self._model.borrow()
            self._in_use = True
        return RemoteGeneration(self, self._model, connection, prompt, options)

    def close(self) -> None:
        """Give no more answers; harmless when called twice."""
        self._model.close()

    def release(self, connection: ModelConnection) -> None:
        """Let the next generation begin."""
        self._model.give_back(connection)
        with self._lock:
            self._in_use = False


class RemoteGeneration:
    """An answer on its way. One thread at a time, but not always the same one."""

    def __init__(
        self,
        generator: RemoteGenerator,
        model: RemoteModel,
        connection: ModelConnection,
        prompt: Prompt,
        options: GenerationOptions,
    ) -> None:
        self._generator = generator
        self._connection = connection
        self._request = model.request(
            {"prompt": text_tensor(prompt.system, prompt.user)},
            ("answer",),
            longest_tokens=options.longest_tokens,
            temperature=options.temperature,
            seed=options.seed,
            scripts=None if options.scripts is None else sorted(options.scripts),
        )
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._sent = False
        self._cancelled = False
        self._closed = False

    def step(self, budget_s: float, threads: int = 1) -> Generated | None:
        """Wait for the answer for ``budget_s`` seconds, on no core; None while it is not there.

        Raises ``EngineAway`` and ``EngineFailed``, and the answer is lost.
        """
        if self._closed:
            raise EngineFailed("the generation is closed")
        if not self._sent:
            self._connection.begin(self._request, within_s=GENERATE_WITHIN_S)
            self._sent = True
        there = self._connection.wait(budget_s, self._wake)
        with suppress(BlockingIOError):
            self._wake.recv(1_024)
        if self._cancelled:
            raise EngineFailed("the generation was cancelled")
        if not there:
            return None
        answer = json_of(self._connection.finish(), "answer")
        self._sent = False
        try:
            return Generated(
                text=str(answer["text"]),
                finish=Finish(answer["finish"]),
                prompt_tokens=int(answer["prompt_tokens"]),
                reused_tokens=int(answer["reused_tokens"]),
                tokens=int(answer["tokens"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise EngineFailed("an answer is none") from error

    def pause(self) -> None:
        """Let a step return; the engine goes on. Harmless when closed."""
        with suppress(OSError):  # full of wakes already, or closed
            self._waker.send(b"\0")

    def cancel(self) -> None:
        """Let a step raise ``EngineFailed``."""
        self._cancelled = True
        self.pause()

    def close(self) -> None:
        """Let the next generation begin; an answer that is on its way is given up. Harmless when called twice."""
        if self._closed:
            return
        self._closed = True
        if self._sent:
            self._connection.close()  # the engine sees it, and stops
        self._wake.close()
        self._waker.close()
        self._generator.release(self._connection)


def _numbers(answer: Tensors, name: str, count: int | None = None) -> list[int]:
    tensor: Tensor | None = answer.get(name)
    if tensor is None or tensor.ndim != 1 or tensor.dtype.kind != "i":
        raise EngineFailed(f"an answer has no {name}")
    if count not in {None, len(tensor)}:
        raise EngineFailed(f"an answer has not {count} {name}")
    numbers: list[int] = tensor.tolist()
    return numbers


def _strange(model: RemoteModel) -> StartupFailed:
    return StartupFailed(
        f"the engine of the {model.role} says of itself what this release does not know",
        code=ErrorCode.ENGINE_INCOMPATIBLE,
    )
