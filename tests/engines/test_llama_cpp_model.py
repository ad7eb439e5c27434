"""The head of a GGUF file."""

from collections.abc import Callable
from pathlib import Path

import gguf
import pytest

from scripts.gguf_models import TINY, write_tiny
from wordloop_ml.engines.llama_cpp_model import GgufHeader, read_gguf_header
from wordloop_ml.errors import ErrorCode, StartupFailed


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_tiny(path)
    return path.read_bytes()


def test_the_head_tells_the_shape(tiny: bytes) -> None:
    """Keys and values of the context: as many as there are heads for them, in f16."""
    header = read_gguf_header(memoryview(tiny))
    assert header == GgufHeader("llama", 2, 64, 4, 2, 16, 16, TINY.context)
    grown = header.context_bytes(1_000) - header.context_bytes(0)
    assert grown == 1_000 * 2 * 2 * (16 + 16) * 2
    assert header.context_bytes(1 << 30) == header.context_bytes(TINY.context)


def test_tags_may_come_before_the_shape(tmp_path: Path) -> None:
    """Real files have lists of strings there; and heads may differ by layer."""
    writer = gguf.GGUFWriter(tmp_path / "tagged.gguf", "granite")
    writer.add_tags(["text", "chat"])
    writer.add_block_count(3)
    writer.add_embedding_length(256)
    writer.add_head_count(8)
    writer.add_head_count_kv([2, 4, 2])
    writer.add_key_length(64)
    writer.add_context_length(512)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    header = read_gguf_header(memoryview((tmp_path / "tagged.gguf").read_bytes()))
    assert header == GgufHeader("granite", 3, 256, 8, 4, 64, 32, 512)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda _tiny: b"",
        lambda _tiny: b"ggml of another kind",
        lambda tiny: tiny[:4] + b"\x02" + tiny[5:],
        lambda tiny: tiny[:200],
        lambda tiny: tiny.replace(b"llama.block_count", b"llama.block_c0unt"),
        lambda tiny: tiny[:16] + b"\xff" * 16 + tiny[32:],
    ],
)
def test_anything_else_is_refused_by_name(tiny: bytes, spoilt: Callable[[bytes], bytes]) -> None:
    """Before the library, which would only say no, sees it."""
    with pytest.raises(StartupFailed) as caught:
        read_gguf_header(memoryview(spoilt(tiny)))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
