"""Engines behind the Open Inference Protocol: what a model-serving layer runs for its clients.

Tensors in, tensors out: the layer carries them, and orders and bounds what waits. ``remote_engines.py``
is the other side. Every model takes ``options`` (BYTES, shape (1,), JSON); which outputs are asked for
says what it is to do.

==============  ============================================  =============================================
model           inputs                                        output
==============  ============================================  =============================================
any             options                                       capabilities: BYTES (1,), JSON
transcriber     audio: INT16 (samples,), 16 kHz               hypothesis: BYTES (1,), JSON
embedder        texts: BYTES (texts,)                         ids: INT64 (tokens,), one text behind the
                                                              other; lengths, dropped: INT32 (texts,)
embedder        ids, lengths                                  vectors: FP32 (texts, dimensions)
generator       prompt: BYTES (2,), system and user           answer: BYTES (1,), JSON
generator       text: BYTES (1,)                              tokens: INT32 (1,)
==============  ============================================  =============================================
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from wordloop_ml.errors import (
    BadInput,
    Busy,
    EngineAway,
    EngineFailed,
    ErrorCode,
    WordloopError,
)
from wordloop_ml.messages import (
    AudioContext,
    DecodeOptions,
    GenerationOptions,
    Hypothesis,
    Prompt,
    Task,
    TokenisedText,
    Utterance,
)
from wordloop_ml.ports import Embedder, Generator, Transcriber, TranscriberWorker
from wordloop_ml.wire.open_inference import InferenceRequest, Tensor, text_tensor

STEP_S = 0.1
"""After so long a generation looks whether it is still wanted."""

IsCancelled = Callable[[], bool]
"""Whether the client has gone."""


class ServedWorker(Protocol):
    """One thread's access to a served model: not shared, closed by its owner."""

    def infer(
        self, request: InferenceRequest, cancelled: IsCancelled = lambda: False
    ) -> dict[str, Tensor]:
        """Do what a request asks for; raises what ``refusal`` has an answer for."""
        ...

    def close(self) -> None:
        """Free what the thread holds; harmless when called twice."""
        ...


class ServedModel(Protocol):
    """An engine that is served: opens a worker for each thread that the layer runs."""

    def open_worker(self) -> ServedWorker:
        """Open one more worker; raises ``EngineFailed`` when none can be had."""
        ...


def refusal(error: Exception) -> tuple[int, str]:
    """Return the HTTP status and the text of an error's answer: its code, a colon, its message.

    What is no ``WordloopError`` is a bug: its type is named, and never its message.
    """
    match error:
        case BadInput():
            return 400, f"{error.code}: {error}"
        case Busy():
            return 503, f"{error.code}: {error}"
        case WordloopError():
            return 500, f"{error.code}: {error}"
        case _:
            return 500, f"{ErrorCode.INTERNAL}: {type(error).__name__}"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a served model is, by the manifest: its role, its row, and the SHA-256 of its weights in hex."""

    role: str
    model: str
    digest: str

    def capabilities(self, said: dict[str, Any]) -> dict[str, Tensor]:
        """Return the answer to who asks what it is. said: the fields of the engine's capabilities."""
        return {"capabilities": text_tensor(json.dumps({**said, **asdict(self)}))}

    def check(self, options: dict[str, Any]) -> None:
        """Raise ``EngineAway`` for a client that means other weights: it is to find those elsewhere, or later."""
        if options.get("digest") != self.digest:
            raise EngineAway("this engine has other weights")


class ServedTranscriber:
    """A transcriber; each worker has a state of its own."""

    def __init__(self, transcriber: Transcriber, identity: Identity) -> None:
        self._transcriber = transcriber
        self._identity = identity

    def open_worker(self) -> ServedWorker:
        """Open one more worker; raises ``EngineFailed`` when none can be had."""
        said = asdict(self._transcriber.capabilities)
        return _TranscriberWorker(self._transcriber.open_worker(), said, self._identity)


class ServedEmbedder:
    """An embedder; its workers have no state, since its calls are safe on any thread."""

    def __init__(self, embedder: Embedder, identity: Identity) -> None:
        self._embedder = embedder
        self._identity = identity

    def open_worker(self) -> ServedWorker:
        """Open one more worker."""
        return _EmbedderWorker(self._embedder, self._identity)


class ServedGenerator:
    """A generator, which gives one answer at a time: others are refused as ``busy``."""

    def __init__(self, generator: Generator, identity: Identity) -> None:
        self._generator = generator
        self._identity = identity

    def open_worker(self) -> ServedWorker:
        """Open one more worker."""
        return _GeneratorWorker(self._generator, self._identity)


class _TranscriberWorker:
    def __init__(self, worker: TranscriberWorker, said: dict[str, Any], identity: Identity) -> None:
        self._worker = worker
        self._said = said
        self._identity = identity

    def infer(
        self, request: InferenceRequest, cancelled: IsCancelled = lambda: False
    ) -> dict[str, Tensor]:
        if "capabilities" in request.outputs:
            return self._identity.capabilities(self._said)
        options = _options(request)
        self._identity.check(options)
        if cancelled():
            raise EngineFailed("nobody waits for the answer")
        audio = _input(request, "audio", np.dtype(np.int16))
        samples = audio.astype(np.float32) / np.float32(32_768)
        began_s = time.monotonic()
        heard = self._worker.transcribe(Utterance(0, samples), _decode_options(options))
        return {"hypothesis": text_tensor(_written(heard, time.monotonic() - began_s))}

    def close(self) -> None:
        self._worker.close()


