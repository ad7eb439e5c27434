"""A piece of work: what it tells, to whom, and how its end is learnt."""

import asyncio

import pytest

from tests.executing import owner_of
from wordloop_ml.analysis.work import Work
from wordloop_ml.errors import Busy, EngineFailed
from wordloop_ml.synthesis.messages import Statement
from wordloop_ml.synthesis.steps import Found, Progress

ITEMS = [Found("decision", Statement(f"d{number}", ("s1",))) for number in range(3)]


async def test_whoever_waits_gets_the_result() -> None:
    """All of them, and who comes later, too."""
    work: Work[str] = Work(owner_of("w"))
    waiting = [asyncio.create_task(work.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    work.end("done")
    assert await asyncio.gather(*waiting) == ["done"] * 3
    assert await work.wait() == "done"
    assert work.succeeded


async def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    """By its name."""
    work: Work[str] = Work(owner_of("w"))
    work.end(EngineFailed("scripted"))
    for ask in (work.wait, work.wait_ready):
        with pytest.raises(EngineFailed):
            await ask()
    assert work.over
    assert not work.succeeded


async def test_the_result_of_work_that_is_not_over_is_a_bug() -> None:
    """Not None."""
    with pytest.raises(RuntimeError):
        Work[str](owner_of("w")).result()


async def test_ready_comes_before_the_end() -> None:
    """When only time is needed any more."""
    work: Work[str] = Work(owner_of("w"))
    waiting = asyncio.create_task(work.wait_ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    work.become_ready()
    await waiting
    assert not work.over


async def test_who_follows_late_is_told_everything_that_still_holds() -> None:
    """Each item once, in order, and the newest progress only."""
    work: Work[str] = Work(owner_of("w"))
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
    work: Work[str] = Work(owner_of("w"))
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
