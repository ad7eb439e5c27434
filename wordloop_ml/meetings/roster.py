"""The owner of every actor's task: which meetings are live, who may join, how all of them leave.

``Quarantine`` admits suspected tracks one at a time, so that it shows which of them a process dies
of.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.errors import Busy, BusyReason, Draining, ErrorCode
from wordloop_ml.executor import Executor, JobOwner, OwnerKind
from wordloop_ml.load import LoadLimits
from wordloop_ml.meetings.actor import MeetingActor
from wordloop_ml.meetings.overload import Overload
from wordloop_ml.meetings.session import Ack, OutboxEvent, TrackEnd, TrackOptions, TrackSession
from wordloop_ml.messages import SAMPLE_RATE, Caption
from wordloop_ml.metrics import Metrics
from wordloop_ml.ports import TranscriberWorker, VoiceDetector
from wordloop_ml.telemetry import describe_bug

RETRY_AFTER_S = 5.0

log = structlog.get_logger()


def meeting_key(tenant: str, meeting: str) -> JobOwner:
    """Make the key of a meeting within a process, for its logs and the executor.

    An id belongs to its tenant: meetings of two tenants with one id stay apart.
    """
    return JobOwner(OwnerKind.MEETING, tenant, meeting)


@dataclass(frozen=True, slots=True)
class RosterStatistics:
    """How many meetings and tracks are live, and how many tracks failed so far."""

    meetings: int
    tracks: int
    failed: int


class Roster:
    """Live meetings by key. A meeting lives from its first connection to the end of its last.

    engine_away: whether the transcriber's engine is away; None where it is in this process.
    metrics: what they are counted in; its own where nobody looks.
    """

    def __init__(
        self,
        executor: Executor[TranscriberWorker],
        voice_detector: VoiceDetector,
        *,
        policy: CaptioningPolicy | None = None,
        max_meetings: int = 64,
        max_tracks: int = 32,
        limits: LoadLimits | None = None,
        engine_away: Callable[[], bool] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._executor = executor
        self._voice_detector = voice_detector
        self._policy = policy if policy is not None else CaptioningPolicy()
        self._limits = limits if limits is not None else LoadLimits()
        self._overload = Overload(
            executor, self._limits, self._policy.interim_samples, engine_away=engine_away
        )
        self._metrics = metrics or Metrics()
        self._max_meetings = max_meetings
        self._max_tracks = max_tracks
        self._turn = asyncio.Lock()
        self._connections: Counter[JobOwner] = Counter()
        self._actors: dict[JobOwner, MeetingActor] = {}
        self._tasks: dict[MeetingActor, asyncio.Task[None]] = {}
        self._draining = False
        self._failed = 0

    @property
    def draining(self) -> bool:
        """Whether nobody new may join."""
        return self._draining

    def statistics(self) -> RosterStatistics:
        """Count what is live now, and what has failed so far."""
        return RosterStatistics(
            meetings=len(self._actors),
            tracks=sum(actor.tracks for actor in self._actors.values()),
            failed=self._failed + sum(actor.failed for actor in self._tasks),
        )

    def observe(self) -> None:
        """Set the gauges of the metrics to what is now."""
        now, metrics, load = self.statistics(), self._metrics, self._executor.load()
        metrics.meetings.set(now.meetings)
        metrics.tracks.set(now.tracks)
        metrics.meetings_max.set(self._max_meetings)
        metrics.drain_tracks_left.set(now.tracks if self._draining else 0)
        metrics.jobs_waiting.set(self._executor.waiting)
        metrics.workers.set(self._executor.workers)
        metrics.load_level.set(self._overload.level)
        metrics.interim_interval_factor.set(self._overload.interim_interval_factor)
        for kind, gauge in metrics.load.items():
            gauge.set(getattr(load, kind))
        for limit, gauge in metrics.load_limit.items():
            gauge.set(getattr(self._limits, limit))
        sessions = [one for actor in self._actors.values() for one in actor.sessions]
        metrics.outbox_events_max.set(max((len(one.outbox) for one in sessions), default=0))
        held = (self._policy.buffer_samples - one.track.room for one in sessions if not one.leaving)
        metrics.audio_buffer_max.set(max(held, default=0) / SAMPLE_RATE)

    @contextmanager
    def admitted(self, meeting: JobOwner, *, resumed: bool = False) -> Iterator[None]:
        """Hold a place for a connection, from before its upgrade to its end.

        resumed: the track goes on from an earlier connection: others wait for it. Its ghost may
        still be live, so that the bound on tracks is ``join``'s to judge.
        Raises ``Draining`` or ``Busy``.
        """
        if self._draining:
            raise Draining
        here = self._connections[meeting]
        if here >= (2 if resumed else 1) * self._max_tracks:
            raise _no_more_tracks()
        if not here:
            self._check_meetings(meeting)
            if meeting not in self._actors:
                self._overload.admit(meeting, resumed=resumed)
        self._connections[meeting] += 1
        try:
            yield
        finally:
            self._connections[meeting] -= 1
            if not self._connections[meeting]:
                del self._connections[meeting]
                self._overload.withdraw(meeting)

    def require_new(self, meeting: JobOwner) -> None:
        """Admit a connection as new that came in as resumed and is not.

        Raises ``Busy``.
        """
        if meeting not in self._actors:
            self._overload.withdraw(meeting)
            self._overload.admit(meeting, resumed=False)

    def join(self, meeting: JobOwner, options: TrackOptions) -> tuple[MeetingActor, TrackSession]:
        """Open a session for a track; the meeting's actor starts with its first one.

        Raises ``Draining``, ``Busy`` or ``BadInput`` (``superseded``).
        """
        if self._draining:
            raise Draining
        actor = self._actors.get(meeting)
        if actor is not None and not actor.over:
            if actor.tracks >= self._max_tracks and not actor.has_track(options.track):
                raise _no_more_tracks()
            return actor, actor.join(options)
        self._check_meetings(meeting)
        actor = MeetingActor(
            meeting,
            self._executor,
            self._voice_detector,
            self._policy,
            self._overload,
            self._turn,
            self._metrics,
        )
        session = actor.join(options)
        task = asyncio.create_task(actor.run(), name=f"meeting-{meeting}")
        self._actors[meeting] = actor
        self._tasks[actor] = task
        task.add_done_callback(self._ended(actor))
        log.info("meeting_started", meeting=str(meeting))
        return actor, session

    def _check_meetings(self, meeting: JobOwner) -> None:
        here = self._actors.keys() | self._connections.keys()
        if meeting not in here and len(here) >= self._max_meetings:
            raise Busy(
                "this container holds as many meetings as it may",
                retry_after_s=RETRY_AFTER_S,
                reason=BusyReason.MEETINGS,
            )

    async def drain(self, deadline_s: float) -> bool:
        """Let every meeting leave; after the deadline those that are left are cut.

        True when every track left by itself. Nobody can join any more once this has begun.
        """
        self._draining = True
        for actor in list(self._actors.values()):
            actor.drain(deadline_s)
        tasks = list(self._tasks.values())
        if not tasks:
            return True
        _, late = await asyncio.wait(tasks, timeout=deadline_s)
        self.cut()
        if late:
            await asyncio.wait(late)
        return not late

    def cut(self) -> None:
        """End every meeting that is left at once; each of its connections is closed."""
        for task in self._tasks.values():
            task.cancel()

    def _ended(self, actor: MeetingActor) -> Callable[[asyncio.Task[None]], None]:
        """Make the callback for the end of an actor's task: it logs why, and forgets the actor."""

        def settle(task: asyncio.Task[None]) -> None:
            del self._tasks[actor]
            self._failed += actor.failed
            if task.cancelled():
                actor.abandon(TrackEnd.CUT, ErrorCode.DRAINING)
                log.warning("meeting_cut", meeting=str(actor.meeting))
            elif (error := task.exception()) is not None:
                self._failed += actor.tracks
                actor.abandon(TrackEnd.FAILED, ErrorCode.INTERNAL)
                log.error("meeting_failed", meeting=str(actor.meeting), **describe_bug(error))
            else:
                log.info("meeting_ended", meeting=str(actor.meeting))
            # A meeting may have begun anew, under the same id, before this callback ran.
            if self._actors.get(actor.meeting) is actor:
                del self._actors[actor.meeting]
                self._executor.forget(actor.meeting)

        return settle


