import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.audio.files import FromFragment, first_fragment, next_fragment

HEAD = b"ftyp and moov, of some length"
FRAGMENT = b"\0\0\0\x44moof\0\0\0\x10mfhd" + bytes(range(40))


def write(folder: Path, fragments: int = 3) -> Path:
    """A header and some fragments, as far as anybody looks here."""
    path = folder / "a.mp4"
    path.write_bytes(HEAD + FRAGMENT * fragments)
    return path


def test_fragments_are_found_one_by_one(tmp_path: Path) -> None:
    """From any position on, those that begin there or later."""
    path = write(tmp_path)
    begins = [len(HEAD) + len(FRAGMENT) * at for at in range(3)]
    assert first_fragment(path) == begins[0]
    assert next_fragment(path, begins[1]) == begins[1]
    assert next_fragment(path, begins[1] + 1) == begins[2]
    assert next_fragment(path, begins[2] + 1) is None


def test_a_fragment_is_found_across_blocks_of_reading(tmp_path: Path) -> None:
    """A megabyte is read at a time."""
    path = tmp_path / "a.mp4"
    for before in range((1 << 20) - 20, 1 << 20):
        path.write_bytes(bytes(before) + FRAGMENT)
        assert next_fragment(path, 0) == before


def test_other_files_have_no_fragments(tmp_path: Path) -> None:
    """Nor has one that is not there, or one whose header is far too long."""
    assert first_fragment(tmp_path / "gone.mp4") is None
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(3 << 20) + FRAGMENT)
    assert first_fragment(path) is None


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 80)), max_size=12))
def test_what_is_left_out_is_free_space(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, int]]
) -> None:
    """However the file is read, and everything else stands where it was."""
    path = write(tmp_path_factory.mktemp("fragments"))
    first, begins = len(HEAD), len(HEAD) + 2 * len(FRAGMENT)
    whole = path.read_bytes()
    free = b"\0\0\0\1free" + (begins - first).to_bytes(8)
    expected = whole[:first] + free + whole[first + len(free) :]
    with FromFragment(path, first, begins) as masked:
        assert masked.seekable()
        assert masked.readable()
        assert masked.read() == expected
        assert masked.seek(-5, io.SEEK_END) == len(whole) - 5
        for at, size in reads:
            masked.seek(at)
            assert masked.read(size) == expected[at : at + size]
            assert masked.tell() == at + len(expected[at : at + size])
