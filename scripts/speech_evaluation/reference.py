"""What whisper.cpp makes of whole clips with the same weights: the yardstick for words.

As its command line decodes by default: full audio context, five beams, and higher temperatures where
a text is unlikely or repeats itself. Answers are kept in a file: they depend on nothing else.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pywhispercpp.model import Model

from scripts.speech_evaluation.clips import Clip, read_samples
from scripts.speech_evaluation.heard import Heard
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.errors import BadInput
from wordloop_ml.settings import Settings
from wordloop_ml.weights import load_manifest

SUFFIX = "-q8_0"
"""Behind a model's name, of the file with its weights that whisper.cpp reads."""

BEAM = 1
"""pywhispercpp's name for ``WHISPER_SAMPLING_BEAM_SEARCH``."""

DECODING: dict[str, Any] = {
    "beam_search": {"beam_size": 5, "patience": -1.0},
    "greedy": {"best_of": 5},
    "temperature": 0.0,
    "temperature_inc": 0.2,
    "entropy_thold": 2.4,
    "logprob_thold": -1.0,
    "no_speech_thold": 0.6,
    "print_progress": False,
    "print_realtime": False,
}
"""The defaults of whisper.cpp's ``whisper-cli``, as of 1.8.5."""


def reference_weights(settings: Settings) -> Path:
    """The file with the profile's weights in whisper.cpp's form, pulled before.

    Raises ``BadInput`` where there is none.
    """
    manifest = load_manifest(settings.weights / MANIFEST)
    name = manifest.profile(settings.profile)["transcriber"].name
    row = manifest.entries.get(name.removesuffix(SUFFIX) + SUFFIX)
    if row is None:
        raise BadInput(f"the manifest has no {name} for whisper.cpp")
    path = settings.weights / row.file
    if not path.is_file():
        roles = manifest.profiles.items()
        pull = next((one for one, files in roles if files["transcriber"] == row.name), "...")
        raise BadInput(f"{path} is not there: wordloop-ml weights pull --profile {pull}")
    return path


class Reference:
    """Answers of one model, from a file where they were asked for before; blocking."""

    def __init__(self, weights: Path, multilingual: bool, kept: Path) -> None:
        self._weights, self._multilingual, self._kept = weights, multilingual, kept
        self._model: Model | None = None
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._asked = f"{digest[:16]} pywhispercpp {version('pywhispercpp')}"
        self._answers: dict[str, Any] = {}
        if kept.is_file():
            self._answers = json.loads(kept.read_text(encoding="utf-8"))

    def hear(self, clips: Sequence[Clip], progress: Callable[[str], None]) -> dict[str, Heard]:
        """By the name of the clip. The language is given; what it would detect stands beside it."""
        heard = {}
        for at, clip in enumerate(clips, 1):
            key = f"{self._asked} {self._digest(clip)} {clip.language}"
            if key not in self._answers:
                progress(f"whisper.cpp: clip {at} of {len(clips)}")
                self._answers[key] = self._decode(clip)
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                self._kept.write_text(json.dumps(self._answers, ensure_ascii=False, indent=1))
            texts, language = self._answers[key]
            heard[clip.name] = Heard(tuple(texts), language=language)
        return heard

    @staticmethod
    def _digest(clip: Clip) -> str:
        return hashlib.sha256(clip.path.read_bytes()).hexdigest()[:32]

    def _decode(self, clip: Clip) -> tuple[list[str], str | None]:
        if self._model is None:
            # one thread: more would spin where other processes have the cores
            self._model = Model(
                str(self._weights),
                params_sampling_strategy=BEAM,
                redirect_whispercpp_logs_to=None,
                n_threads=1,
            )
        samples = read_samples(clip.path)
        language = "en"
        if self._multilingual:
            (language, _), _ = self._model.auto_detect_language(samples)
        spoken = clip.language or "en"
        segments = self._model.transcribe(samples, language=spoken, **DECODING)
        return [one.text.strip() for one in segments], language
