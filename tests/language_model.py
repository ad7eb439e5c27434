"""The language model of the profile ``generative``, for tests marked ``language_model``."""

from importlib import metadata
from pathlib import Path

import pytest

from wordloop_ml.engines.llama_cpp import LlamaCppGenerator
from wordloop_ml.engines.llama_cpp_library import DISTRIBUTION
from wordloop_ml.errors import WeightsUnusable
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.weights.store import MappedWeights, open_mapped

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
HOW = "scripts/test --language-model pulls it and runs these tests"


def language_model_weights() -> MappedWeights:
    """Open its file, verified; a visible skip where nobody has pulled it."""
    entry = load_manifest(WEIGHTS / "manifest.toml").profile("generative")["generator"]
    if not (WEIGHTS / entry.file).is_file():
        pytest.skip(f"weights/{entry.file} is not there: {HOW}")
    try:
        return open_mapped(entry, WEIGHTS)
    except WeightsUnusable as error:
        pytest.fail(str(error))


def open_language_model() -> LlamaCppGenerator:
    """Load it; a visible skip without the file or the extra."""
    try:
        metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{DISTRIBUTION} is not installed: {HOW}")
    with language_model_weights() as weights:
        return LlamaCppGenerator.open(weights)
