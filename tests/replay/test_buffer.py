"""The replay buffer: whole frames by position, and never more than its bound."""

from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.replay.buffer import ReplayBuffer


def filled(limit: int = 100, frames: int = 5, samples: int = 10) -> ReplayBuffer:
    buffer = ReplayBuffer(limit)
    for index in range(frames):
        buffer.append(bytes([index]) * samples, samples)
    return buffer


def test_frames_are_found_by_position() -> None:
    """The first one that reaches beyond."""
    buffer = filled()
    for position, begins in ((0, 0), (9, 0), (10, 10), (49, 40)):
        frame = buffer.after(position)
        assert frame is not None
        assert frame.position == begins
    assert buffer.after(50) is None


def test_what_is_committed_is_released_in_whole_frames() -> None:
    """A frame that reaches beyond is kept: an Opus packet cannot be divided."""
    buffer = filled()
    buffer.release_before(25)
    assert (buffer.start, buffer.held, buffer.end) == (20, 30, 50)
    buffer.release_before(1_000)
    assert (buffer.start, buffer.held, buffer.end) == (50, 0, 50)


def test_the_oldest_audio_falls_out() -> None:
    """When there is no room."""
    buffer = filled(limit=30)
    assert (buffer.start, buffer.held, buffer.room) == (20, 30, 0)


def test_audio_that_never_came_moves_positions_and_takes_no_room() -> None:
    """The frame behind it stands where it belongs."""
    buffer = filled(frames=1)
    buffer.skip(1_000)
    buffer.append(b"x", 10)
    frame = buffer.after(500)
    assert frame is not None
    assert (frame.position, buffer.held, buffer.end) == (1_010, 20, 1_020)


def test_an_empty_frame_is_nothing() -> None:
    """Harmless, as on the wire."""
    buffer = filled(frames=1)
    buffer.append(b"", 0)
    assert buffer.end == 10


@given(
    st.lists(st.tuples(st.sampled_from(["append", "skip", "release"]), st.integers(1, 60))),
    st.integers(1, 100),
)
def test_positions_never_lie(steps: list[tuple[str, int]], limit: int) -> None:
    """Whatever is added, skipped and released."""
    buffer, added = ReplayBuffer(limit, position=7), {}
    for what, samples in steps:
        if what == "append":
            added[buffer.end] = samples
            buffer.append(str(buffer.end).encode(), samples)
        elif what == "skip":
            buffer.skip(samples)
        else:
            buffer.release_before(buffer.start + samples)
        assert 0 <= buffer.held <= limit
        position, held = buffer.start, 0
        while (frame := buffer.after(position)) is not None:
            assert frame.payload == str(frame.position).encode()
            assert frame.end - frame.position == added[frame.position]
            held += frame.end - frame.position
            position = frame.end
        assert held == buffer.held
