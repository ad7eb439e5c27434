"""The file that whisper.cpp reads."""

from pathlib import Path

import numpy as np
import pytest

from scripts.ggml_file import Header, Quantised, quantised, read, restored, write


def _header() -> Header:
    return Header(
        vocabulary=70,
        audio_ctx=8,
        audio_width=32,
        audio_heads=1,
        audio_layers=1,
        text_ctx=4,
        text_width=32,
        text_heads=1,
        text_layers=1,
        mels=5,
    )


def test_q8_0_keeps_values_within_half_a_step() -> None:
    """The error is at most half of a 127th of the largest value of the block, and f16 rounding."""
    values = np.random.default_rng(1).normal(size=(6, 96)).astype(np.float32)
    back = restored(quantised(values), 96)
    largest = np.abs(values.reshape(-1, 32)).max(axis=1).repeat(32).reshape(values.shape)
    assert np.all(np.abs(back - values) <= largest * (0.5 / 127 + 2**-10))


def test_q8_0_is_exact_for_a_single_value_in_a_block_of_zeros() -> None:
    """This is how untrained tokens are kept out of the race."""
    values = np.zeros((1, 32), np.float32)
    values[0, -1] = -40.0
    back = restored(quantised(values), 32)
    assert back[0, -1] == pytest.approx(-40.0, rel=1e-3)
    assert not back[0, :-1].any()


def test_q8_0_refuses_rows_that_are_no_whole_blocks() -> None:
    """32 values make a block."""
    with pytest.raises(ValueError, match="multiple of 32"):
        quantised(np.zeros((2, 33), np.float32))


def test_a_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Header, filters, tokens, and each tensor in its own type."""
    rng = np.random.default_rng(2)
    tensors = {
        "encoder.conv1.weight": rng.normal(size=(32, 5, 3)).astype(np.float32),
        "encoder.conv1.bias": rng.normal(size=(32, 1)).astype(np.float32),
        "encoder.positional_embedding": rng.normal(size=(8, 32)).astype(np.float32),
        "decoder.token_embedding.weight": rng.normal(size=(70, 32)).astype(np.float32),
        "decoder.ln.bias": rng.normal(size=32).astype(np.float32),
    }
    filters = rng.random((5, 9)).astype(np.float32)
    tokens = [b"a", b" b", b"\xc3\xa9"]
    path = tmp_path / "model.bin"
    write(path, _header(), filters, tokens, tensors.items())
    header, read_filters, read_tokens, read_tensors = read(path)
    assert header == _header()
    assert np.array_equal(read_filters, filters)
    assert read_tokens == tokens
    assert list(read_tensors) == list(tensors)
    for name in ("encoder.conv1.bias", "encoder.positional_embedding", "decoder.ln.bias"):
        assert np.array_equal(read_tensors[name], tensors[name])
    for name in ("encoder.conv1.weight", "decoder.token_embedding.weight"):
        assert np.allclose(read_tensors[name], tensors[name], atol=0.02)


def test_a_matrix_that_is_quantised_already_is_written_as_it_is(tmp_path: Path) -> None:
    """The same bytes as from the values that it stands for."""
    values = np.random.default_rng(3).normal(size=(70, 32)).astype(np.float32)
    name, filters = "decoder.token_embedding.weight", np.zeros((5, 9), np.float32)
    whole, ready = tmp_path / "whole.bin", tmp_path / "ready.bin"
    write(whole, _header(), filters, [b"a"], [(name, values)])
    write(ready, _header(), filters, [b"a"], [(name, Quantised(quantised(values), 32))])
    assert ready.read_bytes() == whole.read_bytes()


def test_a_file_cut_short_is_an_error(tmp_path: Path) -> None:
    """So is one that is something else."""
    path = tmp_path / "model.bin"
    write(path, _header(), np.zeros((5, 9), np.float32), [b"a"], [("x", np.ones(4, np.float32))])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="ends early"):
        read(path)
    path.write_bytes(b"GGUF" + bytes(80))
    with pytest.raises(ValueError, match="no GGML"):
        read(path)
