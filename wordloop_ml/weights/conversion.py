"""Converts Whisper models from CTranslate2's form to whisper.cpp's, byte for byte the published files.

The layout that is read is the one that CTranslate2's ``python/ctranslate2/specs/model_spec.py``
writes and its ``src/models/model.cc`` reads: version 6, little endian. The layout that is written is
that of whisper.cpp's ``models/convert-pt-to-ggml.py``, and q8_0 is ggml's
``quantize_row_q8_0_ref``, as its ``quantize`` applies it. The published CTranslate2 files hold
OpenAI's weights in float16, which is what whisper.cpp's f16 files hold and its q8_0 files are
made from; so nothing is lost on the way. Pure: bytes and arrays in, bytes out.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_VERSION: Final = 6
_MOST_VARIABLES: Final = 1 << 16
_MOST_DIMENSIONS: Final = 8
_TYPES: Final = ("<f4", "|i1", "<i2", "<i4", "<f2")


class Unconvertible(Exception):
    """Raised for a file that holds something else than the conversion knows; says what and where."""


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


FloatArray = npt.NDArray[np.float32]

_MAGIC: Final = 0x67676D6C
_F32, _F16, _Q8_0 = 0, 1, 8
_BLOCK: Final = 32
_STEP: Final = 1 << 20
"""How many values are converted at a time: a bound on the memory it takes."""

_SPEC: Final = ("WhisperSpec", 3)
# English only, and multilingual; later models have other mel filters too.
_VOCABULARIES: Final = (51_864, 51_865)
_TOKENS: Final = 50_257
_MELS, _BINS, _RATE = 80, 201, 16_000

# What whisper.cpp computes without being told: GELU, norms before their blocks, learnt positions.
_SETTINGS: Final = {
    "decoder/activation": 3,
    "decoder/alibi": 0,
    "decoder/pre_norm": 1,
    "decoder/scale_embeddings": 0,
    "decoder/start_from_zero_embedding": 0,
}
# Of no use to whisper.cpp, which knows them by the model's name.
_IGNORED: Final = frozenset({"decoder/alignment_heads", "decoder/alignment_layer"})


class Matrices(StrEnum):
    """How the matrices of a whisper.cpp file are stored."""

    F16 = "f16"
    Q8_0 = "q8_0"


_FILE_TYPES: Final = {Matrices.F16: 1, Matrices.Q8_0: 2007}


@dataclass(frozen=True, slots=True)
class _Header:
    """The hyperparameters, in the order of the file."""

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


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One tensor to write. values: float16, in the shape that GGML has, outermost first."""

    name: str
    values: Array

    def stored_as(self, matrices: Matrices) -> int:
        """Its type in the file, as whisper.cpp's own tools choose it."""
        if self.values.ndim == 1 or self.name.endswith(("positional_embedding", ".bias")):
            return _F32
        return _Q8_0 if self.values.ndim == 2 and matrices is Matrices.Q8_0 else _F16


def whisper_ggml(model: memoryview, vocabulary: memoryview, matrices: Matrices) -> Iterator[bytes]:
    """Yield the whisper.cpp file of a CTranslate2 Whisper model, in pieces of a few megabytes.

    model: a ``model.bin`` in float16, uint8. vocabulary: its ``vocabulary.txt``. Raises
    ``Unconvertible`` before the first piece when either is not what it should be; only infinite
    or undefined weights are found on the way.
    """
    source = _Source(read_model(model))
    header = source.header(_FILE_TYPES[matrices])
    tensors = list(source.tensors(header))
    source.require_nothing_left()
    tokens = tokens_of(vocabulary)

    def pieces() -> Iterator[bytes]:
        yield struct.pack("<12i", _MAGIC, *astuple(header))
        yield struct.pack("<2i", _MELS, _BINS) + mel_filters().astype("<f4").tobytes()
        yield struct.pack("<i", len(tokens))
        yield b"".join(struct.pack("<i", len(token)) + token for token in tokens)
        for tensor in tensors:
            yield from _tensor_pieces(tensor, tensor.stored_as(matrices))

    return pieces()


def mel_filters(mels: int = _MELS) -> FloatArray:
    """Compute Slaney's triangular filters for log-mel spectrograms, shape (mels, 201 bins of 40 Hz).

    Bit for bit those that OpenAI published: triangles between neighbouring mels, computed in
    float64, kept in float32 and scaled there to equal areas.
    """
    hertz = np.array([_hertz(mel) for mel in np.linspace(0.0, _mels(_RATE / 2), mels + 2)])
    bins = np.linspace(0.0, _RATE / 2, _BINS)
    widths = np.diff(hertz)[:, np.newaxis]
    distances = hertz[:, np.newaxis] - bins
    rising, falling = -distances[:-2] / widths[:-1], distances[2:] / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2.0 / (hertz[2:] - hertz[:-2]))[:, np.newaxis]
    # The published filters have no negative zero.
    return filters + np.float32(0.0)


