"""A piece of work that several may wait for, and what it tells them on its way."""

import asyncio
from typing import Generic, TypeVar

from wordloop_ml.errors import WordloopError
from wordloop_ml.executor import JobOwner
from wordloop_ml.synthesis.steps import Found, Progress

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
