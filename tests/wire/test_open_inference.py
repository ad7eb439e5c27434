"""Tensors of the inference protocol: to bytes and back, and nothing that is not one."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.open_inference import (
    Body,
    InferenceRequest,
    Tensor,
    bytes_tensor,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    error_text,
    text_tensor,
)

NUMBERS = st.sampled_from([np.int16, np.int32, np.int64, np.float32, np.float64])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
TENSORS = st.one_of(
    NUMBERS.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES)),
    st.lists(st.binary(max_size=20), max_size=5).map(lambda values: bytes_tensor(*values)),
)
NAMED = st.dictionaries(st.text(min_size=1, max_size=8), TENSORS, max_size=4)


def assert_same(read: dict[str, Tensor], written: dict[str, Tensor]) -> None:
    assert list(read) == list(written)
    for name, tensor in written.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].shape == tensor.shape
        assert read[name].tolist() == tensor.tolist() or np.array_equal(
            read[name], tensor, equal_nan=True
        )


@given(inputs=NAMED, outputs=st.lists(st.text(max_size=8), max_size=3))
def test_a_request_comes_back_as_it_was(inputs: dict[str, Tensor], outputs: list[str]) -> None:
    """Every type and shape, empty ones too."""
    body = encode_request(InferenceRequest(inputs, outputs, {"priority": 1}))
    read = decode_request(body.content, body.header_bytes)
    assert_same(dict(read.inputs), inputs)
    assert read.outputs == outputs
    assert read.parameters["priority"] == 1


@given(outputs=NAMED)
def test_an_answer_comes_back_as_it_was(outputs: dict[str, Tensor]) -> None:
    """Likewise."""
    body = encode_answer("m", outputs)
    assert_same(decode_answer(body.content, body.header_bytes), outputs)


def test_the_layout_is_that_of_the_protocol() -> None:
    """By hand: the header, then the bytes of each tensor, little-endian; texts behind their lengths."""
    inputs = {"audio": np.array([1, -2], np.int16), "options": text_tensor("hé")}
    body = encode_request(InferenceRequest(inputs, ["hypothesis"], {"priority": 1}))
    header = json.loads(body.content[: body.header_bytes])
    assert header == {
        "inputs": [
            {
                "name": "audio",
                "datatype": "INT16",
                "shape": [2],
                "parameters": {"binary_data_size": 4},
            },
            {
                "name": "options",
                "datatype": "BYTES",
                "shape": [1],
                "parameters": {"binary_data_size": 7},
            },
        ],
        "outputs": [{"name": "hypothesis", "parameters": {"binary_data": True}}],
        "parameters": {"priority": 1},
    }
    assert body.content[body.header_bytes :] == b"\x01\0\xfe\xff" + b"\x03\0\0\0h\xc3\xa9"


@given(body=NAMED.map(lambda tensors: encode_answer("m", tensors)), data=st.data())
def test_a_body_that_is_cut_is_refused(body: Body, data: st.DataObject) -> None:
    """Anywhere."""
    length = data.draw(st.integers(0, len(body.content) - 1))
    with pytest.raises(BadInput):
        decode_answer(body.content[:length], body.header_bytes)


@given(content=st.binary(max_size=200), header_bytes=st.integers(-5, 250))
def test_bytes_at_random_are_refused(content: bytes, header_bytes: int) -> None:
    """By name."""
    with pytest.raises(BadInput) as caught:
        decode_answer(content, header_bytes)
    assert caught.value.code is ErrorCode.BAD_REQUEST


def described(**changes: Any) -> dict[str, Any]:
    """A tensor's description, with something wrong."""
    right = {
        "name": "a",
        "datatype": "INT16",
        "shape": [2],
        "parameters": {"binary_data_size": 4},
    }
    return {**right, **changes}


@pytest.mark.parametrize(
    "listed",
    [
        None,
        [None],
        [described(name=None)],
        [described(datatype="INT4")],
        [described(datatype=[])],
        [described(shape=None)],
        [described(shape=[-2])],
        [described(shape=[2.0])],
        [described(shape=[True, 2])],
        [described(shape=[1] * 9)],
        [described(shape=[3])],
        [described(shape=[1 << 39, 1 << 39])],
        [described(parameters={"binary_data_size": 0}, shape=[0, 1 << 39, 1 << 39])],
        [described(parameters={"binary_data_size": -4})],
        [described(parameters={"binary_data_size": 5})],
        [described(parameters={"binary_data_size": "4"})],
        [described(parameters=None, data=[1, 2])],
        [described(datatype="BYTES")],
        [described(datatype="BYTES", shape=[1])],
        [described(datatype="BYTES", shape=[1 << 39])],
        [described(), described(name="b")],
        [],
    ],
)
def test_a_description_that_is_wrong_is_refused(listed: object) -> None:
    """Shapes and sizes that do not fit, types that are not known, numbers in the header."""
    header = json.dumps({"outputs": listed}).encode()
    with pytest.raises(BadInput):
        decode_answer(header + b"\x09\0\0\0", len(header))


@pytest.mark.parametrize("changes", [{"outputs": {}}, {"outputs": [{}]}, {"parameters": []}])
def test_a_request_that_is_wrong_is_refused(changes: dict[str, Any]) -> None:
    """Beside its tensors."""
    header = json.dumps({"inputs": [], **changes}).encode()
    with pytest.raises(BadInput):
        decode_request(header, len(header))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"error":"busy: full"}', "busy: full"),
        (b'{"error":7}', ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_the_text_of_an_error_is_read(content: bytes, text: str) -> None:
    """None where a proxy answers in a form of its own."""
    assert error_text(content) == text
