"""What does not fit into a container, and is refused."""

from pathlib import Path

import pytest

from tests.test_cgroup import write
from wordloop_ml.cgroup import MemoryLimit
from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.weights.memory import (
    MEETINGS_BYTES,
    require_memory,
    resident_bytes,
)


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
