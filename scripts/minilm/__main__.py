"""``scripts/write_minilm_graph``: write weights/all-minilm-l6-v2.onnx over the pulled weights."""

import hashlib
from pathlib import Path

from scripts.minilm.graph import read_tensors, write_graph

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


def main() -> None:
    """Write the graph, and say what its row of the manifest has to hold."""
    weights = WEIGHTS / "all-minilm-l6-v2.safetensors"
    content = write_graph(read_tensors(weights), weights.name)
    (WEIGHTS / "all-minilm-l6-v2.onnx").write_bytes(content)
    print(f"bytes = {len(content)}")
    print(f'sha256 = "{hashlib.sha256(content).hexdigest()}"')


if __name__ == "__main__":
    main()
