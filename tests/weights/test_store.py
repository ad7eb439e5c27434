"""The weights directory: verified, mapped, and within the memory there is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.test_cgroup import write
from wordloop_ml.cgroup import MemoryLimit
from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.weights.manifest import RepositorySource, WeightsEntry
from wordloop_ml.weights.store import (
    MEETINGS_BYTES,
    is_marked,
    open_mapped,
    require_memory,
    resident_bytes,
    verify,
)

CONTENT = b"weights " * 1_000


@pytest.fixture
def shelf(tmp_path: Path) -> WeightsEntry:
    """An entry whose file lies, right and whole, in ``tmp_path``."""
    (tmp_path / "a.bin").write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    elsewhere = RepositorySource(tmp_path / "elsewhere" / "a.bin")
    return WeightsEntry("a", "a.bin", len(CONTENT), digest, "MIT", "scripted", (elsewhere,))


def refusal(entry: WeightsEntry, directory: Path) -> WeightsUnusable:
    """The error of a verification that must fail, and whose message must help."""
    with pytest.raises(WeightsUnusable) as caught:
        verify(entry, directory)
    message = str(caught.value)
    assert str(directory / entry.file) in message
    assert f"run: wordloop-ml weights pull a --directory {directory}" in message
    assert not is_marked(entry, directory)
    return caught.value


def test_the_right_file_verifies(shelf: WeightsEntry, tmp_path: Path) -> None:
    """And its path comes back."""
    assert verify(shelf, tmp_path) == tmp_path / "a.bin"


def test_a_missing_file_is_missing(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Named, with what was expected, and what to run."""
    (tmp_path / "a.bin").unlink()
    error = refusal(shelf, tmp_path)
    assert error.code is ErrorCode.WEIGHTS_MISSING
    assert "expected 8000 bytes, found nothing there" in str(error)


@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling link"])
def test_what_is_no_file_is_missing(shelf: WeightsEntry, tmp_path: Path, kind: str) -> None:
    """And does not hang the start."""
    path = tmp_path / "a.bin"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert refusal(shelf, tmp_path).code is ErrorCode.WEIGHTS_MISSING


@pytest.mark.parametrize("size", [0, 1, 7_999])
def test_a_short_file_is_truncated(shelf: WeightsEntry, tmp_path: Path, size: int) -> None:
    """Down to nothing at all."""
    os.truncate(tmp_path / "a.bin", size)
    error = refusal(shelf, tmp_path)
    assert error.code is ErrorCode.WEIGHTS_TRUNCATED
    assert f"expected 8000 bytes, found {size} bytes" in str(error)


def test_a_long_file_is_corrupt(shelf: WeightsEntry, tmp_path: Path) -> None:
    """It begins right, and does not end there."""
    (tmp_path / "a.bin").write_bytes(CONTENT + b"!")
    error = refusal(shelf, tmp_path)
    assert error.code is ErrorCode.WEIGHTS_CORRUPT
    assert "expected 8000 bytes, found 8001 bytes" in str(error)


@pytest.mark.parametrize("position", [0, 4_321, 7_999])
def test_a_changed_byte_is_corrupt(shelf: WeightsEntry, tmp_path: Path, position: int) -> None:
    """Wherever it is."""
    spoilt = bytearray(CONTENT)
    spoilt[position] ^= 1
    (tmp_path / "a.bin").write_bytes(spoilt)
    error = refusal(shelf, tmp_path)
    assert error.code is ErrorCode.WEIGHTS_CORRUPT
    assert f"expected SHA-256 {shelf.sha256}" in str(error)
    assert hashlib.sha256(spoilt).hexdigest() in str(error)


