"""Fragmented MP4 behind a fragment whose head is damaged, where FFmpeg stops; blocking.

Browsers record so: a header, then fragments, each with the time it begins at (ISO/IEC 14496-12, 8.8).
With the header alone before it, any later fragment is a file.
"""

import io
from pathlib import Path
from typing import BinaryIO

_FRAGMENT = b"moof\0\0\0\x10mfhd"
"""How each begins, behind four bytes of its size."""
_LARGEST_HEADER = 1 << 20
"""That of a fragmented file names its streams and no samples."""
_BLOCK = 1 << 20


def first_fragment(path: Path) -> int | None:
    """Where the first fragment of a file begins; None where it has none."""
    return next_fragment(path, 0, _LARGEST_HEADER)


def next_fragment(path: Path, begins: int, most_bytes: int | None = None) -> int | None:
    """Where the next fragment at or behind a position begins; None without one.

    most_bytes: it is looked for so far.
    """
    kept = b""
    try:
        with path.open("rb") as file:
            at = file.seek(begins)
            while block := file.read(_BLOCK):
                # not one that began before
                found = (kept + block).find(_FRAGMENT, 4)
                if found >= 0:
                    return at - len(kept) + found - 4
                at += len(block)
                kept = (kept + block)[-len(_FRAGMENT) - 4 :]
                if most_bytes is not None and at - begins > most_bytes:
                    break
    except OSError:
        pass
    return None


class FromFragment(io.RawIOBase):
    """A file without what lies between its header and one of its fragments; to be read and closed.

    Everything stands where it was: what is left out has become a box of free space.

    first: where the first fragment begins, and the header ends. begins: of the fragment, behind it.
    Raises ``OSError``.
    """

    def __init__(self, path: Path, first: int, begins: int) -> None:
        self._file: BinaryIO = path.open("rb")
        # a size of 1 stands for the eight bytes behind the name
        self._free = b"\0\0\0\1free" + (begins - first).to_bytes(8)
        self._first = first

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end of the file."""
        at = self._file.tell()
        content = bytearray(self._file.read(size))
        begin, end = max(at, self._first), min(at + len(content), self._first + len(self._free))
        if begin < end:
            content[begin - at : end - at] = self._free[begin - self._first : end - self._first]
        return bytes(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
