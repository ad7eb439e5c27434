"""What the server sent on one connection, and what a client displays of it; pure."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class ShownWord:
    """One word of a caption."""

    text: str
    stable: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One caption as it reached the client.

    at_s: when its frame was received, on the client's monotonic clock.
    start, end: the span of its segment so far, in milliseconds of the track.
    """

    at_s: float
    segment: str
    start: int
    end: int
    words: tuple[ShownWord, ...]
    final: bool
    language: str = "en"

    @property
    def text(self) -> str:
        """The words, joined by single blanks."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Received:
    """A connection's captions in order, and how often each other message came, by its name.

    screens: what a client displays, after each message that changes it.
    """

    captions: tuple[Shown, ...]
    counts: dict[str, int]
    screens: tuple[Screen, ...]


def read_frames(frames: Iterable[tuple[float, str]]) -> Received:
    """Read the text frames of one connection, each with the time at which it was received.

    Notices are counted as ``notice:code``, rejections as ``notice:rejected:reason``.
    """
    captions: list[Shown] = []
    counts: Counter[str] = Counter()
    screens: list[Screen] = []
    displayed: dict[str, Shown] = {}
    for at_s, text in frames:
        message = json.loads(text)
        name = _name(message)
        counts[name] += 1
        if name == "caption":
            captions.append(_caption(at_s, message))
            displayed[captions[-1].segment] = captions[-1]
        elif name.startswith("notice") and "end" in message:
            # a gap: what was displayed of it goes, and no final follows
            for one in [*displayed.values()]:
                if not one.final and message["start"] <= one.start < message["end"]:
                    del displayed[one.segment]
        else:
            continue
        ordered = sorted(displayed.values(), key=lambda one: one.start)
        parts = tuple(Part(one.segment, one.text, one.final) for one in ordered)
        screens.append(Screen(at_s, parts))
    return Received(tuple(captions), dict(counts), tuple(screens))


def _name(message: dict[str, Any]) -> str:
    parts = [message["type"]]
    if message["type"] in {"notice", "error"}:
        parts += [message[key] for key in ("code", "reason") if key in message]
    return ":".join(parts)


def _caption(at_s: float, message: dict[str, Any]) -> Shown:
    return Shown(
        at_s=at_s,
        segment=message["segment"],
        start=message["start"],
        end=message["end"],
        words=tuple(ShownWord(word["text"], word["stable"]) for word in message["words"]),
        final=message["final"],
        language=message.get("language", "en"),
    )
