"""``scripts/write_minilm_graph``: all-MiniLM-L6-v2's ONNX graph over its ``model.safetensors``.

The graph holds no weights: each initialiser says at which byte of the safetensors file its values
stand, so that the one published file is what is pinned, mapped and shared
(docs/adr/0019-a-graph-over-the-published-weights.md). Nothing of that file is read here but its header.

The network is BERT (Devlin et al. 2019, arXiv:1810.04805) with the pooling of sentence-transformers:
the mean over a text's tokens, scaled to length 1 (Reimers and Gurevych 2019, arXiv:1908.10084).
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import NamedTuple

import onnx.parser
from onnx import TensorProto

LAYERS = 6
WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
_LONGEST_HEADER_BYTES = 1 << 20

_BEGINNING = """
<ir_version: 8, opset_import: ["" : 18], producer_name: "wordloop-ml">
all_MiniLM_L6_v2 (int64[texts, tokens] ids, float[texts, tokens] mask)
    => (float[texts, 384] vectors)
<
    int64[2] rows_shape = {-1, 384}, int64[2] heads_and_width = {12, 32}, int64[1] width = {384},
    int64[1] token_axis = {1}, int64[1] value_axis = {-1}, int64[2] mask_axes = {1, 2},
    int64[1] first = {0}, int64 type = {0}, float one = {1.0}, float half = {0.5},
    float root_two = {1.4142135623730951}, float scale = {0.17677669529663687},
    float blocked = {-10000.0}
>
{
    batch_shape = Shape (ids)
    tokens = Shape <start = 1, end = 2> (ids)
    heads_shape = Concat <axis = 0> (batch_shape, heads_and_width)
    texts_shape = Concat <axis = 0> (batch_shape, width)
    padding = Sub (one, mask)
    padding_scores = Mul (padding, blocked)
    attention_mask = Unsqueeze (padding_scores, mask_axes)

    word_vectors = Gather <axis = 0> (embeddings.word_embeddings.weight, ids)
    position_vectors = Slice (embeddings.position_embeddings.weight, first, tokens, first)
    type_vector = Gather <axis = 0> (embeddings.token_type_embeddings.weight, type)
    place_vectors = Add (position_vectors, type_vector)
    summed_vectors = Add (word_vectors, place_vectors)
    embedded_rows = Reshape (summed_vectors, rows_shape)
    x0 = NORM (embedded_rows, embeddings.LayerNorm.weight, embeddings.LayerNorm.bias)
"""
"""Of padding, ``blocked`` lets nothing through a softmax: exp(-1e4 - max) is 0 in float32. x: rows
(texts x tokens, 384). ``scale`` is 32 ** -0.5."""

_HEADS = Template("""
    ${part}_rows$n = LINEAR (x$n, $w.attention.self.$part.weight, $w.attention.self.$part.bias)
    ${part}_heads$n = Reshape (${part}_rows$n, heads_shape)
    ${part}$n = Transpose <perm = $order> (${part}_heads$n)
""")
"""Query, key or value of a layer, by head."""

_LAYER = Template("""
    scores$n = MatMul (query$n, key$n)
    scaled$n = Mul (scores$n, scale)
    masked$n = Add (scaled$n, attention_mask)
    shares$n = Softmax <axis = -1> (masked$n)
    heads$n = MatMul (shares$n, value$n)
    turned$n = Transpose <perm = [0, 2, 1, 3]> (heads$n)
    context$n = Reshape (turned$n, rows_shape)
    out$n = LINEAR (context$n, $w.attention.output.dense.weight, $w.attention.output.dense.bias)
    out_sum$n = Add (out$n, x$n)
    attended$n = NORM (out_sum$n, $w.attention.output.LayerNorm.weight, $w.attention.output.LayerNorm.bias)

    wide$n = LINEAR (attended$n, $w.intermediate.dense.weight, $w.intermediate.dense.bias)
    divided$n = Div (wide$n, root_two)
    erf$n = Erf (divided$n)
    raised$n = Add (erf$n, one)
    product$n = Mul (wide$n, raised$n)
    active$n = Mul (product$n, half)
    narrow$n = LINEAR (active$n, $w.output.dense.weight, $w.output.dense.bias)
    sum$n = Add (narrow$n, attended$n)
    x$next = NORM (sum$n, $w.output.LayerNorm.weight, $w.output.LayerNorm.bias)
""")
"""Multi-head self-attention, then two linear layers with the exact GELU between, in the form that
ONNX Runtime recognises and fuses; each added to what came in, and normalised."""

_END = """
    token_vectors = Reshape (x6, texts_shape)
    token_weights = Unsqueeze (mask, value_axis)
    own_vectors = Mul (token_vectors, token_weights)
    text_sums = ReduceSum <keepdims = 0> (own_vectors, token_axis)
    lengths = ReduceL2 <keepdims = 1> (text_sums, value_axis)
    vectors = Div (text_sums, lengths)
}
"""
"""The mean's division cancels out: what has length 1 does not remember its length."""