def _mels(hertz: float) -> float:
    """Slaney's scale: linear up to 1 kHz (15 mels), logarithmic above."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _hertz(mels: float) -> float:
    return mels * 200 / 3 if mels < 15 else 1000 * math.exp((mels - 15) * math.log(6.4) / 27)


def tokens_of(vocabulary: memoryview) -> list[bytes]:
    """Return the bytes of each text token: the first 50257 lines of a ``vocabulary.txt``.

    The lines spell bytes with GPT-2's 256 printable letters. Raises ``Unconvertible``.
    """
    try:
        lines = bytes(vocabulary).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Unconvertible(f"its vocabulary is not UTF-8 at byte {error.start}") from error
    if len(lines) < _TOKENS:
        raise Unconvertible(f"its vocabulary has {len(lines)} lines, not {_TOKENS} or more")
    letters = byte_of_letter()
    try:
        return [bytes(letters[letter] for letter in line) for line in lines[:_TOKENS]]
    except KeyError as error:
        raise Unconvertible("its vocabulary has letters that stand for no byte") from error


def byte_of_letter() -> dict[str, int]:
    """Return GPT-2's alphabet of bytes: printable ones as they are in Latin-1, others from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(0x100 + index): byte for index, byte in enumerate(others)}


def q8_0(values: Array) -> bytes:
    """Quantise to ggml's q8_0 blocks: for 32 values a scale (f16) and 32 signed bytes.

    values: float16, a multiple of 32, of any shape. All arithmetic is float32, as in ggml: the scale is
    max|x| / 127, and each byte is x times its reciprocal, halves rounded away from zero. Raises
    ``Unconvertible`` for infinite and undefined values.
    """
    blocks = values.astype(np.float32).reshape(-1, _BLOCK)
    largest = np.abs(blocks).max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        raise Unconvertible("its weights are infinite or undefined")
    scale = largest / np.float32(127)
    factor = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > 0)
    steps = blocks * factor
    whole = np.trunc(steps)
    # Exact, unlike trunc(x + 0.5), which takes the largest float below a half upwards.
    whole += np.copysign(np.abs(steps - whole) >= np.float32(0.5), steps)
    packed = np.empty((len(blocks), 2 + _BLOCK), np.uint8)
    packed[:, :2] = scale.astype("<f2").view(np.uint8)
    packed[:, 2:] = whole.astype(np.int8).view(np.uint8)
    return packed.tobytes()


def _tensor_pieces(tensor: _Tensor, kind: int) -> Iterator[bytes]:
    name, shape = tensor.name.encode("ascii"), tensor.values.shape
    yield struct.pack("<3i", len(shape), len(name), kind)
    yield struct.pack(f"<{len(shape)}i", *reversed(shape)) + name
    flat = tensor.values.reshape(-1)
    for start in range(0, len(flat), _STEP):
        step = flat[start : start + _STEP]
        yield (
            q8_0(step) if kind == _Q8_0 else step.astype("<f2" if kind == _F16 else "<f4").tobytes()
        )


