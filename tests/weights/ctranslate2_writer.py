"""Whisper models in CTranslate2's form, tiny ones, and the format's bytes."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TYPES = {"<f4": 0, "|i1": 1, "<i2": 2, "<i4": 3, "<f2": 4}
TIED = {"decoder/projection/weight": "decoder/embeddings/weight"}
WIDTH, LAYERS, AUDIO_CONTEXT, TEXT_CONTEXT = 32, 2, 8, 16
ENGLISH_ONLY, MULTILINGUAL = 51_864, 51_865


def string(text: str) -> bytes:
    """A string of the format: its length with the final zero byte, and its bytes."""
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def variable(name: str, values: Array) -> bytes:
    """One variable, as the format has it."""
    head = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
    kind = struct.pack("<BI", TYPES[values.dtype.str], values.nbytes)
    return string(name) + head + kind + values.tobytes()


def model_file(
    variables: Mapping[str, Array],
    *,
    version: int = 6,
    spec: str = "WhisperSpec",
    revision: int = 3,
    aliases: Mapping[str, str] = TIED,
) -> bytes:
    """A ``model.bin`` of these variables."""
    return b"".join(
        [
            struct.pack("<I", version) + string(spec),
            struct.pack("<II", revision, len(variables)),
            *itertools.starmap(variable, variables.items()),
            struct.pack("<I", len(aliases)),
            *(string(alias) + string(name) for alias, name in aliases.items()),
        ]
    )


def whisper_variables(vocabulary: int = ENGLISH_ONLY) -> dict[str, Array]:
    """Every variable of a Whisper model, 32 wide, with two layers on each side."""
    random = np.random.default_rng(7)

    def floats(*shape: int) -> Array:
        return random.normal(0, 0.1, shape).astype("<f2")

    variables: dict[str, Array] = {
        "decoder/activation": np.array(3, "|i1"),
        "decoder/alibi": np.array(0, "|i1"),
        "decoder/alignment_heads": np.array(1, "<i2"),
        "decoder/alignment_layer": np.array(-1, "<i2"),
        "decoder/embeddings/weight": floats(vocabulary, WIDTH),
        "decoder/num_heads": np.array(2, "<i2"),
        "decoder/position_encodings/encodings": floats(TEXT_CONTEXT, WIDTH),
        "decoder/pre_norm": np.array(1, "|i1"),
        "decoder/scale_embeddings": np.array(0, "|i1"),
        "decoder/start_from_zero_embedding": np.array(0, "|i1"),
        "encoder/conv1/bias": floats(WIDTH),
        "encoder/conv1/weight": floats(WIDTH, 80, 3),
        "encoder/conv2/bias": floats(WIDTH),
        "encoder/conv2/weight": floats(WIDTH, WIDTH, 3),
        "encoder/num_heads": np.array(4, "<i2"),
        "encoder/position_encodings/encodings": floats(AUDIO_CONTEXT, WIDTH),
    }
    linears = {
        "ffn/linear_0": (4 * WIDTH, WIDTH),
        "ffn/linear_1": (WIDTH, 4 * WIDTH),
        "self_attention/linear_0": (3 * WIDTH, WIDTH),
        "self_attention/linear_1": (WIDTH, WIDTH),
    }
    cross = {
        "attention/linear_0": (WIDTH, WIDTH),
        "attention/linear_1": (2 * WIDTH, WIDTH),
        "attention/linear_2": (WIDTH, WIDTH),
    }
    for side, blocks in (("encoder", linears), ("decoder", linears | cross)):
        norms = [f"{side}/layer_norm"]
        for layer in range(LAYERS):
            prefix = f"{side}/layer_{layer}"
            groups = sorted({block.split("/")[0] for block in blocks})
            norms += [f"{prefix}/{group}/layer_norm" for group in groups]
            for name, shape in blocks.items():
                variables[f"{prefix}/{name}/weight"] = floats(*shape)
                variables[f"{prefix}/{name}/bias"] = floats(shape[0])
            # A key has no bias; it is a third of what is stacked, or a half.
            variables[f"{prefix}/self_attention/linear_0/bias"][WIDTH : 2 * WIDTH] = 0
            if side == "decoder":
                variables[f"{prefix}/attention/linear_1/bias"][:WIDTH] = 0
        for norm in norms:
            variables[f"{norm}/gamma"] = floats(WIDTH)
            variables[f"{norm}/beta"] = floats(WIDTH)
    return variables


def vocabulary_file() -> bytes:
    """A ``vocabulary.txt``: a blank, the word for the byte 0, words of letters, then no text."""
    words = ("".join(pair) for pair in itertools.product("abcdefghij", repeat=5))
    lines = ["\u0120", "\u0100", *itertools.islice(words, 50_254), ""]
    return "\n".join([*lines, "<|endoftext|>", "<|startoftranscript|>", ""]).encode()
