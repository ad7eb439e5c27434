"""Notes of chunks and a merge, with answers written here in the place of a model's."""

import json
from typing import Any

import pytest

from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.messages import Finish, Generated
from wordloop_ml.synthesis.generative.answers import UNKNOWN, ChunkNotes, Noted, NotedAction
from wordloop_ml.synthesis.generative.synthesiser import MERGED_AT_ONCE, GenerativeSynthesiser
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
from wordloop_ml.synthesis.steps import Generate, Steps
from wordloop_ml.synthesis.synthesiser import Chunk

SYNTHESISER = GenerativeSynthesiser(MadeBy("generative", "llama_cpp", "some", "ab" * 32))
NOTES = json.dumps(
    {
        "topic": "The case",
        "summary": [{"text": "They chose rubber.", "lines": [2, 9]}],
        "decisions": [{"text": "The case is made of rubber.", "lines": [2]}],
        "action_items": [],
        "open_questions": [],
    }
)


def chunk_at(start: int) -> Chunk:
    """Three segments, the first with the id ``start``."""
    segments = tuple(
        Segment(str(at), "t", f"Sentence {at}.", 1_000 * at, 1_000 * at + 500, "Anna")
        for at in range(start, start + 3)
    )
    return Chunk(segments, digest=f"{start}")


def notes_of(topic: str, *decisions: str, actions: tuple[NotedAction, ...] = ()) -> ChunkNotes:
    """Notes that rest on the first line of their chunk."""
    return ChunkNotes(
        topic,
        (Noted(f"About {topic}.", (1,)),),
        tuple(Noted(text, (1,)) for text in decisions),
        actions,
        (),
    )


def performed(plan: Steps[Any], answers: list[str]) -> tuple[Any, list[Generate]]:
    """What the plan comes to when the model answers like this, and what it was asked."""
    asked: list[Generate] = []
    told: Generated | None = None
    while True:
        try:
            request = plan.send(told)
        except StopIteration as end:
            return end.value, asked
        told = None
        if isinstance(request, Generate):
            text = answers[len(asked)]
            asked.append(request)
            told = Generated(text, Finish.STOP, 100, 0, len(text))


def merged(answer: str, *notes: ChunkNotes | None) -> Draft:
    """The draft of chunks of three segments each."""
    chunks = [chunk_at(10 * at) for at in range(len(notes))]
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    plan = SYNTHESISER.merge(Transcript("m", segments), chunks, notes, Wishes())
    draft, _ = performed(plan, [answer])
    assert isinstance(draft, Draft)
    return draft


def summary(*notes: int) -> str:
    """A merged answer whose only sentence rests on these notes."""
    return json.dumps(
        {
            "title": {"text": "The remote", "notes": [1]},
            "summary": [{"text": "They chose rubber.", "notes": list(notes)}],
        }
    )


def test_notes_are_those_that_the_model_took() -> None:
    """By position, whatever the ids are; asked once, with the schema and the likeliest tokens."""
    notes, asked = performed(SYNTHESISER.take_notes(chunk_at(5), "en"), [NOTES])
    assert notes.summary == (Noted("They chose rubber.", (2, 9)),)
    assert [one.options.temperature for one in asked] == [0.0]
    assert asked[0].options.schema is not None


def test_an_answer_that_is_none_is_asked_for_once_more() -> None:
    """With the same prompt, which has been read already, and another chance of being right."""
    notes, asked = performed(SYNTHESISER.take_notes(chunk_at(5), None), ["{", NOTES])
    assert notes.topic == "The case"
    assert asked[0].prompt == asked[1].prompt
    assert asked[1].options.temperature > 0.0


def test_two_answers_that_are_none_are_a_failure_with_a_name() -> None:
    """Which holds nothing of what the model said."""
    with pytest.raises(EngineFailed) as caught:
        performed(SYNTHESISER.take_notes(chunk_at(5), None), ["secret", "secret"])
    assert caught.value.code is ErrorCode.ANSWER_INVALID
    assert "secret" not in str(caught.value)


def test_an_engine_that_fails_is_not_asked_again_here() -> None:
    """Whoever drives the plan decides."""
    plan = SYNTHESISER.take_notes(chunk_at(5), None)
    next(plan)
    with pytest.raises(EngineFailed, match="gone"):
        plan.throw(EngineFailed("gone"))


def test_a_draft_cites_the_segments_of_the_notes() -> None:
    """A chunk that failed is not in it."""
    draft = merged(summary(1, 2), notes_of("cases", "Rubber it is."), None, notes_of("prices"))
    assert draft.title == Statement("The remote", ("0",))
    assert draft.summary == (Statement("They chose rubber.", ("0", "20")),)
    assert draft.decisions == (Statement("Rubber it is.", ("0",)),)
    assert draft.topics == (
        Topic("cases", 0, 2_500, ("0",)),
        Topic("prices", 20_000, 22_500, ("20",)),
    )


def test_a_number_that_the_model_made_up_is_no_segment() -> None:
    """It is cited as what no segment can be called, so that it is counted and removed."""
    draft = merged(summary(7, 1), notes_of("cases"))
    assert draft.summary == (Statement("They chose rubber.", (UNKNOWN, "0")),)
    made_up = ChunkNotes("t", (Noted("a", (99, 2, 0, -1)),), (Noted("b", (99,)),), (), ())
    assert merged(summary(1), made_up).decisions == (Statement("b", (UNKNOWN,)),)


def test_what_was_noted_twice_is_one_item() -> None:
    """It rests on both places, and has the owner that either of them names."""
    first = notes_of("a", "We use rubber for the case.", actions=(action("", "Friday"),))
    second = notes_of("b", "We use rubber for the case!", "No logo.", actions=(action("Ben", ""),))
    draft = merged(summary(1), first, second)
    assert draft.decisions == (
        Statement("We use rubber for the case.", ("0", "10")),
        Statement("No logo.", ("10",)),
    )
    assert draft.action_items == (ActionItem("Order rubber", ("0", "10"), "Ben", "Friday"),)


def action(owner: str, due: str) -> NotedAction:
    return NotedAction("Order rubber", owner, due, (1,))


def test_neighbours_about_the_same_are_one_topic() -> None:
    """From the beginning of the first to the end of the last."""
    draft = merged(summary(1), notes_of("The case"), notes_of("the case"), notes_of("Money"))
    assert [(one.title, one.start, one.end) for one in draft.topics] == [
        ("The case", 0, 12_500),
        ("Money", 20_000, 22_500),
    ]


def test_a_long_meeting_is_summarised_in_parts() -> None:
    """Each call sees a bounded number of sentences, and the last one sees what the others wrote."""
    count = MERGED_AT_ONCE * 2 + 5
    chunks = [chunk_at(10 * at) for at in range(count)]
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    notes = [notes_of(f"topic {at}") for at in range(count)]
    plan = SYNTHESISER.merge(Transcript("m", segments), chunks, notes, Wishes())
    draft, asked = performed(plan, [summary(1), summary(1), summary(1), summary(3)])
    assert [one.prompt.user.count("\n[") for one in asked] == [MERGED_AT_ONCE, MERGED_AT_ONCE, 5, 3]
    assert draft.summary == (Statement("They chose rubber.", (str(20 * MERGED_AT_ONCE),)),)


def test_without_any_notes_there_is_no_draft() -> None:
    """Nothing is made up."""
    with pytest.raises(EngineFailed, match="no notes"):
        merged(summary(1), None)
