"""The graph that is shipped is the one that the script writes."""

from pathlib import Path

import pytest

from wordloop_ml.engines.minilm import DIMENSIONS

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
graph = pytest.importorskip("scripts.minilm_graph")

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
PUBLISHED = WEIGHTS / "all-minilm-l6-v2.safetensors"
SHIPPED = WEIGHTS / "all-minilm-l6-v2.onnx"


@pytest.fixture(scope="module")
def published() -> Path:
    if not PUBLISHED.exists():
        pytest.skip(f"{PUBLISHED.name} is not there: run wordloop-ml weights pull")
    return PUBLISHED


def test_the_script_writes_what_is_shipped(published: Path) -> None:
    """Byte for byte."""
    written = graph.write_graph(graph.read_tensors(published), published.name)
    assert written == SHIPPED.read_bytes()


def test_the_graph_is_valid_and_holds_no_weights(published: Path) -> None:
    """By ONNX's own rules of shapes and types, with every matrix where the published file has it."""
    model = onnx.load(str(SHIPPED), load_external_data=False)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    assert [one.version for one in model.opset_import] == [18]
    tensors = graph.read_tensors(published)
    stored = [one for one in model.graph.initializer if one.external_data]
    matrices = {
        name.replace(".", "_"): place for name, place in tensors.items() if name[:7] != "pooler."
    }
    for one in stored:
        place = {entry.key: entry.value for entry in one.external_data}
        assert place["location"] == published.name
        assert int(place["offset"]) == matrices[one.name].offset
        assert tuple(one.dims) == matrices[one.name].shape
    assert {one.name for one in stored} == {*matrices}
    assert SHIPPED.stat().st_size < 64 << 10
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == DIMENSIONS


def test_what_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    """By its first bytes."""
    other = tmp_path / "other"
    other.write_bytes(b"\xff" * 64)
    with pytest.raises(ValueError, match="no safetensors"):
        graph.read_tensors(other)
