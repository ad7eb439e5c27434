"""Markdown: what the synthesis says, when it was said, and nothing that a stranger could add."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.talk import said, transcript
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
from wordloop_ml.wire.synthesis import render_markdown

MEETING = transcript(said("Ada: Good morning.", "Ben: We use plastic.", "Ada: Who tests it?"))
SYNTHESIS = MeetingSynthesis(
    "weekly",
    Draft(
        title=Statement("The case", ("s1",)),
        summary=(Statement("We use plastic.", ("s0", "s1", "s2")),),
        topics=(Topic("The case", 0, 5_900, ("s1",)),),
        decisions=(Statement("We use plastic.", ("s1",)),),
        action_items=(
            ActionItem("Test the case.", ("s2",), "Ben", "Friday"),
            ActionItem("Send it by Friday.", ("s2",), None, "friday"),
        ),
        open_questions=(Statement("Who tests it?", ("s2",)),),
    ),
    Coverage(3, 3, 1, 0),
    MadeBy("extractive", "minilm", "all-minilm-l6-v2", "5" * 64),
)


def test_every_part_has_its_section_and_its_times() -> None:
    """In one order; the kind of the synthesis is said first."""
    text = render_markdown(SYNTHESIS, MEETING)
    assert text.startswith("# The case\n\n*00:00 to 00:05. Sentences that people said,")
    assert text.endswith(
        """
## Summary

- We use plastic. (00:00, 00:02, 00:04)

## Topics

- The case (00:00 to 00:05)

## Decisions

- We use plastic. (00:02)

## Action items

- [ ] **Ben**: Test the case, due Friday (00:04)
- [ ] Send it by Friday. (00:04)

## Open questions

- Who tests it? (00:04)
"""
    )


def test_what_is_empty_is_left_out() -> None:
    """The meeting's id stands for a title that is not there."""
    empty = replace(SYNTHESIS, draft=Draft(Statement("", ()), ()))
    lines = render_markdown(empty, MEETING).splitlines()
    assert lines[0] == "# weekly"
    assert len(lines) == 3


def test_what_is_missing_is_said() -> None:
    """Parts that failed, with their times; items that were dropped, with their number."""
    coverage = Coverage(3, 2, 2, 0, (FailedChunk(0, 1_900, ("s0",), "engine_failed"),), 4)
    text = render_markdown(replace(SYNTHESIS, coverage=coverage), MEETING)
    assert "## What is missing\n\n- 00:00 to 00:01 could not be read (engine_failed)\n" in text
    assert text.endswith("left out: 4\n")


def test_long_meetings_have_hours() -> None:
    """All times of one document in one form."""
    late = replace(MEETING.segments[2], start=3_725_000, end=3_726_000)
    meeting = replace(MEETING, segments=(*MEETING.segments[:2], late))
    text = render_markdown(SYNTHESIS, meeting)
    assert "*0:00:00 to 1:02:06." in text
    assert "Who tests it? (1:02:05)" in text


@pytest.mark.parametrize(
    "text",
    [
        "# no heading",
        "- no list",
        "1. no number",
        "12) nor this",
        "<script>alert(1)</script>",
        "[a link](https://example.org) and ![a picture](x)",
        "*loud* _quiet_ `code` ~~gone~~ | a | table |",
        "&lt; is no entity",
        "a\n\n# new paragraph",
        "--- a line",
        "\\# escaped already",
    ],
)
def test_what_was_said_stays_text(text: str) -> None:
    """Whoever says Markdown into a microphone gets it back as words."""
    assert shown(text) == " ".join(text.split())


@given(st.text(st.sampled_from("#-+*_`[]()<>!&|~=\\.:1a \n"), max_size=30))
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever its characters."""
    assert shown(text) == " ".join(text.split())


def shown(text: str) -> str:
    """What a reader sees of a decision, as a CommonMark reader shows it; it has to be text alone."""
    draft = Draft(Statement("", ()), (), decisions=(Statement(text, ("s1",)),))
    document = render_markdown(replace(SYNTHESIS, draft=draft), MEETING)
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(document)
    opened = [one.type for one in tokens if one.nesting == 1]
    assert opened[-4:] == ["heading_open", "bullet_list_open", "list_item_open", "paragraph_open"]
    inline = [one for one in tokens if one.type == "inline"][-1]
    assert {one.type for one in inline.children or ()} <= {"text", "text_special"}
    return "".join(one.content for one in inline.children or ()).removesuffix("(00:02)").strip()
