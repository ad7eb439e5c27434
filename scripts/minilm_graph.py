"""``scripts/write_minilm_graph``: all-MiniLM-L6-v2's ONNX graph over its ``model.safetensors``.

The graph holds no weights: each initialiser says at which byte of the safetensors file its values
stand, so that the one published file is what is pinned, mapped and shared
(docs/adr/0019-a-graph-over-the-published-weights.md). Nothing of that file is read here but its header.

The network is BERT (Devlin et al. 2019, arXiv:1810.04805) with the pooling of sentence-transformers:
the mean over a text's tokens, scaled to length 1 (Reimers and Gurevych 2019, arXiv:1908.10084).
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
IR_VERSION = 8

LAYERS = 6
WIDTH = 384
HEADS = 12
HEAD_WIDTH = WIDTH // HEADS
NORM_EPSILON = 1e-12
"""From the model's config.json."""

_LONGEST_HEADER_BYTES = 1 << 20
WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor stands in its file; offset in bytes from the file's beginning."""

    shape: tuple[int, ...]
    offset: int
    length: int


def read_tensors(path: Path) -> dict[str, StoredTensor]:
    """Every float32 tensor of a safetensors file, by name.

    Source: the format's description, https://github.com/huggingface/safetensors#format.
    """
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        if header_bytes > _LONGEST_HEADER_BYTES:
            raise ValueError(f"{path} is no safetensors file")
        header = json.loads(file.read(header_bytes))
    base = 8 + header_bytes
    return {
        name: StoredTensor(
            tuple(facts["shape"]),
            base + facts["data_offsets"][0],
            facts["data_offsets"][1] - facts["data_offsets"][0],
        )
        for name, facts in header.items()
        if name != "__metadata__" and facts["dtype"] == "F32"
    }


