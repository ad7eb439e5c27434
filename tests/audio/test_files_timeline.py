import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.audio.files import Timeline

FRAME_S = 0.02


def played(timeline: Timeline, stamps: list[float | None]) -> list[float]:
    """Where each frame of 20 ms comes to lie."""
    position_s, places = 0.0, []
    for stamp_s in stamps:
        position_s += timeline.hole_s(stamp_s, position_s)
        places.append(position_s)
        position_s += FRAME_S
    return places


def frames(begins_s: float, count: int) -> list[float | None]:
    """Timestamps of so many frames in a row."""
    return [begins_s + FRAME_S * at for at in range(count)]


@given(st.floats(-1e5, 1e5), st.lists(st.floats(0.1, 60), max_size=5))
def test_frames_lie_where_their_timestamps_say(begins_s: float, pauses_s: list[float]) -> None:
    """Counted from the beginning, holes included."""
    stamps: list[float | None] = []
    at_s = begins_s
    for pause_s in [0.0, *pauses_s]:
        at_s += pause_s
        stamps += frames(at_s, 10)
        at_s += 10 * FRAME_S
    places = played(Timeline(begins_s), stamps)
    assert places == pytest.approx([stamp - begins_s for stamp in stamps if stamp is not None])


def test_audio_may_begin_late() -> None:
    """Behind the pictures, say."""
    assert played(Timeline(10.0, 60.0), frames(14.0, 2)) == pytest.approx([4.0, 4.02])


def test_without_a_beginning_the_first_frame_is_it() -> None:
    """Whatever it says."""
    assert played(Timeline(), frames(14.0, 2)) == pytest.approx([0.0, 0.02])


@given(st.lists(st.floats(-0.02, 0.02), min_size=1, max_size=200))
def test_trembling_timestamps_make_no_holes(trembling: list[float]) -> None:
    """Those of live recordings do."""
    stamps: list[float | None] = [FRAME_S * at + late for at, late in enumerate(trembling)]
    assert played(Timeline(0.0), stamps) == pytest.approx(
        [FRAME_S * at for at in range(len(stamps))]
    )


def test_what_is_known_to_be_missing_is_a_hole_however_small() -> None:
    """One packet of 20 ms."""
    assert Timeline(0.0).hole_s(0.02, 0.0) == 0
    assert Timeline(0.0).hole_s(0.02, 0.0, exact=True) == 0.02


@pytest.mark.parametrize(("lasts_s", "leap_s"), [(60.0, 90.0), (None, 3_600.0), (1e12, 1e11)])
def test_a_leap_that_leads_nowhere_is_not_followed(lasts_s: float | None, leap_s: float) -> None:
    """Not behind the end of the file, nor for hours; and the way back is found."""
    timeline = Timeline(0.0, lasts_s)
    stamps = [*frames(0.0, 50), *frames(leap_s, 50), *frames(2.0, 50)]
    assert played(timeline, stamps) == pytest.approx([FRAME_S * at for at in range(150)])
    assert timeline.doubted == 1


def test_timestamps_that_begin_anew_are_read_on_from_there() -> None:
    """Files that were joined."""
    timeline = Timeline(0.0)
    stamps = [*frames(0.0, 100), *frames(0.0, 50), *frames(1.5, 10)]
    assert played(timeline, stamps) == pytest.approx(
        [*(FRAME_S * at for at in range(150)), *(3.5 + FRAME_S * at for at in range(10))]
    )
    assert timeline.doubted == 0


@given(st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_no_timestamps_make_more_silence_than_the_file_lasts(stamps: list[float | None]) -> None:
    """And a frame without one follows the one before."""
    places = played(Timeline(0.0, 30.0), stamps)
    assert all(place <= 32 + FRAME_S * len(stamps) for place in places)
    assert places == sorted(places)


def test_lost_packets_that_no_timestamp_counts_are_made_up_for() -> None:
    """MP3 has no timestamps but the number of its frames."""
    timeline = Timeline()
    assert timeline.hole_s(0.0, 0.0) == 0
    timeline.skip(2.5)
    assert timeline.hole_s(0.02, 0.02, exact=True) == pytest.approx(2.5)
