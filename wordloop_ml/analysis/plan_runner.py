"""Runs pure plans: what one computes, embeds or generates is a job on an inference thread.

The event loop only carries requests and answers. Each job is short, shorter while people speak, so
that whoever speaks next finds a thread soon. Commands and scripts, which have no event loop, use
``run_plan``: the same runner in a loop of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.analysis.jobs import Jobs, retry_busy
from wordloop_ml.errors import EngineAway, EngineFailed
from wordloop_ml.executor import Executor, JobOwner, OwnerKind
from wordloop_ml.messages import Generated, JobClass, Vectors
from wordloop_ml.ports import Embedder, Generation, Generator
from wordloop_ml.synthesis.steps import (
    Embed,
    Found,
    Generate,
    Pause,
    PlanEvent,
    Progress,
    Request,
    Steps,
)

COMPUTE_S, COMPUTE_BESIDE_SPEECH_S = 0.05, 0.01
"""How long a plan computes in one job, about: the clock is read at its pauses. The second number is
for while people speak; computing in Python holds up the event loop, too."""

GENERATE_S, GENERATE_BESIDE_SPEECH_S = 1.0, 0.25
"""How long a generation goes on in one job; likewise. It gives way to speech that finds no idle thread,
and what it then read in vain is bounded by this."""

_JOIN_S = 60.0

T = TypeVar("T")
U = TypeVar("U")

Tell = Callable[[PlanEvent], None]
EmbedTexts = Callable[[Sequence[str], JobClass, JobOwner], Awaitable[Vectors]]
"""The vectors of texts, for a caller of this class. Raises ``EngineFailed``, ``Busy``."""


class PlanRunner:
    """Runs any number of plans at a time; they take turns at the generator.

    jobs: where everything runs. embed: None where the profile has no embedder.
    generator: None where it has none; it gives one answer at a time.
    """

    def __init__(
        self, jobs: Jobs, embed: EmbedTexts | None = None, generator: Generator | None = None
    ) -> None:
        self.jobs = jobs
        self._embed_texts = embed
        self._generator = generator
        self._generating = asyncio.Lock()

    async def run(self, plan: Steps[T], caller: JobOwner, tell: Tell) -> T:
        """Run one plan; returns its result.

        caller: by whom the threads are shared. tell: called in the event loop with each event.
        ``EngineFailed`` of a request is thrown into the plan. Cancelled, it ends when the call that
        runs for it has ended. Raises what the plan raises, ``Busy`` and ``Draining``.
        """
        computation = _Computation(plan)
        answer: Any = None
        try:
            while True:
                advanced = await self._job(self._advance(computation, answer), caller)
                for event in advanced.events:
                    tell(event)
                if isinstance(advanced.end, _Done):
                    return advanced.end.result
                try:
                    answer = await self._answer(advanced.end, caller)
                except EngineFailed as error:
                    answer = error
        finally:
            if not computation.running:  # else a thread that nobody can stop is still inside
                plan.close()

    async def _job(
        self,
        call: Callable[[], U],
        caller: JobOwner,
        *,
        stop: Callable[[], None] | None = None,
        give_way: Callable[[], None] | None = None,
        use_threads: Callable[[int], None] | None = None,
    ) -> U:
        """Run a call as a job of class SYNTHESIS, asking again while too much waits.

        stop, give_way, use_threads: see ``Jobs.run``. Raises what the call raises, ``Busy`` and ``Draining``.
        """
        return await retry_busy(
            lambda: self.jobs.run(
                JobClass.SYNTHESIS,
                caller,
                call,
                stop=stop,
                give_way=give_way,
                use_threads=use_threads,
            )
        )

    def _advance(self, computation: "_Computation[T]", answer: Any) -> Callable[[], "_Advanced[T]"]:
        budget_s = COMPUTE_BESIDE_SPEECH_S if self.jobs.speech_lately else COMPUTE_S
        return lambda: computation.advance(answer, budget_s)

    async def _answer(self, request: Request, caller: JobOwner) -> Any:
        match request:
            case Embed(texts=texts):
                return await self._embed(texts, caller)
            case Generate():
                return await self._generate(request, caller)
            case _:
                return None

    async def _embed(self, texts: tuple[str, ...], caller: JobOwner) -> Vectors:
        embed = self._embed_texts
        if embed is None:
            raise EngineFailed("this profile has no embedder")
        return await retry_busy(lambda: embed(texts, JobClass.SYNTHESIS, caller))

    async def _generate(self, request: Generate, caller: JobOwner) -> Generated:
        """Generate one answer, step by step; the generator is free again afterwards."""
        if self._generator is None:
            raise EngineFailed("this profile has no generator")
        generator = self._generator
        async with self._generating:
            # a generator elsewhere that goes away loses the answer: it is begun again
            return await retry_busy(
                lambda: self._begin_and_step(_Answering(generator, request), caller)
            )

    async def _begin_and_step(self, answering: "_Answering", caller: JobOwner) -> Generated:
        try:
            await self._job(answering.begin, caller)
            while (answer := await self._step(answering, caller)) is None:
                pass
            if isinstance(answer, EngineAway):
                raise answer
        finally:
            if answering.to_close:
                await self._job(answering.close, caller)
        return answer

    async def _step(
        self, answering: "_Answering", caller: JobOwner
    ) -> Generated | EngineAway | None:
        budget_s = GENERATE_BESIDE_SPEECH_S if self.jobs.speech_lately else GENERATE_S
        return await self._job(
            lambda: answering.step(budget_s),
            caller,
            stop=answering.cancel,
            give_way=answering.pause,
            use_threads=answering.use_threads if answering.local else None,
        )


def run_plan(
    plan: Steps[T],
    embedder: Embedder | None = None,
    generator: Generator | None = None,
    on_event: Tell = lambda event: None,
    *,
    workers: int = 1,
) -> T:
    """Run one plan to its end, for commands and scripts; returns its result. Blocking.

    workers: threads for its jobs. on_event: called with what the plan tells on its way.
    Raises what the plan raises. Not to be called in an event loop.
    """
    executor: Executor[_NoState] = Executor(_NoState, workers=workers)
    try:
        return asyncio.run(_run_alone(Jobs(executor), plan, embedder, generator, on_event))
    finally:
        # what the engines hold is freed next: it must not be while a bounded native call uses it
        while not executor.close(_JOIN_S):
            pass


def embed_all(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed texts, for commands and scripts; one row each, in order. Blocking, as ``run_plan``."""

    def plan() -> Steps[Vectors]:
        vectors: Vectors = yield Embed(tuple(texts))
        return vectors

    return run_plan(plan(), embedder)


