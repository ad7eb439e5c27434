"""Syntheses of a process: from bytes to bytes, once for each key, and never in each other's way."""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import structlog

from tests.analysis.support import LINES, WAIT_S, Texts, transcript, until
from tests.synthesis.scripted import ScriptedSynthesiser
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.syntheses import Asked, NotesCache, NotesStatistics, Syntheses, size_of
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.errors import BadInput, Busy, Draining, EngineFailed, ErrorCode
from wordloop_ml.executor import Executor
from wordloop_ml.synthesis.chunks import ChunkWords
from wordloop_ml.synthesis.steps import Found, Progress

TEN_WORDS = ChunkWords(wanted=10, most=20)


class Scene:
    """Syntheses over two inference threads and scripted vectors."""

    def __init__(self, executor: Executor[Any]) -> None:
        self.texts = Texts()
        self.syntheses = Syntheses(
            PlanRunner(Jobs(executor), self.texts),
            {"extractive": ScriptedSynthesiser(TEN_WORDS)},
            at_once=1,
            waiting=2,
            notes_bytes=1 << 20,
        )

    def ask(self, content: bytes, *, tenant: str = "acme", key: str | None = None) -> Asked:
        return self.syntheses.ask(tenant, content, hashlib.sha256(content).digest(), key)

    async def made(self, asked: Asked) -> dict[str, Any]:
        """What comes of it, for a caller who waits."""
        with self.syntheses.queue.calling(asked.work):
            async with asyncio.timeout(WAIT_S):
                finished = await asked.work.wait()
        made: dict[str, Any] = json.loads(finished.content)
        return made

    async def make(self, content: bytes, **fields: Any) -> dict[str, Any]:
        return await self.made(self.ask(content, **fields))

    def begin(self, content: bytes, **fields: Any) -> "asyncio.Task[dict[str, Any]]":
        """A caller of its own, who waits already."""
        asked = self.ask(content, **fields)
        return asyncio.create_task(self.made(asked), name="caller")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    executor: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=2)
    one = Scene(executor)
    yield one
    assert await one.syntheses.queue.drain(WAIT_S)
    assert await asyncio.to_thread(executor.close, WAIT_S)


async def test_a_transcript_becomes_a_synthesis(scene: Scene) -> None:
    """With its items, what they rest on, and how long it took."""
    made = await scene.make(transcript())
    assert made["meeting_id"] == "m"
    assert made["decisions"] == [
        {"text": "The garden gets a new fence in spring.", "segments": ["s1"]}
    ]
    assert made["action_items"][0]["segments"] == ["s2"]
    assert made["coverage"]["segments"] == len(LINES)
    assert made["timings"]["total_ms"] >= made["timings"]["ran_ms"] >= 0


async def test_what_is_wrong_with_a_request_has_its_name(scene: Scene) -> None:
    """And does not keep the next one from its answer."""
    for content, code in (
        (b"canary", ErrorCode.BAD_JSON),
        (transcript([]), ErrorCode.TRANSCRIPT_EMPTY),
        (transcript(options={"engine": "generative"}), ErrorCode.UNSUPPORTED_ENGINE),
    ):
        with pytest.raises(BadInput) as refused:
            await scene.make(content)
        assert refused.value.code is code
        assert "canary" not in str(refused.value)
    assert await scene.make(transcript(options={"engine": "extractive"}))


async def test_who_follows_hears_how_far_it_is_and_what_was_found(scene: Scene) -> None:
    """Before the result."""
    asked = scene.ask(transcript())
    following = asked.work.follow()
    told: list[Any] = []
    with scene.syntheses.queue.calling(asked.work):
        while not asked.work.over:
            await following.wait()
            told += following.take()
    stages = {one.stage for one in told if isinstance(one, Progress)}
    assert {"waiting", "reading"} <= stages
    assert "decision" in {one.kind for one in told if isinstance(one, Found)}


