"""Speed twins: model files of a published model's shape, filled with random weights.

They cost what the real models cost at worst, and say nothing about words. Every token row from
the end of the text on is zero, so that no decode ever chooses to end: it runs to its token limit.
For that, some token of text must always beat all timestamps together (whisper.cpp takes one when
their sum is likelier than the best token of text): 1,501 logits of 0 weigh as much as one of 7.3,
and the best of 50,256 random ones with a deviation of 4 is about 17.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scripts.ggml_file import BLOCK, BLOCK_BYTES, FloatArray, Header, Quantised, Tensor, read, write
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.weights import load_manifest

RECIPE = 1
"""Part of the file names: another recipe makes other files."""

END_OF_TEXT = 50_256
"""The first token that is no text, in the English vocabulary of 51,864."""

TOKEN_FLOOR, TOKENS_PER_SECOND = 12, 4
"""A decode of a twin has exactly ``max(floor, per second x seconds of audio)`` tokens."""

_TEXT_LOGIT = 4.0
_DEVIATION = ((2 * 127 + 1) ** 2 / 12) ** 0.5
"""Of the whole numbers from -127 to 127, all equally likely."""

_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True)
class Shape:
    """A published model: its width, and the heads and layers of both of its halves."""

    width: int
    heads: int
    layers: int


SHAPES = {
    "tiny.en": Shape(384, 6, 4),
    "base.en": Shape(512, 8, 6),
    "small.en": Shape(768, 12, 12),
}


def twin_settings(name: str, folder: Path) -> dict[str, str]:
    """The service's variables with which a twin is served as it is meant to be."""
    return {
        "WORDLOOP_WEIGHTS": str(folder),
        "WORDLOOP_PROFILE": name,
        "WORDLOOP_GUARDS": "off",
        "WORDLOOP_TOKEN_FLOOR": str(TOKEN_FLOOR),
        "WORDLOOP_TOKEN_BASE": "0",
        "WORDLOOP_TOKENS_PER_SECOND": str(TOKENS_PER_SECOND),
    }


