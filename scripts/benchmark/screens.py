"""What a client of a server displays, step by step: the one form that every server is measured in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Frames = Sequence[tuple[float, str]]
"""The text frames of one connection, each with the time at which it was received."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the transcript that the server shows and replaces as a whole.

    key: the same for all versions of a piece. final: it will not change any more.
    """

    key: str
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything that is displayed of a track from one moment on, in the order of speech."""

    at_s: float
    parts: tuple[Part, ...]


Display = Callable[[Frames], Iterable[Screen]]
"""A server's frames as screens: one for each frame that changes something."""
