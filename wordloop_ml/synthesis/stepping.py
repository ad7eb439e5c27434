"""Advancing a plan: the part that a driver in the event loop and one in place have in common.

A driver calls ``start`` once, performs the request that it gets, and hands the outcome to ``answer``
or ``fail``, until it gets ``Done``. ``close`` ends a plan that nobody waits for any more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wordloop_ml.errors import EngineFailed
from wordloop_ml.synthesis.steps import Request, Steps

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The plan has ended, in this."""

    result: T


class Stepper(Generic[T]):
    """One plan on its way. One thread at a time, not always the same one.

    ``start``, ``answer`` and ``fail`` compute for a bounded time, and raise what the plan raises:
    ``EngineFailed`` when its work is lost, anything else is a bug.
    """

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps

    def start(self) -> Request | Done[T]:
        """The first request."""
        return self.answer(None)

    def answer(self, value: Any) -> Request | Done[T]:
        """The request was performed, this came of it (see ``steps``); the next one."""
        return self._advance(lambda: self._steps.send(value))

    def fail(self, error: EngineFailed) -> Request | Done[T]:
        """The request failed; the plan goes on, or raises."""
        return self._advance(lambda: self._steps.throw(error))

    def close(self) -> None:
        """End the plan where it stands; harmless when it has ended."""
        self._steps.close()

    def _advance(self, step: Callable[[], Request]) -> Request | Done[T]:
        try:
            return step()
        except StopIteration as stop:
            return Done(stop.value)
