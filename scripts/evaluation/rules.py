"""How often the rules are right, against lines that were labelled by hand.

``labels.csv`` names turns of QMSum: of four pools drawn at random (with a word of decisions, of tasks, of questions, or none), and the
end of six meetings. Each has been read in its context: D a decision, A a task, Q a question, O one that stayed open.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from wordloop_ml.synthesis.extractive.decisions import decisions_in
from wordloop_ml.synthesis.extractive.items import open_questions
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import question_in
from wordloop_ml.synthesis.extractive.sentences import Sentence, sentences_of
from wordloop_ml.synthesis.extractive.tasks import task_in

KINDS = {"D": "decisions", "A": "action items", "Q": "questions", "O": "open questions"}
LABELS = Path(__file__).with_name("labels.csv")


def table(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> str:
    """Precision and recall of each kind on the lines that were read, and on lines drawn from hits."""
    labels = read_labels()
    read = [one for one in labels if not one.sampled.startswith("found")]
    found = {meeting.name: found_in(meeting, policy) for meeting in meetings}
    for meeting, one in zip(meetings, gathered, strict=True):
        spans = [(one.first[at], one.last[at]) for at, _ in open_questions(one, policy)]
        turns = {turn for first, last in spans for turn in range(int(first), int(last) + 1)}
        found[meeting.name]["O"] = turns
    rows = []
    for kind, name in KINDS.items():
        hits = score([one for one in labels if one.sampled == f"found-{kind}"], found, kind)
        lines = score(read, found, kind)
        shares = (f"{lines.precision:.2f}", f"{lines.recall:.2f}")
        rows.append([name, *map(str, lines), *shares, f"{hits.both} of {hits.found}"])
    head = ["kind", "labelled", "found", "both", "precision", "recall", "drawn from hits: right"]
    return f"{report.Table(head, rows).text()}\n\nlines: {len(read)}\n"


class Label(NamedTuple):
    """One turn that was read. sampled: its pool. labels: the letters that hold for it."""

    meeting: str
    turn: int
    sampled: str
    labels: str


class Score(NamedTuple):
    """Counts of lines: labelled so, found so, and both."""

    labelled: int
    found: int
    both: int

    @property
    def precision(self) -> float:
        """Of those found, so many are right; nan without any."""
        return self.both / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """Of those labelled, so many are found; nan without any."""
        return self.both / self.labelled if self.labelled else float("nan")


def read_labels(path: Path = LABELS) -> list[Label]:
    """The labelled lines."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Label(
                f"{row['domain']}-{row['meeting']}", int(row["turn"]), row["sampled"], row["labels"]
            )
            for row in csv.DictReader(file)
        ]


def found_in(meeting: Meeting, policy: ExtractivePolicy) -> dict[str, set[int]]:
    """The turns in which the rules find each kind."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS}
    sentences = sentences_of(meeting.transcript.segments, policy)
    for at, _ in decisions_in(sentences, policy):
        found["D"] |= _turns(meeting, sentences[at])
    for sentence in sentences:
        turns = _turns(meeting, sentence)
        task = task_in(sentence, policy)
        if task is not None and task.sure >= policy.task_threshold:
            found["A"] |= turns
        if question_in(sentence, policy):
            found["Q"] |= turns
    return found


def score(labels: Sequence[Label], found: dict[str, dict[str, set[int]]], kind: str) -> Score:
    """Labels against what was found, by meeting and kind."""
    pairs = [(kind in one.labels, one.turn in found[one.meeting][kind]) for one in labels]
    return Score(
        sum(labelled for labelled, _ in pairs),
        sum(hit for _, hit in pairs),
        sum(labelled and hit for labelled, hit in pairs),
    )


def _turns(meeting: Meeting, sentence: Sentence) -> set[int]:
    segments = meeting.transcript.segments
    return {
        at
        for at in range(sentence.first, sentence.last + 1)
        if segments[at].voice == sentence.voice
    }
