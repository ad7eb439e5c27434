"""The outbox is bounded and in order, timings add up, and audio waits for a whole window."""

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import ErrorCode
from wordloop_ml.meetings.session import (
    CAPACITY,
    Ack,
    CaptionTiming,
    Closed,
    DecodeTiming,
    Outbox,
    OutboxEvent,
    WindowBuffer,
)
from wordloop_ml.messages import Caption, JobClass


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
