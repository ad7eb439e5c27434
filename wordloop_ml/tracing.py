"""What a trace is told: stretches of time that were measured anyway, once they are over.

OpenTelemetry, which makes spans of them, is behind ``Tracing`` (``web/traces.py``) and imported only where
traces are wanted. Everybody else holds a ``Tracing`` or None, and does nothing at all without one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from multidict import MultiMapping

Caller = object
"""The span of another service, from whose request something came."""

Facts = Mapping[str, str | bool | int | float]
"""Attributes of a span: ids, lengths and codes, as in logs; never speech, its text, or a name."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of what a trace shows: its name, its begin and its end in monotonic seconds."""

    name: str
    began_s: float
    ended_s: float


class Sampled(Protocol):
    """A trace that is wanted."""

    def end(
        self, ended_s: float, stretches: Sequence[Stretch], facts: Facts, *, failed: bool = False
    ) -> None:
        """Make spans of it. ended_s: when the whole was over, in monotonic seconds."""
        ...


class Tracing(Protocol):
    """Makes traces; called in the event loop, never blocks and never raises."""

    def caller(self, headers: MultiMapping[str]) -> Caller | None:
        """Read who asks from ``traceparent`` and ``tracestate``; None where they are absent or wrong."""
        ...

    def begin(
        self, name: str, began_s: float, caller: Caller | None, *, apart: bool
    ) -> Sampled | None:
        """Decide whether something is traced; None, as a rule, where it is not.

        began_s: when it began, in monotonic seconds. apart: it is a trace of its own that links to its
        caller's; else it is a part of that.
        """
        ...
