"""Runs long work, a few items at a time, and owns the task of each.

Several callers may wait for an item; it is cancelled when the last of them has left. The events of
its plan and its outcome are kept once, for all of them.

An ``Idempotency-Key`` stands for an item (draft-ietf-httpapi-idempotency-key-header). It belongs to
its tenant. While the work runs, and for a while after it has succeeded, the same request is given
the same work; work that failed, or that nobody waited for any more, is forgotten.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from wordloop_ml.errors import (
    BadInput,
    Busy,
    BusyReason,
    Draining,
    ErrorCode,
    WordloopError,
)
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.synthesis.steps import Found, PlanEvent, Progress
from wordloop_ml.telemetry import describe_bug

SHORTEST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0

_MEAN_WEIGHT = 0.3

R = TypeVar("R")

log = structlog.get_logger()


class WorkItem(Generic[R]):
    """One item of work: its events so far, and its outcome.

    owner: of its jobs. name: in logs and as its task's name. callers, waiting, left: kept by its
        queue: how many want it, whether it waits for its turn, whether it is being cancelled.
    """

    def __init__(self, owner: JobOwner) -> None:
        self.owner = owner
        self.name = f"{owner.kind}-{owner}"
        self.callers = 0
        self.waiting = True
        self.left = False
        self._found: list[Found] = []
        self._progress: Progress | None = None
        self._news = asyncio.Event()
        self._ready = False
        self._outcome: R | WordloopError | None = None

    @property
    def over(self) -> bool:
        """Whether it has a result or an error."""
        return self._outcome is not None

    @property
    def succeeded(self) -> bool:
        """Whether it has a result."""
        return self.over and not isinstance(self._outcome, WordloopError)

    @property
    def wanted(self) -> bool:
        """Whether it goes on: neither over nor being cancelled."""
        return not self.over and not self.left

    def result(self) -> R:
        """Return its result, or raise the ``WordloopError`` that it ended in; it must be over."""
        if self._outcome is None:
            raise RuntimeError("the work is not over")
        if isinstance(self._outcome, WordloopError):
            raise self._outcome
        return self._outcome

    def become_ready(self) -> None:
        """Mark its request as valid."""
        self._ready = True
        self._announce()

    def tell(self, event: PlanEvent) -> None:
        """Keep an event for all readers; a newer ``Progress`` replaces the one before."""
        if isinstance(event, Found):
            self._found.append(event)
        else:
            self._progress = event
        self._announce()

    def end(self, outcome: R | WordloopError) -> None:
        """Set the outcome and wake all who wait."""
        self._outcome = outcome
        self._announce()

    async def wait_ready(self) -> None:
        """Wait until its request is known to be valid; raises the error that it ended in before."""
        while not self._ready and not self.over:
            await self.wait_news()
        if isinstance(self._outcome, WordloopError):
            raise self._outcome

    async def wait(self) -> R:
        """Wait until it is over; returns its result or raises its error."""
        while not self.over:
            await self.wait_news()
        return self.result()

    def follow(self) -> "EventReader[R]":
        """Open a reader of all its events, from the first on."""
        return EventReader(self)

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def wait_news(self) -> None:
        """Wait until anything of it changes."""
        await self._news.wait()

    def after(self, found: int) -> tuple[list[Found], Progress | None]:
        """Return the items but for the first ``found``, and the newest progress."""
        return self._found[found:], self._progress


class EventReader(Generic[R]):
    """One caller's position in the events of an item.

    Nothing is buffered for it: a slow reader finds the newest progress.
    """

    def __init__(self, work: WorkItem[R]) -> None:
        self._work = work
        self._found = 0
        self._progress: Progress | None = None

    def take(self) -> list[PlanEvent]:
        """Return the events since the call before; empty without any."""
        found, progress = self._work.after(self._found)
        self._found += len(found)
        events: list[PlanEvent] = list(found)
        if progress is not None and progress is not self._progress:
            self._progress = progress
            events.append(progress)
        return events

    async def wait(self) -> None:
        """Wait until there may be an event to take, or the work is over."""
        found, progress = self._work.after(self._found)
        if not self._work.over and not found and progress is self._progress:
            await self._work.wait_news()


Perform = Callable[[WorkItem[R], Callable[[], Awaitable[None]]], Awaitable[R]]
"""Does the work; it awaits its turn before what takes long. Raises ``WordloopError``."""


class WorkQueue(Generic[R]):
    """A bounded queue of work, first come, first served.

    kind: of the owner of all its jobs. at_once: items that run. waiting: items that may wait.
    """

    def __init__(self, kind: OwnerKind, *, at_once: int, waiting: int) -> None:
        self._kind = kind
        self._places = at_once + waiting
        self._at_once = at_once
        self._turns = asyncio.Semaphore(at_once)
        self._tasks: dict[WorkItem[R], asyncio.Task[R]] = {}
        self._numbers = itertools.count(1)
        self._draining = False
        self._mean_s = SHORTEST_RETRY_S

    @property
    def places_taken(self) -> int:
        """How many items wait or run."""
        return len(self._tasks)

    @property
    def waiting(self) -> int:
        """How many items wait for their turn."""
        return sum(work.waiting for work in self._tasks)

    @property
    def running(self) -> int:
        """How many items have their turn."""
        return len(self._tasks) - self.waiting

    def check_room(self) -> None:
        """Raise ``Draining``, or ``Busy`` when all places are taken."""
        if self._draining:
            raise Draining
        if len(self._tasks) >= self._places:
            raise Busy(
                "as much is waiting here as may",
                retry_after_s=self._retry_after_s(),
                reason=BusyReason.QUEUE,
            )

    def accept(
        self, tenant: str, perform: Perform[R], *, ended: Callable[[], None] | None = None
    ) -> WorkItem[R]:
        """Begin an item of work. Whoever wants it enters ``calling`` before it awaits anything.

        ended: called once when the item is over, also where it never had its turn. Raises as
        ``check_room`` does; then nothing has begun.
        """
        self.check_room()
        work: WorkItem[R] = WorkItem(JobOwner(self._kind, tenant, str(next(self._numbers))))
        task = asyncio.create_task(self._run(work, perform), name=work.name)
        self._tasks[work] = task
        task.add_done_callback(self._ended(work))
        if ended is not None:
            task.add_done_callback(lambda _: ended())
        return work

    @contextmanager
    def calling(self, work: WorkItem[R]) -> Iterator[None]:
        """Count as a caller of an item; it is cancelled when the last one leaves."""
        work.callers += 1
        try:
            yield
        finally:
            work.callers -= 1
            if not work.callers:
                self._cancel(work)

    def refuse_waiting(self) -> None:
        """Accept nothing more, and end what waits for its turn with ``Draining``."""
        self._draining = True
        for work in list(self._tasks):
            if work.waiting:
                self._cancel(work)

    async def drain(self, within_s: float) -> bool:
        """End everything with ``Draining``; False when a call on a thread hung beyond ``within_s``.

        Then its task has been left, and the thread still is inside.
        """
        self.refuse_waiting()
        for work in list(self._tasks):
            self._cancel(work)
        if not self._tasks:
            return True
        _, late = await asyncio.wait(self._tasks.values(), timeout=within_s)
        self.cut()  # for the second time: they leave without waiting
        if late:
            await asyncio.wait(late)
        return not late

    def cut(self) -> None:
        """Cancel every task, without waiting for the threads that they wait for."""
        for task in self._tasks.values():
            task.cancel()

    async def _run(self, work: WorkItem[R], perform: Perform[R]) -> R:
        """Perform an item in its turn, and measure how long that takes."""
        began_s: float | None = None

        async def turn() -> None:
            nonlocal began_s
            work.become_ready()
            await self._turns.acquire()
            began_s = asyncio.get_running_loop().time()
            work.waiting = False

        try:
            return await perform(work, turn)
        finally:
            if began_s is not None:
                self._turns.release()
                ran_s = asyncio.get_running_loop().time() - began_s
                self._mean_s += _MEAN_WEIGHT * (ran_s - self._mean_s)

    def _cancel(self, work: WorkItem[R]) -> None:
        """Cancel an item once: a second cancellation would not wait for the thread."""
        task = self._tasks.get(work)
        if task is not None and not work.left:
            work.left = True
            task.cancel()

    def _ended(self, work: WorkItem[R]) -> Callable[[asyncio.Task[R]], None]:
        """Make the callback that sets an item's outcome and logs its failure, once."""

        def settle(task: asyncio.Task[R]) -> None:
            del self._tasks[work]
            if task.cancelled():
                log.info("work_cancelled", work=work.name, draining=self._draining)
                work.end(Draining() if self._draining else Busy("nobody waited for it"))
            elif (error := task.exception()) is None:
                work.end(task.result())
            elif isinstance(error, WordloopError):
                log.info("work_failed", work=work.name, code=error.code)
                work.end(error)
            else:
                log.error("work_failed", work=work.name, **describe_bug(error))
                work.end(WordloopError("unexpected error", code=ErrorCode.INTERNAL))

        return settle

    def _retry_after_s(self) -> float:
        """Estimate when a place is free, from the mean duration of an item."""
        expected_s = self._mean_s / self._at_once
        return min(max(expected_s, SHORTEST_RETRY_S), LONGEST_RETRY_S)


