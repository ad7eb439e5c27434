"""Owns all inference threads: priorities, deadlines, coalescing, fairness, bounds.

Native models are few and expensive, so every job of every meeting waits in one place. A job has
a class (first captions before finals before interims); within a class, meetings share the
threads fairly, and a meeting's jobs run earliest deadline first. The queue is start-time fair
queueing in the sense of Goyal, Vin and Cheng (SIGCOMM 1996), with virtual time counted in seconds
of native run time and rounded to a quantum, so that meetings with like shares compete by deadline.

Work on texts and files (embeddings, syntheses, uploads) is in the background: it has a bound of its own, runs when no
speech is waiting, and while people speak leaves one thread free of it. Its jobs are short or give
way when they are asked to, so that a first caption that finds all threads busy does not wait long for one;
those of files, which do neither, begin only where another thread stays idle. A job that can use more
cores than its thread's has those of all threads, if none of them has a job and nobody speaks.

A running native call cannot be cancelled, only abandoned: ``forget`` drops what waits and the
answer of what runs, and the thread is free again when the call returns.
"""

import math
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import structlog

from wordloop_ml.errors import BadInput, Busy, BusyReason, EngineAway, WordloopError
from wordloop_ml.load import Load, LoadMeter
from wordloop_ml.messages import DropReason, JobClass
from wordloop_ml.metrics import FailReason, Metrics
from wordloop_ml.telemetry import describe_bug, name_thread

FAIRNESS_QUANTUM_S = 0.1
"""Meetings whose used run time differs by less than this compete by deadline."""

SPEECH_LATELY_S = 2.0
"""After so long without a job for speech nobody speaks: longer than most pauses."""

_RECENT = 2_048

log = structlog.get_logger()


class Closable(Protocol):
    """What a worker thread owns: anything with a native state to free."""

    def close(self) -> None:
        """Free the state."""
        ...


W = TypeVar("W", bound=Closable)


