"""GGUF files of random weights: a tiny one for tests, and a speed twin of a published model's shape.

They say nothing; what they cost, and how the engine drives them, is the real thing. Needs the
``gguf`` package (extra: test), and the twin's quantisation ``llama_cpp`` (extra: llama-cpp-python).
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import numpy as np

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
"""The first of GPT-2's tokens that is no text."""

TINY = Shape("llama", 5 + 256 + 1, 64, 2, 4, 2, 128, 4_096)
QWEN_05B = Shape("qwen2", 151_936, 896, 24, 14, 2, 4_864, 32_768)
"""Qwen2.5-0.5B's."""


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
    """Write a file of this shape as f16; the same seed makes the same file.

    vocabulary: that of an English Whisper in CTranslate2's form, a token a line, whose byte-pair
    tokens the twin shares, so that English has as many tokens as it has for real models. The rest
    of the tokens are fillers with logits of 0, and so is what ends an answer: unless a grammar has
    it end, an answer runs to its limit.
    """
    tokens, merges = byte_pairs(vocabulary)
    fillers = [f"filler{number}" for number in range(shape.vocabulary - len(tokens) - 3)]
    writer = _started(path, shape, CHATML, "twin")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*tokens, *fillers, "<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    writer.add_token_types([_NORMAL] * (shape.vocabulary - 3) + [_CONTROL] * 3)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(shape.vocabulary - 1)
    writer.add_add_bos_token(False)
    rng = np.random.default_rng(seed)
    for name, rows, columns in _matrices(shape):
        deviation = {"token_embd": 1.0, "output": 4.0 * columns**-0.5}.get(name, columns**-0.5)
        values = rng.standard_normal((rows, columns), np.float32) * np.float32(deviation)
        if name == "output":
            values[len(tokens) :] = 0
        writer.add_tensor(f"{name}.weight", values.astype(np.float16))
    _add_vectors(writer, shape)
    _finish(writer)


def quantise(source: Path, target: Path) -> None:
    """Quantise a file as Q4_K_M files are, by llama.cpp itself; blocking, minutes for a real shape."""
    llama_cpp: Any = importlib.import_module("llama_cpp")
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    if llama_cpp.llama_model_quantize(bytes(source), bytes(target), options) != 0:
        raise OSError(f"llama.cpp could not quantise {source}")


def byte_pairs(vocabulary: Path) -> tuple[list[str], list[str]]:
    """GPT-2's tokens in the order in which they were merged, and the merges that make them.

    The merge that made a token is that of the two parts that the merges before it leave (as in
    OpenAI's tiktoken).
    """
    names = vocabulary.read_text(encoding="utf-8").split("\n")[:END_OF_TEXT]
    ranks = {name: rank for rank, name in enumerate(names)}
    merges = [" ".join(_two_parts(name, ranks)) for name in names if len(name) > 1]
    return names, merges


def _two_parts(name: str, ranks: dict[str, int]) -> list[str]:
    parts = [*name]
    while len(parts) > 2:
        joined = [ranks.get(one + two, ranks[name]) for one, two in pairwise(parts)]
        at = min(range(len(joined)), key=joined.__getitem__)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _started(path: Path, shape: Shape, template: str | None, name: str) -> Any:
    writer = gguf.GGUFWriter(path, shape.architecture, use_temp_file=True)
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
