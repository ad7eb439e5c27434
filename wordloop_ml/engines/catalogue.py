"""Opens the engines that a profile names, each model once in a process; the only module that knows the concrete ones."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from wordloop_ml.cgroup import MemoryLimit, memory_limit, usable_cpus
from wordloop_ml.engines.ggml_file import read_gguf_header, read_header
from wordloop_ml.engines.llama_cpp import CONTEXT_TOKENS, LlamaCppGenerator
from wordloop_ml.engines.minilm import MiniLmEmbedder
from wordloop_ml.engines.remote_engines import RemoteEmbedder, RemoteGenerator, RemoteTranscriber
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.engines.scripted import (
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
)
from wordloop_ml.engines.served_models import (
    Identity,
    ServedEmbedder,
    ServedGenerator,
    ServedModel,
    ServedTranscriber,
)
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber, WhisperOptions
from wordloop_ml.engines.whisper_cpp_library import PyWhisperCpp, WhisperBinding
from wordloop_ml.engines.whisper_cpp_python import WhisperCppPython
from wordloop_ml.engines.whisper_ctranslate2 import CTranslate2Options, CTranslate2Transcriber
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.ports import Embedder, Generator, Transcriber, VoiceDetector
from wordloop_ml.settings import Settings
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.generative.synthesiser import GenerativeSynthesiser
from wordloop_ml.synthesis.meeting import Synthesiser
from wordloop_ml.synthesis.messages import MadeBy
from wordloop_ml.weights.manifest import WeightsEntry, load_manifest
from wordloop_ml.weights.store import MappedWeights, open_mapped, require_memory, resident_bytes


@dataclass(frozen=True, slots=True)
class ModelLoads:
    """How often this process has loaded one model; 1 for as long as it serves.

    role, model: as in the manifest.
    """

    role: str
    model: str
    loads: int


class LoadedModels:
    """Counts the models in memory and refuses a second copy. Safe to use from any thread.

    Weights are the largest thing in a process and are shared by all of its workers, so that a
    second copy of a model is always a mistake: it would double what the container needs, unseen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[tuple[str, str]] = set()
        self._loads: Counter[tuple[str, str]] = Counter()
        self._weights: dict[str, WeightsEntry] = {}

    @contextmanager
    def hold(self, role: str, entry: WeightsEntry) -> Iterator[None]:
        """Reserve the place of one model until it has been freed.

        What counts is the content: another row of the manifest with the same digest is the same
        model. Raises ``StartupFailed`` (``already_loaded``).
        """
        place = (role, entry.sha256)
        with self._lock:
            if place in self._held:
                raise StartupFailed(
                    f"this process has loaded {entry.name} already, as its {role}: close those "
                    "engines first",
                    code=ErrorCode.ALREADY_LOADED,
                )
            self._held.add(place)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(place)

    def count(self, role: str, entry: WeightsEntry) -> None:
        """Count one load of a model."""
        with self._lock:
            self._loads[role, entry.name] += 1
            self._weights[role] = entry

    def statistics(self) -> tuple[ModelLoads, ...]:
        """Return the loads of every model, in the order of the first."""
        with self._lock:
            return tuple(ModelLoads(*place, loads) for place, loads in self._loads.items())

    def weights(self) -> dict[str, WeightsEntry]:
        """Return the weights of each role that were loaded last."""
        with self._lock:
            return dict(self._weights)


def synthesisers_of(
    embedder: Embedder | None,
    generator: Generator | None,
    policy: ExtractivePolicy | None = None,
) -> dict[str, Synthesiser[Any]]:
    """Make the synthesisers by kind (``MadeBy.kind``), the default first; none without an embedder, by whose vectors sentences are chosen."""
    if embedder is None:
        return {}
    extractive = ExtractiveSynthesiser(embedder.capabilities, policy)
    offered: dict[str, Synthesiser[Any]] = {}
    if generator is not None:
        writes = generator.capabilities
        made_by = MadeBy("generative", writes.name, writes.model, writes.digest)
        offered[made_by.kind] = GenerativeSynthesiser(extractive, made_by)
    offered[extractive.made_by.kind] = extractive
    return offered


MANIFEST = "manifest.toml"

LOADED = LoadedModels()
"""One for the process, because its memory is what the rule is about."""

_SILERO_BYTES = 32 << 20
"""Silero VAD with ONNX Runtime's arena; measured 29 MB."""

_CTRANSLATE2_WORKER_BYTES = 32 << 20
"""Buffers of one decode with the full context."""

