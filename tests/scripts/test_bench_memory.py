"""Resident memory and its parts."""

from collections.abc import Iterator

import pytest

from scripts.benchmark.memory import MEGABYTE, Memory
from scripts.benchmark.memory_parts import resident_bytes, steps

MEBI = 2**20
MEMORY = Memory(
    profile="embedded",
    parts=(("the interpreter", 10 * MEBI), ("numpy", 30 * MEBI)),
    idle=50 * MEBI,
    few_tracks=60 * MEBI,
    many_tracks=60 * MEBI + 16 * MEGABYTE,
)


def test_aims_are_in_millions_of_bytes() -> None:
    """As they were set."""
    idle, track = MEMORY.judged()
    assert idle.measured == pytest.approx(52.4288)
    assert (track.measured, track.reached) == (2.0, True)


def test_the_table_explains_each_part_of_an_idle_process() -> None:
    """What each step added; the last row is what a process by itself did not have."""
    table = MEMORY.markdown()
    assert "| numpy | 20.0 | 30.0 |" in table
    assert "| event loop, application, allocator | 20.0 | 50.0 |" in table


def test_the_parts_of_the_real_service_can_be_loaded_one_by_one() -> None:
    """As far as the imports: weights are loaded by other tests."""
    loading: Iterator[str] = steps()
    names = [next(loading) for _ in range(4)]
    assert names[0] == "the interpreter"
    assert "imported" in names[-1]
    assert resident_bytes() > MEBI
