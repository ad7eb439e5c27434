"""The outbox is bounded and in order, timings add up, and audio waits for a whole window."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import ErrorCode
from wordloop_ml.meetings.session import (
    ARRIVAL_GRAIN_S,
    ARRIVALS_KEPT_S,
    CAPACITY,
    Ack,
    ArrivalTimes,
    CaptionTiming,
    Closed,
    DecodeTiming,
    Outbox,
    OutboxEvent,
    SpeechArrival,
    WindowBuffer,
)
from wordloop_ml.messages import Caption, JobClass
from wordloop_ml.metrics import Metrics, SegmentOrder


def caption(segment: str, *, final: bool = False, end: int = 100) -> Caption:
    return Caption(segment=segment, track="t", start=0, end=end, words=(), final=final)


async def everything(outbox: Outbox) -> list[OutboxEvent]:
    """Close the outbox and read it to its end."""
    outbox.put(Closed(None))
    events: list[OutboxEvent] = []
    while not isinstance(event := await outbox.get(), Closed):
        events.append(event)
    return events


async def test_a_newer_interim_replaces_a_waiting_one_of_its_segment() -> None:
    """A slow reader sees the newest text, not all of them late."""
    outbox = Outbox()
    outbox.put(caption("a", end=1))
    outbox.put(caption("b", end=1))
    outbox.put(caption("a", end=2))
    assert await everything(outbox) == [caption("b", end=1), caption("a", end=2)]


async def test_a_final_replaces_the_interims_of_its_segment_and_is_never_replaced() -> None:
    """Final text stays, whatever comes after it."""
    outbox = Outbox()
    outbox.put(caption("a"))
    outbox.put(caption("a", final=True))
    outbox.put(caption("a", end=3))
    assert await everything(outbox) == [caption("a", final=True), caption("a", end=3)]


async def test_only_the_newest_ack_waits() -> None:
    """Acknowledgements are cumulative."""
    outbox = Outbox()
    outbox.put(Ack(1, 0))
    outbox.put(caption("a", final=True))
    outbox.put(Ack(2, 1))
    assert await everything(outbox) == [caption("a", final=True), Ack(2, 1)]


async def test_a_reader_that_never_reads_is_closed_as_a_slow_consumer() -> None:
    """The bound holds and the meeting goes on."""
    outbox = Outbox()
    for index in range(CAPACITY + 5):
        outbox.put(caption(str(index), final=True))
    assert outbox.closed
    assert await outbox.get() == Closed(ErrorCode.SLOW_CONSUMER)


async def test_nothing_follows_the_close() -> None:
    """``Closed`` is the last event."""
    outbox = Outbox()
    outbox.put(Closed(None))
    outbox.put(caption("late", final=True))
    assert await outbox.get() == Closed(None)
    waiting = asyncio.ensure_future(outbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_the_timing_of_a_caption_waits_with_it() -> None:
    """Whoever sends it can say where its time went."""
    outbox = Outbox()
    timing = CaptionTiming(None, returned_s=0.0, stabilised_s=0.001, put_s=1.0)
    outbox.put(caption("a"), CaptionTiming(None, 0.0, 0.0, 0.0))
    outbox.put(caption("a", final=True), timing)
    assert await outbox.get_timed() == (caption("a", final=True), timing)


DECODE = DecodeTiming(
    JobClass.FIRST_CAPTION, samples=8_000, heard_s=0.001, queued_s=0.02, ran_s=0.04, done_s=9.0
)


def test_every_stage_of_a_decoded_caption_is_told_in_milliseconds() -> None:
    """From the audio's arrival to the socket."""
    timing = CaptionTiming(DECODE, returned_s=0.002, stabilised_s=0.0005, put_s=9.5)
    assert timing.facts(sent_s=9.503) == {
        "decoded_for": "first_caption",
        "audio_ms": 500,
        "heard_ms": 1.0,
        "queued_ms": 20.0,
        "ran_ms": 40.0,
        "returned_ms": 2.0,
        "stabilised_ms": 0.5,
        "send_ms": 3.0,
    }


def test_a_caption_that_the_audio_let_out_names_no_decode() -> None:
    """A speculation that came true was decoded long before."""
    facts = CaptionTiming(None, returned_s=0.0, stabilised_s=0.001, put_s=1.0).facts(1.0)
    assert facts["decoded_for"] == "none"
    assert "ran_ms" not in facts


NOW_S = 1_000.0
SHORT_S = st.floats(0, 10)


