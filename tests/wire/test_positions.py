from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.wire.client_messages import MAX_ORIGIN_MS
from wordloop_ml.wire.json_fields import MAX_POSITION
from wordloop_ml.wire.positions import Positions

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000]) | st.integers(
    8_000, 48_000
)
POSITIONS = st.integers(0, 200_000) | st.integers(0, MAX_POSITION)


@given(RATES, POSITIONS, POSITIONS)
def test_every_map_keeps_order(rate: int, one: int, other: int) -> None:
    """What comes first on one scale never comes second on another."""
    positions = Positions(rate, origin_ms=7)
    low, high = sorted((one, other))
    assert positions.to_service(low) <= positions.to_service(high)
    assert positions.to_stream(low) <= positions.to_stream(high)
    assert positions.to_ms(low) <= positions.to_ms(high)


@given(RATES, POSITIONS)
def test_trimming_at_the_mapped_position_loses_no_sample_behind_it(rate: int, sample: int) -> None:
    """Trimmed stream samples lie before the 16 kHz sample in time, and resuming covers it."""
    positions = Positions(rate)
    trim = positions.to_stream(sample)
    # the last trimmed sample, as exact time: (trim - 1) / rate < sample / SAMPLE_RATE
    assert (trim - 1) * SAMPLE_RATE < sample * rate
    assert positions.to_service(trim) <= sample


@given(RATES, POSITIONS)
def test_the_round_trip_falls_short_by_less_than_a_sample_of_either_rate(
    rate: int, sample: int
) -> None:
    """So a replay repeats next to nothing."""
    positions = Positions(rate)
    back = positions.to_service(positions.to_stream(sample))
    # sample - SAMPLE_RATE / rate - 1 < back, in integers: floats are too coarse here
    assert (sample - back - 1) * rate < SAMPLE_RATE
    assert back <= sample


@given(POSITIONS)
def test_16_khz_maps_to_itself(position: int) -> None:
    """No rounding where there is none to do."""
    positions = Positions(SAMPLE_RATE)
    assert positions.to_service(position) == positions.to_stream(position) == position


@given(RATES, POSITIONS, st.integers(0, 10_000_000), st.data())
def test_committed_stays_between_where_the_connection_began_and_what_came_in(
    rate: int, accept_from: int, more: int, data: st.DataObject
) -> None:
    """It never moves back over a reconnect, and reaches the very end."""
    positions = Positions(rate, accept_from=accept_from)
    received = accept_from + more
    begin, end = positions.to_service(accept_from), positions.to_service(received)
    sample = data.draw(st.integers(begin, end))
    assert accept_from <= positions.committed(sample, received) <= received
    assert positions.committed(end, received) == received


def test_committed_of_a_client_that_sends_from_before_is_where_it_resumed() -> None:
    """Samples that the server drops do not move it."""
    positions = Positions(44_100, accept_from=13)
    assert positions.committed(positions.to_service(13), received=2) == 13
    assert positions.committed(positions.to_service(13), received=1000) == 13


@given(st.integers(0, MAX_ORIGIN_MS), POSITIONS)
def test_meeting_time_counts_from_the_origin(origin_ms: int, sample: int) -> None:
    """Sixteen samples are a millisecond."""
    positions = Positions(48_000, origin_ms)
    assert positions.to_ms(0) == origin_ms
    assert positions.to_ms(sample) == origin_ms + sample // 16


def test_the_longest_track_keeps_its_times_exact_in_json() -> None:
    """At the last position of the slowest stream, from the latest origin."""
    positions = Positions(8_000, MAX_ORIGIN_MS)
    assert positions.to_ms(positions.to_service(MAX_POSITION)) <= MAX_POSITION
