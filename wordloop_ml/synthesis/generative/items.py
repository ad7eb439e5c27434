"""What was noted, put together: numbers become ids of segments, what was noted twice becomes one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from wordloop_ml.synthesis.generative.answers import ChunkNotes, Noted
from wordloop_ml.synthesis.messages import ActionItem, Segment, Statement, Topic
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.synthesiser import Chunk

UNKNOWN: Final = "\x00"
"""Cited for a line that does not exist: no segment has this id, so that it is found and counted."""

MOST_CITED: Final = 8
"""Segments that one item rests on."""

SAME: Final = 0.7
"""Two items with so much of their words in common (Jaccard) are one."""

_COMPARED_AT_ONCE: Final = 64

_WORDS = re.compile(r"\w+")

Taken = Sequence[tuple[Chunk, ChunkNotes]]

I = TypeVar("I", Statement, ActionItem)  # noqa: E741 - an item


def cited(noted: Noted, segments: Sequence[Segment]) -> Statement:
    """A statement that cites segments by their ids."""
    return Statement(noted.text, ids_of(noted.lines, segments))


def ids_of(lines: Sequence[int], segments: Sequence[Segment]) -> tuple[str, ...]:
    """The ids of lines, in order of the transcript; ``UNKNOWN`` stands for those that are not."""
    known = sorted({line for line in lines if 0 < line <= len(segments)})
    ids = [segments[line - 1].id for line in known]
    return (*ids, *([UNKNOWN] * (len(set(lines)) - len(known))))


def collected_statements(
    taken: Taken, of: Callable[[ChunkNotes], Sequence[Noted]]
) -> Steps[tuple[Statement, ...]]:
    """One kind of items of all chunks, in order, each once."""
    found = [cited(one, chunk.segments) for chunk, notes in taken for one in of(notes)]
    return (yield from _each_once(found, lambda item: item.text))


def collected_actions(taken: Taken) -> Steps[tuple[ActionItem, ...]]:
    """The action items of all chunks, in order, each once; an owner and a due that one of two
    equal items has are kept.
    """
    found = [
        ActionItem(one.task, ids_of(one.lines, chunk.segments), one.owner or None, one.due or None)
        for chunk, notes in taken
        for one in notes.action_items
    ]
    return (yield from _each_once(found, lambda item: item.task))


def topics_of(taken: Taken) -> tuple[Topic, ...]:
    """A topic for each chunk; neighbours with the same title are one."""
    topics: list[Topic] = []
    for chunk, notes in taken:
        numbers = [line for one in notes.summary for line in one.lines]
        segments = tuple(dict.fromkeys(ids_of(numbers, chunk.segments)))[:MOST_CITED]
        start = chunk.segments[0].start
        end = max(segment.end for segment in chunk.segments)
        if topics and _alike(_words(topics[-1].title), _words(notes.topic)):
            last = topics[-1]
            both = tuple(dict.fromkeys((*last.segments, *segments)))[:MOST_CITED]
            topics[-1] = replace(last, end=max(last.end, end), segments=both)
        elif notes.topic:
            topics.append(Topic(notes.topic, start, end, segments))
    return tuple(topics)


def _each_once(items: Sequence[I], text_of: Callable[[I], str]) -> Steps[tuple[I, ...]]:
    kept: list[tuple[frozenset[str], I]] = []
    for number, item in enumerate(items, 1):
        words = _words(text_of(item))
        twin = next((at for at, (theirs, _) in enumerate(kept) if _alike(words, theirs)), None)
        if twin is None:
            kept.append((words, item))
        else:
            kept[twin] = (kept[twin][0], _joined(kept[twin][1], item))
        if number % _COMPARED_AT_ONCE == 0:
            yield Pause()
    return tuple(item for _, item in kept)


def _joined(first: I, second: I) -> I:
    segments = tuple(dict.fromkeys((*first.segments, *second.segments)))[:MOST_CITED]
    if isinstance(first, ActionItem) and isinstance(second, ActionItem):
        owner, due = first.owner or second.owner, first.due or second.due
        return replace(first, segments=segments, owner=owner, due=due)
    return replace(first, segments=segments)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.casefold()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one & other) and len(one & other) >= SAME * len(one | other)
