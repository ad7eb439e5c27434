"""The roster: who may join, who owns the tasks, and how everybody leaves."""

import asyncio

import numpy as np
import pytest
import structlog

from tests.meetings.conftest import Hold
from tests.web.support import until
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode
from wordloop_ml.executor import JobOwner
from wordloop_ml.meetings.inbox import AudioEnded, ConnectionLost
from wordloop_ml.meetings.roster import TURN_S, Quarantine, Roster, RosterStatistics, meeting_key
from wordloop_ml.meetings.session import Closed, TrackOptions
from wordloop_ml.messages import Caption, Samples


def key(meeting: str, tenant: str = "t") -> JobOwner:
    return meeting_key(tenant, meeting)


def turn(*words: int) -> Samples:
    """Words and the pause that ends them, as a track takes them."""
    audio = np.concatenate([spoken(words), silence(12_000)])
    return audio.astype(np.float32) / np.float32(32_768)


async def test_a_meeting_lives_from_its_first_track_to_its_last(roster: Roster) -> None:
    """The second track joins the same actor."""
    actor, ada = roster.join(key("m"), TrackOptions(track="ada"))
    same, ben = roster.join(key("m"), TrackOptions(track="ben"))
    assert actor is same
    assert roster.statistics() == RosterStatistics(meetings=1, tracks=2, failed=0)
    actor.post(ConnectionLost(ada))
    await until(lambda: roster.statistics().tracks == 1)
    actor.post(AudioEnded(ben))
    await until(lambda: roster.statistics().meetings == 0)


async def test_a_meeting_may_begin_anew_before_its_old_task_has_ended(roster: Roster) -> None:
    """The newcomer gets an actor that is alive."""
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    actor.post(ConnectionLost(session))
    await until(lambda: actor.over)
    newer, session = roster.join(key("m"), TrackOptions(track="a"))
    assert newer is not actor
    await newer.post_audio(session, turn(1, 2))
    newer.post(AudioEnded(session))
    await until(lambda: roster.statistics().meetings == 0)
    assert session.finals == 1


async def test_bounds_are_busy_and_draining_is_draining(roster: Roster) -> None:
    """Meetings, tracks of one meeting, and everything once the process leaves."""
    roster.join(key("one"), TrackOptions(track="a"))
    roster.join(key("one"), TrackOptions(track="b"))
    with pytest.raises(Busy):
        roster.join(key("one"), TrackOptions(track="c"))
    roster.join(key("two"), TrackOptions(track="a"))
    with pytest.raises(Busy):
        roster.join(key("three"), TrackOptions(track="a"))
    assert await roster.drain(5.0)
    with pytest.raises(Draining):
        roster.join(key("two"), TrackOptions(track="a"))


async def test_a_lower_epoch_cannot_take_a_track(roster: Roster) -> None:
    """The one that is live stays."""
    _, session = roster.join(key("m"), TrackOptions(track="a", epoch=3))
    with pytest.raises(BadInput) as refused:
        roster.join(key("m"), TrackOptions(track="a", epoch=2))
    assert refused.value.code is ErrorCode.SUPERSEDED
    assert not session.outbox.closed


async def test_a_bug_ends_one_meeting_and_is_counted(roster: Roster, hold: Hold) -> None:
    """Its connections hear ``internal``; the other meeting has its captions."""
    hold.error = ZeroDivisionError("canary")
    bad, session = roster.join(key("bad"), TrackOptions(track="a"))
    await bad.post_audio(session, turn(1, 2))
    await until(lambda: roster.statistics().failed == 1)
    while not isinstance(event := await session.outbox.get(), Closed):
        pass
    assert event.code is ErrorCode.INTERNAL
    hold.error = None
    good, session = roster.join(key("good"), TrackOptions(track="a"))
    await good.post_audio(session, turn(1, 2))
    await until(lambda: session.finals == 1)


