"""The partial file of a pull: one stable name, hashed as it grows, kept across restarts."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.weights.manifest import WeightsEntry
from wordloop_ml.weights.store import mark, unmark
from wordloop_ml.weights.terms import PullPhase, Report

_STEP_BYTES: Final = 1 << 20
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Name what the disk refuses: ``disk_full``, or ``bad_setting`` for the directory."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise WeightsUnusable(
                f"no room left in the weights directory {directory}", code=ErrorCode.DISK_FULL
            ) from error
        raise StartupFailed(
            f"the weights directory {directory} cannot be written: {error.strerror or error}; "
            "set WORDLOOP_WEIGHTS, or give --directory",
            code=ErrorCode.BAD_SETTING,
        ) from error


class Part:
    """``<file>.part``, open for one pull under its lock.

    size: bytes held, never more than the entry's.
    inherited: whether some of them may come from elsewhere than the source at work.
    """

    def __init__(self, entry: WeightsEntry, directory: Path, report: Report) -> None:
        """Open what an earlier pull has left, and hash it again."""
        self.entry = entry
        self.directory = directory
        self.path = directory / f"{entry.file}.part"
        self._report = report
        self._digest = hashlib.sha256()
        with writing(directory):
            self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
            try:
                self.size = self._rehash()
            except BaseException:
                self._file.close()
                raise
        self.inherited = self.size > 0

    @property
    def missing_bytes(self) -> int:
        """How many bytes are still to come."""
        return self.entry.bytes - self.size

    @property
    def is_right(self) -> bool:
        """Whether it is the file of the manifest, to the bit."""
        return self.missing_bytes == 0 and self._digest.hexdigest() == self.entry.sha256

    def append(self, data: bytes) -> None:
        """Write and hash the next bytes; at most ``missing_bytes`` of them."""
        with writing(self.directory):
            self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Drop everything held."""
        with writing(self.directory):
            self._file.seek(0)
            self._file.truncate()
        self._digest = hashlib.sha256()
        self.size = 0
        self.inherited = False

    def place(self) -> Path:
        """Give the complete file its own name, durably and at once; returns its path."""
        target = self.directory / self.entry.file
        with writing(self.directory):
            self._file.flush()
            os.fsync(self._file.fileno())
            facts = os.fstat(self._file.fileno())
            unmark(target)
            self.path.replace(target)
            _sync_directory(target.parent)
        mark(self.entry, target, facts)
        return target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Keep what was written for the next pull; an empty part is not kept."""
        with writing(self.directory):
            self._file.close()
            if self.size == 0:
                self.path.unlink(missing_ok=True)

    def _rehash(self) -> int:
        """Hash what is kept; a part that is too long cannot be this file's."""
        kept = os.fstat(self._file.fileno()).st_size
        if kept > self.entry.bytes:
            self._file.truncate(0)
            return 0
        size = 0
        while data := self._file.read(_STEP_BYTES):
            self._digest.update(data)
            size += len(data)
            self._report(PullPhase.REHASHING, size, "")
        return size


def _sync_directory(directory: Path) -> None:
    """Make a rename durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
