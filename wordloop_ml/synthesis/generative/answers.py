"""Checks what a model answers against its schemas, and joins the notes of all chunks.

A grammar made of a schema holds the model to it while it writes, which is no guarantee: an answer
may be cut, and grammars have had holes. So nothing is believed that was not parsed and checked here.
Joining turns line numbers into ids of segments, and items that were noted twice into one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn, TypeVar

from wordloop_ml.synthesis.generative.prompts import visible
from wordloop_ml.synthesis.messages import ActionItem, Segment, Statement, Topic
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.synthesiser import Chunk

LONGEST_TEXT = 280
LONGEST_HEADING = 80
LONGEST_DETAIL = 60
MOST_SOURCES = 4
MOST_ITEMS = 4
MOST_SENTENCES = 3
MOST_SUMMARY_SENTENCES = 12


class NoAnswer(ValueError):
    """Raised when an answer does not keep to its schema; the message names no word of it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A text and the numbers of the lines that it rests on, as the model gave them, each once."""

    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NotedAction:
    """What somebody is to do; empty where nothing was said."""

    task: str
    owner: str
    due: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChunkNotes:
    """The notes of one part of a meeting; numbers are those of its lines, from 1."""

    topic: str
    summary: tuple[Noted, ...]
    decisions: tuple[Noted, ...]
    action_items: tuple[NotedAction, ...]
    open_questions: tuple[Noted, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """A title and a summary; numbers are those of the notes that they were made of."""

    title: Noted
    summary: tuple[Noted, ...]


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _detail() -> dict[str, Any]:
    return {"type": "string", "maxLength": LONGEST_DETAIL}


def _numbers() -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "integer"},
        "minItems": 1,
        "maxItems": MOST_SOURCES,
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(of: dict[str, Any], most: int, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": least, "maxItems": most}


_NOTED = _object(text=_text(LONGEST_TEXT), lines=_numbers())
_ACTION = _object(task=_text(LONGEST_TEXT), owner=_detail(), due=_detail(), lines=_numbers())
_SUMMARISED = _object(text=_text(LONGEST_TEXT), notes=_numbers())

NOTES_SCHEMA: Mapping[str, Any] = _object(
    topic=_text(LONGEST_HEADING),
    summary=_list(_NOTED, MOST_SENTENCES, least=1),
    decisions=_list(_NOTED, MOST_ITEMS),
    action_items=_list(_ACTION, MOST_ITEMS),
    open_questions=_list(_NOTED, MOST_ITEMS),
)
MERGE_SCHEMA: Mapping[str, Any] = _object(
    title=_object(text=_text(LONGEST_HEADING), notes=_numbers()),
    summary=_list(_SUMMARISED, MOST_SUMMARY_SENTENCES, least=1),
)
SCHEMAS = (NOTES_SCHEMA, MERGE_SCHEMA)
"""Everything that is ever asked for: an engine makes their grammars when it starts."""


def read_notes(answer: str) -> ChunkNotes:
    """An answer to ``NOTES_SCHEMA``; raises ``NoAnswer``. Items without a text are left out."""
    value = _parsed(answer)
    _check(value, NOTES_SCHEMA, "answer")
    return ChunkNotes(
        topic=visible(value["topic"]),
        summary=_noted(value["summary"], "lines"),
        decisions=_noted(value["decisions"], "lines"),
        action_items=tuple(
            NotedAction(
                task=visible(one["task"]),
                owner=visible(one["owner"]),
                due=visible(one["due"]),
                lines=_each_once(one["lines"]),
            )
            for one in value["action_items"]
            if visible(one["task"])
        ),
        open_questions=_noted(value["open_questions"], "lines"),
    )


def read_merged(answer: str) -> Merged:
    """An answer to ``MERGE_SCHEMA``; raises ``NoAnswer``, also when nothing of it can be seen."""
    value = _parsed(answer)
    _check(value, MERGE_SCHEMA, "answer")
    title = Noted(visible(value["title"]["text"]), _each_once(value["title"]["notes"]))
    summary = _noted(value["summary"], "notes")
    if not title.text or not summary:
        raise NoAnswer("the answer has no visible text")
    return Merged(title, summary)


def _noted(items: list[dict[str, Any]], numbers: str) -> tuple[Noted, ...]:
    read = (Noted(visible(one["text"]), _each_once(one[numbers])) for one in items)
    return tuple(one for one in read if one.text)


def _each_once(numbers: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))


def _parsed(answer: str) -> Any:
    try:
        # raw line breaks and the like inside a string are told apart nowhere: they become blanks
        return json.loads(answer, strict=False, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("the answer is no JSON") from error


def _no_number(_text: str) -> NoReturn:
    raise ValueError("no number")


def _check(value: Any, schema: Mapping[str, Any], place: str) -> None:
    """Check a value against the few keywords of JSON Schema that are used above; raises ``NoAnswer``."""
    kind = schema["type"]
    if kind == "object":
        if not isinstance(value, dict) or set(value) != set(schema["properties"]):
            raise NoAnswer(f"{place}: not the keys that were asked for")
        for key, inner in schema["properties"].items():
            _check(value[key], inner, f"{place}.{key}")
    elif kind == "array":
        least, most = schema["minItems"], schema["maxItems"]
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise NoAnswer(f"{place}: not a list of {least} to {most}")
        for index, one in enumerate(value):
            _check(one, schema["items"], f"{place}[{index}]")
    elif kind == "integer":
        if not isinstance(value, int) or isinstance(value, bool):
            raise NoAnswer(f"{place}: no whole number")
    elif not isinstance(value, str) or len(value) > schema["maxLength"]:
        raise NoAnswer(f"{place}: no text, or one that is too long")


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
    return (yield from _joined_alike(found, lambda item: item.text))


def collected_actions(taken: Taken) -> Steps[tuple[ActionItem, ...]]:
    """The action items of all chunks, in order, each once; an owner and a due that one of two
    equal items has are kept.
    """
    found = [
        ActionItem(one.task, ids_of(one.lines, chunk.segments), one.owner or None, one.due or None)
        for chunk, notes in taken
        for one in notes.action_items
    ]
    return (yield from _joined_alike(found, lambda item: item.task))


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


def _joined_alike(items: Sequence[I], text_of: Callable[[I], str]) -> Steps[tuple[I, ...]]:
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