_MINILM_BYTES = 112 << 20
"""MiniLM: its tokeniser, its packed matrices (43 MB), and ONNX Runtime's arena after batches on two
threads. The rest of its weights are mapped pages."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of this process, opened once.

    embedder, generator: None where the profile names none.
    loaded: where their models are counted. places: their places there, given back at the end.
    remote: the models that are in other processes.
    """

    transcriber: Transcriber
    voice_detector: VoiceDetector
    embedder: Embedder | None = None
    generator: Generator | None = None
    loaded: LoadedModels = field(default_factory=LoadedModels)
    places: ExitStack = field(default_factory=ExitStack)
    remote: tuple[RemoteModel, ...] = ()

    def elsewhere(self, role: str) -> RemoteModel | None:
        """Return the model of a role that is in another process; None where it is in this one."""
        return next((one for one in self.remote if one.role == role), None)

    def close(self) -> None:
        """Free them, after every worker is closed; harmless when called twice."""
        if self.generator is not None:
            self.generator.close()
        if self.embedder is not None:
            self.embedder.close()
        self.voice_detector.close()
        self.transcriber.close()
        self.places.close()


E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one engine, verified and mapped; companions by what they are needed for."""

    weights: MappedWeights
    companions: Mapping[str, MappedWeights] = field(default_factory=dict)


Maker = Callable[[Files, Settings], E]

_BINDINGS: dict[str, Callable[[], WhisperBinding]] = {
    "pywhispercpp": PyWhisperCpp,
    "whisper_cpp_python": WhisperCppPython,
}


def _whisper_cpp(files: Files, settings: Settings) -> Transcriber:
    weights = files.weights
    options = WhisperOptions(
        threads=settings.threads,
        calibration=weights.entry.calibration,
    )
    binding = _BINDINGS[settings.binding]()
    return WhisperCppTranscriber.open(weights.name, weights.buffer, options, binding=binding)


def _ctranslate2(files: Files, settings: Settings) -> Transcriber:
    weights = files.weights
    return CTranslate2Transcriber.open(
        weights,
        _companion(files, "vocabulary"),
        _companion(files, "config"),
        CTranslate2Options(settings.workers, settings.threads, weights.entry.calibration),
    )


def _companion(files: Files, part: str) -> MappedWeights:
    if part not in files.companions:
        raise StartupFailed(
            f"weights {files.weights.name}: the manifest names no companion {part}",
            code=ErrorCode.BAD_MANIFEST,
        )
    return files.companions[part]


def _minilm(files: Files, _settings: Settings) -> Embedder:
    return MiniLmEmbedder.open(
        files.weights, _companion(files, "graph"), _companion(files, "tokenizer")
    )


def _llama_cpp(files: Files, settings: Settings) -> Generator:
    return LlamaCppGenerator.open(files.weights, threads=settings.threads, cores=usable_cpus())


# The scripted engines take no weights: a drill's manifest may name any file for them.
_TRANSCRIBERS: dict[str, Maker[Transcriber]] = {
    "ctranslate2": _ctranslate2,
    "whisper_cpp": _whisper_cpp,
    "scripted": lambda _files, _settings: ScriptedTranscriber(),
}
_VOICE_DETECTORS: dict[str, Maker[VoiceDetector]] = {
    "silero_vad": lambda files, _settings: SileroVoiceDetector.open(files.weights.buffer),
    "scripted": lambda _files, _settings: ScriptedVoiceDetector(),
}

_EMBEDDERS: dict[str, Maker[Embedder]] = {
    "minilm": _minilm,
    "scripted": lambda _files, _settings: ScriptedEmbedder(),
}

_GENERATORS: dict[str, Maker[Generator]] = {"llama_cpp": _llama_cpp}


def _whisper_cpp_bytes(weights: MappedWeights, settings: Settings) -> int:
    header = read_header(weights.buffer)
    worker = header.state_bytes + header.beam_bytes(max(settings.final_beams, 1))
    return len(weights.buffer) + settings.workers * worker


def _ctranslate2_bytes(weights: MappedWeights, settings: Settings) -> int:
    # int8 matrices and float32 vectors take some two thirds of the float16 file, and more than the
    # file again while they are made; buffers grow with the workers (docs/weights.md has the measure)
    return 2 * len(weights.buffer) + settings.workers * _CTRANSLATE2_WORKER_BYTES


def _llama_cpp_bytes(weights: MappedWeights, _settings: Settings) -> int:
    # The map is the page cache's, but every token reads all of it: without room it would be read
    # from the disk for each.
    return len(weights.buffer) + read_gguf_header(weights.buffer).context_bytes(CONTEXT_TOKENS)


# What each engine needs in all, its copy of the weights included; docs/weights.md has the measure.
_NEEDED_BYTES: dict[str, Callable[[MappedWeights, Settings], int]] = {
    "ctranslate2": _ctranslate2_bytes,
    "whisper_cpp": _whisper_cpp_bytes,
    "silero_vad": lambda _weights, _settings: _SILERO_BYTES,
    "minilm": lambda _weights, _settings: _MINILM_BYTES,
    "llama_cpp": _llama_cpp_bytes,
    "scripted": lambda _weights, _settings: 0,
}


Limit = Callable[[], MemoryLimit | None]


def open_engines(
    settings: Settings,
    *,
    texts: bool = True,
    loaded: LoadedModels = LOADED,
    limit: Limit = memory_limit,
) -> Engines:
    """Verify, map and load what the profile names. Blocking; takes a second or so.

    Neither CTranslate2 nor whisper.cpp maps its file, and ONNX Runtime wants ``bytes`` of the
    detector: they keep copies of their own, and their files are not needed any more when this
    returns. The embedder's and the
    generator's weights stay mapped.
    texts: also what works on texts; a command that only transcribes leaves it out.
    limit: what the container allows; more is refused before anything is loaded.
    Raises ``StartupFailed``: ``already_loaded`` until engines with the same weights are closed.
    """
    with ExitStack() as places, ExitStack() as maps:
        roles = ("voice_detector", "transcriber", *(("embedder", "generator") if texts else ()))
        opening = _Opening(settings, roles, loaded, places, maps)
        opening.require_memory(limit)
        # the detector first: it is small, and fails fast
        detector = opening.open("voice_detector", _VOICE_DETECTORS)
        transcriber = opening.transcriber()
        embedder = opening.embedder() if opening.has("embedder") else None
        generator = opening.generator() if opening.has("generator") else None
        remote = tuple(opening.remote.values())
        return Engines(transcriber, detector, embedder, generator, loaded, places.pop_all(), remote)


@dataclass(frozen=True, slots=True)
class TextEngines:
    """The engines that work on texts. generator: None where the profile names none, or it was left out."""

    embedder: Embedder
    generator: Generator | None


@contextmanager
def open_text_engines(
    settings: Settings,
    *,
    generator: bool = True,
    loaded: LoadedModels = LOADED,
    limit: Limit = memory_limit,
) -> Iterator[TextEngines]:
    """Open the profile's engines for texts alone, for commands; with its generator, if it has one.

    Raises as ``open_engines`` does, and ``unknown_profile`` without an embedder.
    """
    with ExitStack() as places, ExitStack() as maps, ExitStack() as engines:
        roles = ("embedder", "generator") if generator else ("embedder",)
        opening = _Opening(settings, roles, loaded, places, maps)
        if not opening.has("embedder"):
            raise StartupFailed(
                f"the profile {settings.profile} has no embedder", code=ErrorCode.UNKNOWN_PROFILE
            )
        opening.require_memory(limit)
        embedder = opening.embedder()
        engines.callback(embedder.close)
        writer = opening.generator() if opening.has("generator") else None
        if writer is not None:
            engines.callback(writer.close)
        maps.close()
        yield TextEngines(embedder, writer)


def memory_needs(settings: Settings) -> dict[str, int]:
    """Return the bytes that each model of the profile will need, its copy of the weights included.

    Loads nothing, but verifies the files. Raises ``StartupFailed`` as ``open_engines`` does.
    """
    with ExitStack() as places, ExitStack() as maps:
        roles = ("voice_detector", "transcriber", "embedder", "generator")
        return _Opening(settings, roles, LoadedModels(), places, maps).needs()


@contextmanager
def open_embedder(
    settings: Settings, *, loaded: LoadedModels = LOADED, limit: Limit = memory_limit
) -> Iterator[Embedder]:
    """Open the profile's embedder alone, for commands and scripts. Raises as ``open_engines`` does."""
    with open_text_engines(settings, generator=False, loaded=loaded, limit=limit) as engines:
        yield engines.embedder


