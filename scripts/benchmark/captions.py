"""What the server sent on one connection, as the metrics need it; pure."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.screens import Part, Screen
from scripts.benchmark.stages import ServerTiming

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def plain_words(text: str) -> tuple[str, ...]:
    """The words in lower case, without punctuation: what is compared and scored."""
    return tuple(_WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


@dataclass(frozen=True, slots=True)
class ShownWord:
    """One word of a caption; times in milliseconds of the track."""

    text: str
    start: int
    end: int
    stable: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One caption as it reached the client.

    at_s: when its frame was received, on the client's monotonic clock.
    start, end: the span of its segment so far, in milliseconds of the track.
    timing: where its time went in the server, if the server said so.
    """

    at_s: float
    segment: str
    start: int
    end: int
    words: tuple[ShownWord, ...]
    final: bool
    speech_final: bool
    language: str = "en"
    timing: ServerTiming | None = None

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
    """The text frames of one connection, each with the time at which it was received.

    Notices are counted as ``notice:code``, rejections as ``notice:rejected:reason``.
    """
    captions: list[Shown] = []
    counts: dict[str, int] = {}
    screens: list[Screen] = []
    displayed: dict[str, Shown] = {}
    for at_s, text in frames:
        message = json.loads(text)
        name = _name(message)
        counts[name] = counts.get(name, 0) + 1
        if name == "caption":
            captions.append(_caption(at_s, message))
            displayed[captions[-1].segment] = captions[-1]
        elif name.startswith("notice") and "end" in message:
            # a hole: what was displayed of it goes, and no final follows
            for one in [*displayed.values()]:
                if not one.final and message["start"] <= one.start < message["end"]:
                    del displayed[one.segment]
        else:
            continue
        screens.append(_screen(at_s, displayed.values()))
    return Received(tuple(captions), counts, tuple(screens))


def _screen(at_s: float, displayed: Iterable[Shown]) -> Screen:
    ordered = sorted(displayed, key=lambda one: one.start)
    return Screen(at_s, tuple(Part(one.segment, one.text, one.final) for one in ordered))


def timed(captions: Sequence[Shown], timings: Sequence[ServerTiming]) -> tuple[Shown, ...]:
    """The captions of a connection with the server's timings of them, both in order of sending.

    Without any timing they stay as they are. Raises ``BenchmarkFailed`` when the numbers differ.
    """
    if not timings:
        return tuple(captions)
    if len(timings) != len(captions):
        raise BenchmarkFailed(f"the server timed {len(timings)} captions, {len(captions)} came")
    return tuple(
        replace(shown, timing=timing) for shown, timing in zip(captions, timings, strict=True)
    )


def _name(message: dict[str, Any]) -> str:
    parts = [message["type"]]
    if message["type"] in {"notice", "error"}:
        parts += [message[key] for key in ("code", "reason") if key in message]
    return ":".join(parts)


def _caption(at_s: float, message: dict[str, Any]) -> Shown:
    words = tuple(
        ShownWord(word["text"], word["start"], word["end"], word["stable"])
        for word in message["words"]
    )
    return Shown(
        at_s=at_s,
        segment=message["segment"],
        start=message["start"],
        end=message["end"],
        words=words,
        final=message["final"],
        speech_final=message["speech_final"],
        language=message.get("language", "en"),
    )
