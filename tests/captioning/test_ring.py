"""The ring keeps what is needed, by absolute index, and no more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.ring import Ring
from wordloop_ml.messages import Samples


def counted(start: int, end: int) -> Samples:
    """Samples whose value says which index they have."""
    return ((np.arange(start, end) % 30_000) / 32_768).astype(np.float32)


def test_audio_comes_back_by_its_absolute_index() -> None:
    """A stream that resumes at 500 calls its first sample 500."""
    ring = Ring(500, limit=100)
    ring.append(counted(500, 560))
    assert np.array_equal(ring.copy(510, 530), counted(510, 530))


def test_a_copy_is_the_callers_own() -> None:
    """Neither sees what the other does afterwards."""
    ring = Ring(0, limit=10)
    ring.append(counted(0, 10))
    copy = ring.copy(0, 10)
    copy[:] = 1.0
    assert np.array_equal(ring.copy(0, 10), counted(0, 10))


def test_audio_that_is_still_needed_is_never_overwritten() -> None:
    """Feeding beyond the room is a bug of the caller."""
    ring = Ring(0, limit=10)
    ring.append(counted(0, 8))
    assert ring.room == 2
    with pytest.raises(ValueError, match="room of 2"):
        ring.append(counted(8, 11))
    ring.release_before(5)
    assert ring.room == 7
    ring.append(counted(8, 11))
    assert np.array_equal(ring.copy(5, 11), counted(5, 11))


def test_samples_out_of_range_are_clipped() -> None:
    """Loud float audio becomes the loudest that int16 holds, never a wrap-around."""
    ring = Ring(0, limit=10)
    ring.append(np.array([2.0, -2.0, 1.0, -1.0], dtype=np.float32))
    assert ring.copy(0, 4).tolist() == [32_767 / 32_768, -1.0, 32_767 / 32_768, -1.0]


def test_a_quiet_track_costs_little_and_a_busy_one_what_it_holds() -> None:
    """Memory grows with the audio that is held, up to the limit."""
    ring = Ring(0, limit=960_000)
    idle = ring.memory_bytes
    for start in range(0, 160_000, 320):
        ring.append(counted(start, start + 320))
        ring.release_before(start)
    assert ring.memory_bytes == idle < 100_000
    ring.append(counted(0, 900_000))
    assert ring.memory_bytes == 2 * 960_000


def test_skipped_positions_hold_no_audio_and_need_no_memory() -> None:
    """Audio on both sides of a gap is there; a copy across it is a bug of the caller."""
    ring = Ring(0, limit=20)
    ring.append(counted(0, 10))
    ring.skip(1_000_000)
    ring.append(counted(1_000_010, 1_000_020))
    assert (ring.end, ring.held, ring.room) == (1_000_020, 20, 0)
    assert np.array_equal(ring.copy(3, 10), counted(3, 10))
    assert np.array_equal(ring.copy(1_000_010, 1_000_020), counted(1_000_010, 1_000_020))
    with pytest.raises(ValueError, match="spans a gap"):
        ring.copy(5, 1_000_015)


def test_released_audio_cannot_be_copied() -> None:
    """Rather an error than the wrong audio."""
    ring = Ring(0, limit=20)
    ring.append(counted(0, 10))
    ring.release_before(4)
    with pytest.raises(ValueError, match="not within"):
        ring.copy(3, 10)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("aaars"), st.integers(0, 90)), max_size=80))
def test_it_remembers_exactly_what_a_dictionary_would(steps: list[tuple[str, int]]) -> None:
    """Appends (a), releases (r) and skips (s) in any order."""
    ring, kept = Ring(7, limit=200), dict[int, float]()
    for step, count in steps:
        if step == "a":
            count = min(count, ring.room)  # noqa: PLW2901 - what fits
            samples = counted(ring.end, ring.end + count)
            kept.update(zip(range(ring.end, ring.end + count), samples.tolist(), strict=True))
            ring.append(samples)
        elif step == "r":
            ring.release_before(ring.start + count)
            kept = {index: value for index, value in kept.items() if index >= ring.start}
        else:
            ring.skip(count)
        assert ring.held == len(kept)
        assert ring.room == 200 - len(kept)
    for index, value in kept.items():
        assert ring.copy(index, index + 1).tolist() == [value]