_OPERATORS = {"LINEAR": "Gemm <transB = 1>", "NORM": "LayerNormalization <epsilon = 1e-12>"}
"""x W' + b over rows, with W as PyTorch stores it: ONNX Runtime packs it once while it loads, and lets
go of the mapped original. The epsilon is that of the model's config.json."""


class StoredTensor(NamedTuple):
    """Where a tensor stands in its file; offset in bytes from the file's beginning."""

    shape: tuple[int, ...]
    offset: int
    length: int


def read_tensors(path: Path) -> dict[str, StoredTensor]:
    """Every float32 tensor of a safetensors file, by name.

    Source: the format's description, https://github.com/huggingface/safetensors#format.
    """
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if header_bytes > _LONGEST_HEADER_BYTES:
            raise ValueError(f"{path} is no safetensors file")
        header = json.loads(file.read(header_bytes))
    base = 8 + header_bytes
    return {
        name: StoredTensor(tuple(facts["shape"]), base + begin, end - begin)
        for name, facts in header.items()
        if facts.get("dtype") == "F32"
        for begin, end in [facts["data_offsets"]]
    }


def write_graph(tensors: Mapping[str, StoredTensor], location: str) -> bytes:
    """The graph as the bytes of an ONNX file.

    Inputs: ``ids`` int64 (texts, tokens) and ``mask`` float32 (texts, tokens), 1 for a token and 0
    for padding. Output: ``vectors`` float32 (texts, 384), each of length 1. location: the name
    of the safetensors file, which lies beside the graph. Initialisers have its tensors' names with
    ``_`` for ``.``, which ONNX's textual syntax has no room for.
    """
    text = _BEGINNING
    for n in range(LAYERS):
        names = {"n": n, "next": n + 1, "w": f"encoder.layer.{n}"}
        for part, order in (
            ("query", [0, 2, 1, 3]),
            ("key", [0, 2, 3, 1]),
            ("value", [0, 2, 1, 3]),
        ):
            text += _HEADS.substitute(names, part=part, order=order)
        text += _LAYER.substitute(names)
    text += _END
    for name, operator in _OPERATORS.items():
        text = text.replace(f"= {name} ", f"= {operator} ")
    used = [name for name in tensors if name in text]
    for name in used:
        text = text.replace(name, name.replace(".", "_"))
    model = onnx.parser.parse_model(text)
    for name in used:
        place = tensors[name]
        one = model.graph.initializer.add(
            name=name.replace(".", "_"), data_type=TensorProto.FLOAT, dims=place.shape
        )
        one.data_location = TensorProto.EXTERNAL
        facts = {"location": location, "offset": place.offset, "length": place.length}
        for key, value in facts.items():
            one.external_data.add(key=key, value=str(value))
    return bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Write the graph over the pulled weights, and say what its row of the manifest has to hold."""
    weights = WEIGHTS / "all-minilm-l6-v2.safetensors"
    content = write_graph(read_tensors(weights), weights.name)
    weights.with_suffix(".onnx").write_bytes(content)
    print(f"bytes = {len(content)}")
    print(f'sha256 = "{hashlib.sha256(content).hexdigest()}"')


if __name__ == "__main__":
    main()
