"""Reads the structure of a whisper.cpp weights file, so that native code never meets a wrong one.

whisper.cpp trusts its input: a wrong length throws through its C API, an unknown type or a missing
blank token aborts, and either ends the process. This walk checks what its loader assumes, in a
few milliseconds and without touching the weights themselves. The layout is the one that
whisper.cpp's ``convert-pt-to-ggml.py`` and ``quantize`` write (little endian).
"""

import struct
from dataclasses import dataclass

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
