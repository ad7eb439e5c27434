"""How much memory this container may use, and whether what is to be loaded fits into it.

Linux kills a process that grows beyond its control group's limit: no error, no drain, and in the
middle of meetings. So what will surely be needed is added up before anything is loaded.

Sources: the kernel's admin guide, cgroup-v2 (``memory.max``) and cgroup-v1/memory
(``memory.limit_in_bytes``); proc(5) for ``/proc/self/cgroup`` and ``/proc/self/status``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from wordloop_ml.errors import ErrorCode, WeightsUnusable

MEBIBYTE: Final = 1 << 20

MEETINGS_BYTES: Final = 64 * MEBIBYTE
"""Kept free for meetings: some thirty tracks whose rings are full (1.9 MB each), and sockets."""

_UNLIMITED_BYTES: Final = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of a page."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """The smallest limit that this process lives under, and the file that says so."""

    bytes: int
    source: Path


def memory_limit(filesystem: Path = Path("/")) -> MemoryLimit | None:
    """The limit of this process's control group and of those above it; None without one.

    filesystem: where ``proc`` and ``sys`` are.
    """
    limits = []
    for file in _limit_files(filesystem):
        size = _size_in(file)
        if size is not None:
            limits.append(MemoryLimit(size, file))
    return min(limits, key=lambda limit: limit.bytes, default=None)


def resident_bytes(filesystem: Path = Path("/")) -> int:
    """What this process has in memory already; 0 where the kernel does not say."""
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


def _limit_files(filesystem: Path) -> Iterator[Path]:
    """Every file that may hold a limit for this process, whether it is there or not."""
    try:
        lines = (filesystem / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    mounted = filesystem / "sys/fs/cgroup"
    for line in lines:
        hierarchy, controllers, group = line.split(":", 2)
        if hierarchy == "0":
            yield from _upwards(mounted, group, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _upwards(mounted / "memory", group, "memory.limit_in_bytes")


def _upwards(mounted: Path, group: str, file: str) -> Iterator[Path]:
    """From a group to the root. A group that is named as the host sees it lies at the root here."""
    parts = [part for part in PurePosixPath(group).parts if part not in {"/", ".."}]
    for depth in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:depth], file)


def _size_in(file: Path) -> int | None:
    """The bytes that a limit's file allows; None for a missing file and for no limit."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if not text.isdecimal():  # "max"
        return None
    size = int(text)
    return size if size < _UNLIMITED_BYTES else None