async def test_a_grown_transcript_costs_what_is_new(scene: Scene) -> None:
    """Its notes were taken already; another tenant's were not."""
    lines = [f"We talk about item number {number} of the long list today." for number in range(40)]
    first = await scene.make(transcript(lines))
    scene.texts.asked.clear()
    grown = await scene.make(transcript([*lines, "And one more thing comes at the end."]))
    assert first["coverage"]["cached"] == 0
    assert grown["coverage"]["cached"] >= first["coverage"]["chunks"] - 2
    other = await scene.make(transcript(lines), tenant="globex")
    assert other["coverage"]["cached"] == 0


async def test_the_same_key_and_body_is_the_same_work(scene: Scene) -> None:
    """While it runs and afterwards, byte by byte; nothing is computed again."""
    scene.texts.hold()
    callers = [scene.begin(transcript(), key="k") for _ in range(3)]
    await until(lambda: bool(scene.texts.asked))
    scene.texts.go.set()
    results = await asyncio.gather(*callers)
    asked = len(scene.texts.asked)
    results.append(await scene.make(transcript(), key="k"))
    assert all(one == results[0] for one in results)
    assert len(scene.texts.asked) == asked


async def test_the_same_key_with_another_body_is_refused(scene: Scene) -> None:
    """Of the same tenant; another one knows nothing of it."""
    await scene.make(transcript(), key="k")
    with pytest.raises(BadInput) as refused:
        scene.ask(transcript(meeting_id="other"), key="k")
    assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    made = await scene.make(transcript(meeting_id="other"), tenant="globex", key="k")
    assert made["meeting_id"] == "other"


async def test_the_first_caller_may_leave_and_the_others_are_served(scene: Scene) -> None:
    """Only the last one takes the work along; who comes then begins anew."""
    scene.texts.hold()
    first, second = (scene.begin(transcript(), key="k") for _ in range(2))
    await until(lambda: bool(scene.texts.asked))
    first.cancel()
    await asyncio.wait({first})
    second.cancel()
    await asyncio.wait({second})
    third = scene.begin(transcript(), key="k")
    scene.texts.go.set()
    assert (await third)["meeting_id"] == "m"


async def test_a_key_of_work_that_failed_is_free_again(scene: Scene) -> None:
    """A retry is a new attempt."""
    scene.texts.fail = lambda _: EngineFailed("scripted")
    with pytest.raises(EngineFailed):
        await scene.make(transcript(), key="k")
    scene.texts.fail = lambda _: None
    assert await scene.make(transcript(), key="k")


async def test_a_part_that_fails_is_named_and_the_rest_is_there(scene: Scene) -> None:
    """It was tried twice."""
    lines = [f"We talk about item number {number} of the long list today." for number in range(9)]
    scene.texts.fail = lambda texts: EngineFailed("scripted") if lines[2] in texts else None
    made = await scene.make(transcript(lines))
    failed = made["coverage"]["failed"]
    assert [one["code"] for one in failed] == ["engine_failed"]
    assert "s2" in failed[0]["segments"]
    assert scene.texts.asked.count(lines[2]) == 2


async def test_more_than_may_wait_is_refused(scene: Scene) -> None:
    """With the time after which to come back; also when what runs is slow to parse."""
    scene.texts.hold()
    callers = [scene.begin(transcript()) for _ in range(3)]
    with pytest.raises(Busy):
        scene.ask(transcript())
    scene.texts.go.set()
    await asyncio.gather(*callers)
    assert await scene.make(transcript())


async def test_one_failure_leaves_the_others_alone(scene: Scene) -> None:
    """Of a request that is wrong, of an engine, and of a bug."""
    scene.texts.hold()
    good = scene.begin(transcript())
    wrong = scene.begin(b"{}")
    with pytest.raises(BadInput):
        await wrong
    scene.texts.fail = lambda texts: ValueError("canary") if "bug" in texts[0] else None
    bug = scene.begin(transcript(["a bug it is", "and no more"]))
    scene.texts.go.set()
    with structlog.testing.capture_logs() as logs:
        assert (await good)["meeting_id"] == "m"
        with pytest.raises(Exception, match="unexpected error"):
            await bug
    assert "canary" not in str(logs)


