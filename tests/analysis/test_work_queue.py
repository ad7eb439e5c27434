"""The queue of long work, its items and their keys: turns, callers, news, ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog

from tests.executing import Clock, owner_of
from wordloop_ml.analysis import work_queue
from wordloop_ml.analysis.work_queue import (
    KEPT_KEYS_OF_TENANT,
    KEPT_S,
    Idempotency,
    Perform,
    WorkItem,
    WorkQueue,
)
from wordloop_ml.errors import BadInput, Busy, Draining, EngineFailed, ErrorCode, WordloopError
from wordloop_ml.executor import OwnerKind
from wordloop_ml.synthesis.messages import Statement
from wordloop_ml.synthesis.steps import Found, Progress

WAIT_S = 10.0

Turn = Callable[[], Awaitable[None]]


@pytest.fixture
async def queue() -> AsyncIterator[WorkQueue[str]]:
    """One at a time, and two may wait."""
    one: WorkQueue[str] = WorkQueue(OwnerKind.SYNTHESIS, at_once=1, waiting=2)
    yield one
    assert await one.drain(WAIT_S)
    assert one.places_taken == 0


class Held:
    """Work that lasts until it is let go; remembers what happened to it."""

    def __init__(self, answer: str = "done") -> None:
        self.answer = answer
        self.go = asyncio.Event()
        self.began = asyncio.Event()
        self.ends: list[str] = []

    async def __call__(self, work: WorkItem[str], turn: Turn) -> str:
        await turn()
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ends.append("cancelled")
            raise
        return self.answer


def failing(error: Exception) -> Perform[str]:
    async def perform(work: WorkItem[str], turn: Turn) -> str:
        await turn()
        raise error

    return perform


async def finish(queue: WorkQueue[str], work: WorkItem[str]) -> str:
    """Wait as a caller does."""
    with queue.calling(work):
        async with asyncio.timeout(WAIT_S):
            return await work.wait()


async def turn_the_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_comes_in_its_turn(queue: WorkQueue[str]) -> None:
    """One after the other, first come, first served."""
    held = [Held(str(number)) for number in range(3)]
    works = [queue.accept("acme", one) for one in held]
    finishing = [asyncio.create_task(finish(queue, work)) for work in works]
    for index, one in enumerate(held):
        await one.began.wait()
        assert [other.began.is_set() for other in held] == [at <= index for at in range(3)]
        one.go.set()
    assert await asyncio.gather(*finishing) == ["0", "1", "2"]


async def test_the_tasks_have_names(queue: WorkQueue[str]) -> None:
    """With their tenant, so that a log says whose they are."""
    held = Held()
    work = queue.accept("acme", held)
    with queue.calling(work):
        assert "synthesis-acme/1" in {task.get_name() for task in asyncio.all_tasks()}


async def test_a_full_desk_refuses_and_says_when_to_come_back(queue: WorkQueue[str]) -> None:
    """Busy; a place is free again as soon as one has ended."""
    held = [Held() for _ in range(3)]
    finishing = [asyncio.create_task(finish(queue, queue.accept("acme", one))) for one in held]
    await held[0].began.wait()
    with pytest.raises(Busy) as refused:
        queue.accept("globex", Held())
    assert refused.value.retry_after_s >= 1.0
    held[0].go.set()
    await finishing[0]
    late = Held()
    late.go.set()
    work = queue.accept("globex", late)
    for one in held:
        one.go.set()
    assert await finish(queue, work) == "done"
    await asyncio.gather(*finishing)


async def test_work_is_cancelled_when_the_last_caller_leaves(queue: WorkQueue[str]) -> None:
    """Not when the first of two does."""
    held = Held()
    work = queue.accept("acme", held)
    callers = [asyncio.create_task(finish(queue, work)) for _ in range(2)]
    await held.began.wait()
    callers[0].cancel()
    await asyncio.wait({callers[0]})
    await turn_the_loop()
    assert held.ends == []
    callers[1].cancel()
    await asyncio.wait({callers[1]})
    await turn_the_loop()
    assert held.ends == ["cancelled"]
    assert queue.places_taken == 0


async def test_a_caller_who_leaves_in_the_queue_frees_its_place(queue: WorkQueue[str]) -> None:
    """And what it asked for never begins."""
    first, second, third = Held("1"), Held("2"), Held("3")
    finishing = asyncio.create_task(finish(queue, queue.accept("acme", first)))
    await first.began.wait()
    leaving = asyncio.create_task(finish(queue, queue.accept("acme", second)))
    staying = asyncio.create_task(finish(queue, queue.accept("acme", third)))
    await turn_the_loop()
    leaving.cancel()
    await asyncio.wait({leaving})
    first.go.set()
    third.go.set()
    assert (await finishing, await staying) == ("1", "3")
    assert not second.began.is_set()


async def test_a_failure_is_its_own_caller_s_only(queue: WorkQueue[str]) -> None:
    """The next piece of work runs as if nothing had been."""
    with pytest.raises(EngineFailed):
        await finish(queue, queue.accept("acme", failing(EngineFailed("scripted"))))
    held = Held()
    held.go.set()
    assert await finish(queue, queue.accept("acme", held)) == "done"


async def test_a_bug_is_logged_by_its_place_and_named_internal(queue: WorkQueue[str]) -> None:
    """What it was about is told to nobody."""
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(WordloopError) as failed:
            await finish(queue, queue.accept("acme", failing(ValueError("canary"))))
        await turn_the_loop()
    assert failed.value.code is ErrorCode.INTERNAL
    assert [one["event"] for one in logs] == ["work_failed"]
    assert logs[0]["error"] == "ValueError"
    assert "canary" not in str(logs) + str(failed.value)


async def test_on_the_way_out_what_waits_is_refused_and_what_runs_goes_on(
    queue: WorkQueue[str],
) -> None:
    """Draining: elsewhere, at once."""
    running, waiting = Held(), Held()
    first = asyncio.create_task(finish(queue, queue.accept("acme", running)))
    second = asyncio.create_task(finish(queue, queue.accept("acme", waiting)))
    await running.began.wait()
    queue.refuse_waiting()
    with pytest.raises(Draining):
        await second
    with pytest.raises(Draining):
        queue.accept("acme", Held())
    running.go.set()
    assert await first == "done"


async def test_the_drain_ends_what_runs(queue: WorkQueue[str]) -> None:
    """Its callers are told to go elsewhere."""
    running = Held()
    caller = asyncio.create_task(finish(queue, queue.accept("acme", running)))
    await running.began.wait()
    assert await queue.drain(WAIT_S)
    with pytest.raises(Draining):
        await caller
    assert running.ends == ["cancelled"]


async def test_the_drain_leaves_what_hangs() -> None:
    """After its time, and says so."""
    queue: WorkQueue[str] = WorkQueue(OwnerKind.SYNTHESIS, at_once=1, waiting=0)
    began = asyncio.Event()

    async def hang(work: WorkItem[str], turn: Turn) -> str:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()  # a call on a thread, which is waited for
        return ""

    caller = asyncio.create_task(finish(queue, queue.accept("acme", hang)))
    await began.wait()
    assert not await queue.drain(0.01)
    with pytest.raises(Draining):
        await caller


async def test_draining_does_not_hurry_what_is_being_cancelled(queue: WorkQueue[str]) -> None:
    """A second cancellation would leave the thread behind."""
    began, go = asyncio.Event(), asyncio.Event()
    ends: list[str] = []

    async def perform(work: WorkItem[str], turn: Turn) -> str:
        await turn()
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await go.wait()
            ends.append("clean")
        return ""

    caller = asyncio.create_task(finish(queue, queue.accept("acme", perform)))
    await began.wait()
    caller.cancel()
    await asyncio.wait({caller})
    draining = asyncio.create_task(queue.drain(WAIT_S))
    await turn_the_loop()
    go.set()
    assert await draining
    assert ends == ["clean"]


ITEMS = [Found("decision", Statement(f"d{number}", ("s1",))) for number in range(3)]


async def test_whoever_waits_gets_the_result() -> None:
    """All of them, and who comes later, too."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    waiting = [asyncio.create_task(work.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    work.end("done")
    assert await asyncio.gather(*waiting) == ["done"] * 3
    assert await work.wait() == "done"
    assert work.succeeded