@given(
    st.none() | st.tuples(SHORT_S, SHORT_S, SHORT_S),
    st.none() | st.tuples(st.none() | SHORT_S, SHORT_S),
    SHORT_S,
    SHORT_S,
    SHORT_S,
)
def test_the_parts_of_a_caption_s_time_have_no_gap(
    decode: tuple[float, float, float] | None,
    speech: tuple[float | None, float] | None,
    returned_s: float,
    stabilised_s: float,
    send_s: float,
) -> None:
    """They follow each other from the audio's arrival to the socket, and none is empty."""
    done_s, put_s = NOW_S - stabilised_s - returned_s, NOW_S
    decoding = decode and DecodeTiming(
        JobClass.FINAL, 8_000, heard_s=decode[0], queued_s=decode[1], ran_s=decode[2], done_s=done_s
    )
    arrival = speech and SpeechArrival(
        None if speech[0] is None else NOW_S - speech[0], SegmentOrder.LATER, NOW_S - speech[1]
    )
    timing = CaptionTiming(decoding, returned_s, stabilised_s, put_s, arrival)
    parts = timing.stretches(put_s + send_s)
    order = ["received", "heard", "queued", "decoded", "returned", "stabilised", "sent"]
    assert [one.name for one in parts] == [
        name for name in order if name in {one.name for one in parts}
    ]
    assert all(one.ended_s > one.began_s for one in parts)
    ends_s = [timing.began_s, *(one.ended_s for one in parts)]
    assert [one.began_s for one in parts] == ends_s[:-1]
    assert ends_s[-1] == max(put_s + send_s, timing.began_s)


def test_a_caption_s_parts_say_where_its_time_went() -> None:
    """From the first speech of its segment, whose audio gathered until its decode was asked for."""
    speech = SpeechArrival(8.5, SegmentOrder.FIRST, 8.9)
    timing = CaptionTiming(
        DECODE, returned_s=0.002, stabilised_s=0.0005, put_s=9.0025, speech=speech
    )
    assert [(one.name, round(one.ended_s - one.began_s, 6)) for one in timing.stretches(9.1)] == [
        ("received", 0.439),
        ("heard", 0.001),
        ("queued", 0.02),
        ("decoded", 0.04),
        ("returned", 0.002),
        ("stabilised", 0.0005),
        ("sent", 0.0975),
    ]


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


def test_audio_arrived_when_its_frame_did() -> None:
    """Within the grain; audio before a gap and after it, too."""
    arrivals = ArrivalTimes(1_000)
    arrivals.add(320, 5.0)
    arrivals.add(320, 5.0 + ARRIVAL_GRAIN_S / 2)
    arrivals.add(320, 5.0 + 2 * ARRIVAL_GRAIN_S)
    arrivals.skip(16_000)
    arrivals.add(320, 6.0)
    assert arrivals.of(1_000) == arrivals.of(1_639) == 5.0
    assert arrivals.of(1_640) == 5.0 + 2 * ARRIVAL_GRAIN_S
    assert arrivals.of(1_960 + 16_000) == 6.0


def test_nothing_has_arrived_at_first() -> None:
    """After a resumption, captions may come before any audio."""
    assert ArrivalTimes(0).of(0) is None


@given(st.lists(st.tuples(st.integers(1, 1_000), st.floats(0.0, 2.0)), min_size=1, max_size=60))
def test_arrival_times_are_bounded_and_never_too_late(pieces: list[tuple[int, float]]) -> None:
    """A sample never seems younger than it is, unless it is older than what is kept."""
    arrivals, now_s, at, came = ArrivalTimes(0), 100.0, 0, []
    for samples, after_s in pieces:
        now_s += after_s
        came.append((at, now_s))
        arrivals.add(samples, now_s)
        at += samples
    for first, at_s in came:
        said = arrivals.of(first)
        assert said is not None
        if now_s - at_s < ARRIVALS_KEPT_S:
            assert at_s - ARRIVAL_GRAIN_S <= said <= at_s
    assert len(arrivals._pieces) <= ARRIVALS_KEPT_S / ARRIVAL_GRAIN_S + 2


def spoken_caption(start: int, end: int) -> Caption:
    return Caption("a", "a", start, end, ())


def test_only_the_first_caption_of_an_onset_takes_it() -> None:
    """An onset whose segment had no caption is forgotten with the next one."""
    arrivals = ArrivalTimes(0)
    for second in range(10):
        arrivals.add(16_000, float(second))
    arrivals.note_onset(1_000)
    arrivals.note_onset(33_000)
    arrivals.note_onset(90_000)
    assert arrivals.take_onset(spoken_caption(32_000, 40_000)) == 2.0
    assert arrivals.take_onset(spoken_caption(32_000, 48_000)) is None
    assert arrivals.take_onset(spoken_caption(88_000, 99_000)) == 5.0


def test_a_caption_is_counted_where_its_time_went() -> None:
    """First captions by the order of their segments, interims by their lag, finals after pauses."""
    metrics = Metrics()
    speech = SpeechArrival(9.0, SegmentOrder.FIRST, 9.4)
    timing = CaptionTiming(DECODE, 0.002, 0.0005, put_s=9.5, speech=speech)
    timing.observe(metrics, caption("a"), 9.6)
    final = replace(caption("a", final=True), speech_final=True)
    again = replace(speech, began_s=None)
    replace(timing, speech=again).observe(metrics, final, 9.9)
    replace(timing, speech=None).observe(metrics, final, 99.0)
    sums = {
        ("first_caption_seconds", ("segment", "first")): 0.6,
        ("caption_lag_seconds", None): 0.2,
        ("final_seconds", None): 0.5,
        ("caption_stage_seconds", ("stage", "send")): 0.5,
    }
    for (name, label), seconds in sums.items():
        labels = {} if label is None else dict([label])
        value = metrics.registry.get_sample_value(f"wordloop_{name}_sum", labels)
        assert value == pytest.approx(seconds)