class _Writer:
    """Nodes and initialisers in the order in which they are asked for."""

    def __init__(self, tensors: Mapping[str, StoredTensor], location: str) -> None:
        self._tensors = tensors
        self._location = location
        self.nodes: list[Any] = []
        self.initialisers: dict[str, Any] = {}

    def stored(self, name: str) -> str:
        """A tensor of the safetensors file."""
        if name not in self.initialisers:
            place = self._tensors[name]
            one = TensorProto(
                name=name,
                data_type=TensorProto.FLOAT,
                dims=place.shape,
                data_location=TensorProto.EXTERNAL,
            )
            for key, value in (
                ("location", self._location),
                ("offset", str(place.offset)),
                ("length", str(place.length)),
            ):
                one.external_data.add(key=key, value=value)
            self.initialisers[name] = one
        return name

    def constant(self, name: str, value: Any) -> str:
        """A small constant inside the graph itself."""
        self.initialisers[name] = numpy_helper.from_array(value, name)
        return name

    def node(self, operator: str, output: str, *inputs: str, **attributes: Any) -> str:
        """One operation with one output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(self, output: str, x: str, layer: str) -> str:
        """x W' + b over the rows of x, with W as PyTorch stores it: there is no turned copy of it.

        ONNX Runtime packs W once while it loads, and lets go of the mapped original.
        """
        weight, bias = self.stored(f"{layer}.weight"), self.stored(f"{layer}.bias")
        return self.node("Gemm", output, x, weight, bias, transB=1)

    def norm(self, output: str, x: str, layer: str) -> str:
        """Layer normalisation over the width."""
        scale, shift = self.stored(f"{layer}.weight"), self.stored(f"{layer}.bias")
        return self.node("LayerNormalization", output, x, scale, shift, epsilon=NORM_EPSILON)


def write_graph(tensors: Mapping[str, StoredTensor], location: str) -> bytes:
    """The graph as the bytes of an ONNX file.

    Inputs: ``ids`` int64 (texts, tokens) and ``mask`` float32 (texts, tokens), 1 for a token and 0
    for padding. Output: ``vectors`` float32 (texts, 384), each of length 1. location: the name
    of the safetensors file, which lies beside the graph.
    """
    writer = _Writer(tensors, location)
    _shapes(writer)
    x = _embed(writer)
    for layer in range(LAYERS):
        x = _attend(writer, f"encoder.layer.{layer}", x)
        x = _feed_forward(writer, f"encoder.layer.{layer}", x)
    _pool(writer, x)
    graph = helper.make_graph(
        writer.nodes,
        "all-MiniLM-L6-v2",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "tokens"]),
        ],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", WIDTH])],
        initializer=list(writer.initialisers.values()),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="wordloop-ml",
    )
    return bytes(model.SerializeToString(deterministic=True))


def _shapes(writer: _Writer) -> None:
    """The shapes that depend on the batch, once for all layers."""
    writer.constant("rows_shape", np.array([-1, WIDTH], np.int64))
    writer.constant("heads_and_width", np.array([HEADS, HEAD_WIDTH], np.int64))
    writer.constant("width", np.array([WIDTH], np.int64))
    writer.constant("token_axis", np.array([1], np.int64))
    writer.constant("value_axis", np.array([-1], np.int64))
    writer.constant("first", np.array([0], np.int64))
    writer.node("Shape", "batch_shape", "ids")
    writer.node("Shape", "tokens", "ids", start=1, end=2)
    writer.node("Concat", "heads_shape", "batch_shape", "heads_and_width", axis=0)
    writer.node("Concat", "texts_shape", "batch_shape", "width", axis=0)
    # what a padded token contributes to a softmax: exp(-1e4 - max) is 0 in float32
    writer.constant("one", np.array(1.0, np.float32))
    writer.constant("blocked", np.array(-1e4, np.float32))
    writer.constant("mask_axes", np.array([1, 2], np.int64))
    writer.node("Sub", "padding", "one", "mask")
    writer.node("Mul", "padding_scores", "padding", "blocked")
    writer.node("Unsqueeze", "attention_mask", "padding_scores", "mask_axes")


def _embed(writer: _Writer) -> str:
    """Rows (texts x tokens, width): word + position + the one token type."""
    words = writer.stored("embeddings.word_embeddings.weight")
    positions = writer.stored("embeddings.position_embeddings.weight")
    types = writer.stored("embeddings.token_type_embeddings.weight")
    writer.constant("type", np.array(0, np.int64))
    writer.node("Gather", "word_vectors", words, "ids", axis=0)
    writer.node("Slice", "position_vectors", positions, "first", "tokens", "first")
    writer.node("Gather", "type_vector", types, "type", axis=0)
    writer.node("Add", "place_vectors", "position_vectors", "type_vector")
    writer.node("Add", "summed_vectors", "word_vectors", "place_vectors")
    writer.node("Reshape", "embedded_rows", "summed_vectors", "rows_shape")
    return writer.norm("embedded", "embedded_rows", "embeddings.LayerNorm")


def _attend(writer: _Writer, layer: str, x: str) -> str:
    """Multi-head self-attention, added to x and normalised."""
    parts = {}
    for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        name = f"{layer}.{part}"
        rows = writer.linear(f"{name}.rows", x, f"{layer}.attention.self.{part}")
        heads = writer.node("Reshape", f"{name}.heads", rows, "heads_shape")
        parts[part] = writer.node("Transpose", name, heads, perm=order)
    if "scale" not in writer.initialisers:
        writer.constant("scale", np.array(HEAD_WIDTH**-0.5, np.float32))
    scores = writer.node("MatMul", f"{layer}.scores", parts["query"], parts["key"])
    scaled = writer.node("Mul", f"{layer}.scaled", scores, "scale")
    masked = writer.node("Add", f"{layer}.masked", scaled, "attention_mask")
    shares = writer.node("Softmax", f"{layer}.shares", masked, axis=-1)
    heads = writer.node("MatMul", f"{layer}.heads", shares, parts["value"])
    turned = writer.node("Transpose", f"{layer}.turned", heads, perm=[0, 2, 1, 3])
    context = writer.node("Reshape", f"{layer}.context", turned, "rows_shape")
    out = writer.linear(f"{layer}.attended", context, f"{layer}.attention.output.dense")
    added = writer.node("Add", f"{layer}.attended_sum", out, x)
    return writer.norm(f"{layer}.attention", added, f"{layer}.attention.output.LayerNorm")


def _feed_forward(writer: _Writer, layer: str, x: str) -> str:
    """Two linear layers with GELU between, added to x and normalised."""
    for name, value in (("root_two", 2.0**0.5), ("half", 0.5)):
        if name not in writer.initialisers:
            writer.constant(name, np.array(value, np.float32))
    wide = writer.linear(f"{layer}.wide", x, f"{layer}.intermediate.dense")
    # the exact GELU, in the form that ONNX Runtime recognises and fuses
    divided = writer.node("Div", f"{layer}.gelu.divided", wide, "root_two")
    error = writer.node("Erf", f"{layer}.gelu.erf", divided)
    raised = writer.node("Add", f"{layer}.gelu.raised", error, "one")
    product = writer.node("Mul", f"{layer}.gelu.product", wide, raised)
    active = writer.node("Mul", f"{layer}.gelu", product, "half")
    narrow = writer.linear(f"{layer}.narrow", active, f"{layer}.output.dense")
    added = writer.node("Add", f"{layer}.sum", narrow, x)
    return writer.norm(f"{layer}", added, f"{layer}.output.LayerNorm")


def _pool(writer: _Writer, x: str) -> None:
    """The mean over each text's own tokens, scaled to length 1."""
    writer.node("Reshape", "token_vectors", x, "texts_shape")
    writer.node("Unsqueeze", "token_weights", "mask", "value_axis")
    writer.node("Mul", "own_vectors", "token_vectors", "token_weights")
    writer.node("ReduceSum", "text_sums", "own_vectors", "token_axis", keepdims=0)
    # the mean's division cancels out: what has length 1 does not remember its length
    writer.node("ReduceL2", "lengths", "text_sums", "value_axis", keepdims=1)
    writer.node("Div", "vectors", "text_sums", "lengths")


def main() -> None:
    """Write the graph over the pulled weights, and say what its row of the manifest has to hold."""
    weights = WEIGHTS / "all-minilm-l6-v2.safetensors"
    content = write_graph(read_tensors(weights), weights.name)
    weights.with_suffix(".onnx").write_bytes(content)
    print(f"bytes = {len(content)}")
    print(f'sha256 = "{hashlib.sha256(content).hexdigest()}"')


if __name__ == "__main__":
    main()
