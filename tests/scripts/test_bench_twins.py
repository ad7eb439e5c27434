"""Speed twins: the true shapes, and decodes that always run to their limit."""

from pathlib import Path

import numpy as np
import pytest

from scripts.benchmark.twins import (
    END_OF_TEXT,
    SHAPES,
    Shape,
    decoded_tokens,
    prepare_twins,
    twin_settings,
    write_twin,
)
from scripts.ggml_file import read
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.engines.ggml_file import read_header
from wordloop_ml.engines.whisper_cpp import (
    WhisperCppTranscriber,
    WhisperCppWorker,
    WhisperOptions,
)
from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Utterance
from wordloop_ml.settings import read_settings
from wordloop_ml.weights import load_manifest, verify

WEIGHTS = Path(__file__).parents[2] / "weights"
NANO = WEIGHTS / "wordloop-nano.bin"
SMALL = Shape(width=64, heads=2, layers=1)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("twin") / "small.bin"
    write_twin(path, SMALL, NANO)
    return path


def test_a_decode_has_exactly_the_tokens_that_were_asked_for(twin: Path) -> None:
    """Text alone: no timestamp and no end is ever chosen, whatever is heard."""
    settings = read_settings(twin_settings("tiny.en", twin.parent))
    options = WhisperOptions(
        token_floor=settings.token_floor,
        token_base=settings.token_base,
        tokens_per_second=settings.tokens_per_second,
    )
    transcriber = WhisperCppTranscriber.open("twin", memoryview(twin.read_bytes()), options)
    worker = transcriber.open_worker()
    assert isinstance(worker, WhisperCppWorker)
    random = np.random.default_rng(5)
    try:
        for seconds in (0.2, 0.7, 1.0, 2.99, 3.0, 4.1, 14.9):
            noise = random.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)
            for samples in (noise, np.zeros_like(noise)):
                worker.transcribe(Utterance(0, samples), DecodeOptions(language="en"))
                tokens = _tokens(worker)
                assert len(tokens) == decoded_tokens(len(samples)) == max(12, int(4 * seconds))
                assert max(tokens) < END_OF_TEXT
    finally:
        worker.close()
        transcriber.close()


def _tokens(worker: WhisperCppWorker) -> list[int]:
    """All tokens of the last decode."""
    assert worker._state is not None
    library, state = worker._library, worker._state.handle
    return [
        library.whisper_full_get_token_data_from_state(state, segment, index).id
        for segment in range(library.whisper_full_n_segments_from_state(state))
        for index in range(library.whisper_full_n_tokens_from_state(state, segment))
    ]


def test_a_twin_has_the_shape_it_is_given_and_the_english_vocabulary(twin: Path) -> None:
    """And no row for what is no text."""
    header = read_header(memoryview(twin.read_bytes()))
    assert (header.audio_width, header.audio_heads, header.audio_layers) == (64, 2, 1)
    assert (header.text_width, header.text_heads, header.text_layers) == (64, 2, 1)
    _, filters, tokens, tensors = read(twin)
    _, nano_filters, nano_tokens, _ = read(NANO)
    assert tokens == nano_tokens
    assert np.array_equal(filters, nano_filters)
    rows = tensors["decoder.token_embedding.weight"]
    assert rows[:END_OF_TEXT].any(axis=1).all()
    assert not rows[END_OF_TEXT:].any()


def test_the_same_seed_makes_the_same_file(tmp_path: Path, twin: Path) -> None:
    """So that figures can be compared."""
    again, other = tmp_path / "again.bin", tmp_path / "other.bin"
    write_twin(again, SMALL, NANO)
    write_twin(other, SMALL, NANO, seed=77)
    assert again.read_bytes() == twin.read_bytes()
    assert other.read_bytes() != twin.read_bytes()


def test_the_folder_of_the_twins_serves_a_profile_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there already is kept; the voice detector is the shipped one."""
    monkeypatch.setitem(SHAPES, "tiny.en", SMALL)
    monkeypatch.setitem(SHAPES, "base.en", SMALL)
    if not (WEIGHTS / "silero_vad.onnx").is_file():
        pytest.skip("weights/silero_vad.onnx is not there: wordloop-ml weights pull")
    prepare_twins(["tiny.en"], tmp_path, WEIGHTS)
    (made,) = tmp_path.glob("tiny.en*")
    before = made.stat().st_mtime_ns
    prepare_twins(["tiny.en", "base.en"], tmp_path, WEIGHTS)
    assert made.stat().st_mtime_ns == before
    manifest = load_manifest(tmp_path / MANIFEST)
    assert sorted(manifest.profiles) == ["base.en", "tiny.en"]
    for entry in manifest.profile("tiny.en").values():
        verify(entry, tmp_path, rehash=True)
