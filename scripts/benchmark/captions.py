"""What a server sent on one connection, and what a client displays of it; pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from wordloop_ml.wire.server_messages import (
    CaptionMessage,
    NoticeMessage,
    ServerMessage,
    parse_server,
)

Frames = Sequence[tuple[float, str]]
"""The text frames of one connection, each with the time at which it was received."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the transcript that a server shows and replaces as a whole.

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


def read_messages(frames: Frames) -> list[ServerMessage]:
    """Our server's messages, in order. Raises ``BadInput`` for what is none."""
    return [message for _, text in frames if (message := parse_server(text)) is not None]


def captions_of(frames: Frames) -> list[CaptionMessage]:
    """Our server's captions, in order."""
    return [one for one in read_messages(frames) if isinstance(one, CaptionMessage)]


def display(frames: Frames) -> Iterator[Screen]:
    """What a client displays of our server's messages, after each that changes it."""
    displayed: dict[str, CaptionMessage] = {}
    for at_s, text in frames:
        match parse_server(text):
            case CaptionMessage() as caption:
                displayed[caption.segment] = caption
            case NoticeMessage(start=int(start), end=int(end)):
                # a gap: what was displayed of it goes, and no final follows
                for one in [*displayed.values()]:
                    if not one.final and start <= one.start < end:
                        del displayed[one.segment]
            case _:
                continue
        ordered = sorted(displayed.values(), key=lambda one: one.start)
        yield Screen(at_s, tuple(Part(one.segment, one.text, one.final) for one in ordered))
