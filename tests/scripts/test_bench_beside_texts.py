"""Captions with and without work on texts beside them: the figures, the load, and its weights."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.benchmark import text_twins
from scripts.benchmark.beside_texts import ALONE, BESIDE, BesideTexts, Stretch
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.text_load import SEGMENTS, transcript
from scripts.benchmark.text_twins import prepare_text_twins, text_profile
from scripts.benchmark.twins import SHAPES, Shape
from tests.scripts.support import EACH
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.weights import load_manifest
from wordloop_ml.wire.synthesis import parse_request

WEIGHTS = Path(__file__).parents[2] / "weights"
CPU = CpuUse(10.0, 0.1, 1.2, 0.05, 0.0)


def stretch(mode: str, *first_s: float | None) -> Stretch:
    each = tuple(replace(EACH, first_caption_s=one) for one in first_s)
    return Stretch(mode, each, CPU, {} if mode == ALONE else {"embedding_calls": 2})


def test_the_ratio_is_that_of_all_turns_together() -> None:
    """Of the 95th percentiles, by nearest rank."""
    beside = BesideTexts(
        "tiny.en twin",
        2,
        (stretch(ALONE, 0.4, 0.5), stretch(BESIDE, 0.3, 0.55), stretch(BESIDE, 0.2)),
    )
    assert beside.ratio == pytest.approx(1.1)
    assert [one.reached for one in beside.judged()] == [True, True]
    assert beside.done == {"embedding_calls": 4}
    assert "| beside texts | 300 | 550 | 550 | 3 |" in beside.markdown()
    assert "1.10" in beside.markdown()
    assert json.dumps(beside.as_json())


def test_an_utterance_that_was_never_captioned_is_no_success() -> None:
    """Whatever the percentiles of the others."""
    beside = BesideTexts("tiny.en twin", 2, (stretch(ALONE, 0.4), stretch(BESIDE, 0.4, None)))
    assert [one.reached for one in beside.judged()] == [True, False]
    nothing = BesideTexts("tiny.en twin", 2, (stretch(ALONE), stretch(BESIDE)))
    assert nothing.ratio is None
    assert [one.reached for one in nothing.judged()] == [False, True]


def test_the_load_asks_for_what_the_service_takes() -> None:
    """Another meeting each time."""
    randomness = random.Random(1)
    asked = [transcript(["Hello.", "Who comes?"], randomness) for _ in range(2)]
    for one in asked:
        assert len(parse_request(json.dumps(one).encode()).transcript.segments) == SEGMENTS
    assert asked[0]["segments"] != asked[1]["segments"]


def test_the_folder_of_the_twins_has_a_profile_with_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped embedder, and the language model's twin that is there already."""
    if not (WEIGHTS / "all-minilm-l6-v2.safetensors").is_file():
        pytest.skip("weights of the embedder are not there: wordloop-ml weights pull")
    monkeypatch.setitem(SHAPES, "tiny.en", Shape(width=64, heads=2, layers=1))
    (tmp_path / text_twins._FILE).write_bytes(b"a language model")
    for _ in range(2):
        prepare_text_twins("tiny.en", tmp_path, WEIGHTS)
        manifest = load_manifest(tmp_path / MANIFEST)
        entries = manifest.profile(text_profile("tiny.en"))
        assert entries["generator"].engine == "llama_cpp"
        assert entries["embedder"].engine == "minilm"
        companions = manifest.companions(entries["embedder"])
        assert set(companions) == {"graph", "tokenizer"}
        for entry in (*entries.values(), *companions.values()):
            assert (tmp_path / entry.file).is_file()