async def test_a_bug_ends_its_own_track_only(roster: Roster, hold: Hold) -> None:
    """Of one meeting: its other tracks were heard well, and go on."""
    actor, bad = roster.join(key("m"), TrackOptions(track="bad"))
    same, good = roster.join(key("m"), TrackOptions(track="good"))
    assert same is actor
    hold.error = ZeroDivisionError("canary")
    with structlog.testing.capture_logs() as logs:
        await actor.post_audio(bad, turn(1, 2))
        while not isinstance(event := await bad.outbox.get(), Closed):
            pass
    assert event.code is ErrorCode.INTERNAL
    assert roster.statistics() == RosterStatistics(meetings=1, tracks=1, failed=1)
    [failed] = [one for one in logs if one["event"] == "track_failed"]
    assert (failed["track"], failed["error"]) == ("bad", "ZeroDivisionError")
    assert "canary" not in str(logs)
    hold.error = None
    await actor.post_audio(good, turn(3, 4))
    await until(lambda: good.finals == 1)
    actor.post(AudioEnded(good))
    await until(lambda: roster.statistics().meetings == 0)
    assert roster.statistics().failed == 1


async def test_what_does_not_leave_by_the_deadline_is_cut(roster: Roster, hold: Hold) -> None:
    """The connection is told all the same."""
    hold.opened.clear()
    actor, session = roster.join(key("m"), TrackOptions(track="a", epoch=1))
    await actor.post_audio(session, turn(1, 2))
    await until(lambda: session.track.pending_finals == 1)
    assert not await roster.drain(0.05)
    assert session.outbox.closed
    hold.opened.set()


async def test_audio_waits_while_the_ring_is_full_of_speech_without_finals(
    roster: Roster, hold: Hold
) -> None:
    """Back-pressure instead of loss: every word comes out once decoding goes on."""
    hold.opened.clear()
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    turns = np.concatenate([turn(*range(n, n + 8)) for n in range(1, 241, 8)])
    received = []

    async def speak() -> None:
        await actor.post_audio(session, turns)
        actor.post(AudioEnded(session))

    speaking = asyncio.create_task(speak())
    await until(lambda: session.track.room < 8_000)
    assert session.track.received < len(turns)
    hold.opened.set()
    while not isinstance(event := await session.outbox.get(), Closed):
        words = getattr(event, "words", ())
        if words and getattr(event, "final", False):
            received += [word.text for word in words]
    await speaking
    assert received == [f"w{n}" for n in range(1, 241)]


async def test_two_tenants_with_one_meeting_id_do_not_meet(roster: Roster) -> None:
    """Nor does the end of the one meeting drop what the other waits for."""
    ours, session = roster.join(key("m", "ours"), TrackOptions(track="a"))
    theirs, other = roster.join(key("m", "theirs"), TrackOptions(track="a"))
    assert ours is not theirs
    assert roster.statistics().meetings == 2
    ours.post(ConnectionLost(session))
    await until(lambda: roster.statistics().meetings == 1)
    await theirs.post_audio(other, turn(1, 2))
    theirs.post(AudioEnded(other))
    finals = []
    while not isinstance(event := await other.outbox.get(), Closed):
        if isinstance(event, Caption) and event.final:
            finals.append(event.text)
    assert finals == ["w1 w2"]


WAIT_S = 20.0


async def test_turns_are_had_in_the_order_of_asking() -> None:
    """The next begins when the one before ends, and an end counts once."""
    one = Quarantine()
    first = await one.turn()
    second = asyncio.create_task(one.turn())
    third = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    assert not second.done()
    first.end()
    first.end()
    turn = await second
    assert not third.done()
    turn.end()
    (await third).end()


async def test_a_turn_has_a_bound() -> None:
    """Whoever is never understood keeps the others waiting for half a second."""
    one = Quarantine()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await one.turn()
    async with asyncio.timeout(WAIT_S):
        (await one.turn()).end()
    assert loop.time() - began_s >= 0.9 * TURN_S


async def test_a_wait_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind many who are never understood, tracks come in together."""
    monkeypatch.setattr("wordloop_ml.meetings.roster.WAIT_S", 0.01)
    one = Quarantine()
    first = await one.turn()
    async with asyncio.timeout(WAIT_S):
        (await one.turn()).end()
    # the end of a turn that was none frees nobody
    waiting = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    assert not waiting.done()
    first.end()
    (await waiting).end()


async def test_whoever_stops_waiting_is_passed_over() -> None:
    """Its connection has gone."""
    one = Quarantine()
    first = await one.turn()
    gone = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    first.end()
    (await one.turn()).end()
