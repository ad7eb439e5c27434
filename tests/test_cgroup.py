"""What a container may use, read from control groups of either version."""

import os
from pathlib import Path

import pytest

from wordloop_ml.cgroup import MemoryLimit, cpu_limit, memory_limit, usable_cpus
from wordloop_ml.settings import read_settings

MEBIBYTE = 1 << 20
V1 = "sys/fs/cgroup/memory"
V2 = "sys/fs/cgroup"
NO_LIMIT_V1 = "9223372036854771712\n"


def write(root: Path, files: dict[str, str]) -> Path:
    """A file system with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_container_of_version_2_sees_its_limit_at_the_root(tmp_path: Path) -> None:
    """As in a namespace of its own, which is the rule."""
    root = write(
        tmp_path, {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": f"{512 * MEBIBYTE}\n"}
    )
    limit = memory_limit(root)
    assert limit == MemoryLimit(512 * MEBIBYTE, root / V2 / "memory.max")


def test_the_smallest_limit_of_all_groups_above_holds(tmp_path: Path) -> None:
    """A pod's limit binds its containers, whatever theirs says."""
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pod/container\n",
            f"{V2}/pod/container/memory.max": "max\n",
            f"{V2}/pod/memory.max": "1000\n",
            f"{V2}/memory.max": "2000\n",
        },
    )
    limit = memory_limit(root)
    assert limit == MemoryLimit(1000, root / V2 / "pod/memory.max")


def test_version_1_is_read_from_the_memory_controller(tmp_path: Path) -> None:
    """Among the other controllers, and beside a version 2 that controls nothing."""
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "9:name=systemd:/\n5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n",
            f"{V1}/a/b/memory.limit_in_bytes": "3000\n",
            f"{V1}/a/memory.limit_in_bytes": NO_LIMIT_V1,
            f"{V1}/memory.limit_in_bytes": NO_LIMIT_V1,
        },
    )
    limit = memory_limit(root)
    assert limit == MemoryLimit(3000, root / V1 / "a/b/memory.limit_in_bytes")


def test_a_group_with_the_host_s_name_is_found_at_the_root(tmp_path: Path) -> None:
    """Without a namespace, a container mounts its own group where the root would be."""
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/0123abc\n",
            f"{V1}/memory.limit_in_bytes": "4000\n",
        },
    )
    limit = memory_limit(root)
    assert limit == MemoryLimit(4000, root / V1 / "memory.limit_in_bytes")


def test_a_group_outside_the_namespace_is_looked_for_from_the_root(tmp_path: Path) -> None:
    """The kernel writes ``/../other`` for it; nothing outside the mount is read."""
    root = write(
        tmp_path,
        {"proc/self/cgroup": "0::/../other\n", "sys/fs/other/memory.max": "5000\n"},
    )
    assert memory_limit(root) is None


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": ""},
        {"proc/self/cgroup": "0::/\n"},
        {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "max\n"},
        {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "\n"},
        {"proc/self/cgroup": "4:memory:/\n", f"{V1}/memory.limit_in_bytes": NO_LIMIT_V1},
        {"proc/self/cgroup": "5:cpu:/\n", f"{V1}/memory.limit_in_bytes": "1\n"},
    ],
)
def test_where_nothing_limits_there_is_no_limit(tmp_path: Path, files: dict[str, str]) -> None:
    """Another system, no controller, or a limit that says that it is none."""
    assert memory_limit(write(tmp_path, files)) is None


def test_this_machine_can_be_asked() -> None:
    """Whatever it answers."""
    limit = memory_limit()
    assert limit is None or limit.bytes > 0


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "250000 100000\n"}, 2.5),
        (
            {
                "proc/self/cgroup": "0::/pod/container\n",
                f"{V2}/pod/container/cpu.max": "max 100000\n",
                f"{V2}/pod/cpu.max": "50000 100000\n",
                f"{V2}/cpu.max": "400000 100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/docker/0123abc\n4:memory:/\n0::/\n",
                f"{V2}/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
                f"{V2}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        (
            {
                "proc/self/cgroup": "5:cpuacct,cpu:/a\n",
                f"{V2}/cpu/a/cpu.cfs_quota_us": "-1\n",
                f"{V2}/cpu/a/cpu.cfs_period_us": "100000\n",
                f"{V2}/cpu/cpu.cfs_quota_us": "100000\n",
                f"{V2}/cpu/cpu.cfs_period_us": "50000\n",
            },
            2.0,
        ),
        ({}, None),
        ({"proc/self/cgroup": "0::/\n"}, None),
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "100000 0\n"}, None),
        ({"proc/self/cgroup": "4:memory:/\n", f"{V2}/cpu/cpu.cfs_quota_us": "1\n"}, None),
    ],
)
def test_the_smallest_quota_of_all_groups_above_holds(
    tmp_path: Path, files: dict[str, str], cpus: float | None
) -> None:
    """Of either version; a group without one leaves it to those above."""
    assert cpu_limit(write(tmp_path, files)) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [(10_000, 1), (100_000, 1), (100_001, 2)])
def test_cpus_that_may_only_be_used_in_part_count_as_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: int, cpus: int
) -> None:
    """As Kubernetes rounds; and there is always one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    files = {"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": f"{quota} 100000\n"}
    assert usable_cpus(write(tmp_path, files)) == cpus


def test_cpus_that_a_process_is_kept_from_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many the machine has, and the quota allows."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 7, 9})
    assert usable_cpus(tmp_path) == 3
    files = {"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "800000 100000\n"}
    assert usable_cpus(write(tmp_path, files)) == 3
    assert read_settings({}).workers <= 3
