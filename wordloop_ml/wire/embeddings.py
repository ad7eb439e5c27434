"""The request of ``POST /v1/embeddings`` to messages, strictly, and its answer to bytes.

The fields are those of OpenAI's API, so that its clients can be used; docs/embeddings.md says what
differs.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import Vectors
from wordloop_ml.ports import EmbedderCapabilities
from wordloop_ml.wire.json_fields import Fields, parse_json

MAX_REQUEST_BYTES = 16 << 20
"""Room for ``MAX_TEXTS`` texts of 8 KiB, which clients send that fill their batches by number.
Parsing such a body takes some 50 ms."""

MAX_TEXTS = 2_048
MAX_TEXT_BYTES = 32_768
"""Of one text in UTF-8: some 8,000 tokens, many times what the model reads of it."""

REQUEST_FIELDS = ("input", "model", "encoding_format", "dimensions", "user")
MAX_LABEL_CHARS = 256

ENCODINGS = ("float", "base64")

_FLOAT_ROWS, _BASE64_ROWS = 4, 256
"""Vectors that are written in one piece: a millisecond or so of computing."""


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """A request for embeddings.

    texts: one or more, none empty. in_base64: answer with little-endian float32 in base64.
    """

    texts: tuple[str, ...]
    in_base64: bool = False


def parse_request(content: bytes, made: EmbedderCapabilities) -> EmbeddingsRequest:
    """Parse the body of a request.

    made: what the embedder makes, which the request may name.

    Raises ``BadInput`` and nothing else: ``TOO_LARGE``, ``BAD_JSON``, ``BAD_MESSAGE``,
    ``UNKNOWN_FIELD``, ``UNSUPPORTED_MODEL``, ``UNSUPPORTED_DIMENSIONS``, ``UNSUPPORTED_INPUT``,
    ``TOO_MANY_TEXTS``, ``TEXT_TOO_LONG``. Its text names places and rules, never a value of the
    request but numbers.
    """
    request = Fields(parse_json(content, most_bytes=MAX_REQUEST_BYTES))
    request.only(REQUEST_FIELDS)
    _check_model(request, made)
    if "dimensions" in request and request.value("dimensions") != made.dimensions:
        raise request.bad(
            "dimensions", f"must be {made.dimensions}", ErrorCode.UNSUPPORTED_DIMENSIONS
        )
    _label(request, "user")
    encoding = request.text("encoding_format") if "encoding_format" in request else "float"
    if encoding not in ENCODINGS:
        raise request.bad("encoding_format", f"must be {' or '.join(ENCODINGS)}")
    return EmbeddingsRequest(_texts(request), encoding == "base64")


def encode_answer(
    vectors: Vectors,
    tokens: Sequence[int],
    dropped: Sequence[int],
    *,
    in_base64: bool,
    made: EmbedderCapabilities,
) -> Iterator[bytes]:
    """Encode the answer, piece by piece; each piece takes a millisecond or so.

    tokens, dropped: by text, what the model read and what it did not.
    """
    yield b'{"object":"list","data":['
    rows = _BASE64_ROWS if in_base64 else _FLOAT_ROWS
    for first in range(0, len(vectors), rows):
        some = vectors[first : first + rows]
        written = _in_base64(some) if in_base64 else _as_numbers(some)
        items = (
            f'{{"object":"embedding","index":{index},"embedding":{one}}}'
            for index, one in enumerate(written, first)
        )
        yield (("," if first else "") + ",".join(items)).encode("ascii")
    cut = [{"index": row, "dropped_tokens": count} for row, count in enumerate(dropped) if count]
    total = sum(tokens)
    rest = {
        "model": made.model,
        "model_digest": made.digest,
        "usage": {"prompt_tokens": total, "total_tokens": total},
        "truncated": cut,
    }
    yield b"]," + json.dumps(rest, separators=(",", ":")).encode("ascii")[1:]


def _check_model(request: Fields, made: EmbedderCapabilities) -> None:
    asked = _label(request, "model")
    if asked is not None and asked.lower().removeprefix("sentence-transformers/") != made.model:
        raise request.bad("model", f"must be {made.model}", ErrorCode.UNSUPPORTED_MODEL)


def _label(request: Fields, name: str) -> str | None:
    """Read a text of at most ``MAX_LABEL_CHARS``; None where it is left out."""
    if name not in request:
        return None
    value = request.text(name)
    if len(value) > MAX_LABEL_CHARS:
        raise request.bad(name, f"must have {MAX_LABEL_CHARS} characters at most")
    return value


def _texts(request: Fields) -> tuple[str, ...]:
    given = request.value("input")
    if isinstance(given, str):
        return (_text(request, "input", given),)
    if not isinstance(given, list) or not given:
        raise request.bad("input", "must be a text, or a list of texts that is not empty")
    if len(given) > MAX_TEXTS:
        raise BadInput(
            f"input has {len(given)} texts, at most {MAX_TEXTS} are read",
            code=ErrorCode.TOO_MANY_TEXTS,
        )
    return tuple(_text(request, f"input[{at}]", one) for at, one in enumerate(given))


def _text(request: Fields, where: str, value: object) -> str:
    if isinstance(value, int | list) and not isinstance(value, bool):
        raise request.bad(
            where, "must be a text: token ids are another model's", ErrorCode.UNSUPPORTED_INPUT
        )
    if not isinstance(value, str):
        raise request.bad(where, "must be a text")
    if not value:
        raise request.bad(where, "must not be empty")
    # the first test spares encoding what is too long in any case
    if len(value) > MAX_TEXT_BYTES or len(_encoded(request, where, value)) > MAX_TEXT_BYTES:
        raise request.bad(
            where, f"must have {MAX_TEXT_BYTES} bytes at most", ErrorCode.TEXT_TOO_LONG
        )
    return value


def _encoded(request: Fields, where: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise request.bad(where, "must be Unicode, without halves of surrogate pairs") from None


def _in_base64(vectors: Vectors) -> Iterator[str]:
    for row in vectors.astype("<f4", copy=False):
        yield f'"{base64.b64encode(row.tobytes()).decode("ascii")}"'


def _as_numbers(vectors: Vectors) -> Iterator[str]:
    """Write nine significant digits: as many as bring every float32 back exactly."""
    for row in vectors.tolist():
        yield "[" + ",".join([f"{value:.9g}" for value in row]) + "]"
