"""The model file that whisper.cpp reads: header, mel filters, token table, tensors.

Written by what trains wordloop-nano and by what makes the benchmark's twins; the service only
reads it. The layout is that of whisper.cpp's `models/convert-pt-to-ggml.py` (little-endian throughout), with
matrices as q8_0: blocks of 32 values, each an f16 scale and 32 signed bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

MAGIC: Final = 0x67676D6C
F32, F16, Q8_0 = 0, 1, 8
# What the file mostly is: q8_0 (7), in version 2 of the quantised formats (times 1000).
MOSTLY_Q8_0: Final = 2007
BLOCK: Final = 32
BLOCK_BYTES: Final = 2 + BLOCK


@dataclass(frozen=True, slots=True)
class Header:
    """The hyperparameters, in the order of the file."""

    vocabulary: int
    audio_ctx: int
    audio_width: int
    audio_heads: int
    audio_layers: int
    text_ctx: int
    text_width: int
    text_heads: int
    text_layers: int
    mels: int
    file_type: int = MOSTLY_Q8_0


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix that is q8_0 already.

    packed: uint8, shape (rows, bytes of a row), as ``quantised`` makes it. width: values of a row.
    """

    packed: npt.NDArray[np.uint8]
    width: int


Tensor = FloatArray | Quantised


def quantised(values: FloatArray) -> npt.NDArray[np.uint8]:
    """`values` (rows of a multiple of 32) as q8_0 bytes, shape (rows, bytes of a row)."""
    rows, width = values.shape
    if width % BLOCK:
        raise ValueError(f"q8_0 needs rows of a multiple of {BLOCK} values, not {width}")
    blocks = values.reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    steps = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0)
    packed = np.empty((len(blocks), BLOCK_BYTES), np.uint8)
    packed[:, :2] = scale.astype("<f2").view(np.uint8)
    packed[:, 2:] = np.rint(steps).astype(np.int8).view(np.uint8)
    return packed.reshape(rows, -1)


def restored(packed: npt.NDArray[np.uint8], width: int) -> FloatArray:
    """The values that q8_0 bytes stand for, shape (rows, `width`)."""
    blocks = np.ascontiguousarray(packed).reshape(-1, BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    values = blocks[:, 2:].copy().view(np.int8).astype(np.float32) * scale
    return values.reshape(-1, width)


def stored_as(name: str, values: FloatArray) -> int:
    """The type under which whisper.cpp expects the tensor `name`."""
    if values.ndim == 3:
        return F16  # convolutions
    if values.ndim < 2 or name.endswith((".bias", "positional_embedding")):
        return F32
    return Q8_0


def write(
    path: Path,
    header: Header,
    filters: FloatArray,
    tokens: Sequence[bytes],
    tensors: Iterable[tuple[str, Tensor]],
) -> None:
    """Write the whole file; tensors have the names and shapes of the published model.

    They are taken one by one, so that a large model need not be in memory at once.
    """
    with path.open("wb") as file:
        file.write(struct.pack("<12i", MAGIC, *astuple(header)))
        file.write(struct.pack("<2i", *filters.shape))
        file.write(filters.astype("<f4").tobytes())
        file.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for name, values in tensors:
            _write_tensor(file, name, values)


def _write_tensor(file: BinaryIO, name: str, values: Tensor) -> None:
    if isinstance(values, Quantised):
        kind, shape = Q8_0, (len(values.packed), values.width)
        content = values.packed.tobytes()
    else:
        kind, shape = stored_as(name, values), values.shape
        content = _stored(values, kind)
    label = name.encode()
    file.write(struct.pack("<3i", len(shape), len(label), kind))
    file.write(struct.pack(f"<{len(shape)}i", *reversed(shape)) + label)
    file.write(content)


def _stored(values: FloatArray, kind: int) -> bytes:
    if kind == Q8_0:
        return quantised(values).tobytes()
    return values.astype("<f2" if kind == F16 else "<f4").tobytes()


def read(path: Path) -> tuple[Header, FloatArray, list[bytes], dict[str, FloatArray]]:
    """Read a file that `write` wrote. Raises ValueError if it is none, or cut short."""
    data = memoryview(path.read_bytes())
    at = 0

    def take(size: int) -> memoryview:
        nonlocal at
        if at + size > len(data):
            raise ValueError(f"{path} ends early")
        at += size
        return data[at - size : at]

    def integers(count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", take(4 * count))

    magic, *fields = integers(12)
    if magic != MAGIC:
        raise ValueError(f"{path} is no GGML model file")
    mels, bins = integers(2)
    filters = np.frombuffer(take(4 * mels * bins), "<f4").reshape(mels, bins)
    tokens = [bytes(take(integers(1)[0])) for _ in range(integers(1)[0])]
    tensors: dict[str, FloatArray] = {}
    while at < len(data):
        rank, length, kind = integers(3)
        shape = integers(rank)[::-1]
        name = bytes(take(length)).decode()
        count = int(np.prod(shape))
        if kind == Q8_0:
            packed = np.frombuffer(take(count // BLOCK * BLOCK_BYTES), np.uint8)
            tensors[name] = restored(packed, shape[-1]).reshape(shape)
        else:
            raw = np.frombuffer(
                take(count * (2 if kind == F16 else 4)), "<f2" if kind == F16 else "<f4"
            )
            tensors[name] = raw.astype(np.float32).reshape(shape)
    return Header(*fields), filters, tokens, tensors
