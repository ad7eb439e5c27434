"""The plan runner: where plans compute, what they are answered, and how they are stopped."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.executing import owner_of
from wordloop_ml.analysis import plan_runner
from wordloop_ml.analysis.jobs import BUSY_TRIES, Jobs
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.errors import Busy, Draining, EngineAway, EngineFailed
from wordloop_ml.executor import Executor, JobOwner
from wordloop_ml.messages import (
    Finish,
    Generated,
    GenerationOptions,
    JobClass,
    Prompt,
    Vectors,
)
from wordloop_ml.ports import GeneratorCapabilities
from wordloop_ml.synthesis.messages import Statement
from wordloop_ml.synthesis.steps import Embed, Found, Generate, Pause, PlanEvent, Progress, Request

WAIT_S = 10.0
ITEM = Found("decision", Statement("d", ("s1",)))
ASK = Generate(Prompt("system", "user"), GenerationOptions())

Plan = Generator[Request, Any, Any]


class ScriptedGeneration:
    """Says one word a step; a step in which it ``hangs`` lasts until it is cancelled."""

    def __init__(self, owner: "ScriptedGenerator") -> None:
        self._owner = owner
        self._said = 0
        self._stopped = threading.Event()
        self.paused = False
        self.closed = 0

    def step(self, budget_s: float, threads: int = 1) -> Generated | None:
        owner = self._owner
        assert threading.current_thread().name.startswith("inference-")
        owner.budgets_s.append(budget_s)
        owner.threads.append(threads)
        self._said += 1
        if owner.hangs:
            owner.hanging.set()
            assert self._stopped.wait(WAIT_S)
            if self.paused:
                self._stopped.clear()
                owner.hangs = self.paused = False
                return None
            raise EngineFailed("cancelled")
        if owner.away is not None:
            error, owner.away = owner.away, None
            raise error
        if owner.fails:
            raise EngineFailed("scripted")
        if self._said < owner.words:
            return None
        return Generated("word " * self._said, Finish.STOP, 2, 0, self._said)

    def pause(self) -> None:
        self.paused = True
        self._stopped.set()

    def cancel(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        assert threading.current_thread().name.startswith("inference-")
        self.closed += 1
        self._owner.open = None


class ScriptedGenerator:
    """Gives one answer at a time, of so many words."""

    capabilities = GeneratorCapabilities("scripted", "scripted", "0" * 64, 1_000)

    def __init__(self, words: int = 3) -> None:
        self.words = words
        self.local = True
        self.hangs = self.fails = False
        self.away: EngineAway | None = None
        self.hanging = threading.Event()
        self.budgets_s: list[float] = []
        self.threads: list[int] = []
        self.open: ScriptedGeneration | None = None
        self.begun = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def begin(self, prompt: Prompt, options: GenerationOptions) -> ScriptedGeneration:
        assert threading.current_thread().name.startswith("inference-")
        if self.open is not None:
            raise Busy("scripted")
        self.begun += 1
        self.open = ScriptedGeneration(self)
        return self.open

    def close(self) -> None:
        return


class Texts:
    """Embeds, or raises what it was told to."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.asked: list[tuple[Sequence[str], JobClass, JobOwner]] = []

    async def __call__(
        self, texts: Sequence[str], job_class: JobClass, caller: JobOwner
    ) -> Vectors:
        self.asked.append((texts, job_class, caller))
        if self.errors:
            raise self.errors.pop(0)
        return np.full((len(texts), 2), 0.5, np.float32)


class Scene:
    """A runner, and the events of its plan_runner."""

    def __init__(self, executor: Executor[Any]) -> None:
        self.texts = Texts()
        self.generator = ScriptedGenerator()
        self.runner = PlanRunner(Jobs(executor), self.texts, self.generator)
        self.told: list[PlanEvent] = []

    def perform(self, plan: Plan) -> "asyncio.Task[Any]":
        performing = self.runner.run(plan, owner_of("acme"), self.told.append)
        return asyncio.create_task(performing, name="performing")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    executor: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=2)
    yield Scene(executor)
    assert await asyncio.to_thread(executor.close, WAIT_S)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - a thread is what is watched
            await asyncio.sleep(0)


