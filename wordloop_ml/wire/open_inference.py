"""Bodies of the Open Inference Protocol (KServe v2) with binary tensors: to arrays and back; pure.

A body is a JSON header, whose length the HTTP header ``Inference-Header-Content-Length`` gives, and
behind it the bytes of each tensor in the order of the header. Source: ``inference_rest.md`` of
kserve/open-inference-protocol, and ``extension_binary_data.md`` of triton-inference-server/server.

Only binary tensors are written and read, but for what a server answers as JSON unasked: that is refused.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.errors import BadInput, ErrorCode

HEADER_LENGTH = "Inference-Header-Content-Length"
"""The HTTP header with the bytes of the JSON."""

Tensor = npt.NDArray[Any]
"""An array of one of the types below; BYTES is an object array of ``bytes``."""

Tensors = Mapping[str, Tensor]

_DTYPES: dict[str, np.dtype[Any]] = {
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_NAMES = {dtype.newbyteorder("="): name for name, dtype in _DTYPES.items()}

_LENGTH = struct.Struct("<I")

_MOST_DIMENSIONS = 8

_MOST_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded request or answer. header_bytes: of the JSON at its beginning."""

    content: bytes
    header_bytes: int


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What a client asks of a model.

    outputs: the names of the tensors that it wants; empty for all.
    parameters: of the whole request: ``priority``, ``timeout``.
    """

    inputs: Tensors
    outputs: Sequence[str] = ()
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)


def text_tensor(*texts: str) -> Tensor:
    """Make a tensor of texts: BYTES, shape (texts,), UTF-8; lone surrogates become ``?``."""
    return bytes_tensor(*(text.encode(errors="replace") for text in texts))


def bytes_tensor(*values: bytes) -> Tensor:
    """Make a tensor of byte strings: BYTES, shape (values,)."""
    tensor = np.empty(len(values), object)
    tensor[:] = values
    return tensor


def encode_request(request: InferenceRequest) -> Body:
    """Encode a request for binary answers."""
    binary = {"parameters": {"binary_data": True}}
    header: dict[str, Any] = {"outputs": [{"name": name, **binary} for name in request.outputs]}
    if not request.outputs:
        header = {"parameters": {"binary_data_output": True}}
    if request.parameters:
        header["parameters"] = {**header.get("parameters", {}), **request.parameters}
    return _encode(header, "inputs", request.inputs)


def decode_request(content: bytes, header_bytes: int) -> InferenceRequest:
    """Decode a request. Raises ``BadInput`` (``bad_request``) for what is not one."""
    header, inputs = _decode(content, header_bytes, "inputs")
    outputs = header.get("outputs", [])
    parameters = header.get("parameters", {})
    if not isinstance(outputs, list) or not isinstance(parameters, dict):
        raise _bad("outputs must be a list, parameters an object")
    names = [one.get("name") if isinstance(one, dict) else None for one in outputs]
    if not all(isinstance(name, str) for name in names):
        raise _bad("an output has no name")
    return InferenceRequest(inputs, [str(name) for name in names], parameters)


def encode_answer(model: str, outputs: Tensors) -> Body:
    """Encode a model's answer."""
    return _encode({"model_name": model}, "outputs", outputs)


def decode_answer(content: bytes, header_bytes: int) -> dict[str, Tensor]:
    """Decode an answer into its tensors. Raises ``BadInput`` (``bad_request``) for what is not one."""
    return _decode(content, header_bytes, "outputs")[1]


def error_text(content: bytes) -> str:
    """Return the text of an error's body; empty where there is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, str) else ""


def _encode(header: dict[str, Any], key: str, tensors: Tensors) -> Body:
    contents = [_content(tensor) for tensor in tensors.values()]
    header[key] = [
        {
            "name": name,
            "datatype": "BYTES" if tensor.dtype == object else _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "parameters": {"binary_data_size": len(content)},
        }
        for (name, tensor), content in zip(tensors.items(), contents, strict=True)
    ]
    text = json.dumps(header, separators=(",", ":")).encode()
    return Body(b"".join((text, *contents)), len(text))


def _content(tensor: Tensor) -> bytes:
    if tensor.dtype != object:
        return np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).tobytes()
    return b"".join(_LENGTH.pack(len(value)) + value for value in tensor.ravel().tolist())


def _decode(
    content: bytes, header_bytes: int, key: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not 0 < header_bytes <= min(len(content), _MOST_HEADER_BYTES):
        raise _bad(f"a header of {header_bytes} bytes in {len(content)}")
    try:
        header = json.loads(content[:header_bytes])
    except (ValueError, RecursionError):
        raise _bad("the header is not JSON") from None
    listed = header.get(key) if isinstance(header, dict) else None
    if not isinstance(listed, list):
        raise _bad(f"the header lists no {key}")
    tensors: dict[str, Tensor] = {}
    at = header_bytes
    for one in listed:
        name, datatype, shape, size = _description(one)
        if size > len(content) - at:
            raise _bad("the tensors are longer than the body")
        tensors[name] = _tensor(memoryview(content)[at : at + size], datatype, shape)
        at += size
    if at != len(content):
        raise _bad(f"{len(content) - at} bytes behind the tensors")
    return header, tensors


def _description(one: object) -> tuple[str, str, tuple[int, ...], int]:
    """Read what the header says of a tensor: its name, type, shape and bytes."""
    if not isinstance(one, dict):
        raise _bad("a tensor is no object")
    name, datatype, shape = one.get("name"), one.get("datatype"), one.get("shape")
    parameters = one.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise _bad("a tensor has no name or no type")
    if datatype != "BYTES" and datatype not in _DTYPES:
        raise _bad("a tensor has a type that is not known")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise _bad("a tensor has no shape")
    if not all(type(length) is int and 0 <= length < 1 << 40 for length in shape):
        raise _bad("a shape has something else than lengths")
    if type(size) is not int or size < 0:
        raise _bad("a tensor is not binary")
    return name, datatype, tuple(shape), size


def _tensor(content: memoryview, datatype: str, shape: tuple[int, ...]) -> Tensor:
    count = math.prod(shape)
    if datatype == "BYTES":
        return _shaped(_byte_strings(content, count), shape)
    dtype = _DTYPES[datatype]
    if len(content) != count * dtype.itemsize:
        raise _bad(f"{len(content)} bytes are not {count} of {datatype}")
    return _shaped(np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False), shape)


def _shaped(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    try:
        return values.reshape(shape)
    except ValueError:  # of no values, and lengths whose product no array can have
        raise _bad("a shape is too large") from None


def _byte_strings(content: memoryview, count: int) -> Tensor:
    if count * _LENGTH.size > len(content):
        raise _bad("a tensor has fewer strings than its shape says")
    values: list[bytes] = []
    at = 0
    for _ in range(count):
        if len(content) - at < _LENGTH.size:
            raise _bad("a tensor has fewer strings than its shape says")
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        if length > len(content) - at:
            raise _bad("a string is longer than its tensor")
        values.append(bytes(content[at : at + length]))
        at += length
    if at != len(content):
        raise _bad("a tensor has more strings than its shape says")
    return bytes_tensor(*values)


def _bad(what: str) -> BadInput:
    return BadInput(f"no tensors of the inference protocol: {what}", code=ErrorCode.BAD_REQUEST)
