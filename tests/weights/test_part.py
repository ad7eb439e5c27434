"""The partial file: what it keeps, and what it makes of a disk that refuses."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from wordloop_ml.errors import ErrorCode, StartupFailed, WordloopError
from wordloop_ml.weights import PullPhase, WeightsEntry
from wordloop_ml.weights.part import Part, writing

CONTENT = b"0123456789"
DIGEST = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
ENTRY = WeightsEntry("a", "a.bin", 10, DIGEST, "MIT", "scripted", ())


def quiet(phase: PullPhase, done_bytes: int, detail: str) -> None:
    """Hear nothing."""


def test_a_part_is_placed_under_the_name_of_the_file(tmp_path: Path) -> None:
    """Once it is the file, to the bit."""
    with Part(ENTRY, tmp_path, quiet) as part:
        part.append(CONTENT[:4])
        assert part.missing_bytes == 6
        part.append(CONTENT[4:])
        assert part.is_right
        assert part.place() == tmp_path / "a.bin"
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert not part.path.exists()


def test_what_was_written_is_kept_and_hashed_again(tmp_path: Path) -> None:
    """By the next part of this name, which says how far it is."""
    with Part(ENTRY, tmp_path, quiet) as part:
        part.append(CONTENT[:4])
    said: list[int] = []
    with Part(ENTRY, tmp_path, lambda phase, done, detail: said.append(done)) as part:
        assert (part.size, part.missing_bytes, part.inherited) == (4, 6, True)
        part.append(CONTENT[4:])
        assert part.is_right
    assert said == [4]


def test_a_part_that_is_too_long_is_dropped(tmp_path: Path) -> None:
    """It cannot be the beginning of this file."""
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"x")
    with Part(ENTRY, tmp_path, quiet) as part:
        assert (part.size, part.inherited) == (0, False)
        part.append(CONTENT)
        assert part.is_right


def test_restarting_drops_bytes_and_digest(tmp_path: Path) -> None:
    """And an empty part leaves no file."""
    with Part(ENTRY, tmp_path, quiet) as part:
        part.append(b"wrong")
        part.restart()
        part.append(CONTENT)
        assert part.is_right
        part.restart()
    assert not part.path.exists()


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL, "no room left"),
        (errno.EDQUOT, ErrorCode.DISK_FULL, "no room left"),
        (errno.EACCES, ErrorCode.BAD_SETTING, "Permission denied"),
        (errno.EROFS, ErrorCode.BAD_SETTING, "Read-only file system"),
        (errno.EIO, ErrorCode.BAD_SETTING, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_named(number: int, code: ErrorCode, text: str) -> None:
    """Each with the directory in the message."""
    with pytest.raises(WordloopError, match=text) as caught, writing(Path("/weights")):
        raise OSError(number, text)
    assert caught.value.code is code
    assert "/weights" in str(caught.value)


def test_a_part_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """Something else has its name."""
    (tmp_path / "a.bin.part").mkdir()
    with pytest.raises(StartupFailed, match="cannot be written") as caught:
        Part(ENTRY, tmp_path, quiet)
    assert caught.value.code is ErrorCode.BAD_SETTING
