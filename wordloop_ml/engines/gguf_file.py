"""The head of a GGUF file, read for what a model will need in memory before anything is loaded.

The layout is that of ggml's docs/gguf.md, version 3: magic, version, counts, then keys with typed
values. The keys of the architecture come first; tokens, of which there are many, are not read.
"""

import struct
from dataclasses import dataclass
from typing import Any

from wordloop_ml.errors import ErrorCode, StartupFailed

_MAGIC = b"GGUF"
_VERSION = 3
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_MOST_KEYS = 4_096
_LONGEST_STRING = 1 << 20

_HALF_BYTES = 2
_BUFFERS_BYTES = 96 << 20
"""What llama.cpp computes in, for batches of 64 tokens; measured 60 MB with 152 thousand tokens."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The shape of a model: only what decides how much its context holds.

    trained_tokens: the longest context that it was trained on.
    """

    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    key_width: int
    value_width: int
    trained_tokens: int

    def context_bytes(self, tokens: int) -> int:
        """What a context for so many tokens takes, beside the weights: keys and values as f16."""
        held = min(tokens, self.trained_tokens) * self.layers * self.kv_heads
        return held * (self.key_width + self.value_width) * _HALF_BYTES + _BUFFERS_BYTES


def read_gguf_header(buffer: memoryview) -> GgufHeader:
    """Read it; raises ``StartupFailed`` (``engine_incompatible``) for anything else than GGUF 3."""
    try:
        return _header(_keys(_Cursor(buffer)))
    except (struct.error, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise StartupFailed(
            "the generator's weights are no GGUF file that this engine knows",
            code=ErrorCode.ENGINE_INCOMPATIBLE,
        ) from error


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._at = 0

    def take(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self._buffer, self._at)
        self._at += struct.calcsize("<" + code)
        return value

    def bytes(self, count: int) -> bytes:
        taken = bytes(self._buffer[self._at : self._at + count])
        if len(taken) != count:
            raise ValueError("the file ends in the middle of a value")
        self._at += count
        return taken

    def string(self) -> str:
        length = self.take("Q")
        if length > _LONGEST_STRING:
            raise ValueError("a string is too long")
        return self.bytes(length).decode("utf-8")


def _keys(cursor: _Cursor) -> dict[str, Any]:
    """The keys before the tokens, which no file has before its architecture."""
    if cursor.bytes(4) != _MAGIC or cursor.take("I") != _VERSION:
        raise ValueError("another file, or another version")
    cursor.take("Q")  # tensors
    values: dict[str, Any] = {}
    for _ in range(min(cursor.take("Q"), _MOST_KEYS)):
        key, kind = cursor.string(), cursor.take("I")
        if kind == _STRING:
            values[key] = cursor.string()
        elif kind == _ARRAY:
            inner, count = cursor.take("I"), cursor.take("Q")
            if count > _MOST_KEYS:  # the tokens
                break
            values[key] = [
                cursor.string() if inner == _STRING else cursor.take(_SCALARS[inner])
                for _ in range(count)
            ]
        else:
            values[key] = cursor.take(_SCALARS[kind])
    return values


def _header(values: dict[str, Any]) -> GgufHeader:
    architecture = values["general.architecture"]

    def number(key: str, default: int | None = None) -> int:
        value = values.get(f"{architecture}.{key}", default)
        if isinstance(value, list):  # one for each layer
            value = max(value)
        if not isinstance(value, int) or not 0 <= value < 1 << 31:
            raise ValueError(key)
        return value

    width, heads = number("embedding_length"), number("attention.head_count")
    of_a_head = width // max(heads, 1)
    return GgufHeader(
        architecture=architecture,
        layers=number("block_count"),
        width=width,
        heads=heads,
        kv_heads=number("attention.head_count_kv", heads),
        key_width=number("attention.key_length", of_a_head),
        value_width=number("attention.value_length", of_a_head),
        trained_tokens=number("context_length"),
    )
