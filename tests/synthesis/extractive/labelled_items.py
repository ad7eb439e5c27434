"""The items of a real meeting that a reader found, against those of a synthesis.

``scripts/evaluation/items.csv`` lists the decisions (D), action items (A) and open questions (O) of AMI's meeting ES2006c
(scripts/speech/ami_es2006c.json; see NOTICE), each with the turns in which it is said and, of a task, the
owner that is named. One reader, who also wrote the rules, read the whole meeting.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wordloop_ml.synthesis.messages import ActionItem, Draft, Statement, Transcript
from wordloop_ml.wire.transcripts import parse_transcript

SCRIPTS = Path(__file__).parents[3] / "scripts"
MEETING = SCRIPTS / "speech/ami_es2006c.json"
LABELS = SCRIPTS / "evaluation/items.csv"


@dataclass(frozen=True, slots=True)
class Label:
    """An item. kind: its letter. segments: the ids of those that say it. owner: None of a task that is nobody's by name."""

    kind: str
    segments: frozenset[str]
    owner: str | None
    item: str


def read_meeting() -> Transcript:
    """The transcript of the meeting."""
    return parse_transcript(MEETING.read_bytes(), "es2006c")


def read_labels() -> list[Label]:
    """Every item of it."""
    with LABELS.open(encoding="utf-8", newline="") as file:
        return [
            Label(
                row["kind"],
                frozenset(f"es2006c-{turn}" for turn in row["turns"].split()),
                row["owner"] or None,
                row["item"],
            )
            for row in csv.DictReader(file)
        ]


def said(label: Label, draft: Draft) -> bool:
    """Whether an item of this kind rests on one of the segments."""
    lists: dict[str, Sequence[Statement | ActionItem]] = {
        "D": draft.decisions,
        "A": draft.action_items,
        "O": draft.open_questions,
    }
    return any(label.segments & set(one.segments) for one in lists[label.kind])


def found(label: Label, draft: Draft) -> bool:
    """Whether an item of this kind rests on one of the segments, with the owner."""
    if label.kind != "A":
        return said(label, draft)
    tasks = [one for one in draft.action_items if label.segments & set(one.segments)]
    return any(one.owner == label.owner for one in tasks)
