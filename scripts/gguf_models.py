"""GGUF files of random weights: a tiny one for tests, and speed twins of published models' shapes.

They say nothing; what they cost, and how the engine drives them, is the real thing. Needs the
``gguf`` package (extra: test).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

Packed = npt.NDArray[Any]
Quantisation = gguf.GGMLQuantizationType

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat template of both: that of Qwen's models, without tools."""

_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder-only transformer with grouped-query attention.

    architecture: as llama.cpp names it, ``llama`` or ``qwen2`` (which has biases).
    context: how many tokens it was made for.
    """

    architecture: str
    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    context: int


END_OF_TEXT = 50_256
"""The first of Whisper's tokens that is no text."""
_HEADER_BYTES = 48

TINY = Shape("llama", 5 + 256 + 1, 64, 2, 4, 2, 128, 4_096)
QWEN_05B = Shape("qwen2", 151_936, 896, 24, 14, 2, 4_864, 32_768)
QWEN_15B = Shape("qwen2", 151_936, 1_536, 28, 12, 2, 8_960, 32_768)


def write_tiny(path: Path, *, seed: int = 1, template: str | None = CHATML) -> None:
    """A model of 160 thousand parameters over bytes, as f32; the same seed makes the same file.

    Tokens 3 and 4 are ``<|im_start|>`` and ``<|im_end|>``, which ends an answer; 5 on are bytes,
    and the last is a blank.
    """
    writer = _started(path, TINY, template, "tiny")
    names = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*names, *(f"<0x{value:02X}>" for value in range(256)), "\u2581"])
    writer.add_token_scores([0.0] * TINY.vocabulary)
    writer.add_token_types([_UNKNOWN, *[_CONTROL] * 4, *[_BYTE] * 256, _NORMAL])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(4)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    rng = np.random.default_rng(seed)
    for name, rows, columns in _matrices(TINY):
        deviation = 1.0 if name == "token_embd" else columns**-0.5
        values = rng.standard_normal((rows, columns), np.float32) * np.float32(deviation)
        writer.add_tensor(f"{name}.weight", values)
    _add_vectors(writer, TINY)
    _finish(writer)


def write_twin(path: Path, shape: Shape, vocabulary: Path, *, seed: int = 1) -> None:
    """A file of this shape, quantised as Q4_K_M files are; the same seed makes the same file.

    vocabulary: an English whisper.cpp file, whose byte-pair tokens it shares, so that English has
    as many tokens as it has for real models. The rest of the tokens are fillers with logits of 0,
    and so is what ends an answer: unless a grammar has it end, an answer runs to its limit.
    """
    tokens, merges = byte_pairs(vocabulary)
    fillers = [f"filler{number}" for number in range(shape.vocabulary - len(tokens) - 3)]
    names = [*tokens, *fillers, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    writer = _started(path, shape, CHATML, "twin")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types([_NORMAL] * (shape.vocabulary - 3) + [_CONTROL] * 3)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(shape.vocabulary - 1)
    writer.add_add_bos_token(False)
    rng = np.random.default_rng(seed)
    for name, rows, columns in _matrices(shape):
        kind = _kind(name, columns, shape.layers)
        deviation = {"token_embd": 1.0, "output": 4.0 * columns**-0.5}.get(name, columns**-0.5)
        packed = _PACKERS[kind](rng, rows * columns, deviation).reshape(rows, -1)
        if name == "output":
            packed[len(tokens) :] = 0
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=kind)
    _add_vectors(writer, shape)
    _finish(writer)


@functools.cache
def byte_pairs(vocabulary: Path) -> tuple[list[str], list[str]]:
    """GPT-2's tokens in the order of a whisper.cpp file, and the merges that make them.

    The order of the tokens is that in which they were merged: the merge that made a token is that
    of the two parts that the merges before it leave (as in OpenAI's tiktoken).
    """
    pieces = _pieces(vocabulary)[:END_OF_TEXT]
    letters = _byte_letters()
    ranks = {piece: rank for rank, piece in enumerate(pieces)}
    names = ["".join(letters[value] for value in piece) for piece in pieces]
    merges = []
    for piece, rank in ranks.items():
        if len(piece) > 1:
            left, right = _two_parts(piece, rank, ranks)
            merges.append(
                " ".join("".join(letters[value] for value in part) for part in (left, right))
            )
    return names, merges


def _pieces(vocabulary: Path) -> list[bytes]:
    """The token table of a whisper.cpp file: after the header, and the mel filters with their shape."""
    content = vocabulary.read_bytes()
    mels, bins = struct.unpack_from("<2i", content, _HEADER_BYTES)
    at = _HEADER_BYTES + 8 + 4 * mels * bins
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    pieces = []
    for _ in range(count):
        (length,) = struct.unpack_from("<i", content, at)
        pieces.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    return pieces


