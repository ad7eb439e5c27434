"""Background work on inference threads, awaited: the executor seen from the event loop."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar

from wordloop_ml.errors import Busy, Draining
from wordloop_ml.executor import Executor, Job, JobDone, JobDropped, JobOwner, Outcome
from wordloop_ml.messages import JobClass

BUSY_TRIES = 30
"""How often work that was begun asks again where too much waits; a second or so each time."""

T = TypeVar("T")


class Jobs:
    """Runs calls of background classes for any number of callers; used in one event loop.

    The calls of ``run`` are given no worker: what they work with is theirs, and is safe on any thread.
    """

    def __init__(
        self, executor: Executor[Any], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._executor = executor
        self._clock = clock
        self._numbers = itertools.count()

    @property
    def workers(self) -> int:
        """How many inference threads there are."""
        return self._executor.workers

    @property
    def speech_lately(self) -> bool:
        """Whether people speak, so that work is to be done in small pieces."""
        return self._executor.speech_lately

    @property
    def idle(self) -> int:
        """How many threads have no job now."""
        return self._executor.idle

    async def run(
        self,
        job_class: JobClass,
        caller: JobOwner,
        call: Callable[[], T],
        *,
        stop: Callable[[], None] | None = None,
        give_way: Callable[[], None] | None = None,
        use_threads: Callable[[int], None] | None = None,
    ) -> T:
        """Run ``call`` on an inference thread; returns or raises what it does, as ``run_on_worker``."""
        return await self.run_on_worker(
            job_class,
            caller,
            lambda _worker: call(),
            stop=stop,
            give_way=give_way,
            use_threads=use_threads,
        )

    async def run_on_worker(
        self,
        job_class: JobClass,
        caller: JobOwner,
        call: Callable[[Any], T],
        *,
        stop: Callable[[], None] | None = None,
        give_way: Callable[[], None] | None = None,
        use_threads: Callable[[int], None] | None = None,
    ) -> T:
        """Run ``call`` with the worker of an inference thread; returns or raises what it does.

        caller: threads are shared fairly between the callers of a class; within one, calls run in
            the order they were asked for.
        stop: ends a running call early, if anything can; called in the event loop.
        give_way: lets a running call return soon, for speech; called on any thread.
        use_threads: see ``Job``.

        When it is cancelled, a waiting call is dropped, and a running one is waited for, since
        nothing can end a native call from outside: afterwards the call runs no more. Cancelled
        again, it leaves at once, for the end of a process in which a call hangs. Raises ``Busy``
        when too much waits already, ``Draining`` when the threads are going.
        """
        number = str(next(self._numbers))
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._executor.submit(
            Job(
                job_class=job_class,
                owner=caller,
                part=number,
                deadline_s=self._clock(),
                run=call,
                deliver=_deliver_to(future),
                give_way=give_way,
                use_threads=use_threads,
            )
        )
        try:
            outcome = await asyncio.shield(future)
        except asyncio.CancelledError:
            self._executor.forget(caller, number)
            if stop is not None and not future.done():
                stop()
            await asyncio.shield(future)
            raise
        if isinstance(outcome, JobDone):
            value: T = outcome.value
            return value
        if isinstance(outcome, JobDropped):
            raise Draining
        raise outcome.error


async def retry_busy(attempt: Callable[[], Awaitable[T]]) -> T:
    """Await an attempt, again after each ``Busy``; raises the last one after ``BUSY_TRIES``.

    Work that was begun is not given up because of what was asked for later.
    """
    for _ in range(BUSY_TRIES):
        try:
            return await attempt()
        except Draining:
            raise
        except Busy as busy:
            await asyncio.sleep(busy.retry_after_s)
    return await attempt()


async def end_all(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait for the calls that run; cancelled itself, leave them at once."""
    if not tasks:
        return
    try:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()  # for the second time: it does not wait for its thread
            if task.done() and not task.cancelled():
                task.exception()  # the first failure is the one that is raised


def _deliver_to(future: asyncio.Future[Outcome]) -> Callable[[Outcome], None]:
    loop = future.get_loop()

    def deliver(outcome: Outcome) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(future.set_result, outcome)

    return deliver
