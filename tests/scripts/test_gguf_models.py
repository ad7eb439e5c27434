"""The written models: the same for the same seed, quantised as real files are, with real tokens."""

from pathlib import Path

import gguf
import pytest

from scripts.gguf_models import Shape, byte_pairs, quantise, write_tiny, write_twin

VOCABULARY = Path(__file__).parents[2] / "weights/faster-whisper-tiny.en/vocabulary.txt"
NEEDS_VOCABULARY = pytest.mark.skipif(
    not VOCABULARY.is_file(), reason="the vocabulary is not there: wordloop-ml weights pull"
)
SMALL = Shape("qwen2", 50_300, 288, 8, 4, 2, 512, 1_024)


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    """To the byte; another makes another."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_tiny(tmp_path / name, seed=seed)
    one, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert one == same != other


@NEEDS_VOCABULARY
def test_a_twin_is_quantised_as_q4_k_m(tmp_path: Path) -> None:
    """Rows that 256 does not divide get the next kind; the output is finer; its fillers are 0."""
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    write_twin(tmp_path / "whole.gguf", SMALL, VOCABULARY)
    quantise(tmp_path / "whole.gguf", tmp_path / "twin.gguf")
    tensors = {one.name: one for one in gguf.GGUFReader(tmp_path / "twin.gguf").tensors}
    kinds = {name: one.tensor_type.name for name, one in tensors.items()}
    assert {kinds[f"{name}.weight"] for name in ("token_embd", "blk.3.attn_q")} == {"Q5_0"}
    assert kinds["output.weight"] == kinds["blk.0.attn_v.weight"] == "Q8_0"
    assert kinds["blk.0.ffn_down.weight"] == "Q6_K"
    assert kinds["blk.1.ffn_down.weight"] == "Q4_K"
    assert not tensors["output.weight"].data[50_256:].any()
    assert tensors["output.weight"].data[:50_256].any(axis=1).all()


@NEEDS_VOCABULARY
def test_the_merges_make_the_tokens() -> None:
    """As many as there are tokens of two bytes or more."""
    names, merges = byte_pairs(VOCABULARY)
    assert (len(names), len(merges)) == (50_256, 50_000)
    assert merges[:3] == ["\u0120 t", "\u0120 a", "h e"]
    assert all(merge.replace(" ", "") in set(names[256:1_000]) for merge in merges[:500])
