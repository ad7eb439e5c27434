"""``POST /v1/synthesis``: its request, and any other transcript, to messages, strictly; a synthesis to JSON and Markdown.

docs/synthesis.md documents request and answer, ``synthesis.json`` is their schema. What is None is left out of an answer.
In Markdown every item says when it was said.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Coverage,
    FailedChunk,
    MadeBy,
    MeetingSynthesis,
    Segment,
    Statement,
    Topic,
    Transcript,
    Wishes,
)
from wordloop_ml.synthesis.steps import Found, Progress
from wordloop_ml.wire.json_fields import MAX_SEGMENT_ID_CHARS, Fields, parse_json, valid_segment_id
from wordloop_ml.wire.server_messages import CaptionMessage

MAX_REQUEST_BYTES = 8 << 20
"""Room for ``MAX_SEGMENTS`` and ``MAX_CHARACTERS``, each character escaped, with ids and names."""

MAX_SEGMENTS = 10_000
MAX_CHARACTERS = 600_000
"""Of all texts together: some 100,000 words, or ten hours of talk."""
MIN_SUMMARY_WORDS = 20
MAX_SUMMARY_WORDS = 1_000

ENGINES = ("extractive", "generative")
"""What ``engine`` may ask for: a ``MadeBy.kind``."""

REQUEST_FIELDS = ("meeting_id", "segments", "language", "options")
SEGMENT_FIELDS = ("id", "track", "speaker", "start", "end", "text")
OPTION_FIELDS = ("engine", "summary_words")

_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """A request for a synthesis.

    engine: one of ``ENGINES``; None takes the server's default. wishes: how long a summary is wanted.
    """

    transcript: Transcript
    engine: str | None = None
    wishes: Wishes = field(default_factory=Wishes)


def parse_request(content: bytes) -> SynthesisRequest:
    """Parse the body of a request. The largest takes some tenths of a second of computing.

    Raises ``BadInput`` and nothing else: ``TOO_LARGE``, ``BAD_JSON``, ``BAD_MESSAGE``,
    ``UNKNOWN_FIELD``, or what ``transcript_of`` raises. Its text names places and rules, never a
    value of the request but numbers.
    """
    request = Fields(parse_json(content, most_bytes=MAX_REQUEST_BYTES))
    request.only(REQUEST_FIELDS)
    meeting_id = request.identifier("meeting_id")
    language = request.language()
    engine, wishes = _options(request)
    segments = []
    for fields in segment_fields(request):
        fields.only(SEGMENT_FIELDS)
        segments.append(read_segment(fields))
    return SynthesisRequest(transcript_of(meeting_id, segments, language), engine, wishes)


def segment_fields(document: Fields) -> list[Fields]:
    """Read the list ``segments``, of at most ``MAX_SEGMENTS`` objects. Raises ``BadInput``."""
    values = document.value("segments")
    if not isinstance(values, list):
        raise document.bad("segments", "must be a list")
    _check_number(len(values))
    return [document.item("segments", at, value) for at, value in enumerate(values)]


def read_segment(fields: Fields) -> Segment:
    """Read one segment by the rules of its fields alone; its text loses control characters.

    Raises ``BadInput``.
    """
    text = fields.text("text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise fields.bad("text", "must be Unicode, without halves of surrogate pairs") from None
    segment_id = fields.text("id")
    if not valid_segment_id(segment_id):
        raise fields.bad(
            "id", f"must be 1 to {MAX_SEGMENT_ID_CHARS} characters of A-Z a-z 0-9 _ . : -"
        )
    segment = Segment(
        id=segment_id,
        track=fields.identifier("track"),
        text=_plain(text),
        start=fields.integer("start"),
        end=fields.integer("end"),
        speaker=fields.speaker(),
    )
    if segment.end < segment.start:
        raise fields.bad("end", "must not lie before start", ErrorCode.TIMES_BACKWARDS)
    return segment


def transcript_of(
    meeting_id: str, segments: Sequence[Segment], language: str | None = None
) -> Transcript:
    """Make a transcript of valid segments, in the order of their start, those of one time by track.

    Segments without a word are passed over. Raises ``BadInput``: ``TOO_MANY_SEGMENTS``,
    ``TRANSCRIPT_TOO_LONG``, ``TRANSCRIPT_EMPTY``, ``DUPLICATE_SEGMENT``; ``TIMES_BACKWARDS`` when
    those of one track are not in order among themselves.
    """
    _check_number(len(segments))
    characters = sum(len(one.text) for one in segments)
    if characters > MAX_CHARACTERS:
        raise BadInput(
            f"the texts have {characters} characters together, at most {MAX_CHARACTERS} are read",
            code=ErrorCode.TRANSCRIPT_TOO_LONG,
        )
    _check_ids(segments)
    _check_order(segments)
    said = [one for one in segments if _has_word(one)]
    if not said:
        raise BadInput(
            "the transcript holds no segment with a word in it", code=ErrorCode.TRANSCRIPT_EMPTY
        )
    said.sort(key=lambda one: (one.start, one.track))
    return Transcript(meeting_id, tuple(said), language)


def segment_of(final: CaptionMessage) -> Segment | None:
    """Return the segment that a request has of this final; None without a word, since it is passed over."""
    segment = Segment(
        id=final.segment,
        track=final.track,
        text=_plain(final.text),
        start=final.start,
        end=final.end,
        speaker=final.speaker,
    )
    return segment if _has_word(segment) else None


def _plain(text: str) -> str:
    return " ".join(text.translate(_CONTROL).split())


def _has_word(segment: Segment) -> bool:
    return any(map(str.isalnum, segment.text))


def _check_number(segments: int) -> None:
    if segments > MAX_SEGMENTS:
        raise BadInput(
            f"{segments} segments, at most {MAX_SEGMENTS} are read",
            code=ErrorCode.TOO_MANY_SEGMENTS,
        )


def _check_ids(segments: Sequence[Segment]) -> None:
    first: dict[str, int] = {}
    for at, segment in enumerate(segments):
        if first.setdefault(segment.id, at) != at:
            raise BadInput(
                f"segments[{at}].id is that of segments[{first[segment.id]}], too",
                code=ErrorCode.DUPLICATE_SEGMENT,
            )


def _check_order(segments: Sequence[Segment]) -> None:
    newest: dict[str, int] = {}
    for at, segment in enumerate(segments):
        before = newest.get(segment.track)
        if before is not None and segment.start < segments[before].start:
            raise BadInput(
                f"segments[{at}] starts before segments[{before}], which is of the same track",
                code=ErrorCode.TIMES_BACKWARDS,
            )
        newest[segment.track] = at


def _options(request: Fields) -> tuple[str | None, Wishes]:
    if "options" not in request:
        return None, Wishes()
    options = request.inner("options")
    options.only(OPTION_FIELDS)
    engine = options.text("engine") if "engine" in options else None
    if engine is not None and engine not in ENGINES:
        raise options.bad("engine", f"must be one of {', '.join(ENGINES)}")
    if "summary_words" not in options:
        return engine, Wishes()
    words = options.integer("summary_words", low=MIN_SUMMARY_WORDS, high=MAX_SUMMARY_WORDS)
    return engine, Wishes(summary_words=words)


SYNTHESIS_FORMAT = "wordloop-synthesis"
SYNTHESIS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a synthesis went, in milliseconds.

    queued_ms: until it had its turn. ran_ms: from then on, with what it waited for threads.
    total_ms: from the whole request to the whole answer.
    """

    queued_ms: int
    ran_ms: int
    total_ms: int


