"""An answer is what was asked for, or it is none."""

import json
from typing import Any

import jsonschema
import pytest

from wordloop_ml.synthesis.generative.answers import (
    MERGE_SCHEMA,
    NOTES_SCHEMA,
    ChunkNotes,
    NoAnswer,
    Noted,
    NotedAction,
    read_merged,
    read_notes,
)

GOOD: dict[str, Any] = {
    "topic": "The case",
    "summary": [{"text": "They spoke about rubber.", "lines": [1, 2]}],
    "decisions": [{"text": "The case is rubber.", "lines": [2]}],
    "action_items": [{"task": "Order rubber", "owner": "Ben", "due": "", "lines": [3, 3]}],
    "open_questions": [],
}


def changed(**values: Any) -> str:
    return json.dumps({**GOOD, **values})


def test_a_good_answer_is_read() -> None:
    """Each number once."""
    assert read_notes(json.dumps(GOOD)) == ChunkNotes(
        topic="The case",
        summary=(Noted("They spoke about rubber.", (1, 2)),),
        decisions=(Noted("The case is rubber.", (2,)),),
        action_items=(NotedAction("Order rubber", "Ben", "", (3,)),),
        open_questions=(),
    )


def test_the_schemas_are_json_schemas_that_take_good_answers() -> None:
    """By an implementation that is not ours."""
    jsonschema.Draft202012Validator.check_schema(dict(MERGE_SCHEMA))
    jsonschema.validate(GOOD, dict(NOTES_SCHEMA))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Here are the notes: {}",
        json.dumps(GOOD)[:-5],
        json.dumps(GOOD) + "{}",
        "[]",
        changed(extra=1),
        json.dumps({key: value for key, value in GOOD.items() if key != "topic"}),
        changed(topic=7),
        changed(topic="x" * 81),
        changed(summary=[]),
        changed(summary=GOOD["summary"] * 4),
        changed(summary="text"),
        changed(decisions=[{"text": "a", "lines": []}]),
        changed(decisions=[{"text": "a", "lines": [1, 2, 3, 4, 5]}]),
        changed(decisions=[{"text": "a", "lines": ["1"]}]),
        changed(decisions=[{"text": "a", "lines": [True]}]),
        changed(decisions=[{"text": "a", "lines": [1.5]}]),
        changed(decisions=[{"text": "a" * 281, "lines": [1]}]),
        changed(action_items=[{"task": "a", "owner": None, "due": "", "lines": [1]}]),
        '{"topic": NaN}',
        "[" * 100_000,
    ],
)
def test_what_was_not_asked_for_is_no_answer(answer: str) -> None:
    """And the error says nothing of what it says."""
    with pytest.raises(NoAnswer) as caught:
        read_notes(answer)
    assert "rubber" not in str(caught.value)


def test_control_characters_are_taken_out() -> None:
    """Raw ones, which grammars have let through, and escaped ones; also bidirectional marks."""
    raw = json.dumps(GOOD).replace("The case is", "The\x01 case\n is\\u0000\\u202e")
    assert read_notes(raw).decisions == (Noted("The case is rubber.", (2,)),)


def test_items_without_visible_text_are_left_out() -> None:
    """They say nothing."""
    notes = read_notes(changed(decisions=[{"text": "\u200b \n", "lines": [1]}]))
    assert notes.decisions == ()


def test_a_merged_answer_has_a_title_and_a_summary() -> None:
    """Visible ones."""
    answer = {"title": {"text": "Case", "notes": [1]}, "summary": [{"text": "So.", "notes": [9]}]}
    merged = read_merged(json.dumps(answer))
    assert merged.title == Noted("Case", (1,))
    assert merged.summary == (Noted("So.", (9,)),)
    answer["title"] = {"text": "\u2066", "notes": [1]}
    with pytest.raises(NoAnswer, match="no visible text"):
        read_merged(json.dumps(answer))
