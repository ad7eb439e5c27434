"""Background work, awaited: answers, errors, cancellation, and the end of the threads."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.executing import WAIT_S, Clock, owner_of
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.errors import Draining, EngineFailed
from wordloop_ml.executor import FAIRNESS_QUANTUM_S, Executor
from wordloop_ml.messages import JobClass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def executor(clock: Clock) -> Iterator[Executor[Any]]:
    """One inference thread."""
    one: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=1, clock=clock)
    yield one
    assert one.close(WAIT_S)


@pytest.fixture
def jobs(executor: Executor[Any]) -> Jobs:
    return Jobs(executor)


class Held:
    """A call that lasts until it is let go, and says when it has begun and ended."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.ended = False

    def __call__(self) -> str:
        self.begun.set()
        assert self.go.wait(WAIT_S)
        self.ended = True
        return "held"


async def begun(held: Held) -> None:
    """Wait for it without blocking the loop."""
    assert await asyncio.to_thread(held.begun.wait, WAIT_S)


async def test_a_call_answers_from_an_inference_thread(jobs: Jobs) -> None:
    """Its value is the answer."""
    name = await jobs.run(
        JobClass.EMBEDDING, owner_of("a"), lambda: threading.current_thread().name
    )
    assert name == "inference-0"


async def test_what_a_call_raises_is_raised(jobs: Jobs) -> None:
    """The error itself, and the thread goes on."""

    def fail() -> None:
        raise EngineFailed("no answer")

    with pytest.raises(EngineFailed, match="no answer"):
        await jobs.run(JobClass.SYNTHESIS, owner_of("a"), fail)
    assert await jobs.run(JobClass.SYNTHESIS, owner_of("a"), lambda: 1) == 1


async def test_a_cancelled_call_that_waits_never_runs(jobs: Jobs) -> None:
    """It is dropped, and the one before it is left alone."""
    held, ran = Held(), threading.Event()
    first = asyncio.create_task(jobs.run(JobClass.SYNTHESIS, owner_of("a"), held), name="first")
    await begun(held)
    second = asyncio.create_task(
        jobs.run(JobClass.SYNTHESIS, owner_of("a"), ran.set), name="second"
    )
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    held.go.set()
    assert await first == "held"
    await jobs.run(JobClass.SYNTHESIS, owner_of("a"), lambda: None)
    assert not ran.is_set()


async def test_a_cancelled_call_that_runs_is_stopped_and_waited_for(jobs: Jobs) -> None:
    """What it works with can be freed afterwards."""
    held = Held()
    task = asyncio.create_task(
        jobs.run(JobClass.SYNTHESIS, owner_of("a"), held, stop=held.go.set), name="stopped"
    )
    await begun(held)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert held.ended


async def test_cancelled_twice_a_hung_call_holds_nobody(jobs: Jobs) -> None:
    """A process that ends does not wait for it."""
    held = Held()
    task = asyncio.create_task(jobs.run(JobClass.SYNTHESIS, owner_of("a"), held), name="hung")
    await begun(held)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not held.ended
    held.go.set()


async def test_callers_share_the_threads_fairly(jobs: Jobs, clock: Clock) -> None:
    """Somebody with one short call does not wait for all of somebody who has many."""
    held, order = Held(), list[str]()

    def take(name: str) -> None:
        order.append(name)
        clock.now_s += 2 * FAIRNESS_QUANTUM_S

    gate = asyncio.create_task(jobs.run(JobClass.EMBEDDING, owner_of("gate"), held), name="gate")
    await begun(held)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(jobs.run(JobClass.EMBEDDING, owner_of("many"), lambda: take("many")))
        await asyncio.sleep(0)
        group.create_task(jobs.run(JobClass.EMBEDDING, owner_of("one"), lambda: take("one")))
        await asyncio.sleep(0)
        held.go.set()
    await gate
    assert order.index("one") == 1


async def test_threads_that_go_drop_what_waits(executor: Executor[Any], jobs: Jobs) -> None:
    """The caller learns that the process is leaving."""
    held = Held()
    first = asyncio.create_task(jobs.run(JobClass.SYNTHESIS, owner_of("a"), held), name="first")
    await begun(held)
    second = asyncio.create_task(
        jobs.run(JobClass.SYNTHESIS, owner_of("a"), lambda: 1), name="second"
    )
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(executor.close, WAIT_S), name="closing")
    with pytest.raises(Draining):
        await second
    held.go.set()
    assert await first == "held"
    assert await closing