class _Source:
    """The variables of a model, each taken once, so that one that nobody knows is noticed."""

    def __init__(self, model: CTranslate2Model) -> None:
        if (model.spec, model.revision) != _SPEC:
            raise Unconvertible(f"it is a {model.spec} of revision {model.revision}")
        if model.aliases != {"decoder/projection/weight": "decoder/embeddings/weight"}:
            raise Unconvertible("its output matrix is not that of its token embeddings")
        self._left = {k: v for k, v in model.variables.items() if k not in _IGNORED}

    def header(self, file_type: int) -> _Header:
        """The hyperparameters, from settings and shapes."""
        for name, expected in _SETTINGS.items():
            if self._integer(name) != expected:
                raise Unconvertible(f"its {name} is not {expected}")
        vocabulary, width = self._shape("decoder/embeddings/weight", 2)
        audio_context, _ = self._shape("encoder/position_encodings/encodings", 2)
        text_context, _ = self._shape("decoder/position_encodings/encodings", 2)
        if vocabulary not in _VOCABULARIES:
            raise Unconvertible(f"its vocabulary has {vocabulary} tokens")
        if not width or width % _BLOCK:
            raise Unconvertible(f"its width {width} is no multiple of {_BLOCK}")
        heads = [self._integer(f"{side}/num_heads") for side in ("encoder", "decoder")]
        if any(head < 1 or width % head for head in heads):
            raise Unconvertible(f"its width {width} is not divided by its heads")
        return _Header(
            vocabulary=vocabulary,
            audio_context=audio_context,
            audio_width=width,
            audio_heads=heads[0],
            audio_layers=self._layers("encoder"),
            text_context=text_context,
            text_width=width,
            text_heads=heads[1],
            text_layers=self._layers("decoder"),
            mels=_MELS,
            file_type=file_type,
        )

    def tensors(self, header: _Header) -> Iterator[_Tensor]:
        """Every tensor, in the order of the published files."""
        width = header.audio_width
        for side, context in (("decoder", header.text_context), ("encoder", header.audio_context)):
            positions = self._take(f"{side}/position_encodings/encodings", (context, width))
            yield _Tensor(f"{side}.positional_embedding", positions)
        embeddings = self._take("decoder/embeddings/weight", (header.vocabulary, width))
        yield _Tensor("decoder.token_embedding.weight", embeddings)
        for layer in range(header.text_layers):
            yield from self._block("decoder", layer, width)
        yield from self._norm("decoder.ln", "decoder/layer_norm", width)
        for convolution, inputs in (("conv1", _MELS), ("conv2", width)):
            source, target = f"encoder/{convolution}", f"encoder.{convolution}"
            yield _Tensor(f"{target}.weight", self._take(f"{source}/weight", (width, inputs, 3)))
            bias = self._take(f"{source}/bias", (width,))
            yield _Tensor(f"{target}.bias", bias[:, np.newaxis])
        for layer in range(header.audio_layers):
            yield from self._block("encoder", layer, width)
        yield from self._norm("encoder.ln_post", "encoder/layer_norm", width)

    def require_nothing_left(self) -> None:
        """Refuse a model with parts that the tensors do not have."""
        if self._left:
            raise Unconvertible(f"it has {min(self._left)}, which is no part of a Whisper model")

    def _block(self, side: str, layer: int, width: int) -> Iterator[_Tensor]:
        source, target = f"{side}/layer_{layer}", f"{side}.blocks.{layer}"
        yield from self._norm(f"{target}.mlp_ln", f"{source}/ffn/layer_norm", width)
        yield from self._linear([f"{target}.mlp.0"], f"{source}/ffn/linear_0", 4 * width, width)
        yield from self._linear([f"{target}.mlp.2"], f"{source}/ffn/linear_1", width, 4 * width)
        own, names = f"{source}/self_attention", ["query", "key", "value"]
        yield from self._norm(f"{target}.attn_ln", f"{own}/layer_norm", width)
        stacked = [f"{target}.attn.{name}" for name in names]
        yield from self._linear(stacked, f"{own}/linear_0", width, width)
        yield from self._linear([f"{target}.attn.out"], f"{own}/linear_1", width, width)
        if side == "decoder":
            cross, prefix = f"{source}/attention", f"{target}.cross_attn"
            yield from self._norm(f"{prefix}_ln", f"{cross}/layer_norm", width)
            yield from self._linear([f"{prefix}.query"], f"{cross}/linear_0", width, width)
            stacked = [f"{prefix}.key", f"{prefix}.value"]
            yield from self._linear(stacked, f"{cross}/linear_1", width, width)
            yield from self._linear([f"{prefix}.out"], f"{cross}/linear_2", width, width)

    def _norm(self, target: str, source: str, width: int) -> Iterator[_Tensor]:
        yield _Tensor(f"{target}.weight", self._take(f"{source}/gamma", (width,)))
        yield _Tensor(f"{target}.bias", self._take(f"{source}/beta", (width,)))

    def _linear(self, targets: list[str], source: str, rows: int, width: int) -> Iterator[_Tensor]:
        """One matrix, or several that are stacked; a key has no bias in whisper.cpp's form."""
        weight = self._take(f"{source}/weight", (len(targets) * rows, width))
        bias = self._take(f"{source}/bias", (len(targets) * rows,))
        for index, target in enumerate(targets):
            own = slice(index * rows, (index + 1) * rows)
            yield _Tensor(f"{target}.weight", weight[own])
            if not target.endswith(".key"):
                yield _Tensor(f"{target}.bias", bias[own])
            elif bias[own].any():
                raise Unconvertible(f"the key's part of {source}/bias is not zero")

    def _layers(self, side: str) -> int:
        layers = 0
        while f"{side}/layer_{layers}/ffn/linear_0/weight" in self._left:
            layers += 1
        if not layers:
            raise Unconvertible(f"its {side} has no layers")
        return layers

    def _integer(self, name: str) -> int:
        values = self._get(name)
        if values.ndim or values.dtype.kind != "i":
            raise Unconvertible(f"its {name} is no integer")
        del self._left[name]
        return int(values)

    def _shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        shape = self._get(name).shape
        if len(shape) != dimensions:
            raise Unconvertible(f"its {name} is of shape {shape}")
        return shape

    def _take(self, name: str, shape: tuple[int, ...]) -> Array:
        values = self._get(name)
        if values.shape != shape or values.dtype != np.float16:
            found = f"{values.dtype} of shape {values.shape}"
            raise Unconvertible(f"its {name} is {found}, not float16 of shape {shape}")
        del self._left[name]
        return values

    def _get(self, name: str) -> Array:
        if name not in self._left:
            raise Unconvertible(f"it has no {name}")
        return self._left[name]
