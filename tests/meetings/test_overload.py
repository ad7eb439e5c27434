"""Overload: who is admitted, what gives way, and who is told."""

import asyncio
import queue
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from tests.executing import owner_of
from tests.meetings.conftest import WAIT_S
from tests.web.support import until
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.errors import Busy
from wordloop_ml.executor import Executor, Job
from wordloop_ml.load import WINDOW_S, Level, LoadLimits
from wordloop_ml.meetings.actor import MeetingActor
from wordloop_ml.meetings.inbox import ConnectionLost
from wordloop_ml.meetings.overload import STALE_AFTER_S, Overload
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import Cadence, TrackOptions, TrackSession
from wordloop_ml.messages import JobClass
from wordloop_ml.metrics import Metrics
from wordloop_ml.ports import TranscriberWorker

INTERIM_SAMPLES = CaptioningPolicy().interim_samples


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def executor(clock: Clock) -> Iterator[Executor[TranscriberWorker]]:
    """One thread, on the test's clock."""
    one: Executor[TranscriberWorker] = Executor(
        ScriptedTranscriber().open_worker, workers=1, clock=clock
    )
    yield one
    assert one.close(WAIT_S)


def overload_of(executor: Executor[TranscriberWorker], clock: Clock) -> Overload:
    return Overload(executor, LoadLimits(), INTERIM_SAMPLES, clock=clock)


def work(
    executor: Executor[TranscriberWorker], clock: Clock, share: float, job_s: float = 0.1
) -> None:
    """Let finals use so much of the thread for long enough to show."""
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()

    def run(worker: TranscriberWorker) -> None:
        clock.now_s += job_s

    for _ in range(round(6 * WINDOW_S * share / job_s)):
        executor.submit(
            Job(
                job_class=JobClass.FINAL,
                owner=owner_of("m"),
                part="t",
                deadline_s=0.0,
                run=run,
                deliver=answers.put,
            )
        )
        answers.get(timeout=WAIT_S)
        clock.now_s += job_s / share - job_s


def test_new_meetings_are_refused_at_their_load_and_resumed_ones_have_a_reserve(
    executor: Executor[TranscriberWorker], clock: Clock
) -> None:
    """Each with a time after which to try again."""
    overload = overload_of(executor, clock)
    overload.admit("first", resumed=False)
    work(executor, clock, 0.8)
    with pytest.raises(Busy) as refused:
        overload.admit("new", resumed=False)
    assert refused.value.retry_after_s > 0
    overload.admit("resumed", resumed=True)
    work(executor, clock, 0.99)
    with pytest.raises(Busy):
        overload.admit("another", resumed=True)
    clock.now_s += 10 * WINDOW_S
    overload.admit("new", resumed=False)


def test_a_flood_of_new_meetings_is_refused_before_its_load_shows(
    executor: Executor[TranscriberWorker], clock: Clock
) -> None:
    """By what a decode takes: here a meeting wants 2.7 times 20 ms a second."""
    work(executor, clock, 0.02, job_s=0.02)
    clock.now_s += 10 * WINDOW_S
    overload = overload_of(executor, clock)
    admitted = 0
    for index in range(50):
        try:
            overload.admit(f"m{index}", resumed=False)
            admitted += 1
        except Busy:
            continue
    assert admitted == 14
    overload.withdraw("m0")
    overload.admit("in its place", resumed=False)


def test_the_levels_are_what_tracks_and_jobs_ask_for(
    executor: Executor[TranscriberWorker], clock: Clock
) -> None:
    """Stretched interims, and none that has waited for long."""
    overload = overload_of(executor, clock)
    assert (overload.level, overload.interim_interval_factor, overload.stale_after_s) == (
        Level.CALM,
        1.0,
        STALE_AFTER_S,
    )
    work(executor, clock, 0.9)
    assert overload.level is Level.REFUSE
    assert overload.interim_interval_factor > 1.0
    assert overload.stale_after_s < STALE_AFTER_S


@pytest.fixture
async def joined(
    executor: Executor[TranscriberWorker], clock: Clock
) -> AsyncIterator[tuple[MeetingActor, TrackSession]]:
    """A meeting of one track."""
    actor = MeetingActor(
        owner_of("m"),
        executor,
        ScriptedVoiceDetector(),
        CaptioningPolicy(),
        overload_of(executor, clock),
        asyncio.Lock(),
        Metrics(),
        clock=clock,
    )
    session = actor.join(TrackOptions(track="a"))
    running = asyncio.create_task(actor.run())
    yield actor, session
    actor.post(ConnectionLost(session))
    await running


async def test_a_connection_is_told_when_interims_give_way_and_when_they_are_back(
    joined: tuple[MeetingActor, TrackSession], executor: Executor[TranscriberWorker], clock: Clock
) -> None:
    """Once each, with its audio."""
    actor, session = joined
    work(executor, clock, 0.9)
    for degraded in (True, False):
        for _ in range(3):
            await actor.post_audio(session, np.zeros(512, np.float32))
        assert await session.outbox.get() == Cadence(degraded)
        await until(lambda: session.unhandled == 0)
        clock.now_s += 10 * WINDOW_S


async def test_places_are_held_from_before_the_upgrade(roster: Roster) -> None:
    """Of meetings and of tracks; given back whatever became of the connection."""
    one, two, three = (meeting_key("t", name) for name in ("one", "two", "three"))
    with roster.admitted(one), roster.admitted(one), roster.admitted(two):
        with pytest.raises(Busy), roster.admitted(one):
            pass
        with pytest.raises(Busy), roster.admitted(three):
            pass
        with roster.admitted(one, resumed=True):
            pass
    with roster.admitted(three):
        pass


async def test_a_track_that_comes_back_takes_the_place_of_its_ghost(roster: Roster) -> None:
    """In a meeting that is full."""
    key = meeting_key("t", "m")
    _, ghost = roster.join(key, TrackOptions(track="a", epoch=1))
    roster.join(key, TrackOptions(track="b", epoch=1))
    with pytest.raises(Busy):
        roster.join(key, TrackOptions(track="c", epoch=1))
    roster.join(key, TrackOptions(track="a", epoch=2))
    assert ghost.outbox.closed
