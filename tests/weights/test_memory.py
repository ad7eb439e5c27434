"""What a container may use, read from control groups of either version, and what is refused."""

from pathlib import Path

import pytest

from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.weights.memory import (
    MEBIBYTE,
    MEETINGS_BYTES,
    MemoryLimit,
    memory_limit,
    require_memory,
    resident_bytes,
)

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


def test_what_is_resident_is_the_kernel_s_word(tmp_path: Path) -> None:
    """In its kibibytes, whatever else the file has."""
    root = write(tmp_path, {"proc/self/status": "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1\n"})
    assert resident_bytes(root) == 1234 * 1024
    assert resident_bytes(tmp_path / "nowhere") == 0


def test_this_machine_can_be_asked() -> None:
    """Whatever it answers."""
    limit = memory_limit()
    assert limit is None or limit.bytes > 0


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
