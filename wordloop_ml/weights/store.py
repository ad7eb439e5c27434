"""Verifies files of the weights directory and maps them read-only, if they fit into memory.

Verification costs a pass over the file, so that its outcome is kept in ``<file>.verified``: the
digest, the size and the modification time of the file that was hashed. The marker saves time at
boot; it is no defence against somebody who can write to the directory, who could as well replace
both.

Linux kills a process that grows beyond its control group's limit: no error, no drain, and in the
middle of meetings. So what will surely be needed is added up before anything is loaded (proc(5)
for ``/proc/self/status``).
"""

import hashlib
import json
import mmap
import os
import secrets
import shlex
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from wordloop_ml.cgroup import MemoryLimit
from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.manifest import RepositorySource, WeightsEntry

MEBIBYTE: Final = 1 << 20

MEETINGS_BYTES: Final = 64 * MEBIBYTE
"""Kept free for meetings: some thirty tracks whose rings are full (1.9 MB each), and sockets."""


def resident_bytes(filesystem: Path = Path("/")) -> int:
    """Return the bytes that this process has in memory; 0 where the kernel does not say."""
    try:
        lines = (filesystem / "proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    sizes = (line.split() for line in lines if line.startswith("VmRSS:"))
    return next((int(size) * 1024 for _, size, *_ in sizes), 0)


def require_memory(
    needs: Mapping[str, int], limit: MemoryLimit | None, *, resident: int = 0
) -> None:
    """Refuse to load what cannot fit; without a limit, everything may be tried.

    needs: bytes by what needs them, the weights and all that is made for them; ``MEETINGS_BYTES``
    comes on top. resident: what the process has already.
    Raises ``WeightsUnusable`` (``weights_too_large``) with the sum and its parts.
    """
    parts = {"the process": resident, **needs, "meetings": MEETINGS_BYTES}
    needed = sum(parts.values())
    if limit is None or needed <= limit.bytes:
        return
    told = ", ".join(f"{_mebibytes(size)} for {what}" for what, size in parts.items())
    raise WeightsUnusable(
        f"the weights do not fit into this container: about {_mebibytes(needed)} MiB are needed "
        f"({told}), {limit.source} allows {_mebibytes(limit.bytes, up=False)} MiB; raise the "
        "limit, or choose fewer workers or a smaller profile",
        code=ErrorCode.WEIGHTS_TOO_LARGE,
    )


def _mebibytes(size: int, *, up: bool = True) -> int:
    return -(-size // MEBIBYTE) if up else size // MEBIBYTE


_HASH_STEP_BYTES: Final = 4 << 20
_MARKER_LIMIT_BYTES: Final = 4096


class MappedWeights:
    """Weights in read-only shared memory, verified from that very mapping.

    buffer: the whole file, uint8, read-only. Containers and processes on one machine share its
    pages. Whoever needs it after ``close`` keeps a view of its own: the mapping then lives until
    that view goes.
    entry: its row of the manifest. name: of that row.
    """

    def __init__(
        self, entry: WeightsEntry, directory: Path, mapping: mmap.mmap, facts: os.stat_result
    ) -> None:
        self.entry = entry
        self.name = entry.name
        self.path = directory / entry.file
        self._directory = directory
        self._facts = facts
        self._mapping: mmap.mmap | None = mapping
        self._buffer = memoryview(mapping)

    @property
    def buffer(self) -> memoryview:
        """The bytes, shape (size of the file,); raises ``ValueError`` once closed."""
        if self._mapping is None:
            raise ValueError(f"the weights {self.name} are closed")
        return self._buffer

    def open_file(self) -> int:
        """Open a descriptor of the very file that was verified, for a library that maps it itself.

        The caller closes it. Raises ``WeightsUnusable`` (``weights_corrupt``) when another file
        has its name by now, or when it was written to.
        """
        found = "another file in its place"
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _unusable(
                ErrorCode.WEIGHTS_CORRUPT, self.entry, self._directory, found
            ) from error
        if _identity(os.fstat(handle)) != _identity(self._facts):
            os.close(handle)
            raise _unusable(ErrorCode.WEIGHTS_CORRUPT, self.entry, self._directory, found)
        return handle

    def close(self) -> None:
        """Unmap, at once or with the last view that somebody else holds; harmless when repeated."""
        mapping, self._mapping = self._mapping, None
        if mapping is None:
            return
        # A native library or an array may still look at the bytes: pulling the memory away would
        # end the process, so that the last reference unmaps it instead.
        with suppress(BufferError):
            self._buffer.release()
            mapping.close()
        self._buffer = memoryview(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def verify(entry: WeightsEntry, directory: Path, *, rehash: bool = False) -> Path:
    """Check the size, then the digest, of one file; returns its path.

    rehash: read the file even if its marker says that it was verified and has not changed.
    Raises ``WeightsUnusable``: ``weights_missing``, ``weights_truncated``, ``weights_corrupt``.
    """
    with _open(entry, directory, rehash=rehash) as weights:
        return weights.path


def open_mapped(entry: WeightsEntry, directory: Path) -> MappedWeights:
    """Verify one file as ``verify`` does, and keep it mapped; the caller closes it."""
    return _open(entry, directory, rehash=False)


def is_marked(entry: WeightsEntry, directory: Path) -> bool:
    """Whether the file is there and unchanged since it was last verified; reads no weights."""
    path = directory / entry.file
    try:
        facts = path.stat()
    except OSError:
        return False
    return facts.st_size == entry.bytes and _vouched(entry, path, facts)


def mark(entry: WeightsEntry, path: Path, facts: os.stat_result) -> None:
    """Note that the file with these facts was verified; a read-only directory keeps no note."""
    # Two containers may mark at once (both are process 1), and no reader may see half a marker.
    draft = path.with_name(f"{path.name}.verified.{secrets.token_hex(4)}")
    try:
        draft.write_text(json.dumps(_marker(entry, facts)) + "\n", encoding="ascii")
        draft.replace(_marker_path(path))
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def unmark(path: Path) -> None:
    """Forget that the file was verified."""
    with suppress(OSError):
        _marker_path(path).unlink(missing_ok=True)


def cure(entry: WeightsEntry, directory: Path) -> str:
    """Return the end of an error message: the command that puts the file right."""
    target = (directory / entry.file).resolve()
    for source in entry.sources:
        if isinstance(source, RepositorySource) and source.path.resolve() == target:
            return f"run: git checkout -- {shlex.quote(str(source.path))}"
    return f"run: wordloop-ml weights pull {entry.name} --directory {shlex.quote(str(directory))}"


def _open(entry: WeightsEntry, directory: Path, *, rehash: bool) -> MappedWeights:
    path = directory / entry.file
    mapping, facts = _map(entry, path, directory)
    weights = MappedWeights(entry, directory, mapping, facts)
    try:
        if rehash or not _vouched(entry, path, facts):
            _check_digest(entry, weights, directory)
            mark(entry, path, facts)
    except BaseException:
        weights.close()
        raise
    return weights


def _map(entry: WeightsEntry, path: Path, directory: Path) -> tuple[mmap.mmap, os.stat_result]:
    """Map a file of the declared size; returns the map and the file's status when it was opened."""
    try:
        # Not blocking: a FIFO of this name must not hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        found = "nothing there" if isinstance(error, FileNotFoundError) else error.strerror
        raise _unusable(ErrorCode.WEIGHTS_MISSING, entry, directory, str(found)) from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise _unusable(ErrorCode.WEIGHTS_MISSING, entry, directory, "no regular file")
        if facts.st_size != entry.bytes:
            unmark(path)
            short = facts.st_size < entry.bytes
            code = ErrorCode.WEIGHTS_TRUNCATED if short else ErrorCode.WEIGHTS_CORRUPT
            raise _unusable(code, entry, directory, f"{facts.st_size} bytes")
        return mmap.mmap(handle, facts.st_size, access=mmap.ACCESS_READ), facts
    except OSError as error:
        found = error.strerror or "a file that cannot be mapped"
        raise _unusable(ErrorCode.WEIGHTS_MISSING, entry, directory, found) from error
    finally:
        os.close(handle)


def _check_digest(entry: WeightsEntry, weights: MappedWeights, directory: Path) -> None:
    digest = hashlib.sha256()
    for start in range(0, entry.bytes, _HASH_STEP_BYTES):
        digest.update(weights.buffer[start : start + _HASH_STEP_BYTES])
    found = digest.hexdigest()
    if found != entry.sha256:
        unmark(weights.path)
        raise _unusable(ErrorCode.WEIGHTS_CORRUPT, entry, directory, f"SHA-256 {found}")


def _unusable(code: ErrorCode, entry: WeightsEntry, directory: Path, found: str) -> WeightsUnusable:
    what = code.value.removeprefix("weights_")
    expected = f"SHA-256 {entry.sha256}" if "SHA-256" in found else f"{entry.bytes} bytes"
    return WeightsUnusable(
        f"weights {entry.name} are {what}: {directory / entry.file}: expected {expected}, "
        f"found {found}; {cure(entry, directory)}",
        code=code,
    )


def _identity(facts: os.stat_result) -> tuple[int, ...]:
    """Return what is equal for a file that is the same and has not changed."""
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _marker_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _marker(entry: WeightsEntry, facts: os.stat_result) -> dict[str, str | int]:
    """Make a file's marker; an equal one means that the file has not changed since."""
    return {"sha256": entry.sha256, "bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns}


def _vouched(entry: WeightsEntry, path: Path, facts: os.stat_result) -> bool:
    """Whether a marker says that this very file has the digest of the manifest."""
    try:
        with _marker_path(path).open("rb") as file:
            noted = json.loads(file.read(_MARKER_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return bool(noted == _marker(entry, facts))
