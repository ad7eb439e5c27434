"""Takes in long work, lets a few pieces run at a time, and owns the task of each.

A piece of work belongs to whoever waits for it: several may, and it is cancelled when the last of
them has left.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog

from wordloop_ml.analysis.work import Work
from wordloop_ml.errors import Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.telemetry import describe_bug

SHORTEST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0

_MEAN_WEIGHT = 0.3

R = TypeVar("R")

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
