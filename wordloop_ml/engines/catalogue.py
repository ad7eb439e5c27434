"""Every engine by its name in the manifest: the only module that knows the concrete ones."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber, WhisperOptions
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.ports import Transcriber, VoiceDetector
from wordloop_ml.settings import Settings
from wordloop_ml.weights import MappedWeights, load_manifest, open_mapped

MANIFEST = "manifest.toml"


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of this process, opened once."""

    transcriber: Transcriber
    voice_detector: VoiceDetector

    def close(self) -> None:
        """Free them, after every worker is closed; harmless when called twice."""
        self.voice_detector.close()
        self.transcriber.close()


def _whisper_cpp(weights: MappedWeights, settings: Settings) -> Transcriber:
    options = WhisperOptions(
        threads=settings.threads,
        audio_context_floor=settings.audio_context_floor,
        audio_context_margin=settings.audio_context_margin,
        token_floor=settings.token_floor,
        token_base=settings.token_base,
        tokens_per_second=settings.tokens_per_second,
    )
    return WhisperCppTranscriber.open(weights.name, weights.buffer, options)


# The scripted engines take no weights: a drill's manifest may name any file for them.
_TRANSCRIBERS: dict[str, Callable[[MappedWeights, Settings], Transcriber]] = {
    "whisper_cpp": _whisper_cpp,
    "scripted": lambda _weights, _settings: ScriptedTranscriber(),
}
_VOICE_DETECTORS: dict[str, Callable[[MappedWeights], VoiceDetector]] = {
    "silero_vad": lambda weights: SileroVoiceDetector.open(weights.buffer),
    "scripted": lambda _weights: ScriptedVoiceDetector(),
}


def open_engines(settings: Settings) -> Engines:
    """Verify, map and load what the profile names. Blocking; takes a second or so.

    The engines keep copies of their own (whisper.cpp has no mmap, ONNX Runtime wants ``bytes``),
    so that the maps are gone when this returns. Raises ``StartupFailed``.
    """
    manifest = load_manifest(settings.weights / MANIFEST)
    entries = manifest.profile(settings.profile)
    with ExitStack() as maps:

        def mapped(role: str) -> MappedWeights:
            return maps.enter_context(open_mapped(entries[role], settings.weights))

        make_transcriber = _TRANSCRIBERS.get(entries["transcriber"].engine)
        make_detector = _VOICE_DETECTORS.get(entries["voice_detector"].engine)
        if make_transcriber is None or make_detector is None:
            raise StartupFailed(
                f"the profile {settings.profile} names an engine that this release does not have",
                code=ErrorCode.ENGINE_INCOMPATIBLE,
            )
        # the detector first: it is small, and fails fast
        detector = make_detector(mapped("voice_detector"))
        return Engines(make_transcriber(mapped("transcriber"), settings), detector)
