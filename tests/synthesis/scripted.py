"""A synthesiser that needs no model.

What it says follows from the words alone: a segment that begins with ``Decided:``, ``Todo:`` or
``Open:`` is an item of that kind, and the first segment of each chunk is of the summary. It asks
for one embedding a chunk, as a real one would, so that a script can make it fail.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wordloop_ml.synthesis.chunks import Chunk, ChunkWords
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Draft,
    MadeBy,
    Segment,
    Statement,
    Topic,
    Transcript,
    Wishes,
)
from wordloop_ml.synthesis.steps import Embed, Pause, Steps

MADE_BY = MadeBy("extractive", "scripted", "scripted", "0" * 64)

_TODO = re.compile(r"(?:(?P<owner>\w+) )?(?P<task>.*?)(?: by (?P<due>[^,.]+))?\.?")


@dataclass(frozen=True, slots=True)
class ScriptedNotes:
    """The positions, in their chunk, of the segments that are items, by kind."""

    decided: tuple[int, ...]
    todo: tuple[int, ...]
    open: tuple[int, ...]
    added: int = 0


class ScriptedSynthesiser:
    """Reads items off the segments. size: of its chunks. more: how often there is more to note of one."""

    def __init__(self, size: ChunkWords | None = None, *, more: int = 0) -> None:
        self._size = size or ChunkWords(wanted=200, most=300)
        self._more = more

    @property
    def made_by(self) -> MadeBy:
        """Scripted, without weights."""
        return MADE_BY

    @property
    def chunk_words(self) -> ChunkWords:
        """As it was made with."""
        return self._size

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[ScriptedNotes]:
        """The marked segments."""
        yield Embed((chunk.segments[0].text,))
        decided, todo, unanswered = (
            tuple(at for at, one in enumerate(chunk.segments) if one.text.startswith(mark))
            for mark in ("Decided: ", "Todo: ", "Open: ")
        )
        return ScriptedNotes(decided, todo, unanswered)

    def take_more(
        self, chunk: Chunk, notes: ScriptedNotes, language: str | None
    ) -> Steps[ScriptedNotes]:
        """Note that it was asked for."""
        if notes.added == self._more:
            return notes
        yield Embed((f"more of {chunk.segments[0].text}",))
        return replace(notes, added=notes.added + 1)

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[ScriptedNotes | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """A topic and a sentence a chunk, and every marked segment."""
        yield Pause()
        read = [(chunk, taken) for chunk, taken in zip(chunks, notes, strict=True) if taken]
        firsts = [chunk.segments[0] for chunk, _ in read]
        summary: list[Statement] = []
        words = 0
        for first in firsts:
            words += len(first.text.split())
            if words <= wishes.summary_words:
                summary.append(Statement(first.text, (first.id,)))
        return Draft(
            title=Statement(firsts[0].text, (firsts[0].id,)),
            summary=tuple(summary),
            topics=tuple(_topic(chunk) for chunk, _ in read),
            decisions=tuple(
                _statement(chunk.segments[at]) for chunk, taken in read for at in taken.decided
            ),
            action_items=tuple(
                _todo(chunk.segments[at]) for chunk, taken in read for at in taken.todo
            ),
            open_questions=tuple(
                _statement(chunk.segments[at]) for chunk, taken in read for at in taken.open
            ),
        )


def _topic(chunk: Chunk) -> Topic:
    first, last = chunk.segments[0], chunk.segments[-1]
    title = " ".join(first.text.split()[:6])
    return Topic(title, first.start, last.end, tuple(one.id for one in chunk.segments))


def _statement(segment: Segment) -> Statement:
    return Statement(segment.text.partition(": ")[2], (segment.id,))


def _todo(segment: Segment) -> ActionItem:
    """``Todo: Ben sends the report by Friday.``"""
    said = segment.text.partition(": ")[2]
    found = _TODO.fullmatch(said)
    if found is None:
        return ActionItem(said, (segment.id,))
    return ActionItem(found["task"], (segment.id,), found["owner"], found["due"])