def encode_synthesis(synthesis: MeetingSynthesis, timings: Timings) -> dict[str, Any]:
    """Encode the whole answer, as ``application/json`` and the event ``result`` carry it."""
    draft, coverage = synthesis.draft, synthesis.coverage
    return {
        "format": SYNTHESIS_FORMAT,
        "version": SYNTHESIS_VERSION,
        "meeting_id": synthesis.meeting_id,
        "title": _statement(draft.title),
        "summary": [_statement(one) for one in draft.summary],
        "topics": [_topic(one) for one in draft.topics],
        "decisions": [_statement(one) for one in draft.decisions],
        "action_items": [_action_item(one) for one in draft.action_items],
        "open_questions": [_statement(one) for one in draft.open_questions],
        "coverage": {
            "segments": coverage.segments,
            "covered_segments": coverage.covered_segments,
            "chunks": coverage.chunks,
            "cached": coverage.cached,
            "failed": [_failed(one) for one in coverage.failed],
            "unsupported": coverage.unsupported,
            "unsupported_details": coverage.unsupported_details,
            "unknown_citations": coverage.unknown_citations,
            "refused": dict(coverage.refused),
            "extractive": list(coverage.extractive),
        },
        "made_by": _made_by(synthesis.made_by),
        "timings": asdict(timings),
    }


def encode_progress(progress: Progress) -> dict[str, Any]:
    """Encode the event ``progress``."""
    return {"stage": progress.stage, "done": progress.done, "total": progress.total}


