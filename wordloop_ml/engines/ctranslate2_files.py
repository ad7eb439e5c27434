"""Reads the files of a Whisper model in CTranslate2's format, so that native code never meets wrong ones.

CTranslate2 computes with the shapes and the token numbers that it finds, and wrong ones fail every
decode or end the process: files that do not fit each other are refused before it is called.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.weights.conversion import Array, Unconvertible, byte_of_letter, read_model

BANDS = 80
"""Mel bands of the spectrograms that the encoder takes."""

_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")


class TokenTable:
    """The tokens of a ``vocabulary.txt``, by number: one a line, text first, then marks.

    size: how many there are. pieces: the bytes of each text token.
    languages: ISO 639-1 codes in the order of their tokens; English alone for a model of English.
    multilingual: whether decodes name language and task.
    """

    def __init__(self, text: str) -> None:
        """Parse a table; raises ``StartupFailed`` (``engine_incompatible``) for one that is not Whisper's."""
        lines = text.removesuffix("\n").split("\n")
        self.size = len(lines)
        # the names of all tokens take megabytes, and only a few are asked for later
        numbers = {token: number for number, token in enumerate(lines)}
        try:
            self.end_of_text = numbers["<|endoftext|>"]
            self.start = numbers["<|startoftranscript|>"]
            self.previous = numbers["<|startofprev|>"]
            self.transcribe = numbers["<|transcribe|>"]
            self.translate = numbers["<|translate|>"]
            self.first_timestamp = numbers["<|0.00|>"]
        except KeyError as error:
            raise StartupFailed(
                f"the vocabulary has no token {error}: it is not Whisper's",
                code=ErrorCode.ENGINE_INCOMPATIBLE,
            ) from error
        self.pieces = tuple(map(_bytes_of, lines[: self.end_of_text]))
        codes = (_LANGUAGE.fullmatch(line) for line in lines[self.start + 1 : self.translate])
        self._languages = {code[1]: numbers[code[0]] for code in codes if code}
        # a model of English has the other languages' tokens too, untrained; its start is one lower
        self.multilingual = self.start > _ENGLISH_START
        self.languages = tuple(self._languages) if self.multilingual else ("en",)

    def language(self, code: str) -> int:
        """Return the token of a language that the table has."""
        return self._languages[code]


_ENGLISH_START = 50_257


_BYTES = byte_of_letter()


def _bytes_of(token: str) -> bytes:
    return bytes(_BYTES[letter] for letter in token if letter in _BYTES)


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
    """Return the shape of a variable in a model of this width; None for any."""
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