def decoded_tokens(samples: int) -> int:
    """How many tokens a twin decodes from so much audio, with those settings."""
    return max(TOKEN_FLOOR, samples * TOKENS_PER_SECOND // SAMPLE_RATE)


def prepare_twins(names: Iterable[str], folder: Path, weights: Path) -> None:
    """Make the twins that are not there yet, and a manifest with a profile for each; blocking.

    weights: the shipped folder, whose voice detector, vocabulary and mel filters they share.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shipped = load_manifest(weights / MANIFEST).profile("embedded")
    for name in names:
        path = folder / _file(name)
        if not path.is_file():
            write_twin(path, SHAPES[name], weights / shipped["transcriber"].file)
    detector = shipped["voice_detector"]
    link = folder / detector.file
    link.unlink(missing_ok=True)
    link.symlink_to((weights / detector.file).resolve())
    there = [name for name in SHAPES if (folder / _file(name)).is_file()]
    rows = [weights_row(f"{name}-twin", folder / _file(name), "whisper_cpp") for name in there]
    rows.append(weights_row("silero-vad", link, detector.engine))
    profiles = [
        f'[profiles."{name}"]\ntranscriber = "{name}-twin"\nvoice_detector = "silero-vad"'
        for name in there
    ]
    text = "\n\n".join(["# Written by scripts/bench", "format = 1", *profiles, *rows])
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def write_twin(path: Path, shape: Shape, vocabulary: Path, *, seed: int = RECIPE) -> None:
    """Write a model file of this shape; the same seed makes the same file.

    vocabulary: an English model file, for its token table and mel filters.
    """
    header, filters, tokens, _ = read(vocabulary)
    header = replace(
        header,
        audio_width=shape.width,
        audio_heads=shape.heads,
        audio_layers=shape.layers,
        text_width=shape.width,
        text_heads=shape.heads,
        text_layers=shape.layers,
    )
    draft = path.with_suffix(".part")
    write(draft, header, filters, tokens, _tensors(header, np.random.default_rng(seed)))
    draft.replace(path)


def _tensors(header: Header, rng: np.random.Generator) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the model, in whisper.cpp's names and shapes.

    Layer norms are 1, biases 0, and each layer adds values of about 1 to its input, so that all
    activations stay finite and none vanishes.
    """
    wide = header.audio_width
    yield "encoder.positional_embedding", _floats(rng, (header.audio_ctx, wide), 0.5)
    yield "encoder.conv1.weight", _floats(rng, (wide, header.mels, 3), (3 * header.mels) ** -0.5)
    yield "encoder.conv1.bias", np.zeros((wide, 1), np.float32)
    yield "encoder.conv2.weight", _floats(rng, (wide, wide, 3), (3 * wide) ** -0.5)
    yield "encoder.conv2.bias", np.zeros((wide, 1), np.float32)
    yield from _norm("encoder.ln_post", wide)
    yield "decoder.positional_embedding", _floats(rng, (header.text_ctx, wide), 1.0)
    table = _matrix(rng, header.vocabulary, wide, _TEXT_LOGIT * wide**-0.5)
    table.packed[END_OF_TEXT:] = 0
    yield "decoder.token_embedding.weight", table
    yield from _norm("decoder.ln", wide)
    for half, layers in (("encoder", header.audio_layers), ("decoder", header.text_layers)):
        for layer in range(layers):
            block = f"{half}.blocks.{layer}"
            yield from _attention(rng, f"{block}.attn", wide)
            if half == "decoder":
                yield from _attention(rng, f"{block}.cross_attn", wide)
            yield from _norm(f"{block}.mlp_ln", wide)
            yield from _linear(rng, f"{block}.mlp.0", 4 * wide, wide)
            yield from _linear(rng, f"{block}.mlp.2", wide, 4 * wide)


def _attention(rng: np.random.Generator, name: str, wide: int) -> Iterator[tuple[str, Tensor]]:
    yield from _norm(f"{name}_ln", wide)
    yield f"{name}.key.weight", _matrix(rng, wide, wide, wide**-0.5)
    for part in ("query", "value", "out"):
        yield from _linear(rng, f"{name}.{part}", wide, wide)


def _norm(name: str, wide: int) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", np.ones(wide, np.float32)
    yield f"{name}.bias", np.zeros(wide, np.float32)


def _linear(
    rng: np.random.Generator, name: str, rows: int, width: int
) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", _matrix(rng, rows, width, width**-0.5)
    yield f"{name}.bias", np.zeros(rows, np.float32)


def _matrix(rng: np.random.Generator, rows: int, width: int, deviation: float) -> Quantised:
    """Random q8_0 blocks: no float is ever made and rounded."""
    blocks = rows * width // BLOCK
    packed = np.empty((blocks, BLOCK_BYTES), np.uint8)
    packed[:, :2] = np.array([deviation / _DEVIATION], "<f2").view(np.uint8)
    for at in range(0, blocks, _ROWS_AT_ONCE):
        part = packed[at : at + _ROWS_AT_ONCE, 2:]
        part[:] = rng.integers(-127, 128, part.shape, np.int8).view(np.uint8)
    return Quantised(packed.reshape(rows, -1), width)


def _floats(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> FloatArray:
    return rng.standard_normal(shape, np.float32) * np.float32(deviation)


def _file(name: str) -> str:
    return f"{name}-twin-{RECIPE}.bin"


def weights_row(name: str, path: Path, engine: str) -> str:
    """A row of the manifest for a file that lies beside it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows = {
        "file": path.name,
        "sha256": digest,
        "licence": "MIT",
        "engine": engine,
    }
    lines = [f'[weights."{name}"]', f"bytes = {path.stat().st_size}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in rows.items()]
    lines.append(f"sources = [{{ repository = {json.dumps(path.name)} }}]")
    return "\n".join(lines)