async def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    """By its name."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    work.end(EngineFailed("scripted"))
    for ask in (work.wait, work.wait_ready):
        with pytest.raises(EngineFailed):
            await ask()
    assert work.over
    assert not work.succeeded


async def test_the_result_of_work_that_is_not_over_is_a_bug() -> None:
    """Not None."""
    with pytest.raises(RuntimeError):
        WorkItem[str](owner_of("w")).result()


async def test_ready_comes_before_the_end() -> None:
    """When only time is needed any more."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    waiting = asyncio.create_task(work.wait_ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    work.become_ready()
    await waiting
    assert not work.over


async def test_who_follows_late_is_told_everything_that_still_holds() -> None:
    """Each item once, in order, and the newest progress only."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    work.tell(Progress("notes", 0, 2))
    work.tell(ITEMS[0])
    early = work.follow()
    assert early.take() == [ITEMS[0], Progress("notes", 0, 2)]
    work.tell(Progress("notes", 1, 2))
    work.tell(ITEMS[1])
    work.tell(Progress("notes", 2, 2))
    assert early.take() == [ITEMS[1], Progress("notes", 2, 2)]
    assert early.take() == []
    late = work.follow()
    assert late.take() == [ITEMS[0], ITEMS[1], Progress("notes", 2, 2)]


async def test_following_waits_for_news_and_not_beyond_the_end() -> None:
    """Nor when something is there already."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    following = work.follow()
    waiting = asyncio.create_task(following.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    work.tell(ITEMS[0])
    await waiting
    await following.wait()
    assert following.take() == [ITEMS[0]]
    work.end(Busy("gone"))
    await following.wait()
    assert following.take() == []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> Idempotency[str]:
    return Idempotency(len, clock=clock)


def running() -> WorkItem[str]:
    """Work that somebody waits for."""
    return WorkItem(owner_of("w"))


def done(result: str = "done") -> WorkItem[str]:
    """Work that has succeeded, and whose callers have gone."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    work.end(result)
    return work


async def test_the_same_request_gets_the_same_work(keys: Idempotency[str]) -> None:
    """While it runs, and when it is done."""
    for work in (running(), done()):
        keys.remember("acme", "k", b"body", work)
        assert keys.find("acme", "k", b"body") is work
    assert keys.find("acme", "other", b"body") is None


async def test_another_body_under_the_same_key_is_refused(keys: Idempotency[str]) -> None:
    """By its name; it runs, or it is done."""
    for work in (running(), done()):
        keys.remember("acme", "k", b"body", work)
        with pytest.raises(BadInput) as refused:
            keys.find("acme", "k", b"another")
        assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_a_key_belongs_to_its_tenant(keys: Idempotency[str]) -> None:
    """Another one may use the same for something else."""
    keys.remember("acme", "k", b"body", done())
    assert keys.find("globex", "k", b"another") is None


async def test_what_failed_or_was_left_is_tried_anew(keys: Idempotency[str]) -> None:
    """With whatever body: nothing came of the first."""
    failed = running()
    keys.remember("acme", "k", b"body", failed)
    failed.end(EngineFailed("scripted"))
    assert keys.find("acme", "k", b"body") is None
    left = running()
    keys.remember("acme", "k", b"body", left)
    left.left = True
    assert keys.find("acme", "k", b"another") is None


async def test_a_key_is_forgotten_after_its_time(keys: Idempotency[str], clock: Clock) -> None:
    """An hour after its first request."""
    keys.remember("acme", "k", b"body", done())
    clock.now_s = KEPT_S - 1.0
    assert keys.find("acme", "k", b"body") is not None
    clock.now_s = KEPT_S
    assert keys.find("acme", "k", b"body") is None
    assert len(keys) == 0


async def test_one_tenant_s_keys_do_not_push_out_another_s(keys: Idempotency[str]) -> None:
    """Its own oldest go."""
    keys.remember("globex", "k", b"body", done())
    for number in range(KEPT_KEYS_OF_TENANT + 1):
        keys.remember("acme", str(number), b"body", done())
    assert keys.find("globex", "k", b"body") is not None
    assert keys.find("acme", "0", b"body") is None
    assert keys.find("acme", "1", b"body") is not None
    assert len(keys) == 1 + KEPT_KEYS_OF_TENANT


async def test_all_keys_have_a_bound(
    keys: Idempotency[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In number and in the bytes of their results; the newest stay."""
    monkeypatch.setattr(work_queue, "KEPT_KEYS", 3)
    monkeypatch.setattr(work_queue, "KEPT_BYTES", 10)
    for number in range(5):
        keys.remember(f"t{number}", "k", b"body", done())
    assert [number for number in range(5) if keys.find(f"t{number}", "k", b"body")] == [3, 4]
    for number in range(5):
        keys.remember(f"t{number}", "k", b"body", done(""))
    assert [number for number in range(5) if keys.find(f"t{number}", "k", b"body")] == [2, 3, 4]