async def test_a_plan_computes_on_inference_threads_alone(scene: Scene) -> None:
    """Each stretch of it, and what it says comes in order."""
    threads: list[str] = []

    def plan() -> Plan:
        for done in range(3):
            threads.append(threading.current_thread().name)
            yield Progress("reading", done, 3)
            yield Pause()
        yield ITEM
        threads.append(threading.current_thread().name)
        return "end"

    assert await scene.perform(plan()) == "end"
    assert all(name.startswith("inference-") for name in threads)
    assert scene.told == [*(Progress("reading", done, 3) for done in range(3)), ITEM]


async def test_vectors_are_asked_for_as_part_of_a_synthesis(scene: Scene) -> None:
    """Behind everybody else's."""

    def plan() -> Plan:
        vectors = yield Embed(("a", "b"))
        return vectors.shape

    assert await scene.perform(plan()) == (2, 2)
    assert scene.texts.asked == [(("a", "b"), JobClass.SYNTHESIS, owner_of("acme"))]


async def test_a_failed_engine_is_thrown_into_the_plan(scene: Scene) -> None:
    """Which may go on without."""
    scene.texts.errors = [EngineFailed("scripted")]
    scene.generator.fails = True

    def plan() -> Plan:
        failed = 0
        for request in (Embed(("a",)), ASK):
            try:
                yield request
            except EngineFailed:
                failed += 1
        return failed

    assert await scene.perform(plan()) == 2
    assert scene.generator.open is None


async def test_what_a_profile_does_not_have_has_failed(scene: Scene) -> None:
    """By the same name."""
    scene.runner = PlanRunner(scene.runner.jobs)

    def plan() -> Plan:
        yield from ()
        for request in (Embed(("a",)), ASK):
            with pytest.raises(EngineFailed):
                yield request
        return "end"

    assert await scene.perform(plan()) == "end"


async def test_what_a_plan_raises_comes_out(scene: Scene) -> None:
    """A failure as well as a bug."""

    def plan(error: Exception) -> Plan:
        yield Pause()
        raise error

    for error in (EngineFailed("scripted"), ValueError("scripted")):
        with pytest.raises(type(error)):
            await scene.perform(plan(error))


async def test_an_answer_is_generated_step_by_step(scene: Scene) -> None:
    """Each step a job of its own, with the cores of both threads; while people speak a short one."""
    scene.generator.words = 4

    def plan() -> Plan:
        first = yield ASK
        second = yield ASK
        return first.tokens + second.tokens

    assert await scene.perform(plan()) == 8
    assert scene.generator.budgets_s == [plan_runner.GENERATE_S] * 8
    assert scene.generator.threads == [2] * 8
    assert scene.generator.open is None


async def test_an_answer_that_is_made_elsewhere_takes_no_cores(scene: Scene) -> None:
    """Its steps wait; the others' threads stay free."""
    scene.generator.local = False

    def plan() -> Plan:
        answer = yield ASK
        return answer.tokens

    await scene.perform(plan())
    assert scene.generator.threads == [1] * 3


async def test_an_answer_is_begun_again_whose_engine_went(scene: Scene) -> None:
    """The generator is elsewhere, and the first answer is lost with it."""
    scene.generator.away = EngineAway(began=True, retry_after_s=0.0)

    def plan() -> Plan:
        answer = yield ASK
        return answer.text

    assert await scene.perform(plan()) == "word word word "
    assert scene.generator.begun == 2
    assert scene.generator.open is None


