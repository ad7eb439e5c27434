"""Fixtures of the engine tests: whisper.cpp files written by hand, and the real weights."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from wordloop_ml.engines.whisper_cpp_python import DISTRIBUTION, WhisperCppPython
from wordloop_ml.errors import WeightsUnusable
from wordloop_ml.weights.conversion import Matrices, whisper_ggml
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.weights.store import MappedWeights, open_mapped

Floats = npt.NDArray[np.float32]

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"

END_OF_TEXT = 50_256
TRANSLATE = 50_358
"""The task's token in a vocabulary of 99 languages."""

PIECES: tuple[bytes, ...] = (
    *(bytes([value]) for value in range(256)),
    *(b" " + word for word in b"hello world good morning again caf".split()),
)
"""The written file's tokens: every byte, then some words; the rest of the table is filler."""


Said = tuple[bytes | int, int | None]
"""What a written model says: a piece of ``PIECES`` or a token's number, and the timestamp, in
positions of 20 ms, that it hints at beside it."""


@dataclass
class WhisperFile:
    """A whisper.cpp file of a small model that says what it is told to, whatever it hears.

    The decoder's position embeddings are large and orthogonal, so that the position decides the
    next token: position i votes for ``says[i]`` and its timestamp. The layers between are zero,
    or random with a ``seed``: then what it hears moves the probabilities a little, and every part
    of the library has something to compute.

    strength: how much louder its votes are than all other tokens; 1 leaves no doubt.
    languages: a multilingual model's votes for what is spoken: a token's number -> its strength.
    translates: what it says first when it is to translate, instead of ``says[0]``.
    """

    says: Sequence[Said] = ()
    strength: float = 1.0
    languages: Mapping[int, float] = field(default_factory=dict)
    translates: bytes | None = None
    width: int = 64
    heads: int = 2
    audio_layers: int = 1
    text_layers: int = 1
    audio_context: int = 1500
    text_context: int = 448
    vocabulary: int = 51_864
    mels: int = 80
    file_type: int = 1
    pieces: tuple[bytes, ...] = PIECES
    seed: int | None = None
    leave_out: frozenset[str] = field(default_factory=frozenset)

    def build(self) -> memoryview:
        """The file's bytes."""
        parts = [
            struct.pack("<I", 0x67676D6C),
            struct.pack(
                "<11i",
                *(self.vocabulary, self.audio_context, self.width, self.heads, self.audio_layers),
                *(self.text_context, self.width, self.heads, self.text_layers),
                *(self.mels, self.file_type),
            ),
            struct.pack("<2i", self.mels, 201),
            np.full((self.mels, 201), 1 / 201, np.float32).tobytes(),
            _vocabulary(self.pieces),
        ]
        for name, shape in self._shapes().items():
            if name not in self.leave_out:
                parts.append(_tensor(name, self._values(name, shape)))
        return memoryview(b"".join(parts))

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        wide, vocabulary = self.width, self.vocabulary
        shapes: dict[str, tuple[int, ...]] = {
            "encoder.positional_embedding": (self.audio_context, wide),
            "encoder.conv1.weight": (wide, self.mels, 3),
            "encoder.conv1.bias": (wide, 1),
            "encoder.conv2.weight": (wide, wide, 3),
            "encoder.conv2.bias": (wide, 1),
            "encoder.ln_post.weight": (wide,),
            "encoder.ln_post.bias": (wide,),
            "decoder.positional_embedding": (self.text_context, wide),
            "decoder.token_embedding.weight": (vocabulary, wide),
            "decoder.ln.weight": (wide,),
            "decoder.ln.bias": (wide,),
        }
        for side, layers in (("encoder", self.audio_layers), ("decoder", self.text_layers)):
            for layer in range(layers):
                block = f"{side}.blocks.{layer}"
                shapes |= _attention(f"{block}.attn", wide)
                if side == "decoder":
                    shapes |= _attention(f"{block}.cross_attn", wide)
                shapes |= {f"{block}.mlp_ln.weight": (wide,), f"{block}.mlp_ln.bias": (wide,)}
                shapes |= {f"{block}.mlp.0.weight": (4 * wide, wide)}
                shapes |= {f"{block}.mlp.0.bias": (4 * wide,)}
                shapes |= {f"{block}.mlp.2.weight": (wide, 4 * wide)}
                shapes |= {f"{block}.mlp.2.bias": (wide,)}
        return shapes

    def _values(self, name: str, shape: tuple[int, ...]) -> Floats:
        if "ln" in name and name.endswith("weight"):
            return np.full(shape, 2.0 if name == "decoder.ln.weight" else 1.0, np.float32)
        if self.seed is not None and ("blocks" in name or "conv" in name or not self.says):
            random = np.random.default_rng([self.seed, *name.encode()])
            values: Floats = random.normal(0, 0.5 / shape[-1] ** 0.5, shape).astype(np.float32)
            return values
        values = np.zeros(shape, np.float32)
        if name == "decoder.positional_embedding":
            self._ask(values)
        if name == "decoder.token_embedding.weight":
            self._vote(values)
        return values

    def _ask(self, positions: Floats) -> None:
        """Let each position ask in a dimension of its own."""
        first = 0 if self.vocabulary == 51_864 else 2  # the prompt of a multilingual model
        for index in range(len(self.says)):
            positions[first + index, index] = 100.0
        if self.languages:
            positions[0, self.width - 1] = 100.0

    def _vote(self, tokens: Floats) -> None:
        """Let tokens answer in these dimensions."""
        for number, strength in self.languages.items():
            tokens[number, self.width - 1] = strength
        if self.translates is not None:
            tokens[TRANSLATE, self.width - 2] = 1_000.0
            tokens[PIECES.index(self.translates), self.width - 2] = 1.0
        timestamps = 50_363 + (0 if self.vocabulary == 51_864 else self.vocabulary - 51_864)
        for index, (token, at) in enumerate(self.says):
            number = token if isinstance(token, int) else PIECES.index(token)
            tokens[number, index] += self.strength
            if at is not None:
                tokens[timestamps + at, index] += 0.85 * self.strength


