"""The request for embeddings, strictly, and the answer as OpenAI's clients read it."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.ports import EmbedderCapabilities
from wordloop_ml.wire.embeddings import (
    MAX_REQUEST_BYTES,
    MAX_TEXT_BYTES,
    MAX_TEXTS,
    EmbeddingsRequest,
    encode_answer,
    parse_request,
)

MADE = EmbedderCapabilities("engine", "all-minilm-l6-v2", "ab" * 32, 3, 256)


def parse(**fields: Any) -> EmbeddingsRequest:
    return parse_request(json.dumps(fields).encode(), MADE)


def refusal(content: bytes) -> BadInput:
    with pytest.raises(BadInput) as caught:
        parse_request(content, MADE)
    return caught.value


def test_a_text_or_a_list_of_texts_is_read() -> None:
    """As floats unless base64 is asked for."""
    assert parse(input="one") == EmbeddingsRequest(("one",), in_base64=False)
    assert parse(input=["one", "two"], encoding_format="base64") == EmbeddingsRequest(
        ("one", "two"), in_base64=True
    )
    assert not parse(input="one", encoding_format="float", dimensions=3, user="u").in_base64


def test_null_says_what_leaving_a_field_out_says() -> None:
    """Encoders of Go and Java write every optional field."""
    nothing = dict.fromkeys(("model", "encoding_format", "dimensions", "user"))
    assert parse(input="one", **nothing) == parse(input="one")


@pytest.mark.parametrize(
    "model", ["all-minilm-l6-v2", "all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"]
)
def test_the_model_may_be_named_as_it_is_known(model: str) -> None:
    """In any case, with its publisher or without."""
    assert parse(input="one", model=model).texts == ("one",)


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({}, ErrorCode.BAD_MESSAGE, "input is missing"),
        ({"input": None}, ErrorCode.BAD_MESSAGE, "input is missing"),
        ({"input": "a", "inputs": None}, ErrorCode.UNKNOWN_FIELD, "the request has a field other"),
        ({"input": []}, ErrorCode.BAD_MESSAGE, "input must be a text, or a list"),
        ({"input": ""}, ErrorCode.BAD_MESSAGE, "input must not be empty"),
        ({"input": ["a", ""]}, ErrorCode.BAD_MESSAGE, "input[1] must not be empty"),
        ({"input": ["a", None]}, ErrorCode.BAD_MESSAGE, "input[1] must be a text"),
        ({"input": ["a", True]}, ErrorCode.BAD_MESSAGE, "input[1] must be a text"),
        ({"input": [1, 2]}, ErrorCode.UNSUPPORTED_INPUT, "input[0] must be a text: token ids"),
        ({"input": [[1, 2]]}, ErrorCode.UNSUPPORTED_INPUT, "input[0] must be a text: token ids"),
        ({"input": ["a"] * (MAX_TEXTS + 1)}, ErrorCode.TOO_MANY_TEXTS, "input has 2049 texts"),
        ({"input": "ä" * (MAX_TEXT_BYTES // 2 + 1)}, ErrorCode.TEXT_TOO_LONG, "input must have"),
        ({"input": "a", "model": "ada"}, ErrorCode.UNSUPPORTED_MODEL, "model must be all-minilm"),
        ({"input": "a", "model": 3}, ErrorCode.BAD_MESSAGE, "model must be a string"),
        ({"input": "a", "dimensions": 2}, ErrorCode.UNSUPPORTED_DIMENSIONS, "dimensions must be 3"),
        ({"input": "a", "encoding_format": "hex"}, ErrorCode.BAD_MESSAGE, "encoding_format must"),
        ({"input": "a", "user": "u" * 257}, ErrorCode.BAD_MESSAGE, "user must have 256 characters"),
        ({"input": "a", "inputs": 1}, ErrorCode.UNKNOWN_FIELD, "the request has a field other"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], code: ErrorCode, detail: str) -> None:
    """By code, place and rule."""
    error = refusal(json.dumps(fields).encode())
    assert error.code is code
    assert str(error).startswith(detail)


@pytest.mark.parametrize(
    "texts",
    [
        ["a" * 8_180] * MAX_TEXTS,
        ["a" * MAX_TEXT_BYTES] * 511,
        ["b\u00fc\u65e5\U0001f600" * 400] * 1_000,
    ],
    ids=["as many as may be", "as long as may be", "escaped"],
)
def test_what_the_limits_say_together_is_read(texts: list[str]) -> None:
    """As many texts as may be, or as long ones, as far as the body has room for them."""
    assert parse(input=texts).texts == tuple(texts)


def test_what_is_no_json_of_unicode_is_named() -> None:
    """Bytes, halves of surrogate pairs, and what is too large."""
    assert refusal(b'{"input": "\xff"}').code is ErrorCode.BAD_JSON
    assert refusal(b"[]").code is ErrorCode.BAD_MESSAGE
    assert refusal(b'{"input": "\\ud800"}').code is ErrorCode.BAD_MESSAGE
    assert refusal(b" " * (MAX_REQUEST_BYTES + 1)).code is ErrorCode.TOO_LARGE


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["input", "model", "encoding_format", "dimensions", "user"]) | st.text(),
        ANYTHING,
    )
)
def test_any_object_is_read_or_refused_without_an_echo(fields: dict[str, Any]) -> None:
    """Nothing but ``BadInput`` escapes, and it repeats no text of the request."""
    marked = {**fields, "user": "c4n4ry"} if "user" in fields else fields
    refused = ""
    try:
        request = parse_request(json.dumps(marked).encode(), MADE)
    except BadInput as error:
        refused = str(error)
    else:
        assert request.texts
    assert "c4n4ry" not in refused


def answer(vectors: np.ndarray[Any, Any], *, in_base64: bool, **counts: Any) -> dict[str, Any]:
    count = len(vectors)
    tokens, dropped = counts.get("tokens", [4] * count), counts.get("dropped", [0] * count)
    pieces = encode_answer(vectors, tokens, dropped, in_base64=in_base64, made=MADE)
    read: dict[str, Any] = json.loads(b"".join(pieces))
    return read


@settings(max_examples=100)
@given(st.integers(0, 600), st.booleans(), st.integers(0, 2**32 - 1))
def test_every_vector_comes_back_exactly(count: int, in_base64: bool, seed: int) -> None:
    """In its place, whatever the number of pieces."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    data = answer(vectors, in_base64=in_base64)["data"]
    assert [one["index"] for one in data] == list(range(count))
    for one, vector in zip(data, vectors, strict=True):
        packed = one["embedding"]
        back = (
            np.frombuffer(base64.b64decode(packed), "<f4")
            if in_base64
            else np.array(packed, np.float32)
        )
        np.testing.assert_array_equal(back, vector)


def test_usage_and_what_was_cut_are_told() -> None:
    """Summed up, and by text."""
    told = answer(
        np.zeros((3, 3), np.float32), in_base64=False, tokens=[3, 256, 4], dropped=[0, 9, 0]
    )
    assert told["usage"] == {"prompt_tokens": 263, "total_tokens": 263}
    assert told["truncated"] == [{"index": 1, "dropped_tokens": 9}]
    assert (told["object"], told["model"]) == ("list", MADE.model)
    assert told["model_digest"] == MADE.digest
