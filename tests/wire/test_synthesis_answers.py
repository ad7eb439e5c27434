"""Answers: what the schema promises, and nothing that is None."""

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.test_synthesis import DEFS, SCHEMA
from wordloop_ml.synthesis import messages
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Coverage,
    Draft,
    FailedChunk,
    MadeBy,
    MeetingSynthesis,
    Statement,
    Topic,
)
from wordloop_ml.synthesis.steps import Found, Progress
from wordloop_ml.wire.synthesis_answers import (
    Timings,
    encode_found,
    encode_progress,
    encode_synthesis,
)

SAID = Statement("We use plastic.", ("a-0", "b-16000"))
TOPIC = Topic("The case", 0, 5_000, ("a-0",))
TASK = ActionItem("Send the drawings", ("b-16000",), "Ben", "by Friday")
FULL = MeetingSynthesis(
    "weekly",
    Draft(SAID, (SAID,), (TOPIC,), (SAID,), (TASK, ActionItem("Test it", ("a-0",))), (SAID,)),
    Coverage(3, 2, 2, 1, (FailedChunk(5_000, 6_000, ("c",), "engine_failed"),), 4, 5, 6),
    MadeBy("extractive", "minilm", "all-minilm-l6-v2", "5" * 64),
)
EMPTY = replace(FULL, draft=Draft(Statement("", ()), ()))
TIMINGS = Timings(queued_ms=1, ran_ms=2, total_ms=4)


def validator(definition: str) -> Draft202012Validator:
    """Checks instances against one definition of the schema, and allows no other field."""
    closed = {
        name: {**one, "additionalProperties": False} if "properties" in one else one
        for name, one in DEFS.items()
    }
    return Draft202012Validator(
        {**SCHEMA, "$defs": closed, "oneOf": [{"$ref": f"#/$defs/{definition}"}]}
    )


@pytest.mark.parametrize("synthesis", [FULL, EMPTY])
def test_an_answer_is_what_the_schema_promises(synthesis: MeetingSynthesis) -> None:
    """With every field that there is, and as JSON."""
    answer = encode_synthesis(synthesis, TIMINGS)
    validator("synthesis").validate(json.loads(json.dumps(answer)))


def test_nothing_is_lost() -> None:
    """Field by field."""
    answer = encode_synthesis(FULL, TIMINGS)
    assert answer["meeting_id"] == "weekly"
    assert answer["title"] == {"text": "We use plastic.", "segments": ["a-0", "b-16000"]}
    assert answer["topics"] == [
        {"title": "The case", "start": 0, "end": 5_000, "segments": ["a-0"]}
    ]
    assert answer["action_items"] == [
        {
            "task": "Send the drawings",
            "owner": "Ben",
            "due": "by Friday",
            "segments": ["b-16000"],
        },
        {"task": "Test it", "segments": ["a-0"]},
    ]
    assert answer["coverage"] == {
        "segments": 3,
        "covered_segments": 2,
        "chunks": 2,
        "cached": 1,
        "failed": [{"start": 5_000, "end": 6_000, "segments": ["c"], "code": "engine_failed"}],
        "unsupported": 4,
        "unsupported_details": 5,
        "unknown_citations": 6,
    }
    assert answer["timings"] == {"queued_ms": 1, "ran_ms": 2, "total_ms": 4}


@pytest.mark.parametrize("kind", ["extractive", "generative"])
def test_an_answer_says_what_it_is(kind: str) -> None:
    """In a sentence for readers."""
    made_by = replace(FULL.made_by, kind=kind)
    answer = encode_synthesis(replace(FULL, made_by=made_by), TIMINGS)
    assert len(answer["made_by"]["about"]) > 50
    validator("synthesis").validate(answer)


@pytest.mark.parametrize(
    "found",
    [
        Found("title", SAID),
        Found("title", Statement("", ())),
        Found("summary", SAID),
        Found("topic", TOPIC),
        Found("decision", SAID),
        Found("action_item", TASK),
        Found("open_question", SAID),
    ],
)
def test_items_are_told_as_the_answer_has_them(found: Found) -> None:
    """Of every kind."""
    told = encode_found(found)
    validator("item").validate(told)
    assert told["kind"] == found.kind


@pytest.mark.parametrize("stage", ["waiting", "reading", "writing", "checking"])
def test_progress_is_told(stage: str) -> None:
    """By its stage."""
    told = encode_progress(Progress(stage, 1, 3))
    validator("progress").validate(told)
    assert told == {"stage": stage, "done": 1, "total": 3}


@pytest.mark.parametrize(
    ("definition", "wrong"),
    [
        ("item", {"kind": "topic", "item": {"text": "no topic", "segments": ["a"]}}),
        ("item", {"kind": "joke", "item": {}}),
        ("statement", {"text": "said", "segments": []}),
        ("title", {"text": "said", "segments": []}),
        ("progress", {"stage": "reading", "done": -1, "total": 3}),
        ("coverage", {"segments": 1}),
    ],
)
def test_the_schema_refuses_what_is_wrong(definition: str, wrong: dict[str, Any]) -> None:
    """A validator that accepts everything would pass all other tests."""
    assert not validator(definition).is_valid(wrong)


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ("statement", Statement),
        ("topic", Topic),
        ("action_item", ActionItem),
        ("coverage", Coverage),
        ("failed_chunk", FailedChunk),
        ("timings", Timings),
        ("progress", Progress),
        ("segment", messages.Segment),
    ],
)
def test_fields_agree_both_ways(definition: str, kind: type[Any]) -> None:
    """Nothing is in the schema alone, nor in the code alone."""
    names = {one.name for one in dataclasses.fields(kind)}
    assert set(DEFS[definition]["properties"]) == names