KEPT_S = 3_600.0
"""How long a key is known after its first request."""

KEPT_KEYS, KEPT_KEYS_OF_TENANT = 1_024, 64
KEPT_BYTES = 32 << 20
"""Of results. The oldest go first."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[R]):
    """What a key stands for. fingerprint: of the request's content. since_s: when it was first used."""

    fingerprint: bytes
    work: WorkItem[R]
    since_s: float


class Idempotency(Generic[R]):
    """Remembers which work each key stands for, within the bounds above.

    size: returns the bytes of a result. clock: monotonic seconds.
    """

    def __init__(
        self, size: Callable[[R], int], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = size
        self._clock = clock
        self._entries: dict[tuple[str, str], _Entry[R]] = {}

    def __len__(self) -> int:
        """How many keys are known."""
        return len(self._entries)

    def find(self, tenant: str, key: str, fingerprint: bytes) -> WorkItem[R] | None:
        """Return the work of an earlier request with this key, if it runs or has succeeded.

        Raises ``BadInput`` (``idempotency_key_reused``) when that had another content.
        """
        self._forget_useless()
        entry = self._entries.get((tenant, key))
        if entry is None:
            return None
        if entry.fingerprint != fingerprint:
            raise BadInput(
                "this Idempotency-Key came with another body before",
                code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            )
        return entry.work

    def remember(self, tenant: str, key: str, fingerprint: bytes, work: WorkItem[R]) -> None:
        """Let the key stand for this work."""
        self._entries.pop((tenant, key), None)
        self._entries[tenant, key] = _Entry(fingerprint, work, self._clock())
        self._forget_surplus()

    def _forget_useless(self) -> None:
        until_s = self._clock() - KEPT_S
        self._entries = {
            place: entry
            for place, entry in self._entries.items()
            if entry.since_s > until_s and (entry.work.succeeded or entry.work.wanted)
        }

    def _forget_surplus(self) -> None:
        """Keep the newest entries within the bounds; they are in order of their age."""
        kept: dict[tuple[str, str], _Entry[R]] = {}
        of_tenant: Counter[str] = Counter()
        held_bytes = 0
        for place, entry in reversed(self._entries.items()):
            held_bytes += self._size(entry.work.result()) if entry.work.succeeded else 0
            of_tenant[place[0]] += 1
            if len(kept) >= KEPT_KEYS or held_bytes > KEPT_BYTES:
                break
            if of_tenant[place[0]] <= KEPT_KEYS_OF_TENANT:
                kept[place] = entry
        self._entries = dict(reversed(kept.items()))
