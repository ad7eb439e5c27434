"""Gaps that wait behind a final do not make a slow reader of a client that reads."""

import asyncio

import numpy as np
import pytest

from tests.meetings.conftest import Hold
from tests.web.support import until
from wordloop_ml.engines.scripted_audio import spoken
from wordloop_ml.meetings.actor import AudioEnded, GapArrived
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import CAPACITY, Closed, OutboxEvent, TrackOptions, TrackSession
from wordloop_ml.messages import Samples, SpanLost

GAP = 1_600


def sound(*words: int) -> Samples:
    return spoken(words).astype(np.float32) / np.float32(32_768)


async def read_all(session: TrackSession) -> list[OutboxEvent]:
    """Everything that the connection is told, read as fast as it comes."""
    events: list[OutboxEvent] = []
    while not events or not isinstance(events[-1], Closed):
        events.append(await session.outbox.get())
    return events


@pytest.mark.parametrize("between", [0, 160, 640])
async def test_any_number_of_gaps_may_wait_behind_one_final(
    roster: Roster, hold: Hold, between: int
) -> None:
    """One after another, or with lost packets' neighbours in between; each sample is named."""
    hold.opened.clear()
    actor, session = roster.join(meeting_key("t", "m"), TrackOptions(track="a"))
    reading = asyncio.create_task(read_all(session))

    async def speak() -> None:
        await actor.post_audio(session, sound(1, 2))
        for _ in range(2 * CAPACITY):
            await actor.wait_for_room(session)
            actor.post(GapArrived(session, GAP))
            await actor.post_audio(session, np.zeros(between, np.float32))
        actor.post(AudioEnded(session))

    speaking = asyncio.create_task(speak())
    await until(lambda: speaking.done() or session.track.crowded)
    hold.opened.set()
    await speaking
    events = await reading
    closed = events[-1]
    assert isinstance(closed, Closed)
    assert (closed.code, closed.finals) == (None, 1)
    gaps = [event for event in events if isinstance(event, SpanLost)]
    assert sum(gap.end - gap.start for gap in gaps) == 2 * CAPACITY * GAP