def test_what_the_repository_ships_is_mended_from_git(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Pulling could not help where the weights directory is the repository's own."""
    path = tmp_path / "a.bin"
    path.unlink()
    shipped = replace(shelf, sources=(RepositorySource(path),))
    with pytest.raises(WeightsUnusable, match=f"run: git checkout -- {path}"):
        verify(shipped, tmp_path)


def spoil_unseen(path: Path) -> None:
    """Change a byte and leave size and time as they were, as a failing disk does."""
    facts = path.stat()
    path.write_bytes(b"W" + CONTENT[1:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_a_marker_saves_the_second_reading(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Shown by a change that only a reading would find; ``rehash`` reads, and finds it."""
    assert not is_marked(shelf, tmp_path)
    verify(shelf, tmp_path)
    assert is_marked(shelf, tmp_path)
    spoil_unseen(tmp_path / "a.bin")
    verify(shelf, tmp_path)
    with pytest.raises(WeightsUnusable) as caught:
        verify(shelf, tmp_path, rehash=True)
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT
    assert not is_marked(shelf, tmp_path)


def test_a_file_touched_since_is_read_again(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Another modification time voids the marker."""
    verify(shelf, tmp_path)
    (tmp_path / "a.bin").write_bytes(b"W" + CONTENT[1:])
    os.utime(tmp_path / "a.bin", ns=(1, 1))
    assert refusal(shelf, tmp_path).code is ErrorCode.WEIGHTS_CORRUPT


def test_a_marker_for_another_digest_vouches_for_nothing(
    shelf: WeightsEntry, tmp_path: Path
) -> None:
    """The manifest was changed, the file was not."""
    verify(shelf, tmp_path)
    changed = replace(shelf, sha256="0" * 64)
    assert refusal(changed, tmp_path).code is ErrorCode.WEIGHTS_CORRUPT


@pytest.mark.parametrize("marker", [b"", b"{", b"[" * 4_000, b"\xff", b"null", b'{"sha256": 1}'])
def test_a_broken_marker_vouches_for_nothing(
    shelf: WeightsEntry, tmp_path: Path, marker: bytes
) -> None:
    """Nor is it an error: the file is read instead."""
    (tmp_path / "a.bin.verified").write_bytes(marker)
    assert not is_marked(shelf, tmp_path)
    verify(shelf, tmp_path)
    assert is_marked(shelf, tmp_path)


def test_the_marker_says_what_was_verified(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Digest, size and modification time; no draft of it stays behind."""
    verify(shelf, tmp_path)
    assert json.loads((tmp_path / "a.bin.verified").read_text()) == {
        "sha256": shelf.sha256,
        "bytes": 8_000,
        "mtime_ns": (tmp_path / "a.bin").stat().st_mtime_ns,
    }
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.bin", "a.bin.verified"]


def test_a_directory_that_takes_no_marker_is_no_error(shelf: WeightsEntry, tmp_path: Path) -> None:
    """As in a container with a read-only file system: verified, each time by reading."""
    (tmp_path / "a.bin.verified").mkdir()
    assert verify(shelf, tmp_path) == tmp_path / "a.bin"
    assert not is_marked(shelf, tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.bin", "a.bin.verified"]


def test_mapped_weights_are_read_only_and_whole(shelf: WeightsEntry, tmp_path: Path) -> None:
    """A view of bytes that nobody can write through."""
    with open_mapped(shelf, tmp_path) as weights:
        assert (weights.name, weights.path) == ("a", tmp_path / "a.bin")
        assert weights.buffer.readonly
        assert weights.buffer == CONTENT
        with pytest.raises(TypeError):
            weights.buffer[0] = 0


def test_wrong_weights_are_never_mapped(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Opening verifies."""
    (tmp_path / "a.bin").write_bytes(bytes(8_000))
    with pytest.raises(WeightsUnusable) as caught:
        open_mapped(shelf, tmp_path)
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT


def test_closed_weights_have_no_buffer(shelf: WeightsEntry, tmp_path: Path) -> None:
    """And closing again is harmless."""
    weights = open_mapped(shelf, tmp_path)
    weights.close()
    weights.close()
    with pytest.raises(ValueError, match="the weights a are closed"):
        _ = weights.buffer


def test_a_view_outlives_the_close(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Memory that a native library still looks at is not pulled away."""
    weights = open_mapped(shelf, tmp_path)
    view = np.frombuffer(weights.buffer, dtype=np.uint8)
    weights.close()
    assert view.tobytes() == CONTENT
    assert maps_of(tmp_path / "a.bin") == 1
    del view
    assert maps_of(tmp_path / "a.bin") == 0


def test_close_unmaps_at_once_without_views(shelf: WeightsEntry, tmp_path: Path) -> None:
    """Neither memory nor a descriptor stays."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    weights = open_mapped(shelf, tmp_path)
    assert maps_of(tmp_path / "a.bin") == 1
    weights.close()
    assert maps_of(tmp_path / "a.bin") == 0
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def maps_of(path: Path) -> int:
    """How many mappings of a file this process has."""
    return Path("/proc/self/maps").read_text().count(str(path))


def test_an_error_names_the_file_in_its_folder(shelf: WeightsEntry, tmp_path: Path) -> None:
    """And the directory that a pull needs."""
    (tmp_path / "model").mkdir()
    (tmp_path / "a.bin").rename(tmp_path / "model" / "a.bin")
    with open_mapped(replace(shelf, file="model/a.bin"), tmp_path) as weights:
        weights.path.unlink()
        with pytest.raises(WeightsUnusable, match="another file in its place") as caught:
            weights.open_file()
    assert f" {tmp_path / 'model' / 'a.bin'}: " in str(caught.value)
    assert str(caught.value).endswith(f"--directory {tmp_path}")


def test_a_library_gets_the_file_that_was_verified(shelf: WeightsEntry, tmp_path: Path) -> None:
    """By a descriptor of its own; not another that has taken its name, nor one written to."""
    with open_mapped(shelf, tmp_path) as weights:
        with os.fdopen(weights.open_file(), "rb") as file:
            assert file.read() == CONTENT
        os.utime(weights.path, ns=(1, 1))
        with pytest.raises(WeightsUnusable) as caught:
            weights.open_file()
        assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT
        weights.path.unlink()
        with pytest.raises(WeightsUnusable, match="another file in its place"):
            weights.open_file()


def test_what_is_resident_is_the_kernel_s_word(tmp_path: Path) -> None:
    """In its kibibytes, whatever else the file has."""
    root = write(tmp_path, {"proc/self/status": "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1\n"})
    assert resident_bytes(root) == 1234 * 1024
    assert resident_bytes(tmp_path / "nowhere") == 0


def test_what_fits_to_the_byte_is_loaded() -> None:
    """Process, weights and the room for meetings together."""
    limit = MemoryLimit(MEETINGS_BYTES + 1000, Path("memory.max"))
    require_memory({"weights": 600}, limit, resident=400)
    require_memory({"weights": 1 << 50}, None, resident=400)


def test_one_byte_more_is_refused_with_its_parts() -> None:
    """So that an operator can tell which of them to make smaller."""
    limit = MemoryLimit(MEETINGS_BYTES + 999, Path("memory.max"))
    with pytest.raises(WeightsUnusable) as caught:
        require_memory({"weights of x": 600}, limit, resident=400)
    assert isinstance(caught.value, StartupFailed)
    assert caught.value.code is ErrorCode.WEIGHTS_TOO_LARGE
    message = str(caught.value)
    for part in ("about 65 MiB", "1 for weights of x", "64 for meetings", "allows 64 MiB"):
        assert part in message