def _no_more_tracks() -> Busy:
    return Busy(
        "this meeting holds as many tracks as it may",
        retry_after_s=RETRY_AFTER_S,
        reason=BusyReason.TRACKS,
    )


TURN_S = 0.5
"""Seconds that a turn lasts at most: audio that native code dies of kills at its first decode."""

WAIT_S = 2.0
"""Seconds that a track waits for its turn at most."""


class Turn:
    """A track's right to be the only suspect that is decoded.

    It lasts from before the track's ``ready`` until a caption or an ack shows that what was replayed has been
    decoded, the track ends, or ``TURN_S`` seconds have passed.

    lock: what it holds; None for a track that nobody suspects.
    """

    def __init__(self, lock: asyncio.Lock | None = None) -> None:
        self._lock = lock
        self._timer = (
            None if lock is None else asyncio.get_running_loop().call_later(TURN_S, self.end)
        )

    def look(self, event: OutboxEvent, live_from: int) -> None:
        """End the turn if an event that was sent shows that all before ``live_from`` was decoded."""
        match event:
            case Caption(end=understood) | Ack(committed=understood):
                if understood >= live_from:
                    self.end()

    def end(self) -> None:
        """Let the next track in; harmless when called twice."""
        lock, self._lock = self._lock, None
        if self._timer is not None:
            self._timer.cancel()
        if lock is not None:
            lock.release()


class Quarantine:
    """Hands out turns in the order of asking; one for the process."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def turn(self) -> Turn:
        """Wait for a turn, ``WAIT_S`` at most, and return it; an empty one after that. The caller ends it."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._lock.acquire()
        except TimeoutError:
            return Turn()
        return Turn(self._lock)
