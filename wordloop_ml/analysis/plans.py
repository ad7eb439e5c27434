"""Performs a pure plan: whatever it computes, embeds or generates is a job on an inference thread.

The event loop only carries requests and answers. Each job is short, shorter while people speak,
so that whoever speaks next finds a thread soon.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.analysis.work_queue import Told
from wordloop_ml.errors import Busy, Draining, EngineFailed
from wordloop_ml.executor import JobOwner
from wordloop_ml.messages import Generated, JobClass, Vectors
from wordloop_ml.ports import Generation, Generator
from wordloop_ml.synthesis.stepping import Done, Stepper
from wordloop_ml.synthesis.steps import Embed, Found, Generate, Pause, Progress, Request, Steps

COMPUTE_S, COMPUTE_BESIDE_SPEECH_S = 0.05, 0.01
"""How long a plan computes in one job, about: it is asked at its pauses. The second number is for
while people speak; computing in Python holds up the event loop, too."""

GENERATE_S, GENERATE_BESIDE_SPEECH_S = 0.25, 0.04
"""How long a generation goes on in one job; likewise."""

BUSY_TRIES = 30
"""How often work that was begun asks again where too much waits; a second or so each time."""

T = TypeVar("T")
U = TypeVar("U")

Tell = Callable[[Told], None]
EmbedTexts = Callable[[Sequence[str], JobClass, JobOwner], Awaitable[Vectors]]
"""The vectors of texts, for a caller of this class. Raises ``EngineFailed``, ``Busy``."""


@dataclass(frozen=True, slots=True)
class Means:
    """What plans are performed with; one for all of them, because a generator gives one answer at a
    time.

    embed: None where the profile has no embedder. generator: likewise.
    """

    jobs: Jobs
    embed: EmbedTexts | None = None
    generator: Generator | None = None
    generating: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def perform(self, plan: Steps[T], caller: JobOwner, tell: Tell) -> T:
        """What the plan ends in; it raises what the plan raises, and ``Busy`` or ``Draining``.

        caller: by whom the threads are shared. tell: called in the event loop with what the plan
        tells on its way. ``EngineFailed`` is thrown into the plan. Cancelled, it ends when the
        call that runs for it has ended.
        """
        performance = _Performance(plan, self, caller, tell)
        try:
            return await performance.run()
        finally:
            performance.close()


@dataclass(frozen=True, slots=True)
class _Stretch(Generic[T]):
    """What came of one job of computing."""

    told: tuple[Told, ...]
    end: Request | Done[T]


class _Performance(Generic[T]):
    """One plan, from its first step to its end."""

    def __init__(self, plan: Steps[T], means: Means, caller: JobOwner, tell: Tell) -> None:
        self._stepper = Stepper(plan)
        self._means = means
        self._caller = caller
        self._tell = tell
        self._inside = False

    async def run(self) -> T:
        answer: Any = None
        while True:
            stretch = await self._job(self._stretch(answer))
            for one in stretch.told:
                self._tell(one)
            if isinstance(stretch.end, Done):
                return stretch.end.result
            try:
                answer = await self._answer(stretch.end)
            except EngineFailed as error:
                answer = error

    def close(self) -> None:
        """Let the plan clean up, unless a thread that nobody can stop is still inside."""
        if not self._inside:
            self._stepper.close()

    def _stretch(self, answer: Any) -> Callable[[], _Stretch[T]]:
        """A job: go on with this answer, or error, until something is needed or the time is up."""
        beside_speech = self._means.jobs.speech_lately
        budget_s = COMPUTE_BESIDE_SPEECH_S if beside_speech else COMPUTE_S

        def compute() -> _Stretch[T]:
            self._inside = True
            told: list[Told] = []
            until_s = time.monotonic() + budget_s
            try:
                failed = isinstance(answer, EngineFailed)
                step = self._stepper.fail(answer) if failed else self._stepper.answer(answer)
                while isinstance(step, Progress | Found | Pause):
                    if not isinstance(step, Pause):
                        told.append(step)
                    if time.monotonic() >= until_s:
                        return _Stretch(tuple(told), Pause())
                    step = self._stepper.answer(None)
            finally:
                self._inside = False
            return _Stretch(tuple(told), step)

        return compute

    async def _answer(self, request: Request) -> Any:
        match request:
            case Embed(texts=texts):
                return await self._embed(texts)
            case Generate():
                return await self._generate(request)
            case _:
                return None

    async def _embed(self, texts: tuple[str, ...]) -> Vectors:
        embed = self._means.embed
        if embed is None:
            raise EngineFailed("this profile has no embedder")
        return await _patiently(lambda: embed(texts, JobClass.SYNTHESIS, self._caller))

    async def _generate(self, request: Generate) -> Generated:
        """One answer, step by step; the generator is free again afterwards, whatever happens."""
        generator = self._means.generator
        if generator is None:
            raise EngineFailed("this profile has no generator")
        async with self._means.generating:
            answering = _Answering(generator, request)
            try:
                await self._job(answering.begin)
                while (answer := await self._step(answering)) is None:
                    pass
            finally:
                if answering.to_close:
                    await self._job(answering.close)
            return answer

    async def _step(self, answering: "_Answering") -> Generated | None:
        beside_speech = self._means.jobs.speech_lately
        budget_s = GENERATE_BESIDE_SPEECH_S if beside_speech else GENERATE_S
        return await self._job(lambda: answering.step(budget_s), stop=answering.cancel)

    async def _job(self, call: Callable[[], U], *, stop: Callable[[], None] | None = None) -> U:
        run = self._means.jobs.run
        return await _patiently(lambda: run(JobClass.SYNTHESIS, self._caller, call, stop=stop))


class _Answering:
    """A generation, closed on the thread on which it ends.

    to_close: it has begun, has not been closed, and no thread is inside.
    """

    def __init__(self, generator: Generator, request: Generate) -> None:
        self._generator = generator
        self._request = request
        self._generation: Generation | None = None
        self._inside = False

    @property
    def to_close(self) -> bool:
        return self._generation is not None and not self._inside

    def begin(self) -> None:
        self._generation = self._generator.begin(self._request.prompt, self._request.options)

    def step(self, budget_s: float) -> Generated | None:
        answer, over = None, True
        if self._generation is None:
            raise EngineFailed("the generation is closed")
        self._inside = True
        try:
            answer = self._generation.step(budget_s)
            over = answer is not None
        finally:
            self._inside = False
            if over:
                self.close()
        return answer

    def cancel(self) -> None:
        if self._generation is not None:
            self._generation.cancel()

    def close(self) -> None:
        if self._generation is not None:
            self._generation.close()
            self._generation = None


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Work that was begun is not given up because of what was asked for later. Raises ``Busy``."""
    for _ in range(BUSY_TRIES):
        try:
            return await attempt()
        except Draining:
            raise
        except Busy as busy:
            await asyncio.sleep(busy.retry_after_s)
    return await attempt()