@contextmanager
def open_served(settings: Settings, role: str) -> Iterator[ServedModel]:
    """Open one engine of the profile for a model-serving layer, which has processes of its own.

    role: ``transcriber``, ``embedder`` or ``generator``. Raises as ``open_engines`` does, and
    ``unknown_profile`` where the profile has none.
    """
    with ExitStack() as places, ExitStack() as maps, ExitStack() as engines:
        opening = _Opening(settings, (role,), LOADED, places, maps)
        if not opening.has(role):
            raise StartupFailed(
                f"the profile {settings.profile} has no {role}", code=ErrorCode.UNKNOWN_PROFILE
            )
        opening.require_memory(memory_limit)
        identity = opening.identity(role)
        model: ServedModel
        match role:
            case "transcriber":
                transcriber = opening.transcriber()
                engines.callback(transcriber.close)
                model = ServedTranscriber(transcriber, identity)
            case "embedder":
                embedder = opening.embedder()
                engines.callback(embedder.close)
                model = ServedEmbedder(embedder, identity)
            case _:
                generator = opening.generator()
                engines.callback(generator.close)
                model = ServedGenerator(generator, identity)
        maps.close()
        yield model


class _Opening:
    """Opens a profile's engines: rows of the manifest, mapped files, engines; or connections to those elsewhere.

    remote: the models elsewhere, by role.
    """

    def __init__(
        self,
        settings: Settings,
        roles: Sequence[str],
        loaded: LoadedModels,
        places: ExitStack,
        maps: ExitStack,
    ) -> None:
        """Hold the places of the roles' models among those loaded, and map their files."""
        self._settings = settings
        self._loaded = loaded
        manifest = load_manifest(settings.weights / MANIFEST)
        entries = manifest.profile(settings.profile)
        self._entries = {role: entries[role] for role in roles if role in entries}
        self.remote = {
            role: RemoteModel(
                url,
                role=role,
                model=self._entries[role].name,
                digest=self._entries[role].sha256,
                deadline_s=settings.engine_deadline_s,
            )
            for role, url in settings.remote_urls.items()
            if role in self._entries
        }
        local = {role: one for role, one in self._entries.items() if role not in self.remote}
        for entry in local.values():
            if entry.engine not in _NEEDED_BYTES:
                raise self._unknown()
        self._files: dict[str, Files] = {}
        for role, entry in local.items():
            places.enter_context(loaded.hold(role, entry))
            self._files[role] = Files(
                maps.enter_context(open_mapped(entry, settings.weights)),
                {
                    part: maps.enter_context(open_mapped(companion, settings.weights))
                    for part, companion in manifest.companions(entry).items()
                },
            )

    def has(self, role: str) -> bool:
        """Whether the profile names an engine for the role."""
        return role in self._entries

    def needs(self) -> dict[str, int]:
        """Return the bytes that each model will need."""
        return {
            self._entries[role].name: _NEEDED_BYTES[self._entries[role].engine](
                files.weights, self._settings
            )
            for role, files in self._files.items()
        }

    def require_memory(self, limit: Limit) -> None:
        """Raise ``WeightsUnusable`` (``weights_too_large``) for more than the container has room for."""
        require_memory(self.needs(), limit(), resident=resident_bytes())

    def identity(self, role: str) -> Identity:
        """Return what the model of a role is."""
        return Identity(role, self._entries[role].name, self._entries[role].sha256)

    def transcriber(self) -> Transcriber:
        """Open the transcriber, wherever it is."""
        if (remote := self.remote.get("transcriber")) is not None:
            return RemoteTranscriber.open(remote)
        return self.open("transcriber", _TRANSCRIBERS)

    def embedder(self) -> Embedder:
        """Open the embedder, wherever it is."""
        if (remote := self.remote.get("embedder")) is not None:
            return RemoteEmbedder.open(remote)
        return self.open("embedder", _EMBEDDERS)

    def generator(self) -> Generator:
        """Open the generator, wherever it is."""
        if (remote := self.remote.get("generator")) is not None:
            return RemoteGenerator.open(remote)
        return self.open("generator", _GENERATORS)

    def open(self, role: str, makers: Mapping[str, Maker[E]]) -> E:
        """Load the engine of one role."""
        entry = self._entries[role]
        make = makers.get(entry.engine)
        if make is None:
            raise self._unknown()
        engine = make(self._files[role], self._settings)
        self._loaded.count(role, entry)
        return engine

    def _unknown(self) -> StartupFailed:
        return StartupFailed(
            f"the profile {self._settings.profile} names an engine that this release does not have",
            code=ErrorCode.ENGINE_INCOMPATIBLE,
        )