async def test_steps_are_short_while_people_speak(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that somebody who begins to speak finds a thread soon."""
    monkeypatch.setattr(Executor, "speech_lately", True)

    def plan() -> Plan:
        answer = yield ASK
        return answer.tokens

    await scene.perform(plan())
    assert scene.generator.budgets_s == [plan_runner.GENERATE_BESIDE_SPEECH_S] * 3
    assert scene.generator.threads == [1] * 3


async def test_a_step_gives_way_to_speech_and_the_answer_goes_on(scene: Scene) -> None:
    """Somebody speaks while every thread is taken; no word of the answer is lost."""
    scene.generator.hangs = True

    def plan() -> Plan:
        answer = yield ASK
        return answer.text

    answering = scene.perform(plan())
    await asyncio.to_thread(scene.generator.hanging.wait, WAIT_S)
    spoken = threading.Event()
    speaking = [
        asyncio.create_task(scene.runner.jobs.run(JobClass.INTERIM, owner_of("m"), spoken.wait)),
        asyncio.create_task(scene.runner.jobs.run(JobClass.FINAL, owner_of("m"), spoken.set)),
    ]
    assert await answering == "word " * 3
    assert len(scene.generator.budgets_s) == 3
    await asyncio.gather(*speaking)


async def test_two_plans_generate_one_after_the_other(scene: Scene) -> None:
    """A generator gives one answer at a time."""

    def plan() -> Plan:
        answer = yield ASK
        return answer.tokens

    both = [scene.perform(plan()) for _ in range(2)]
    assert await asyncio.gather(*both) == [3, 3]
    assert scene.generator.begun == 2


async def test_a_cancelled_generation_is_stopped_and_closed(scene: Scene) -> None:
    """On its thread, and the next one can begin."""
    scene.generator.hangs = True
    cleaned: list[str] = []

    def plan() -> Plan:
        try:
            yield ASK
        finally:
            cleaned.append("plan")
        return "never"

    performing = scene.perform(plan())
    await until(scene.generator.hanging.is_set)
    performing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await performing
    assert scene.generator.open is None
    assert cleaned == ["plan"]
    scene.generator.hangs = False
    assert (await scene.perform(iter_ask())).tokens == 3


def iter_ask() -> Plan:
    answer = yield ASK
    return answer


async def test_a_generation_that_waits_for_a_thread_is_closed_when_cancelled(scene: Scene) -> None:
    """It had begun; its next step never comes."""
    go = threading.Event()
    scene.generator.words = 1_000_000

    performing = scene.perform(iter_ask())
    await until(lambda: scene.generator.begun == 1)
    held = [
        asyncio.create_task(
            scene.runner.jobs.run(
                JobClass.EMBEDDING, owner_of(f"other-{index}"), lambda: go.wait(WAIT_S)
            )
        )
        for index in range(2)
    ]
    await asyncio.sleep(0)
    performing.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await performing
    await asyncio.gather(*held)
    assert scene.generator.open is None


async def test_a_plan_that_computes_is_waited_for_when_cancelled(scene: Scene) -> None:
    """Then its clean-up runs, once."""
    began, go = threading.Event(), threading.Event()
    cleaned: list[str] = []

    def plan() -> Plan:
        try:
            began.set()
            assert go.wait(WAIT_S)
            yield Pause()
        finally:
            cleaned.append("plan")

    performing = scene.perform(plan())
    await until(began.is_set)
    performing.cancel()
    await asyncio.sleep(0)
    assert not performing.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await performing
    assert cleaned == ["plan"]


async def test_a_plan_that_hangs_is_left_at_the_second_cancellation(scene: Scene) -> None:
    """For the end of a process: nobody can close it while a thread is inside."""
    began, go = threading.Event(), threading.Event()

    def plan() -> Plan:
        began.set()
        assert go.wait(WAIT_S)
        yield Pause()

    performing = scene.perform(plan())
    await until(began.is_set)
    for _ in range(2):
        performing.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await performing
    go.set()


async def test_what_has_begun_waits_where_too_much_is_asked_for(scene: Scene) -> None:
    """And is not given up."""
    busy = Busy("scripted", retry_after_s=0.0)
    scene.texts.errors = [busy, busy]

    def plan() -> Plan:
        vectors = yield Embed(("a",))
        return len(vectors)

    assert await scene.perform(plan()) == 1
    assert len(scene.texts.asked) == 3
    scene.texts.errors = [busy] * (BUSY_TRIES + 1)
    with pytest.raises(Busy):
        await scene.perform(plan())


async def test_a_process_on_its_way_out_is_not_waited_for(scene: Scene) -> None:
    """Draining at once."""
    scene.texts.errors = [Draining()]

    def plan() -> Plan:
        yield Embed(("a",))

    with pytest.raises(Draining):
        await scene.perform(plan())
    assert len(scene.texts.asked) == 1
