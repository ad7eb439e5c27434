"""The buffer keeps what is needed, by absolute index, and no more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.audio_buffer import AudioBuffer
from wordloop_ml.messages import Samples


def counted(start: int, end: int) -> Samples:
    """Samples whose value says which index they have."""
    return ((np.arange(start, end) % 30_000) / 32_768).astype(np.float32)


def test_audio_comes_back_by_its_absolute_index() -> None:
    """A stream that resumes at 500 calls its first sample 500."""
    buffer = AudioBuffer(500, limit=100)
    buffer.append(counted(500, 560))
    assert np.array_equal(buffer.copy(510, 530), counted(510, 530))


def test_a_copy_is_the_callers_own() -> None:
    """Neither sees what the other does afterwards."""
    buffer = AudioBuffer(0, limit=10)
    buffer.append(counted(0, 10))
    copy = buffer.copy(0, 10)
    copy[:] = 1.0
    assert np.array_equal(buffer.copy(0, 10), counted(0, 10))


def test_audio_that_is_still_needed_is_never_overwritten() -> None:
    """Feeding beyond the room is a bug of the caller."""
    buffer = AudioBuffer(0, limit=10)
    buffer.append(counted(0, 8))
    assert buffer.room == 2
    with pytest.raises(ValueError, match="room of 2"):
        buffer.append(counted(8, 11))
    buffer.release_before(5)
    assert buffer.room == 7
    buffer.append(counted(8, 11))
    assert np.array_equal(buffer.copy(5, 11), counted(5, 11))


def test_samples_out_of_range_are_clipped() -> None:
    """Loud float audio becomes the loudest that int16 holds, never a wrap-around."""
    buffer = AudioBuffer(0, limit=10)
    buffer.append(np.array([2.0, -2.0, 1.0, -1.0], dtype=np.float32))
    assert buffer.copy(0, 4).tolist() == [32_767 / 32_768, -1.0, 32_767 / 32_768, -1.0]


def test_a_quiet_track_costs_little_and_a_busy_one_what_it_holds() -> None:
    """Memory grows with the audio that is held, up to the limit."""
    buffer = AudioBuffer(0, limit=960_000)
    idle = buffer.memory_bytes
    for start in range(0, 160_000, 320):
        buffer.append(counted(start, start + 320))
        buffer.release_before(start)
    assert buffer.memory_bytes == idle < 100_000
    buffer.append(counted(0, 900_000))
    assert buffer.memory_bytes == 2 * 960_000


def test_skipped_positions_hold_no_audio_and_need_no_memory() -> None:
    """Audio on both sides of a gap is there; a copy across it is a bug of the caller."""
    buffer = AudioBuffer(0, limit=20)
    buffer.append(counted(0, 10))
    buffer.skip(1_000_000)
    buffer.append(counted(1_000_010, 1_000_020))
    assert (buffer.end, buffer.held, buffer.room) == (1_000_020, 20, 0)
    assert np.array_equal(buffer.copy(3, 10), counted(3, 10))
    assert np.array_equal(buffer.copy(1_000_010, 1_000_020), counted(1_000_010, 1_000_020))
    with pytest.raises(ValueError, match="spans a gap"):
        buffer.copy(5, 1_000_015)


def test_released_audio_cannot_be_copied() -> None:
    """Rather an error than the wrong audio."""
    buffer = AudioBuffer(0, limit=20)
    buffer.append(counted(0, 10))
    buffer.release_before(4)
    with pytest.raises(ValueError, match="not within"):
        buffer.copy(3, 10)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("aaars"), st.integers(0, 90)), max_size=80))
def test_it_remembers_exactly_what_a_dictionary_would(steps: list[tuple[str, int]]) -> None:
    """Appends (a), releases (r) and skips (s) in any order."""
    buffer, kept = AudioBuffer(7, limit=200), dict[int, float]()
    for step, count in steps:
        if step == "a":
            count = min(count, buffer.room)  # noqa: PLW2901 - what fits
            samples = counted(buffer.end, buffer.end + count)
            kept.update(zip(range(buffer.end, buffer.end + count), samples.tolist(), strict=True))
            buffer.append(samples)
        elif step == "r":
            buffer.release_before(buffer.start + count)
            kept = {index: value for index, value in kept.items() if index >= buffer.start}
        else:
            buffer.skip(count)
        assert buffer.held == len(kept)
        assert buffer.room == 200 - len(kept)
    for index, value in kept.items():
        assert buffer.copy(index, index + 1).tolist() == [value]