async def _run_alone(
    jobs: Jobs,
    plan: Steps[T],
    embedder: Embedder | None,
    generator: Generator | None,
    on_event: Tell,
) -> T:
    embed = None if embedder is None else Embeddings(jobs, embedder).embed
    caller = JobOwner(OwnerKind.SYNTHESIS, "", "1")
    return await PlanRunner(jobs, embed, generator).run(plan, caller, on_event)


class _NoState:
    """The worker of a thread whose jobs bring what they work with."""

    def close(self) -> None:
        """Do nothing: no state is held."""


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    """The end of a plan, with its result."""

    result: T


@dataclass(frozen=True, slots=True)
class _Advanced(Generic[T]):
    """The outcome of one job of computing. end: what is needed next, or the result."""

    events: tuple[PlanEvent, ...]
    end: Request | _Done[T]


class _Computation(Generic[T]):
    """A plan, advanced on one thread at a time, not always the same one.

    running: whether a thread is computing in it.
    """

    def __init__(self, plan: Steps[T]) -> None:
        self._plan = plan
        self.running = False

    def advance(self, answer: Any, budget_s: float) -> _Advanced[T]:
        """Answer the last request (with None, a value or ``EngineFailed``) and compute on.

        Ends at the next request for native work, at the first pause after ``budget_s`` seconds, or
        with the plan. Raises what the plan raises.
        """
        events: list[PlanEvent] = []
        until_s = time.monotonic() + budget_s
        self.running = True
        try:
            failed = isinstance(answer, EngineFailed)
            request = self._plan.throw(answer) if failed else self._plan.send(answer)
            while isinstance(request, Progress | Found | Pause):
                if not isinstance(request, Pause):
                    events.append(request)
                if time.monotonic() >= until_s:
                    return _Advanced(tuple(events), Pause())
                request = self._plan.send(None)
        except StopIteration as stop:
            return _Advanced(tuple(events), _Done(stop.value))
        finally:
            self.running = False
        return _Advanced(tuple(events), request)


class _Answering:
    """A generation, closed on the thread on which it ends.

    to_close: it has begun, has not been closed, and no thread is inside.
    """

    def __init__(self, generator: Generator, request: Generate) -> None:
        self._generator = generator
        self._request = request
        self._generation: Generation | None = None
        self._threads = 1
        self._inside = False

    @property
    def local(self) -> bool:
        return self._generator.local

    @property
    def to_close(self) -> bool:
        return self._generation is not None and not self._inside

    def begin(self) -> None:
        self._generation = self._generator.begin(self._request.prompt, self._request.options)

    def step(self, budget_s: float) -> Generated | EngineAway | None:
        """Go on; an engine that is away is returned, since to step again would not help."""
        answer: Generated | None = None
        over = True
        if self._generation is None:
            raise EngineFailed("the generation is closed")
        self._inside = True
        try:
            answer = self._generation.step(budget_s, self._threads)
            over = answer is not None
        except EngineAway as error:
            return error
        finally:
            self._inside = False
            if over:
                self.close()
        return answer

    def use_threads(self, threads: int) -> None:
        self._threads = threads

    def pause(self) -> None:
        if (generation := self._generation) is not None:
            generation.pause()

    def cancel(self) -> None:
        if self._generation is not None:
            self._generation.cancel()

    def close(self) -> None:
        if self._generation is not None:
            self._generation.close()
            self._generation = None
