"""Audio that waits for a window to be whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.meetings.session import WindowBuffer

WINDOW = 512


@given(st.lists(st.integers(0, 1500), max_size=40))
def test_nothing_is_kept_once_it_completes_a_window(frames: list[int]) -> None:
    """Whatever the frames, less than a window is missing, and all comes out in order."""
    buffer = WindowBuffer(WINDOW)
    pushed, taken = 0, [np.zeros(0, np.float32)]
    for frame in frames:
        whole = (pushed + frame) // WINDOW > sum(map(len, taken)) // WINDOW
        due = buffer.push(np.arange(pushed, pushed + frame, dtype=np.float32))
        pushed += frame
        assert due == whole
        if due:
            taken.append(buffer.take())
    taken.append(buffer.take())
    assert np.concatenate(taken).tolist() == list(range(pushed))


def test_behind_a_gap_windows_begin_anew() -> None:
    """The detector's windows start where audio starts again."""
    buffer = WindowBuffer(WINDOW)
    buffer.push(np.zeros(300, np.float32))
    buffer.take()
    buffer.restart()
    assert not buffer.push(np.zeros(511, np.float32))
    assert buffer.push(np.zeros(1, np.float32))


def test_a_buffer_that_holds_nothing_gives_nothing() -> None:
    """Taking twice is harmless."""
    assert len(WindowBuffer(WINDOW).take()) == 0
