"""A tiny GGUF file of random weights, for tests of what drives a language model.

It says nothing. Needs the ``gguf`` package (extra: test).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat template of Qwen's models, without tools."""

_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder-only transformer with grouped-query attention.

    context: how many tokens it was made for.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    context: int


TINY = Shape(5 + 256 + 1, 64, 2, 4, 2, 128, 4_096)


def write_tiny(path: Path, *, seed: int = 1, template: str | None = CHATML) -> None:
    """Write a model of 160 thousand parameters over bytes, as f32; the same seed makes the same file.

    Tokens 3 and 4 are ``<|im_start|>`` and ``<|im_end|>``, which ends an answer; 5 on are bytes,
    and the last is a blank.
    """
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=True)
    writer.add_name("tiny")
    writer.add_context_length(TINY.context)
    writer.add_embedding_length(TINY.width)
    writer.add_block_count(TINY.layers)
    writer.add_feed_forward_length(TINY.feed_forward)
    writer.add_head_count(TINY.heads)
    writer.add_head_count_kv(TINY.kv_heads)
    writer.add_rope_dimension_count(TINY.width // TINY.heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(TINY.vocabulary)
    if template is not None:
        writer.add_chat_template(template)
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
    ones = np.ones(TINY.width, np.float32)
    for name in _norms(TINY):
        writer.add_tensor(f"{name}.weight", ones)
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


def _norms(shape: Shape) -> Iterator[str]:
    yield "output_norm"
    for layer in range(shape.layers):
        yield f"blk.{layer}.attn_norm"
        yield f"blk.{layer}.ffn_norm"
