"""Reads whisper.cpp's files back, to see what was written; blocking."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

F32, F16, Q8_0 = 0, 1, 8
Q8_0_BLOCK = np.dtype([("scale", "<f2"), ("steps", "i1", 32)])


class _Cursor:
    """Takes what comes next of a file's bytes. Raises ``struct.error`` where it ends early."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = 0

    def integers(self, count: int) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{count}i", self._content, self.at)
        self.at += 4 * count
        return found

    def array(self, dtype: npt.DTypeLike, count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._content, dtype, count, self.at)
        self.at += found.nbytes
        return found

    @property
    def left(self) -> int:
        return len(self._content) - self.at


def read(path: Path) -> tuple[Floats, list[bytes], dict[str, Floats]]:
    """The mel filters (mels, bins), the tokens, and the tensors by name, restored to float32."""
    cursor = _Cursor(path.read_bytes())
    cursor.integers(12)  # the magic number and the hyperparameters
    mels, bins = cursor.integers(2)
    filters = cursor.array("<f4", mels * bins).astype(np.float32).reshape(mels, bins)
    tokens = [
        cursor.array("S1", cursor.integers(1)[0]).tobytes() for _ in range(*cursor.integers(1))
    ]
    tensors = {}
    while cursor.left:
        rank, length, kind = cursor.integers(3)
        shape = cursor.integers(rank)[::-1]
        name = cursor.array("S1", length).tobytes().decode()
        tensors[name] = _values(cursor, kind, int(np.prod(shape))).reshape(shape)
    return filters, tokens, tensors


def _values(cursor: _Cursor, kind: int, count: int) -> Floats:
    if kind == Q8_0:
        blocks = cursor.array(Q8_0_BLOCK, count // 32)
        scale = blocks["scale"].astype(np.float32)[:, np.newaxis]
        return np.asarray(blocks["steps"] * scale, np.float32)
    return cursor.array("<f2" if kind == F16 else "<f4", count).astype(np.float32)