@dataclass(frozen=True, slots=True)
class JobDone:
    """The job's value, and where its time went, in seconds."""

    value: Any
    queued_s: float
    ran_s: float


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job raised; a ``WordloopError`` is a lost job, anything else a bug. Seconds as in ``JobDone``."""

    error: Exception
    queued_s: float = field(default=0.0, compare=False)
    ran_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class JobDropped:
    """The job never ran."""

    reason: DropReason


Outcome = JobDone | JobFailed | JobDropped


class OwnerKind(StrEnum):
    """What asks for jobs."""

    MEETING = "meeting"
    EMBEDDINGS = "embeddings"
    SYNTHESIS = "synthesis"
    NOTES = "notes"
    FILE = "file"
    START_UP = "start_up"
    ENGINE_WATCH = "engine_watch"
    SERVED = "served"


_UNMEASURED = {OwnerKind.START_UP, OwnerKind.ENGINE_WATCH}
"""Nobody waits for these; first calls are slow, and those to an engine that is away fail."""


@dataclass(frozen=True, slots=True)
class JobOwner:
    """Who asked for jobs, and shares the threads with other owners.

    tenant: whose it is; empty for the process itself. id: unique for its kind and tenant.
    """

    kind: OwnerKind
    tenant: str
    id: str

    def __str__(self) -> str:
        """Return what logs call it, beside its kind."""
        return f"{self.tenant}/{self.id}"


@dataclass(slots=True, kw_only=True)
class Job(Generic[W]):
    """One bounded native call and who waits for it.

    owner, part: whose it is, and which part of it: a meeting's track, say. Fairness is between
        owners; ``forget`` takes an owner, or one of its parts.
    deadline_s: monotonic time at which the answer is wanted; orders, never drops.
    expires_s: monotonic time after which the answer is worthless; None for never.
    run: called on an inference thread with that thread's worker.
    deliver: called exactly once with the outcome, on an inference thread or, for a drop, on the
        thread that caused it, never under the executor's lock. It must not block; what it raises is
        logged.
    coalesce: jobs with an equal key replace each other while they wait, and never run together.
    give_way: asks a job that runs in the background to return soon, since speech wants its
        thread. Called on the thread that brings the speech, any number of times; it must not block.
    interval_factor: how many times more rarely such jobs are asked for than they are wanted.
    use_threads: for a job that gives way and can use more cores than its thread's: called before
        ``run``, on its thread, with the number of threads whose cores it has.
    threads: that number, once it runs.
    """

    job_class: JobClass
    owner: JobOwner
    part: str
    deadline_s: float
    run: Callable[[W], Any]
    deliver: Callable[[Outcome], None]
    expires_s: float | None = None
    coalesce: Hashable | None = None
    give_way: Callable[[], None] | None = None
    interval_factor: float = 1.0
    use_threads: Callable[[int], None] | None = None
    threads: int = field(default=1, init=False)
    submitted_s: float = field(default=0.0, init=False)
    wanted_since_s: float = field(default=0.0, init=False)
    order: int = field(default=0, init=False)
    abandoned: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True)
class ExecutorStatistics:
    """A snapshot for logs and benchmarks; seconds unless the name says otherwise.

    waiting, running: jobs now. busy_s: run time of all threads since the start.
    done, failed, dropped: jobs since the start, drops by reason.
    recent: (class, queued_s, ran_s) of the last jobs, oldest first.
    """

    waiting: int
    running: int
    busy_s: float
    done: int
    failed: int
    dropped: dict[DropReason, int]
    recent: tuple[tuple[JobClass, float, float], ...]


class Executor(Generic[W]):
    """A fixed set of named threads over one bounded backlog.

    Finals are exempt from the bound: they are bounded at their source, because a track stops
    reading when its buffer is full of audio that waits for them.

    backlog, background: how many jobs may wait, for speech and for work on texts.
    metrics: what its jobs are counted in, but for those of the start; its own where nobody looks.
    """

    def __init__(
        self,
        open_worker: Callable[[], W],
        *,
        workers: int,
        backlog: int = 256,
        background: int = 64,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._bounds = {False: backlog, True: background}
        self._condition = threading.Condition()
        self._waiting: list[Job[W]] = []
        self._running: list[Job[W]] = []
        self._used_s: defaultdict[JobOwner, float] = defaultdict(float)
        # by whether it is background: what that uses is no reason to forget who spoke much
        self._virtual_s = {False: 0.0, True: 0.0}
        self._spoke_s = -math.inf
        self._closed = False
        self._orders = 0
        self._busy_s = 0.0
        self._done = 0
        self._failed = 0
        self._dropped: Counter[DropReason] = Counter()
        self._recent: deque[tuple[JobClass, float, float]] = deque(maxlen=_RECENT)
        self._meter = LoadMeter(workers)
        self._threads = [
            threading.Thread(
                target=self._work, args=(worker,), name=f"inference-{index}", daemon=True
            )
            # Opened here, so that a state that cannot be had stops the start, not a thread.
            for index, worker in enumerate([open_worker() for _ in range(workers)])
        ]
        for thread in self._threads:
            thread.start()

    @property
    def workers(self) -> int:
        """How many inference threads there are."""
        return len(self._threads)

    @property
    def waiting(self) -> int:
        """How many jobs wait now."""
        return len(self._waiting)

    @property
    def idle(self) -> int:
        """How many threads have no job now."""
        return len(self._threads) - len(self._running)

    @property
    def pressure(self) -> float:
        """How many jobs for speech wait now, for each thread."""
        return self._count(self._waiting, background=False) / len(self._threads)

    @property
    def speech_lately(self) -> bool:
        """Whether people speak: work on texts is done in small pieces then."""
        return self._clock() - self._spoke_s < SPEECH_LATELY_S

    def load(self) -> Load:
        """Read how busy the threads have been lately."""
        with self._condition:
            return self._meter.read(self._clock())

    def forget_load(self, *, but_job_time: bool = False) -> None:
        """Forget the load so far, which no client asked for. Call it while nothing runs.

        but_job_time: how long a job takes was worth knowing all the same.
        """
        with self._condition:
            job_s = self._meter.read(self._clock()).job_s if but_job_time else None
            self._meter = LoadMeter(len(self._threads), job_s=job_s)

    def note_wait(self, seconds: float) -> None:
        """Count seconds that a first caption has waited beyond its wait here: behind other processes."""
        with self._condition:
            self._meter.waited_more(self._clock(), seconds)

    def submit(self, job: Job[W]) -> None:
        """Queue a job; never blocks. Raises ``Busy`` when its backlog is full or closed."""
        with self._condition:
            if self._closed:
                raise Busy("the executor is closed", reason=BusyReason.DRAINING)
            superseded = [
                one
                for one in self._waiting
                if job.coalesce is not None and one.coalesce == job.coalesce
            ]
            background = job.job_class.background
            waiting = self._count(self._waiting, background=background) - len(superseded)
            if waiting >= self._bounds[background] and job.job_class is not JobClass.FINAL:
                self._metrics.job_dropped[job.job_class, DropReason.REFUSED].inc()
                raise Busy("too many inference jobs are waiting", reason=BusyReason.JOBS)
            for one in superseded:
                self._waiting.remove(one)
            job.submitted_s = job.wanted_since_s = self._clock()
            # first captions replace each other: the first has waited longest
            for one in superseded:
                if one.job_class is job.job_class:
                    job.wanted_since_s = min(job.wanted_since_s, one.wanted_since_s)
            self._orders += 1
            job.order = self._orders
            if not background:
                self._spoke_s = job.submitted_s
            self._join_share(job)
            self._waiting.append(job)
            in_the_way = [] if background else self._in_the_way()
            self._condition.notify()
        for give_way in in_the_way:
            give_way()
        self._drop(superseded, DropReason.SUPERSEDED)

    def forget(self, owner: JobOwner, part: str | None = None) -> None:
        """Drop what waits for an owner (or one of its parts) and abandon what runs."""
        with self._condition:
            gone = [one for one in self._waiting if _owned(one, owner, part)]
            self._waiting = [one for one in self._waiting if not _owned(one, owner, part)]
            for one in self._running:
                if _owned(one, owner, part):
                    one.abandoned = True
            for one in gone:
                self._leave_share(one)
            if part is None:
                self._used_s.pop(owner, None)
        self._drop(gone, DropReason.FORGOTTEN)

    def statistics(self) -> ExecutorStatistics:
        """Count what waits, runs and ran."""
        with self._condition:
            return ExecutorStatistics(
                waiting=len(self._waiting),
                running=len(self._running),
                busy_s=self._busy_s,
                done=self._done,
                failed=self._failed,
                dropped=dict(self._dropped),
                recent=tuple(self._recent),
            )

    def close(self, timeout_s: float) -> bool:
        """Drop what waits and join the threads; False when a native call still holds one.

        Each thread frees its own worker as it leaves. After False the weights must not be
        freed: the only way out is to end the process.
        """
        with self._condition:
            self._closed = True
            gone, self._waiting = self._waiting, []
            self._condition.notify_all()
        self._drop(gone, DropReason.CLOSED)
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _join_share(self, job: Job[W]) -> None:
        """Let an owner that was idle start at the present, not with the credit of its silence."""
        now_s = self._virtual_s[job.job_class.background]
        self._used_s[job.owner] = max(self._used_s[job.owner], now_s)

    def _leave_share(self, job: Job[W]) -> None:
        """Forget the share of background work's owner once it has no job left."""
        left = not any(one.owner == job.owner for one in (*self._waiting, *self._running))
        if job.job_class.background and left:
            self._used_s.pop(job.owner, None)

    @staticmethod
    def _count(jobs: list[Job[W]], *, background: bool) -> int:
        return sum(one.job_class.background is background for one in jobs)

    def _may_run(self, job: Job[W], busy_keys: set[Hashable]) -> bool:
        """Whether no job of its key runs and, for background work, a thread is left for speech.

        A file's job cannot give way and takes as long as a final: while people speak it begins only
        where another thread stays idle, not just free of the background.
        """
        if job.coalesce is not None and job.coalesce in busy_keys:
            return False
        if not job.job_class.background:
            return True
        threads = len(self._threads)
        if not self.speech_lately:
            return self._count(self._running, background=True) < threads
        if job.job_class is JobClass.FILE:
            return not self._running or self.idle > 1
        return self._count(self._running, background=True) < max(1, threads - 1)

    def _in_the_way(self) -> list[Callable[[], None]]:
        """Return what asks running jobs to give way, if speech that may run finds no idle thread, or one whose core is lent."""
        busy_keys = {one.coalesce for one in self._running}
        ready = [
            one
            for one in self._waiting
            if not one.job_class.background and self._may_run(one, busy_keys)
        ]
        lent = any(one.threads > 1 for one in self._running)
        if not ready or (len(ready) <= self.idle and not lent):
            return []
        return [one.give_way for one in self._running if one.give_way is not None]

    def _rank(self, job: Job[W]) -> tuple[int, int, float, int]:
        share = int(self._used_s[job.owner] / FAIRNESS_QUANTUM_S)
        return (job.job_class, share, job.deadline_s, job.order)

    def _work(self, worker: W) -> None:
        """Run jobs on one thread until the executor closes, then free its worker."""
        name_thread()
        try:
            while (taken := self._take()) is not None:
                job, expired = taken
                self._drop(expired, DropReason.EXPIRED)
                if job is not None:
                    self._run(job, worker)
        finally:
            worker.close()

    def _take(self) -> tuple[Job[W] | None, list[Job[W]]] | None:
        """Wait for the best job that may run, and what expired; None when closed."""
        with self._condition:
            while True:
                if self._closed:
                    return None
                now_s = self._clock()
                expired = [
                    one
                    for one in self._waiting
                    if one.expires_s is not None and one.expires_s < now_s
                ]
                for one in expired:
                    self._waiting.remove(one)
                    self._note_wait(one, now_s)
                busy_keys = {one.coalesce for one in self._running}
                ready = [one for one in self._waiting if self._may_run(one, busy_keys)]
                if not ready:
                    if expired:
                        return None, expired
                    self._condition.wait()
                    continue
                job = min(ready, key=self._rank)
                if job.use_threads is not None and not self._running and not self.speech_lately:
                    job.threads = len(self._threads)
                self._waiting.remove(job)
                self._running.append(job)
                background, used_s = job.job_class.background, self._used_s[job.owner]
                self._virtual_s[background] = max(self._virtual_s[background], used_s)
                self._note_wait(job, now_s)
                if not background:
                    self._meter.began(now_s, job.job_class, job.interval_factor)
                return job, expired

    def _note_wait(self, job: Job[W], now_s: float) -> None:
        if job.job_class is JobClass.FIRST_CAPTION:
            self._meter.waited(now_s, now_s - job.wanted_since_s)

    def _run(self, job: Job[W], worker: W) -> None:
        began_s = self._clock()
        queued_s = began_s - job.submitted_s
        outcome: Outcome
        try:
            if job.use_threads is not None:
                job.use_threads(job.threads)
            value = job.run(worker)
        except Exception as error:  # a job's errors are its owner's, never the thread's
            outcome = JobFailed(error, queued_s, self._clock() - began_s)
        else:
            outcome = JobDone(value, queued_s, self._clock() - began_s)
        self._measure(job, outcome)
        self._settle(job, self._clock() - began_s, failed=isinstance(outcome, JobFailed))
        if job.abandoned:
            outcome = JobDropped(DropReason.FORGOTTEN)
        _deliver(job, outcome)

    def _measure(self, job: Job[W], outcome: JobDone | JobFailed) -> None:
        if job.owner.kind in _UNMEASURED:
            return
        self._metrics.job_queued[job.job_class].observe(outcome.queued_s)
        self._metrics.job_ran[job.job_class].observe(outcome.ran_s)
        if isinstance(outcome, JobFailed):
            self._metrics.job_failed[job.job_class, _fail_reason(outcome.error)].inc()

    def _settle(self, job: Job[W], ran_s: float, *, failed: bool) -> None:
        """Account for a finished job and let those that waited for its key go."""
        with self._condition:
            self._running.remove(job)
            if not job.job_class.background:
                self._meter.ended(self._clock(), job.job_class, job.interval_factor, ran_s)
            self._busy_s += ran_s
            if job.owner in self._used_s:
                self._used_s[job.owner] += ran_s
                self._leave_share(job)
            self._failed += failed
            self._done += not failed
            queued_s = max(0.0, self._clock() - ran_s - job.submitted_s)
            self._recent.append((job.job_class, queued_s, ran_s))
            self._condition.notify_all()

    def _drop(self, jobs: list[Job[W]], reason: DropReason) -> None:
        if not jobs:
            return
        with self._condition:
            self._dropped[reason] += len(jobs)
        for job in jobs:
            self._metrics.job_dropped[job.job_class, reason].inc()
            _deliver(job, JobDropped(reason))


def _fail_reason(error: Exception) -> FailReason:
    match error:
        case BadInput():
            return FailReason.BAD_INPUT
        case EngineAway():
            return FailReason.ENGINE_AWAY
        case WordloopError():
            return FailReason.ENGINE_FAILED
        case _:
            return FailReason.BUG


def _deliver(job: Job[Any], outcome: Outcome) -> None:
    """Tell a job's owner; what fails there is logged, and ends neither a thread nor its caller."""
    try:
        job.deliver(outcome)
    except Exception as error:  # an owner's errors are its own, like those of its job
        log.error("delivery_failed", job_class=job.job_class.name.lower(), **describe_bug(error))


def _owned(job: Job[Any], owner: JobOwner, part: str | None) -> bool:
    return job.owner == owner and part in {None, job.part}
