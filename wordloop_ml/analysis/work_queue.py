"""Runs long work, a few items at a time, and owns the task of each.

Several callers may wait for an item; it is cancelled when the last of them has left. What it tells on
its way, and what it came to, is kept once for all of them.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog

from wordloop_ml.errors import Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.synthesis.steps import Found, Progress
from wordloop_ml.telemetry import describe_bug

R = TypeVar("R")

Told = Progress | Found


class Work(Generic[R]):
    """One piece of work, what it has told so far, and how it ended.

    owner: of its jobs. name: in logs and as its task's name. callers, waiting, left: its desk's, who wants it, whether
        it waits for its turn, and whether it is being cancelled.
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
        """Whether it has ended, one way or another."""
        return self._outcome is not None

    @property
    def succeeded(self) -> bool:
        """Whether there is a result, and always will be."""
        return self.over and not isinstance(self._outcome, WordloopError)

    @property
    def wanted(self) -> bool:
        """Whether it goes on: it is not over, and not about to be because everybody left."""
        return not self.over and not self.left

    def result(self) -> R:
        """What it came to. Raises the ``WordloopError`` that it ended in."""
        if self._outcome is None:
            raise RuntimeError("the work is not over")
        if isinstance(self._outcome, WordloopError):
            raise self._outcome
        return self._outcome

    def become_ready(self) -> None:
        """What it was asked for can be done; from now on it is only a matter of time."""
        self._ready = True
        self._announce()

    def tell(self, event: Told) -> None:
        """For whoever follows."""
        if isinstance(event, Found):
            self._found.append(event)
        else:
            self._progress = event
        self._announce()

    def end(self, outcome: R | WordloopError) -> None:
        """Its task is over."""
        self._outcome = outcome
        self._announce()

    async def wait_ready(self) -> None:
        """Until it is accepted for good. Raises what it ended in before."""
        while not self._ready and not self.over:
            await self.wait_news()
        if isinstance(self._outcome, WordloopError):
            raise self._outcome

    async def wait(self) -> R:
        """Until it is over: its result, or its error raised."""
        while not self.over:
            await self.wait_news()
        return self.result()

    def follow(self) -> "Following[R]":
        """Everything that it tells, from the beginning."""
        return Following(self)

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def wait_news(self) -> None:
        """Until anything has changed from how it is now."""
        await self._news.wait()

    def after(self, found: int) -> tuple[list[Found], Progress | None]:
        """The items but for the first so many, and how far it is."""
        return self._found[found:], self._progress


class Following(Generic[R]):
    """How far one caller has read. Nothing is kept for it: a slow one finds the newest progress."""

    def __init__(self, work: Work[R]) -> None:
        self._work = work
        self._found = 0
        self._progress: Progress | None = None

    def take(self) -> list[Told]:
        """What is new; empty when nothing is."""
        found, progress = self._work.after(self._found)
        self._found += len(found)
        told: list[Told] = list(found)
        if progress is not None and progress is not self._progress:
            self._progress = progress
            told.append(progress)
        return told

    async def wait(self) -> None:
        """Until something may be new, or the work is over; at once if it is."""
        found, progress = self._work.after(self._found)
        if not self._work.over and not found and progress is self._progress:
            await self._work.wait_news()


SHORTEST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0

_MEAN_WEIGHT = 0.3


log = structlog.get_logger()


Perform = Callable[[Work[R], Callable[[], Awaitable[None]]], Awaitable[R]]
"""Does the work; it awaits its turn before what takes long. Raises ``WordloopError``."""


class Desk(Generic[R]):
    """Where work waits for its turn, first come, first served.

    kind: what all its work is. at_once: how many pieces run. waiting: how many more may wait.
    """

    def __init__(self, kind: OwnerKind, *, at_once: int, waiting: int) -> None:
        self._kind = kind
        self._places = at_once + waiting
        self._at_once = at_once
        self._turns = asyncio.Semaphore(at_once)
        self._tasks: dict[Work[R], asyncio.Task[R]] = {}
        self._numbers = itertools.count(1)
        self._draining = False
        self._mean_s = SHORTEST_RETRY_S

    @property
    def places_taken(self) -> int:
        """How many pieces of work wait or run."""
        return len(self._tasks)

    def accept(self, tenant: str, perform: Perform[R]) -> Work[R]:
        """Begin a piece of work. Whoever wants it enters ``calling`` before it awaits anything.

        Raises ``Draining`` or ``Busy``.
        """
        if self._draining:
            raise Draining
        if len(self._tasks) >= self._places:
            raise Busy("as much is waiting here as may", retry_after_s=self._retry_after_s())
        work: Work[R] = Work(JobOwner(self._kind, tenant, str(next(self._numbers))))
        task = asyncio.create_task(self._run(work, perform), name=work.name)
        self._tasks[work] = task
        task.add_done_callback(self._ended(work))
        return work

    @contextmanager
    def calling(self, work: Work[R]) -> Iterator[None]:
        """Want a piece of work; when nobody wants it any more, it is cancelled."""
        work.callers += 1
        try:
            yield
        finally:
            work.callers -= 1
            if not work.callers:
                self._stop(work)

    def refuse_waiting(self) -> None:
        """On the way out: nothing new, and what has not had its turn ends with ``Draining``."""
        self._draining = True
        for work in list(self._tasks):
            if work.waiting:
                self._stop(work)

    async def drain(self, within_s: float) -> bool:
        """Everything that is left ends with ``Draining``; False when a call on a thread hung.

        Then its task has been left, and the thread still is inside.
        """
        self.refuse_waiting()
        for work in list(self._tasks):
            self._stop(work)
        if not self._tasks:
            return True
        _, late = await asyncio.wait(self._tasks.values(), timeout=within_s)
        self.cut()  # for the second time: they leave without waiting
        if late:
            await asyncio.wait(late)
        return not late

    def cut(self) -> None:
        """Leave what is left at once, whatever its threads are inside of."""
        for task in self._tasks.values():
            task.cancel()

    async def _run(self, work: Work[R], perform: Perform[R]) -> R:
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

    def _stop(self, work: Work[R]) -> None:
        """Once: a second cancellation would not wait for the thread."""
        task = self._tasks.get(work)
        if task is not None and not work.left:
            work.left = True
            task.cancel()

    def _ended(self, work: Work[R]) -> Callable[[asyncio.Task[R]], None]:
        """What happens when a task ends, for whatever reason: logged here, once."""

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
        """When a place is free, about: as long as each piece took, on average."""
        expected_s = self._mean_s / self._at_once
        return min(max(expected_s, SHORTEST_RETRY_S), LONGEST_RETRY_S)
