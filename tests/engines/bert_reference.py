"""all-MiniLM-L6-v2 once more, in NumPy, from its paper: what the engine's graph is checked against.

Written without a look at the graph or at anybody's code: BERT as in Devlin et al. 2019
(arXiv:1810.04805), pooled as in Reimers and Gurevych 2019 (arXiv:1908.10084), with the tensors' names
of the safetensors file. One text at a time, without padding, in float64.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

LAYERS, HEADS = 6, 12
NORM_EPSILON = 1e-12

Array = npt.NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def read_weights(path: Path) -> dict[str, Array]:
    """Every float32 tensor of a safetensors file, as float64."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    weights = {}
    for name, facts in json.loads(content[8 : 8 + length]).items():
        if name != "__metadata__" and facts["dtype"] == "F32":
            begin, end = (8 + length + offset for offset in facts["data_offsets"])
            values = np.frombuffer(content[begin:end], "<f4").reshape(facts["shape"])
            weights[name] = values.astype(np.float64)
    return weights


def embed(weights: Mapping[str, Array], ids: Sequence[int]) -> Array:
    """The embedding of one text by its token ids, marks included: shape (384,), of length 1."""

    def linear(x: Array, name: str) -> Array:
        product: Array = x @ weights[f"{name}.weight"].T
        return product + weights[f"{name}.bias"]

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + NORM_EPSILON)
        result: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
        return result

    x = (
        weights["embeddings.word_embeddings.weight"][list(ids)]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    x = norm(x, "embeddings.LayerNorm")
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"
        query, key, value = (
            linear(x, f"{layer}.attention.self.{part}").reshape(len(ids), HEADS, -1)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("ihd,jhd->hij", query, key) / math.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        attended = np.einsum("hij,jhd->ihd", shares, value).reshape(len(ids), -1)
        attended = linear(attended, f"{layer}.attention.output.dense")
        x = norm(x + attended, f"{layer}.attention.output.LayerNorm")
        wide = linear(x, f"{layer}.intermediate.dense")
        gelu = wide * (1 + _erf(wide / math.sqrt(2))) / 2
        x = norm(x + linear(gelu, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean: Array = x.mean(0)
    return mean / np.linalg.norm(mean)
