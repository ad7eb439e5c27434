"""How pure code asks for native work: it yields a request and is sent the answer.

A plan is a generator of requests. Its runner (``analysis/plan_runner.py``) performs each of them,
sends back the answer, or throws the ``EngineFailed`` that the work ended in. Each stretch between two requests is bounded: a plan that computes for longer
than some ten milliseconds yields ``Pause`` on its way, so that live captions can be served.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from wordloop_ml.messages import GenerationOptions, Prompt
from wordloop_ml.synthesis.messages import ActionItem, Statement, Topic


@dataclass(frozen=True, slots=True)
class Embed:
    """Answered with ``Vectors``: the embedding of each text, in order."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Generate:
    """Answered with ``Generated``."""

    prompt: Prompt
    options: GenerationOptions


@dataclass(frozen=True, slots=True)
class Pause:
    """A point at which others may run; answered with None."""


@dataclass(frozen=True, slots=True)
class Progress:
    """An event: ``done`` of ``total`` parts of this stage are done. Answered with None."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Found:
    """An event: an item that is checked and will stand in the result. Answered with None.

    kind: ``title``, ``summary``, ``topic``, ``decision``, ``action_item`` or ``open_question``.
    """

    kind: str
    item: Statement | Topic | ActionItem


PlanEvent = Progress | Found
"""What a plan tells on its way."""

Request = Embed | Generate | Pause | Progress | Found

T = TypeVar("T")
Steps = Generator[Request, Any, T]
"""A plan that ends in a T."""
