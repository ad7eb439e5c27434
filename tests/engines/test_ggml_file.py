"""A wrong weights file is refused before native code sees it."""

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.engines.gguf_models import TINY, write_tiny
from wordloop_ml.engines.ggml_file import GgufHeader, read_gguf_header, read_header
from wordloop_ml.errors import ErrorCode, StartupFailed

Write = Callable[..., memoryview]


@pytest.fixture(scope="module")
def whole(written_whisper: Write) -> bytes:
    """A file that is right."""
    return bytes(written_whisper())


def refusal(content: bytes | bytearray) -> str:
    """Why a file is refused."""
    with pytest.raises(StartupFailed) as caught:
        read_header(memoryview(content))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
    return str(caught.value)


def test_a_whole_file_gives_its_hyperparameters(written_whisper: Write) -> None:
    """In the order of the file."""
    header = read_header(written_whisper(audio_layers=2, text_layers=3, audio_context=750))
    assert (header.audio_layers, header.text_layers, header.audio_context) == (2, 3, 750)
    assert (header.vocabulary, header.mels, header.languages) == (51_864, 80, 1)
    assert header.tensors == 11 + 2 * 15 + 3 * 24


def test_a_state_needs_what_its_shape_says(written_whisper: Write) -> None:
    """The estimate for tiny's shape, which takes 128 MiB; more heads and width take more."""
    tiny = read_header(written_whisper(width=384, heads=6, audio_layers=4, text_layers=4))
    assert tiny.state_bytes >> 20 == 130
    wider = read_header(written_whisper(width=512, heads=8, audio_layers=6, text_layers=6))
    assert wider.state_bytes > 1.3 * tiny.state_bytes


def test_beams_need_room_of_their_own(written_whisper: Write) -> None:
    """whisper.cpp makes room for two more than there are: 3 MiB each of tiny's shape."""
    tiny = read_header(written_whisper(width=384, heads=6, audio_layers=4, text_layers=4))
    assert tiny.beam_bytes(1) == 0
    assert tiny.beam_bytes(5) >> 20 == 18


def test_the_vocabulary_tells_how_many_languages(written_whisper: Write) -> None:
    """99 since the first multilingual models, 100 with Cantonese."""
    assert read_header(written_whisper(vocabulary=51_865)).languages == 99
    assert read_header(written_whisper(vocabulary=51_866, mels=128)).languages == 100


def test_other_files_are_refused() -> None:
    """Empty, text, or another format."""
    for content in (b"", b"lm", b"GGUF" + bytes(100), b"not weights at all" * 50):
        assert "whisper.cpp" in refusal(content)


def test_a_file_that_ends_early_is_refused_wherever_it_ends(whole: bytes) -> None:
    """The library would go on with whatever lies in memory."""
    places = np.unique(np.geomspace(1, len(whole) - 1, 60).astype(int))
    for size in [*places.tolist(), len(whole) - 1]:
        refusal(whole[:size])


def test_a_file_that_goes_on_is_refused(whole: bytes) -> None:
    """What follows the last tensor is no tensor."""
    refusal(whole + bytes(100))


@pytest.mark.parametrize("field", range(11))
@pytest.mark.parametrize("value", [-1, 0, 7, 2**31 - 1])
def test_impossible_hyperparameters_are_refused(whole: bytes, field: int, value: int) -> None:
    """Each of them sizes memory, or indexes it. (A file type may be 0 and 7 by itself.)"""
    content = bytearray(whole)
    struct.pack_into("<i", content, 4 + 4 * field, value)
    if field == 10 and value in (0, 7):
        assert read_header(memoryview(content)).file_type == value
    else:
        refusal(content)


def test_a_vocabulary_without_a_blank_is_refused(written_whisper: Write) -> None:
    """The library looks it up and aborts."""
    pieces = tuple(bytes([value]) for value in range(256) if value != ord(" "))
    assert "blank" in refusal(bytes(written_whisper(pieces=pieces)))


def test_a_missing_tensor_is_refused(written_whisper: Write) -> None:
    """Without any, the library takes the file for a test and decodes nothing."""
    missing = frozenset({"decoder.blocks.0.cross_attn.value.bias"})
    assert "tensors" in refusal(bytes(written_whisper(leave_out=missing)))


def test_random_damage_is_refused_or_harmless(whole: bytes) -> None:
    """Nothing else than ``StartupFailed`` is raised, whatever the bytes."""
    random = np.random.default_rng(0)
    structured = len(whole) // 8
    for _ in range(40):
        content = bytearray(whole)
        for place in random.integers(0, structured, 20).tolist():
            content[place] = int(random.integers(0, 256))
        with suppress(StartupFailed):
            read_header(memoryview(content))


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