def _two_parts(piece: bytes, rank: int, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    parts = [bytes([value]) for value in piece]
    while len(parts) > 2:
        joined = [ranks.get(one + two, rank) for one, two in pairwise(parts)]
        at = min(range(len(joined)), key=joined.__getitem__)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts[0], parts[1]


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(value) if value in shown else chr(next(others)) for value in range(256)]


def _started(path: Path, shape: Shape, template: str | None, name: str) -> Any:
    writer = gguf.GGUFWriter(path, shape.architecture)
    writer.add_name(name)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(shape.vocabulary)
    if template is not None:
        writer.add_chat_template(template)
    return writer


def _finish(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _matrices(shape: Shape) -> Iterator[tuple[str, int, int]]:
    """Every matrix: its name, rows and columns."""
    wide, keys = shape.width, shape.width // shape.heads * shape.kv_heads
    yield "token_embd", shape.vocabulary, wide
    yield "output", shape.vocabulary, wide
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        yield f"{block}.attn_q", wide, wide
        yield f"{block}.attn_k", keys, wide
        yield f"{block}.attn_v", keys, wide
        yield f"{block}.attn_output", wide, wide
        yield f"{block}.ffn_gate", shape.feed_forward, wide
        yield f"{block}.ffn_up", shape.feed_forward, wide
        yield f"{block}.ffn_down", wide, shape.feed_forward


def _add_vectors(writer: Any, shape: Shape) -> None:
    """Norms of 1, and biases of 0 where the architecture has them."""
    ones = np.ones(shape.width, np.float32)
    keys = shape.width // shape.heads * shape.kv_heads
    writer.add_tensor("output_norm.weight", ones)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        writer.add_tensor(f"{block}.attn_norm.weight", ones)
        writer.add_tensor(f"{block}.ffn_norm.weight", ones)
        if shape.architecture == "qwen2":
            for part, size in (("q", shape.width), ("k", keys), ("v", keys)):
                writer.add_tensor(f"{block}.attn_{part}.bias", np.zeros(size, np.float32))


def _kind(name: str, columns: int, layers: int) -> Any:
    """What llama.cpp's Q4_K_M makes of a matrix.

    The blocks of the K kinds hold 256 values: rows that they do not divide get the next kind.
    """
    _, _, part = name.rpartition(".")
    layer = int(name.split(".")[1]) if name.startswith("blk.") else 0
    eighth = layers // 8
    more = layer < eighth or layer >= 7 * eighth or (layer - eighth) % 3 == 2
    fine = part == "output" or (part in {"attn_v", "ffn_down"} and more)
    if columns % 256:
        return Quantisation.Q8_0 if fine else Quantisation.Q5_0
    return Quantisation.Q6_K if fine else Quantisation.Q4_K


def _blocks(count: int, block: int, **parts: Any) -> Packed:
    """Blocks of bytes, put together from parts of (count / block, bytes) or one for all."""
    rows = count // block
    return np.concatenate(
        [
            np.broadcast_to(np.atleast_2d(part), (rows, np.shape(part)[-1]))
            for part in parts.values()
        ],
        axis=1,
    )


def _half(value: float) -> Packed:
    return np.array([value], "<f2").view(np.uint8)


def _random(rng: np.random.Generator, count: int, block: int, size: int) -> Packed:
    return np.frombuffer(rng.bytes(count // block * size), np.uint8).reshape(-1, size)


def _q8_0(rng: np.random.Generator, count: int, deviation: float) -> Packed:
    return _blocks(count, 32, d=_half(deviation / 73.9), q=_random(rng, count, 32, 32))


def _q5_0(rng: np.random.Generator, count: int, deviation: float) -> Packed:
    return _blocks(count, 32, d=_half(deviation / 9.23), q=_random(rng, count, 32, 20))


def _q4_k(rng: np.random.Generator, count: int, deviation: float) -> Packed:
    # all eight scales are 32 and all minima 60, so that the mean of a block is 0
    d = deviation / (32 * 4.61)
    scales = np.array([160] * 4 + [252] * 4 + [192] * 4, np.uint8)
    return _blocks(
        count, 256, d=_half(d), m=_half(4 * d), s=scales, q=_random(rng, count, 256, 128)
    )


def _q6_k(rng: np.random.Generator, count: int, deviation: float) -> Packed:
    scales = np.full(16, 32, np.uint8)
    d = _half(deviation / (32 * 18.5))
    return _blocks(count, 256, q=_random(rng, count, 256, 192), s=scales, d=d)


_PACKERS: dict[Any, Callable[[np.random.Generator, int, float], Packed]] = {
    Quantisation.Q8_0: _q8_0,
    Quantisation.Q5_0: _q5_0,
    Quantisation.Q4_K: _q4_k,
    Quantisation.Q6_K: _q6_k,
}