@cache
def _vocabulary(pieces: tuple[bytes, ...]) -> bytes:
    filler = (b" filler%d" % i for i in range(len(pieces), END_OF_TEXT))
    parts = [struct.pack("<i", END_OF_TEXT)]
    for piece in (*pieces, *filler):
        parts += [struct.pack("<i", len(piece)), piece]
    return b"".join(parts)


def _attention(name: str, wide: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}_ln.weight": (wide,),
        f"{name}_ln.bias": (wide,),
        f"{name}.key.weight": (wide, wide),
    }
    for part in ("query", "value", "out"):
        shapes |= {f"{name}.{part}.weight": (wide, wide), f"{name}.{part}.bias": (wide,)}
    return shapes


def _tensor(name: str, values: Floats) -> bytes:
    half = values.ndim > 1 and "positional" not in name and "bias" not in name
    return b"".join(
        [
            struct.pack("<3i", values.ndim, len(name), int(half)),
            struct.pack(f"<{values.ndim}i", *reversed(values.shape)),
            name.encode(),
            values.astype(np.float16 if half else np.float32).tobytes(),
        ]
    )


@pytest.fixture(scope="session")
def written_whisper() -> Callable[..., memoryview]:
    """Writes a whisper.cpp file; takes the fields of ``WhisperFile``."""

    def write(**fields: Any) -> memoryview:
        return WhisperFile(**fields).build()

    return write


@pytest.fixture(scope="session")
def whisper_cpp_python() -> WhisperCppPython:
    """The other binding, or a visible skip: few install it, and it takes minutes to build."""
    try:
        metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{DISTRIBUTION} is not installed: docs/adr/0016 says how")
    return WhisperCppPython()


@pytest.fixture(scope="session")
def silero_weights() -> memoryview:
    """The published voice detector, or a visible skip."""
    return _weights("silero_vad.onnx")


@pytest.fixture(scope="session")
def tiny_weights() -> memoryview:
    """OpenAI's tiny.en as whisper.cpp's q8_0, or a visible skip."""
    return _weights("ggml-tiny.en-q8_0.bin", "embedded-whisper-cpp")


@pytest.fixture(scope="session")
def tiny_f16_weights() -> memoryview:
    """The same in float16, made from CTranslate2's form; or a visible skip."""
    model = _weights("faster-whisper-tiny.en/model.bin", "embedded")
    vocabulary = _weights("faster-whisper-tiny.en/vocabulary.txt", "embedded")
    return memoryview(b"".join(whisper_ggml(model, vocabulary, Matrices.F16)))


@pytest.fixture(scope="session")
def tiny_ctranslate2_files() -> Iterator[tuple[MappedWeights, ...]]:
    """OpenAI's tiny.en in CTranslate2's form, its vocabulary and configuration, or a skip."""
    yield from _ctranslate2_files("tiny.en")


@pytest.fixture(scope="session")
def base_ctranslate2_files() -> Iterator[tuple[MappedWeights, ...]]:
    """Those of OpenAI's base, of 99 languages, or a skip."""
    yield from _ctranslate2_files("base")


@pytest.fixture(scope="session")
def base_weights() -> memoryview:
    """OpenAI's base, of 99 languages, as whisper.cpp's q8_0, or a visible skip."""
    return _weights("ggml-base-q8_0.bin", "multilingual-whisper-cpp")


def _ctranslate2_files(name: str) -> Iterator[tuple[MappedWeights, ...]]:
    manifest = load_manifest(WEIGHTS / "manifest.toml")
    companions = manifest.companions(manifest.entries[name])
    entries = (manifest.entries[name], companions["vocabulary"], companions["config"])
    with ExitStack() as opened:
        try:
            yield tuple(opened.enter_context(open_mapped(one, WEIGHTS)) for one in entries)
        except WeightsUnusable as error:
            pytest.skip(str(error))


def _weights(file: str, profile: str = "embedded") -> memoryview:
    path = WEIGHTS / file
    if not path.is_file():
        pytest.skip(f"weights/{file} is not there: wordloop-ml weights pull --profile {profile}")
    return memoryview(path.read_bytes())
