"""MiniLM: the vectors of an independent implementation, its tokens, and weights that are wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.engines.bert_reference import embed, read_weights
from wordloop_ml.engines.catalogue import LoadedModels, open_embedder
from wordloop_ml.engines.minilm import DIMENSIONS, LONGEST_TOKENS, MiniLmEmbedder
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import TokenisedText
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.weights.store import MappedWeights, open_mapped

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WEIGHTS = ROOT / "weights"
REFERENCE = json.loads((HERE / "minilm_reference.json").read_text(encoding="utf-8"))
"""Vectors of ``bert_reference.py``, as another implementation of it in PyTorch gave them."""


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    """The real model, where its weights are."""
    try:
        with open_embedder(Settings(), loaded=LoadedModels()) as one:
            yield one
    except StartupFailed as error:
        pytest.skip(str(error))


@pytest.fixture
def files() -> Iterator[dict[str, MappedWeights]]:
    """Its three files, verified."""
    manifest = load_manifest(WEIGHTS / "manifest.toml")
    entry = manifest.entries["all-minilm-l6-v2"]
    opened = {}
    try:
        for part, one in {"weights": entry, **manifest.companions(entry)}.items():
            opened[part] = open_mapped(one, WEIGHTS)
    except StartupFailed as error:
        pytest.skip(str(error))
    yield opened
    for one_file in opened.values():
        one_file.close()


def test_vectors_are_those_of_an_independent_implementation(embedder: Embedder) -> None:
    """Of every text kept, with the weights that it was run with."""
    assert embedder.capabilities.digest == REFERENCE["digest"]
    read = embedder.tokenise([one["text"] for one in REFERENCE["kept"]])
    assert [list(one.ids) for one in read] == [one["ids"] for one in REFERENCE["kept"]]
    vectors = embedder.embed(read)
    reference = np.array([one["vector"] for one in REFERENCE["kept"]])
    assert (vectors * reference).sum(axis=1).min() >= 0.9999
    np.testing.assert_allclose(vectors, reference, atol=1e-5)


def test_the_reference_itself_gives_the_vectors_that_are_kept(
    files: dict[str, MappedWeights],
) -> None:
    """Its NumPy and the PyTorch that they came from agree."""
    weights = read_weights(files["weights"].path)
    for one in REFERENCE["kept"]:
        np.testing.assert_allclose(embed(weights, one["ids"]), one["vector"], atol=1e-7)


def test_the_published_similarities_come_out(embedder: Embedder) -> None:
    """Of the example on the model's page."""
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = embedder.embed(embedder.tokenise(texts))
    assert vectors[0] @ vectors[1] == pytest.approx(0.6660, abs=1e-4)
    assert vectors[0] @ vectors[2] == pytest.approx(0.1046, abs=1e-4)


def test_it_reads_256_tokens_and_not_the_128_of_its_tokeniser_s_file(embedder: Embedder) -> None:
    """Without padding, and marks that a text spells out are text."""
    assert embedder.capabilities.longest_tokens == LONGEST_TOKENS == 256
    long, short, marks = embedder.tokenise(["word " * 200, "word", "[SEP]"])
    assert len(long.ids) == 202
    assert len(short.ids) == 3
    assert len(marks.ids) == 5


def test_half_a_surrogate_pair_is_no_failure(embedder: Embedder) -> None:
    """A replacement character is read in its place."""
    read = embedder.tokenise(["\ud800 word"])
    assert read == embedder.tokenise(["? word"])


def test_token_ids_beyond_the_vocabulary_are_an_error(embedder: Embedder) -> None:
    """Of this job, and the model goes on."""
    with pytest.raises(EngineFailed):
        embedder.embed([TokenisedText((101, 1 << 20, 102))])
    assert embedder.embed([TokenisedText((101, 102))]).shape == (1, DIMENSIONS)


def test_other_files_are_refused(files: dict[str, MappedWeights]) -> None:
    """By name: a graph that is none, and a tokeniser that is none."""
    for part in ("graph", "tokenizer"):
        wrong = {**files, part: files["graph" if part == "tokenizer" else "tokenizer"]}
        with pytest.raises(StartupFailed) as caught:
            MiniLmEmbedder.open(**wrong)
        assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def test_weights_that_were_replaced_meanwhile_are_refused(
    files: dict[str, MappedWeights], tmp_path: Path
) -> None:
    """ONNX Runtime maps them by name: it has to be the file that was verified."""
    copy = tmp_path / files["weights"].path.name
    copy.write_bytes(files["weights"].buffer)
    with open_mapped(files["weights"].entry, tmp_path) as verified:
        replaced = replace_file(copy)
        with pytest.raises(StartupFailed) as caught:
            MiniLmEmbedder.open(verified, files["graph"], files["tokenizer"])
    assert replaced.exists()
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT


def test_weights_behind_links_are_loaded(files: dict[str, MappedWeights], tmp_path: Path) -> None:
    """A mounted volume links each of its files into another folder."""
    entry = files["weights"].entry
    (tmp_path / entry.file).symlink_to(files["weights"].path)
    with open_mapped(entry, tmp_path) as linked:
        embedder = MiniLmEmbedder.open(linked, files["graph"], files["tokenizer"])
    embedder.close()


def test_weights_behind_a_link_to_another_name_are_refused(
    files: dict[str, MappedWeights], tmp_path: Path
) -> None:
    """ONNX Runtime would look for the name in the graph; the operator is told why it cannot."""
    entry = files["weights"].entry
    blob = tmp_path / "blob"
    blob.write_bytes(files["weights"].buffer)
    (tmp_path / entry.file).symlink_to(blob)
    with (
        open_mapped(entry, tmp_path) as linked,
        pytest.raises(StartupFailed, match="link to a file of another name") as caught,
    ):
        MiniLmEmbedder.open(linked, files["graph"], files["tokenizer"])
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def replace_file(path: Path) -> Path:
    """Put an equal file in its place."""
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    return other.replace(path)


def test_the_hub_s_client_is_never_loaded() -> None:
    """tokenizers brings it along; nothing here downloads, and it would report to its maker."""
    program = (
        "import sys, os; import wordloop_ml.engines.minilm\n"
        "print('huggingface_hub' in sys.modules, os.environ['TOKENIZERS_PARALLELISM'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "false"]
