"""Reads the structure of weights files of ggml, so that native code never meets a wrong one.

whisper.cpp trusts its input: a wrong length throws through its C API, an unknown type or a missing
blank token aborts, and either ends the process. This walk checks what its loader assumes, in a
few milliseconds and without touching the weights themselves. The layout is the one that
whisper.cpp's ``convert-pt-to-ggml.py`` and ``quantize`` write (little endian).

Of a GGUF file, for llama.cpp, the head is read, for the memory that its context will take. The
layout is that of ggml's docs/gguf.md, version 3: magic, version, counts, then keys with typed
values. The keys of the architecture come first; tokens, of which there are many, are not read.
"""

import struct
from dataclasses import dataclass
from typing import Any

from wordloop_ml.errors import ErrorCode, StartupFailed

_MAGIC = 0x67676D6C
_QUANTISATION_VERSION_FACTOR = 1000
_FFT_BINS = 201
_ENGLISH_ONLY = 51_864
_VOCABULARIES = (_ENGLISH_ONLY, 51_865, 51_866)
"""English only, multilingual, multilingual with Cantonese: token ids are fixed in whisper.cpp."""

_TYPE_OF_FILE_TYPE = {
    0: 0,
    1: 1,
    2: 2,
    3: 3,
    7: 8,
    8: 6,
    9: 7,
    10: 10,
    11: 11,
    12: 12,
    13: 13,
    14: 14,
}
_BLOCKS = {
    0: (1, 4),  # f32
    1: (1, 2),  # f16
    2: (32, 18),  # q4_0
    3: (32, 20),  # q4_1
    6: (32, 22),  # q5_0
    7: (32, 24),  # q5_1
    8: (32, 34),  # q8_0
    10: (256, 84),  # q2_K
    11: (256, 110),  # q3_K
    12: (256, 144),  # q4_K
    13: (256, 176),  # q5_K
    14: (256, 210),  # q6_K
}
"""Tensor type -> (weights in a block, bytes of a block)."""

_CACHE_STEP = 256
_OUTPUT_BYTES = 88
_STATE_BASE_BYTES = 16 << 20


