"""Refuses a Whisper model in CTranslate2's form whose files do not fit each other; pure.

The library computes with the shapes and the token numbers that it finds: wrong ones fail every
decode, or end the process.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from wordloop_ml.engines.log_mel import BANDS
from wordloop_ml.weights.conversion import Array, Unconvertible, read_model

_EMBEDDINGS = "decoder/embeddings/weight"
_LAYER = re.compile(r"(?:en|de)coder/layer_\d+/")


def check_files(model: memoryview, tokens: int, config: memoryview) -> None:
    """Check the shapes of ``model.bin``, and ``config.json`` against them.

    tokens: how many the vocabulary has. Raises ``Unconvertible``.
    """
    source = read_model(model)
    variables = source.variables
    if source.spec != "WhisperSpec":
        raise Unconvertible(f"it is a {source.spec}")
    if _EMBEDDINGS not in variables or variables[_EMBEDDINGS].ndim != 2:
        raise Unconvertible(f"it has no {_EMBEDDINGS}")
    rows, width = variables[_EMBEDDINGS].shape
    if rows != tokens:
        raise Unconvertible(f"it has {rows} tokens, and its vocabulary {tokens}")
    for name, values in variables.items():
        expected = _shape(_LAYER.sub("", name), width)
        if expected is not None and values.shape != expected:
            raise Unconvertible(f"its {name} is of shape {values.shape}, not {expected}")
    _check_config(config, variables, rows)


def _shape(part: str, width: int) -> tuple[int, ...] | None:
    """The shape that a variable has in a model of this width; None for any."""
    match part.removesuffix("/weight").removesuffix("/bias"):
        case "encoder/conv1":
            shape: tuple[int, ...] = (width, BANDS, 3)
        case "encoder/conv2":
            shape = (width, width, 3)
        case "ffn/linear_0":
            shape = (4 * width, width)
        case "ffn/linear_1":
            shape = (width, 4 * width)
        case "self_attention/linear_0":
            shape = (3 * width, width)
        case "attention/linear_1":
            shape = (2 * width, width)
        case "self_attention/linear_1" | "attention/linear_0" | "attention/linear_2":
            shape = (width, width)
        case name if name.endswith(("layer_norm/gamma", "layer_norm/beta")):
            shape = (width,)
        case _:
            return None
    return shape[:1] if part.endswith("/bias") else shape


def _check_config(config: memoryview, variables: Mapping[str, Array], tokens: int) -> None:
    try:
        read = json.loads(bytes(config))
    except (ValueError, RecursionError) as error:
        raise Unconvertible("its configuration is no JSON") from error
    if not isinstance(read, dict):
        raise Unconvertible("its configuration is no object")
    for key in ("suppress_ids", "suppress_ids_begin", "lang_ids"):
        numbers = read.get(key)
        if not isinstance(numbers, list) or not all(_is_index(one, tokens) for one in numbers):
            raise Unconvertible(f"its configuration's {key} are no tokens")
    heads = variables.get("decoder/num_heads")
    if heads is None or heads.ndim or heads.dtype.kind != "i":
        raise Unconvertible("it has no number of heads")
    layers = sum(
        re.fullmatch(r"decoder/layer_\d+/ffn/linear_0/weight", name) is not None
        for name in variables
    )
    pairs = read.get("alignment_heads")
    if not isinstance(pairs, list) or not pairs:
        raise Unconvertible("its configuration has no alignment_heads")
    for pair in pairs:
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and _is_index(pair[0], layers)
            and _is_index(pair[1], int(heads))
        ):
            raise Unconvertible("its configuration's alignment_heads are none of its heads")


def _is_index(value: Any, size: int) -> bool:
    return type(value) is int and 0 <= value < size
