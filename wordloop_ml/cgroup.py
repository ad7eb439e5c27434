"""Reads what Linux lets this process have of the machine: memory and CPUs, by its control groups.

Sources: the kernel's admin guide, cgroup-v2 (``memory.max``, ``cpu.max``), cgroup-v1/memory
(``memory.limit_in_bytes``) and scheduler/sched-bwc (``cpu.cfs_quota_us``); proc(5) for
``/proc/self/cgroup``. Limits of the groups above a process's own bind it, too.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

_ROOT: Final = Path("/")

_UNLIMITED_BYTES: Final = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of a page."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """The smallest limit that this process lives under, and the file that says so."""

    bytes: int
    source: Path


def memory_limit(filesystem: Path = _ROOT) -> MemoryLimit | None:
    """Read how many bytes this process may have; None without a limit.

    filesystem: where ``proc`` and ``sys`` are.
    """
    limits = []
    for version, group in _groups(filesystem, "memory"):
        file = group / ("memory.max" if version == 2 else "memory.limit_in_bytes")
        size = _number_in(file)
        if size is not None and size < _UNLIMITED_BYTES:
            limits.append(MemoryLimit(size, file))
    return min(limits, key=lambda limit: limit.bytes, default=None)


def cpu_limit(filesystem: Path = _ROOT) -> float | None:
    """Read how many CPUs' time this process may have; None without a limit.

    filesystem: where ``proc`` and ``sys`` are.
    """
    quotas = []
    for version, group in _groups(filesystem, "cpu"):
        if version == 2:
            quota, _, period = _text_in(group / "cpu.max").partition(" ")
        else:
            quota = _text_in(group / "cpu.cfs_quota_us")
            period = _text_in(group / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):  # "max" and "-1" are no limit
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def usable_cpus(filesystem: Path = _ROOT) -> int:
    """Count the CPUs that this process can keep busy, at least 1; fractions are rounded up.

    That is the least of those that it may run on (its affinity: ``taskset``, a cpuset) and those
    whose time it may use. The cores of the machine say neither.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # not Linux
        allowed = os.cpu_count() or 1
    limit = cpu_limit(filesystem)
    return allowed if limit is None else max(1, min(allowed, math.ceil(limit)))


def _groups(filesystem: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """List the version and folder of each group whose limits bind this process, there or not."""
    try:
        lines = (filesystem / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    mounted = filesystem / "sys/fs/cgroup"
    for line in lines:
        hierarchy, controllers, group = line.split(":", 2)
        if hierarchy == "0":
            for folder in _upwards(mounted, group):
                yield 2, folder
        elif controller in controllers.split(","):
            # mounted under all of its controllers, and linked under each
            for name in {controllers, controller}:
                for folder in _upwards(mounted / name, group):
                    yield 1, folder


def _upwards(mounted: Path, group: str) -> Iterator[Path]:
    """List the folders from a group up to the root, there or not.

    A group that is named as the host sees it lies at the root here.
    """
    parts = [part for part in PurePosixPath(group).parts if part not in {"/", ".."}]
    for depth in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:depth])


def _number_in(file: Path) -> int | None:
    """Read a whole number; None for a file that holds none."""
    text = _text_in(file)
    return int(text) if text.isdecimal() else None  # "max" is no limit


def _text_in(file: Path) -> str:
    """Read a file of the kernel; empty for one that is missing or unreadable."""
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
