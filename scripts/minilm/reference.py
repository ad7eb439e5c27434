"""all-MiniLM-L6-v2 once more, in PyTorch, from its paper: what the graph is checked against.

Written without a look at the graph or at anybody's code: BERT as in Devlin et al. 2019
(arXiv:1810.04805), pooled as in Reimers and Gurevych 2019 (arXiv:1908.10084), with the tensors' names
of the safetensors file. One text at a time, without padding, in float64.
"""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

LAYERS = 6
HEADS = 12
NORM_EPSILON = 1e-12

Weights = dict[str, torch.Tensor]


def read_weights(path: Path) -> Weights:
    """Every float32 tensor of a safetensors file, as float64."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    weights = {}
    for name, facts in json.loads(content[8 : 8 + length]).items():
        if name != "__metadata__" and facts["dtype"] == "F32":
            begin, end = (8 + length + offset for offset in facts["data_offsets"])
            values = np.frombuffer(content[begin:end], "<f4").reshape(facts["shape"])
            weights[name] = torch.from_numpy(values.astype(np.float64))
    return weights


@torch.no_grad()
def embed(weights: Weights, ids: Sequence[int]) -> npt.NDArray[np.float64]:
    """The embedding of one text by its token ids, marks included: float64, of length 1."""

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.layer_norm(x, x.shape[-1:], scale, shift, NORM_EPSILON)

    def in_heads(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (HEADS, -1)).transpose(0, 1)

    tokens = torch.tensor(ids)
    x = (
        weights["embeddings.word_embeddings.weight"][tokens]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    x = norm(x, "embeddings.LayerNorm")
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"
        query, key, value = (
            in_heads(linear(x, f"{layer}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        heard = functional.scaled_dot_product_attention(query, key, value)
        heard = heard.transpose(0, 1).flatten(1)
        x = norm(
            x + linear(heard, f"{layer}.attention.output.dense"),
            f"{layer}.attention.output.LayerNorm",
        )
        wide = functional.gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(x + linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    vector: npt.NDArray[np.float64] = functional.normalize(x.mean(0), dim=0).numpy()
    return vector
