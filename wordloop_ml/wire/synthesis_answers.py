"""A MeetingSynthesis, and what is told while it is made, as JSON; ``synthesis.json`` is the schema.

What is None is left out.
"""

from dataclasses import asdict, dataclass
from typing import Any

from wordloop_ml.synthesis.messages import (
    ActionItem,
    FailedChunk,
    MadeBy,
    MeetingSynthesis,
    Statement,
    Topic,
)
from wordloop_ml.synthesis.steps import Found, Progress

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
    """The whole answer, as ``application/json`` and the event ``result`` carry it."""
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
        },
        "made_by": _made_by(synthesis.made_by),
        "timings": asdict(timings),
    }


def encode_progress(progress: Progress) -> dict[str, Any]:
    """The event ``progress``."""
    return {"stage": progress.stage, "done": progress.done, "total": progress.total}


def encode_found(found: Found) -> dict[str, Any]:
    """The event ``item``."""
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
