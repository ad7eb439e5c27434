"""Reads the variables of a CTranslate2 model file (``model.bin``), without copying them.

The layout is the one that CTranslate2's ``python/ctranslate2/specs/model_spec.py`` writes and its
``src/models/model.cc`` reads: version 6, little endian. Pure: bytes in, arrays out.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_VERSION: Final = 6
_MOST_VARIABLES: Final = 1 << 16
_MOST_DIMENSIONS: Final = 8
_TYPES: Final = ("<f4", "|i1", "<i2", "<i4", "<f2")


class Unconvertible(Exception):
    """A file holds something else than the conversion knows; the message says what and where."""


@dataclass(frozen=True, slots=True)
class CTranslate2Model:
    """What a model file holds.

    spec, revision: the kind of model, and the revision of its layout.
    variables: by name, read-only views of the file; of type float16 in a float16 model.
    aliases: further names of variables.
    """

    spec: str
    revision: int
    variables: dict[str, Array]
    aliases: dict[str, str]


def read_model(buffer: memoryview) -> CTranslate2Model:
    """Read a whole model file; the arrays share its memory.

    buffer: the file, uint8. Raises ``Unconvertible`` for any other file, and for one that ends
    early, is too long, or names a variable twice.
    """
    reader = _Reader(buffer)
    (version,) = reader.numbers("I")
    if version != _VERSION:
        raise Unconvertible(f"its format version is {version}, not {_VERSION}")
    spec = reader.string()
    revision, count = reader.numbers("II")
    if count > _MOST_VARIABLES:
        raise Unconvertible(f"it announces {count} variables")
    variables: dict[str, Array] = {}
    for _ in range(count):
        name, values = reader.variable()
        if name in variables:
            raise Unconvertible(f"it holds {name} twice")
        variables[name] = values
    (count,) = reader.numbers("I")
    if count > _MOST_VARIABLES:
        raise Unconvertible(f"it announces {count} aliases")
    aliases = {reader.string(): reader.string() for _ in range(count)}
    if reader.remaining:
        raise Unconvertible(f"{reader.remaining} bytes follow its end")
    return CTranslate2Model(spec, revision, variables, aliases)


class _Reader:
    """A cursor over the file that refuses to run past its end."""

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._position = 0

    @property
    def remaining(self) -> int:
        return len(self._buffer) - self._position

    def take(self, size: int) -> memoryview:
        if size > self.remaining:
            raise Unconvertible(f"it ends early, at byte {self._position}")
        self._position += size
        return self._buffer[self._position - size : self._position]

    def numbers(self, shape: str) -> tuple[int, ...]:
        return struct.unpack(f"<{shape}", self.take(struct.calcsize(f"<{shape}")))

    def string(self) -> str:
        start = self._position
        (length,) = self.numbers("H")
        text = bytes(self.take(length))
        # Printable, because names show in messages.
        if (
            not text.endswith(b"\0")
            or not text[:-1].isascii()
            or not text[:-1].decode().isprintable()
        ):
            raise Unconvertible(f"it has no name at byte {start}")
        return text[:-1].decode("ascii")

    def variable(self) -> tuple[str, Array]:
        name = self.string()
        (rank,) = self.numbers("B")
        if rank > _MOST_DIMENSIONS:
            raise Unconvertible(f"{name} has {rank} dimensions")
        shape = self.numbers(f"{rank}I")
        kind, size = self.numbers("BI")
        if kind >= len(_TYPES):
            raise Unconvertible(f"{name} is of the unknown type {kind}")
        dtype = np.dtype(_TYPES[kind])
        if size != math.prod(shape) * dtype.itemsize:
            raise Unconvertible(f"{name} of shape {shape} has {size} bytes")
        return name, np.frombuffer(self.take(size), dtype).reshape(shape)
