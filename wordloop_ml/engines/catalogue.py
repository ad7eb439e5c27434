"""Every engine by its name in the manifest: the only module that knows the concrete ones."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from wordloop_ml.engines.ggml_file import read_header
from wordloop_ml.engines.loads import LoadedModels
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.engines.whisper_abi import PyWhisperCpp
from wordloop_ml.engines.whisper_binding import WhisperBinding
from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber, WhisperOptions
from wordloop_ml.engines.whisper_cpp_python import WhisperCppPython
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.ports import Transcriber, VoiceDetector
from wordloop_ml.settings import Settings
from wordloop_ml.weights import (
    MappedWeights,
    MemoryLimit,
    load_manifest,
    memory_limit,
    open_mapped,
    require_memory,
    resident_bytes,
)

MANIFEST = "manifest.toml"

LOADED = LoadedModels()
"""One for the process, because its memory is what the rule is about."""

_SILERO_BYTES = 32 << 20
"""Silero VAD with ONNX Runtime's arena; measured 29 MB."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of this process, opened once.

    loaded: where their models are counted. places: their places there, given back at the end.
    """

    transcriber: Transcriber
    voice_detector: VoiceDetector
    loaded: LoadedModels = field(default_factory=LoadedModels)
    places: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Free them, after every worker is closed; harmless when called twice."""
        self.voice_detector.close()
        self.transcriber.close()
        self.places.close()


_BINDINGS: dict[str, Callable[[], WhisperBinding]] = {
    "pywhispercpp": PyWhisperCpp,
    "whisper_cpp_python": WhisperCppPython,
}


def _whisper_cpp(weights: MappedWeights, settings: Settings) -> Transcriber:
    options = WhisperOptions(
        threads=settings.threads,
        audio_context_floor=settings.audio_context_floor,
        audio_context_margin=settings.audio_context_margin,
        token_floor=settings.token_floor,
        token_base=settings.token_base,
        tokens_per_second=settings.tokens_per_second,
        calibration=weights.entry.calibration,
    )
    binding = _BINDINGS[settings.binding]()
    return WhisperCppTranscriber.open(weights.name, weights.buffer, options, binding=binding)


# The scripted engines take no weights: a drill's manifest may name any file for them.
_TRANSCRIBERS: dict[str, Callable[[MappedWeights, Settings], Transcriber]] = {
    "whisper_cpp": _whisper_cpp,
    "scripted": lambda _weights, _settings: ScriptedTranscriber(),
}
_VOICE_DETECTORS: dict[str, Callable[[MappedWeights], VoiceDetector]] = {
    "silero_vad": lambda weights: SileroVoiceDetector.open(weights.buffer),
    "scripted": lambda _weights: ScriptedVoiceDetector(),
}


def _whisper_cpp_bytes(weights: MappedWeights, settings: Settings) -> int:
    header = read_header(weights.buffer)
    worker = header.state_bytes + header.beam_bytes(settings.final_beams)
    return len(weights.buffer) + settings.workers * worker


# What each engine needs in all, its copy of the weights included; docs/weights.md has the measure.
_NEEDED_BYTES: dict[str, Callable[[MappedWeights, Settings], int]] = {
    "whisper_cpp": _whisper_cpp_bytes,
    "silero_vad": lambda _weights, _settings: _SILERO_BYTES,
    "scripted": lambda _weights, _settings: 0,
}


def open_engines(
    settings: Settings,
    *,
    loaded: LoadedModels = LOADED,
    limit: Callable[[], MemoryLimit | None] = memory_limit,
) -> Engines:
    """Verify, map and load what the profile names. Blocking; takes a second or so.

    The engines keep copies of their own (whisper.cpp has no mmap, ONNX Runtime wants ``bytes``),
    so that the maps are gone when this returns, and the files are not needed any more.
    limit: what the container allows; more is refused before anything is loaded.
    Raises ``StartupFailed``: ``already_loaded`` until engines with the same weights are closed.
    """
    manifest = load_manifest(settings.weights / MANIFEST)
    entries = manifest.profile(settings.profile)
    make_transcriber = _TRANSCRIBERS.get(entries["transcriber"].engine)
    make_detector = _VOICE_DETECTORS.get(entries["voice_detector"].engine)
    if make_transcriber is None or make_detector is None:
        raise StartupFailed(
            f"the profile {settings.profile} names an engine that this release does not have",
            code=ErrorCode.ENGINE_INCOMPATIBLE,
        )
    with ExitStack() as places, ExitStack() as maps:
        mapped: dict[str, MappedWeights] = {}
        for role, entry in entries.items():
            places.enter_context(loaded.hold(role, entry))
            mapped[role] = maps.enter_context(open_mapped(entry, settings.weights))
        needs = {
            entry.name: _NEEDED_BYTES[entry.engine](mapped[role], settings)
            for role, entry in entries.items()
        }
        require_memory(needs, limit(), resident=resident_bytes())
        # the detector first: it is small, and fails fast
        detector = make_detector(mapped["voice_detector"])
        loaded.count("voice_detector", entries["voice_detector"])
        transcriber = make_transcriber(mapped["transcriber"], settings)
        loaded.count("transcriber", entries["transcriber"])
        return Engines(transcriber, detector, loaded, places.pop_all())