def encode_found(found: Found) -> dict[str, Any]:
    """Encode the event ``item``."""
    match found.item:
        case Statement():
            item = _statement(found.item)
        case Topic():
            item = _topic(found.item)
        case ActionItem():
            item = _action_item(found.item)
    return {"kind": found.kind, "item": item}


def _statement(statement: Statement) -> dict[str, Any]:
    return {"text": statement.text, "segments": list(statement.segments)}


def _topic(topic: Topic) -> dict[str, Any]:
    return {
        "title": topic.title,
        "start": topic.start,
        "end": topic.end,
        "segments": list(topic.segments),
    }


def _action_item(action: ActionItem) -> dict[str, Any]:
    owner = {} if action.owner is None else {"owner": action.owner}
    due = {} if action.due is None else {"due": action.due}
    return {"task": action.task, **owner, **due, "segments": list(action.segments)}


def _failed(failed: FailedChunk) -> dict[str, Any]:
    return {
        "start": failed.start,
        "end": failed.end,
        "segments": list(failed.segments),
        "code": str(failed.code),
    }


def _made_by(made_by: MadeBy) -> dict[str, Any]:
    return {**asdict(made_by), "about": made_by.about}


_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&])")
_BLOCK = re.compile(r"^(?:[#+=-]|\d+(?=[.)]))")
"""What would begin a heading or a list inside an item."""

_MOST_TIMES = 3
"""So many places are named for one item; it may rest on more."""


def render_markdown(synthesis: MeetingSynthesis, transcript: Transcript) -> str:
    """Render the document (CommonMark), ending in a line break. What was said is escaped."""
    return "\n".join(_lines(synthesis, _Times(transcript))) + "\n"


class _Times:
    """When each segment of a transcript begins."""

    def __init__(self, transcript: Transcript) -> None:
        self._starts = {one.id: one.start for one in transcript.segments}
        latest = max(one.end for one in transcript.segments)
        self.start = transcript.segments[0].start
        self.end = latest
        self._hours = latest >= 3_600_000

    def clock(self, ms: int) -> str:
        """``MM:SS``, with hours where the meeting has them."""
        minutes, seconds = divmod(ms // 1000, 60)
        if not self._hours:
            return f"{minutes:02}:{seconds:02}"
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"

    def places(self, ids: Sequence[str]) -> str:
        """The times of the first few of these segments."""
        starts = [self.clock(self._starts[one]) for one in ids]
        shown = list(dict.fromkeys(starts))[:_MOST_TIMES]
        return f"({', '.join(shown)})" if shown else ""


def _lines(synthesis: MeetingSynthesis, times: _Times) -> Iterator[str]:
    draft = synthesis.draft
    yield f"# {_escaped(draft.title.text) or _escaped(synthesis.meeting_id)}"
    yield ""
    yield f"*{times.clock(times.start)} to {times.clock(times.end)}. {synthesis.made_by.about}*"
    sections = {
        "Summary": [f"{_escaped(one.text)} {times.places(one.segments)}" for one in draft.summary],
        "Topics": [
            f"{_escaped(one.title)} ({times.clock(one.start)} to {times.clock(one.end)})"
            for one in draft.topics
        ],
        "Decisions": [
            f"{_escaped(one.text)} {times.places(one.segments)}" for one in draft.decisions
        ],
        "Action items": [
            f"[ ] {_action(one)} {times.places(one.segments)}" for one in draft.action_items
        ],
        "Open questions": [
            f"{_escaped(one.text)} {times.places(one.segments)}" for one in draft.open_questions
        ],
        "What is missing": list(_missing(synthesis.coverage, times)),
    }
    for heading, items in sections.items():
        if items:
            yield from ("", f"## {heading}", "", *(f"- {item}".rstrip() for item in items))


def _action(action: ActionItem) -> str:
    """Render owner, task, and due date unless it is said in the task itself."""
    owner = f"**{_escaped(action.owner)}**: " if action.owner is not None else ""
    if action.due is None or action.due.casefold() in action.task.casefold():
        return f"{owner}{_escaped(action.task)}"
    return f"{owner}{_escaped(action.task.rstrip('.'))}, due {_escaped(action.due)}"


def _missing(coverage: Coverage, times: _Times) -> Iterator[str]:
    for one in coverage.failed:
        yield f"{times.clock(one.start)} to {times.clock(one.end)} could not be read ({one.code})"
    if coverage.unsupported:
        yield f"items that the transcript does not support, left out: {coverage.unsupported}"


def _escaped(text: str) -> str:
    """Escape a text for Markdown and put it on one line."""
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    start = _BLOCK.match(line)
    if start is None:
        return line
    # a number is a list only with what follows it, and digits cannot be escaped
    at = start.end() if line[0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"