def _padded(positions: int) -> int:
    """Round up to the whole steps in which whisper.cpp makes its caches."""
    return -(-positions // _CACHE_STEP) * _CACHE_STEP


@dataclass(frozen=True, slots=True)
class GgmlHeader:
    """The hyperparameters of a Whisper model, in the order of the file."""

    vocabulary: int
    audio_context: int
    audio_width: int
    audio_heads: int
    audio_layers: int
    text_context: int
    text_width: int
    text_heads: int
    text_layers: int
    mels: int
    file_type: int

    @property
    def languages(self) -> int:
        """How many languages it tells apart; their tokens precede the task tokens."""
        return self.vocabulary - 51_766 if self.vocabulary > _ENGLISH_ONLY else 1

    @property
    def state_bytes(self) -> int:
        """The bytes that one whisper.cpp state (1.8.5) comes to hold at most, with fallbacks.

        Its caches, the attention matrix over the full audio context, the layers' outputs and what
        is the same for all models. Within 6 % of what was measured, and above it, from tiny's to
        small's shape.
        """
        audio = _padded(self.audio_context)
        caches = 4 * self.text_layers * self.text_width * (_padded(self.text_context) + audio)
        caches += 4 * self.audio_width * audio
        attention = 4 * self.audio_heads * self.audio_context**2
        outputs = _OUTPUT_BYTES * self.audio_context * self.audio_width
        return caches + attention + outputs + _STATE_BASE_BYTES

    def beam_bytes(self, beams: int) -> int:
        """The bytes that following so many hypotheses at once adds to a state.

        whisper.cpp makes room for two more than there are; they share the one for a single.
        """
        if beams == 1:
            return 0
        return 4 * self.text_layers * self.text_width * _padded(self.text_context) * (beams + 1)

    @property
    def tensors(self) -> int:
        """How many tensors a complete file holds."""
        return 11 + 15 * self.audio_layers + 24 * self.text_layers


class _Reader:
    """A cursor over the file that refuses to run past its end."""

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self.position = 0

    @property
    def remaining(self) -> int:
        return len(self._buffer) - self.position

    def take(self, size: int) -> memoryview:
        if not 0 <= size <= self.remaining:
            raise _wrong(f"it ends early, at byte {self.position}")
        self.position += size
        return self._buffer[self.position - size : self.position]

    def integers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", self.take(4 * count))


def read_header(buffer: memoryview) -> GgmlHeader:
    """Check a whole whisper.cpp weights file and return its hyperparameters.

    buffer: the file, uint8. Raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``, naming what
    is wrong and where.
    """
    reader = _Reader(buffer)
    if reader.integers(1)[0] != _MAGIC:
        raise _wrong("it does not begin with the ggml magic")
    header = GgmlHeader(*reader.integers(11))
    _check_header(header)
    mels, bins = reader.integers(2)
    if mels != header.mels or bins != _FFT_BINS:
        raise _wrong(f"its mel filters are {mels} x {bins}")
    reader.take(4 * mels * bins)
    _check_vocabulary(reader, header)
    _check_tensors(reader, header)
    return header


def _check_header(header: GgmlHeader) -> None:
    file_type = header.file_type % _QUANTISATION_VERSION_FACTOR
    if header.file_type < 0 or file_type not in _TYPE_OF_FILE_TYPE:
        raise _wrong(f"its file type {header.file_type} is unknown")
    block = _BLOCKS[_TYPE_OF_FILE_TYPE[file_type]][0]
    sane = (
        header.vocabulary in _VOCABULARIES
        and 1 <= header.audio_context <= 1500
        and 16 <= header.text_context <= 4096
        and 1 <= header.mels <= 1024
        and 1 <= header.audio_layers <= 128
        and 1 <= header.text_layers <= 128
        and 1 <= header.audio_width <= 8192
        and header.audio_width == header.text_width
        and header.audio_width % block == 0
        and header.audio_heads >= 1
        and header.text_heads >= 1
        and header.audio_width % header.audio_heads == 0
        and header.text_width % header.text_heads == 0
    )
    if not sane:
        raise _wrong(f"its hyperparameters are not those of a Whisper model: {header}")


def _check_vocabulary(reader: _Reader, header: GgmlHeader) -> None:
    (count,) = reader.integers(1)
    if not 0 <= count <= header.vocabulary:
        raise _wrong(f"it lists {count} tokens")
    has_blank = False
    for _ in range(count):
        token = reader.take(reader.integers(1)[0])
        has_blank = has_blank or bytes(token) == b" "
    if not has_blank:  # the decoder looks it up, in order to suppress it
        raise _wrong("its vocabulary has no blank")


def _check_tensors(reader: _Reader, header: GgmlHeader) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    while reader.remaining:
        name, shape = _read_tensor(reader)
        if name in shapes:
            raise _wrong("it holds a tensor twice")
        shapes[name] = shape
    if len(shapes) != header.tensors:
        raise _wrong(f"it holds {len(shapes)} tensors instead of {header.tensors}")
    width = header.audio_width
    # These five pin every hyperparameter that sizes memory; the library compares the others.
    expected = {
        "encoder.positional_embedding": (width, header.audio_context),
        "encoder.conv1.weight": (3, header.mels, width),
        "encoder.blocks.0.mlp.0.weight": (width, 4 * width),
        "decoder.positional_embedding": (width, header.text_context),
        "decoder.token_embedding.weight": (width, header.vocabulary),
    }
    for name, shape in expected.items():
        if shapes.get(name) != shape:
            raise _wrong(f"{name} is {shapes.get(name)} instead of {shape}")


def _read_tensor(reader: _Reader) -> tuple[str, tuple[int, ...]]:
    """Read one tensor's name and shape, and skip its weights."""
    dimensions, length, kind = reader.integers(3)
    if not 1 <= dimensions <= 4 or not 1 <= length <= 128 or kind not in _BLOCKS:
        raise _wrong(f"the tensor before byte {reader.position} is malformed")
    shape = reader.integers(dimensions)
    name = bytes(reader.take(length)).decode("ascii", "replace")
    block, block_bytes = _BLOCKS[kind]
    elements = 1
    for size in shape:
        elements *= size
    if min(shape) < 1 or elements >= 2**31 or shape[0] % block:
        raise _wrong(f"the tensor before byte {reader.position} has an impossible shape")
    reader.take(elements // block * block_bytes)
    return name, shape


def _wrong(message: str) -> StartupFailed:
    return StartupFailed(
        f"the weights are no whisper.cpp file that this engine can load: {message}",
        code=ErrorCode.ENGINE_INCOMPATIBLE,
    )


_GGUF_MAGIC = b"GGUF"


_GGUF_VERSION = 3


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


_BUFFERS_BYTES = 192 << 20
"""What llama.cpp computes in, for batches of 128 tokens with 152 thousand tokens to choose from."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The shape of a model, as far as it decides the size of its context.

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
        """The bytes that a context of so many tokens takes beside the weights: keys and values as f16."""
        held = min(tokens, self.trained_tokens) * self.layers * self.kv_heads
        return held * (self.key_width + self.value_width) * _HALF_BYTES + _BUFFERS_BYTES


def read_gguf_header(buffer: memoryview) -> GgufHeader:
    """Read the head of a file; raises ``StartupFailed`` (``engine_incompatible``) for anything but GGUF 3."""
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
    """Read the keys that stand before the tokens; the architecture's are among them."""
    if cursor.bytes(4) != _GGUF_MAGIC or cursor.take("I") != _GGUF_VERSION:
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