async def test_what_is_logged_counts_and_does_not_tell(scene: Scene) -> None:
    """Ids, counts and times."""
    with structlog.testing.capture_logs() as logs:
        await scene.make(transcript())
    made = next(one for one in logs if one["event"] == "synthesis_made")
    assert made["meeting"] == "acme/m"
    assert made["segments"] == len(LINES)
    assert not any(word in str(logs) for line in LINES for word in line.split() if len(word) > 6)


async def test_on_the_way_out_callers_are_sent_elsewhere(scene: Scene) -> None:
    """Those who wait at once, those whose work runs with the meetings."""
    scene.texts.hold()
    running = scene.begin(transcript())
    await until(lambda: bool(scene.texts.asked))
    waiting = scene.begin(transcript())  # only now: both are parsed first, on threads of their own
    await asyncio.sleep(0)
    scene.syntheses.queue.refuse_waiting()
    with pytest.raises(Draining):
        await waiting
    with pytest.raises(Draining):
        scene.ask(transcript())
    assert not running.done()
    assert await scene.syntheses.queue.drain(WAIT_S)
    with pytest.raises(Draining):
        await running


@dataclass(frozen=True, slots=True)
class Notes:
    """What an engine might keep."""

    vectors: np.ndarray
    texts: tuple[str, ...]


def test_notes_are_found_again_by_their_key() -> None:
    """And only by that."""
    book = NotesCache(10_000).notebook("acme")
    book.keep("a", "notes")
    assert book.get("a") == "notes"
    assert book.get("b") is None
    book.keep("a", "newer")
    assert book.get("a") == "newer"


def test_a_tenant_never_gets_another_s_notes() -> None:
    """Though it posts the same words."""
    cache = NotesCache(10_000)
    cache.notebook("acme").keep("a", "notes")
    assert cache.notebook("globex").get("a") is None


def test_the_notes_that_were_not_used_for_longest_go_first() -> None:
    """When there are more bytes than may be."""
    book = NotesCache(3_500).notebook("acme")
    for key in "abc":
        book.keep(key, b"x" * 1_000)
    assert book.get("a") is not None
    book.keep("d", b"x" * 1_000)
    assert [key for key in "abcd" if book.get(key) is not None] == ["a", "c", "d"]


def test_what_is_held_never_exceeds_the_bound() -> None:
    """Not even by notes that are larger than it; and replaced ones are not counted twice."""
    cache = NotesCache(3_500)
    book = cache.notebook("acme")
    for _ in range(5):
        book.keep("a", b"x" * 1_000)
    book.keep("b", b"x" * 10_000)
    assert book.get("a") is not None
    assert book.get("b") is None
    assert cache.statistics() == NotesStatistics(1, size_of(b"x" * 1_000))
    book.keep("a", b"x" * 10_000)
    assert cache.statistics() == NotesStatistics(0, 0)


def test_without_room_nothing_is_kept() -> None:
    """The cache is switched off with 0."""
    book = NotesCache(0).notebook("acme")
    book.keep("a", "notes")
    assert book.get("a") is None


def test_the_size_of_notes_is_that_of_all_they_hold() -> None:
    """Arrays, texts and whatever lies between, and the array that a view looks into."""
    vectors = np.zeros((100, 384), np.float32)
    notes = Notes(vectors, ("x" * 1_000,) * 3)
    assert size_of(notes) > vectors.nbytes + 3_000
    assert size_of(vectors[:1]) > vectors.nbytes
    assert size_of({"a": [b"x" * 500], "b": {"y" * 500}}) > 1_000


def test_many_threads_may_use_it_at_once() -> None:
    """What is counted stays true."""
    cache = NotesCache(50_000)

    def use(tenant: str) -> None:
        book = cache.notebook(tenant)
        for number in range(500):
            book.keep(str(number % 37), b"x" * (number % 113))
            book.get(str(number % 41))

    threads = [threading.Thread(target=use, args=(f"t{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tenant in range(4):
        for number in range(37):
            cache.notebook(f"t{tenant}").keep(str(number), b"")
    assert cache.statistics().held_bytes == 4 * 37 * size_of(b"")
