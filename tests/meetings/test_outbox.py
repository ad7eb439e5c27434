"""The outbox: bounded, in order; stale interims drop, finals never do."""

import asyncio

from wordloop_ml.errors import ErrorCode
from wordloop_ml.meetings.session import CAPACITY, Ack, CaptionTiming, Closed, Outbox, OutboxEvent
from wordloop_ml.messages import Caption


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