class _EmbedderWorker:
    def __init__(self, embedder: Embedder, identity: Identity) -> None:
        self._embedder = embedder
        self._identity = identity

    def infer(
        self, request: InferenceRequest, cancelled: IsCancelled = lambda: False
    ) -> dict[str, Tensor]:
        del cancelled
        if "capabilities" in request.outputs:
            return self._identity.capabilities(asdict(self._embedder.capabilities))
        self._identity.check(_options(request))
        if "vectors" in request.outputs:
            ids = _input(request, "ids", np.dtype(np.int64)).tolist()
            lengths = _input(request, "lengths", np.dtype(np.int32)).tolist()
            if min(lengths, default=0) < 0 or sum(lengths) != len(ids):
                raise BadInput("the lengths are not those of the ids")
            ends = np.cumsum([0, *lengths]).tolist()
            batch = [TokenisedText(tuple(ids[start:end])) for start, end in pairwise(ends)]
            return {"vectors": self._embedder.embed(batch)}
        read = self._embedder.tokenise(_texts(request, "texts"))
        return {
            "ids": np.array([token for one in read for token in one.ids], np.int64),
            "lengths": np.array([len(one.ids) for one in read], np.int32),
            "dropped": np.array([one.dropped for one in read], np.int32),
        }

    def close(self) -> None:
        """Do nothing: no state is held."""


class _GeneratorWorker:
    def __init__(self, generator: Generator, identity: Identity) -> None:
        self._generator = generator
        self._identity = identity

    def infer(
        self, request: InferenceRequest, cancelled: IsCancelled = lambda: False
    ) -> dict[str, Tensor]:
        if "capabilities" in request.outputs:
            return self._identity.capabilities(asdict(self._generator.capabilities))
        options = _options(request)
        self._identity.check(options)
        if "tokens" in request.outputs:
            [text] = _texts(request, "text", count=1)
            return {"tokens": np.array([self._generator.count_tokens(text)], np.int32)}
        system, user = _texts(request, "prompt", count=2)
        generation = self._generator.begin(Prompt(system, user), _generation_options(options))
        try:
            while (answer := generation.step(STEP_S)) is None:
                if cancelled():
                    raise EngineFailed("nobody waits for the answer")
        finally:
            generation.close()
        return {"answer": text_tensor(json.dumps(asdict(answer)))}

    def close(self) -> None:
        """Do nothing: no state is held."""


def _input(request: InferenceRequest, name: str, dtype: np.dtype[Any]) -> Tensor:
    tensor = request.inputs.get(name)
    if tensor is None or tensor.dtype != dtype or tensor.ndim != 1:
        raise BadInput(f"the input {name} is no list of {dtype.name}")
    return tensor


def _texts(request: InferenceRequest, name: str, *, count: int | None = None) -> list[str]:
    values = _input(request, name, np.dtype(object)).tolist()
    if count not in {None, len(values)}:
        raise BadInput(f"the input {name} has {len(values)} texts, not {count}")
    return [value.decode(errors="replace") for value in values]


def _options(request: InferenceRequest) -> dict[str, Any]:
    [text] = _texts(request, "options", count=1)
    try:
        options = json.loads(text)
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict):
        raise BadInput("the options are no JSON object")
    return options


def _decode_options(options: dict[str, Any]) -> DecodeOptions:
    """Read how to decode; raises ``BadInput`` for what is not of ``remote_engines.decode_fields``."""
    try:
        return DecodeOptions(
            language=None if options["language"] is None else str(options["language"]),
            task=Task(options["task"]),
            prompt=str(options["prompt"]),
            context=AudioContext[str(options["context"]).upper()],
            temperature=float(options["temperature"]),
            beams=int(options["beams"]),
            expected_language=(
                None if options["expected_language"] is None else str(options["expected_language"])
            ),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"the options of a decode are wrong: {type(error).__name__}") from error


def _generation_options(options: dict[str, Any]) -> GenerationOptions:
    try:
        scripts = options["scripts"]
        return GenerationOptions(
            longest_tokens=int(options["longest_tokens"]),
            temperature=float(options["temperature"]),
            seed=int(options["seed"]),
            scripts=None if scripts is None else frozenset(str(one) for one in scripts),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"the options of an answer are wrong: {type(error).__name__}") from error


def _written(heard: Hypothesis, ran_s: float) -> str:
    """Write a hypothesis whose utterance began at sample 0."""
    return json.dumps(
        {
            "words": [[one.text, one.start, one.end, one.confidence] for one in heard.words],
            "language": heard.language,
            "no_speech_probability": heard.no_speech_probability,
            "average_log_probability": heard.average_log_probability,
            "language_probability": heard.language_probability,
            "unfinished": heard.unfinished,
            "ran_s": ran_s,
        }
    )
