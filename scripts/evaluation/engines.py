"""What each engine's syntheses are worth, as far as a script can tell: likeness to references, form, what was dropped, and cost."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting
from scripts.evaluation.summaries import Rouge, rouge
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.cli.synthesise import NoNotes
from wordloop_ml.engines.catalogue import TextEngines, synthesisers_of
from wordloop_ml.synthesis.evidence import Evidence, Reason
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.meeting import synthesise
from wordloop_ml.synthesis.messages import MeetingSynthesis, Wishes
from wordloop_ml.synthesis.words import count_words

Policies = Mapping[str, ExtractivePolicy]
"""By names of meetings; others have the default."""
FORM = (Reason.REPEATED, Reason.CUT, Reason.FOREIGN_SCRIPT, Reason.PREFIX, Reason.TINY)


@dataclass(slots=True)
class Score:
    """What one engine made of some meetings.

    statements: of summary, decisions, action items and open questions. form: how many of them have each fault. dues: that nobody said.
    dropped: items that the check took out. refused: clauses, by reason. empty: syntheses without a summary.
    """

    rouge: list[Rouge] = field(default_factory=list)
    statements: int = 0
    form: Counter[str] = field(default_factory=Counter)
    dues: int = 0
    dropped: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    cpu_s: float = 0.0
    words: int = 0


def table(meetings: Sequence[Meeting], engines: TextEngines, policies: Policies) -> str:
    """One row for each figure, one column for each engine that the profile has."""
    kinds = sorted(synthesisers_of(engines.embedder, engines.generator))
    scores = {kind: _score(meetings, engines, kind, policies) for kind in kinds}
    reasons = sorted({reason for one in scores.values() for reason in one.refused})
    figures = {kind: dict(_figures(one, reasons)) for kind, one in scores.items()}
    names = list(next(iter(figures.values())))
    rows = [[name, *(one[name] for one in figures.values())] for name in names]
    head = [f"{len(meetings)} meetings", *figures]
    missing = (
        "" if engines.generator else "generative: skipped, the profile has no language model\n"
    )
    return f"{report.Table(head, rows).text()}\n{missing}"


def _score(
    meetings: Sequence[Meeting], engines: TextEngines, kind: str, policies: Policies
) -> Score:
    score = Score()
    for meeting in meetings:
        policy = policies.get(meeting.name)
        synthesiser = synthesisers_of(engines.embedder, engines.generator, policy)[kind]
        began_s = time.process_time()
        plan = synthesise(meeting.transcript, synthesiser, NoNotes(), Wishes())
        made = run_plan(plan, engines.embedder, engines.generator, workers=1)
        score.cpu_s += time.process_time() - began_s
        add(score, meeting, made)
    return score


def add(score: Score, meeting: Meeting, made: MeetingSynthesis) -> None:
    """Count one synthesis of a meeting."""
    segments = meeting.transcript.segments
    evidence = Evidence(segments)
    positions = {one.id: at for at, one in enumerate(segments)}
    summary = " ".join(one.text for one in made.draft.summary)
    score.rouge.append(rouge(summary, meeting.summaries[0]))
    score.empty += not summary
    statements = (made.draft.summary, made.draft.decisions, made.draft.open_questions)
    tasks = [one.task for one in made.draft.action_items]
    for texts in (tasks, *([one.text for one in each] for each in statements)):
        for at, text in enumerate(texts):
            score.statements += 1
            score.form.update(evidence.faults(text, texts[:at]))
    for item in made.draft.action_items:
        cited = [positions[one] for one in item.segments]
        score.dues += item.due is not None and not evidence.due_said(item.due, cited)
    score.dropped += made.coverage.unsupported
    score.refused.update(made.coverage.refused)
    score.words += sum(count_words(one.text) for one in segments)


def _figures(score: Score, reasons: Sequence[str]) -> Iterator[tuple[str, str]]:
    means = np.mean(score.rouge, axis=0)
    for name, mean in zip(("R-1", "R-2", "content R-1"), means, strict=True):
        yield name, f"{mean:.1f}"
    yield "statements", str(score.statements)
    for fault in FORM:
        yield fault.replace("_", " "), str(score.form[fault])
    yield "dues nobody said", str(score.dues)
    yield "empty summaries", str(score.empty)
    yield "items dropped", str(score.dropped)
    clauses = score.statements + score.refused.total()
    for reason in reasons:
        yield f"refused, of all: {reason}", f"{score.refused[reason] / max(clauses, 1):.2f}"
    yield "CPU s a meeting", f"{score.cpu_s / max(len(score.rouge), 1):.1f}"
    yield "CPU s per 1,000 words", f"{1_000 * score.cpu_s / max(score.words, 1):.2f}"
