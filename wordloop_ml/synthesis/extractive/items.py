"""Decisions, action items and open questions of a meeting: the surest, each once; pure."""

from collections.abc import Callable, Iterable

from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import open_questions
from wordloop_ml.synthesis.extractive.rules import Task
from wordloop_ml.synthesis.extractive.words import as_statement
from wordloop_ml.synthesis.messages import ActionItem, Statement


def decisions_of(meeting: Gathered, policy: ExtractivePolicy) -> tuple[Statement, ...]:
    """What was decided, in order; a task is none."""
    tasks = {at for at, _ in meeting.tasks}
    hits = [
        (at, sure) for at, sure in meeting.decisions if at not in tasks or sure >= policy.decided
    ]
    chosen = _surest(meeting, hits, policy.most_decisions, policy)
    return tuple(statement(meeting, at) for at in chosen)


def action_items_of(meeting: Gathered, policy: ExtractivePolicy) -> tuple[ActionItem, ...]:
    """Who is to do what by when, in order."""
    tasks = dict(meeting.tasks)
    hits = [(at, task.sure) for at, task in meeting.tasks if task.sure >= policy.task_threshold]
    voices = _first_names(one.voice for one in meeting.sentences)
    chosen = _surest(meeting, hits, policy.most_action_items, policy)
    return tuple(_action_item(meeting, at, tasks[at], voices) for at in chosen)


def open_questions_of(meeting: Gathered, policy: ExtractivePolicy) -> tuple[Statement, ...]:
    """What was asked and not answered, in order."""
    hits = [hit for hit in open_questions(meeting, policy) if hit[1] >= policy.open_threshold]
    chosen = _surest(meeting, hits, policy.most_questions, policy)
    return tuple(statement(meeting, at) for at in chosen)


def statement(meeting: Gathered, at: int) -> Statement:
    """A sentence as it stands in the result."""
    return Statement(as_statement(meeting.sentences[at].text), meeting.cited(at))


def _action_item(
    meeting: Gathered, at: int, task: Task, voices: Callable[[str], str]
) -> ActionItem:
    owner = None if task.owner is None else voices(task.owner)
    text = as_statement(meeting.sentences[at].text)
    return ActionItem(text, meeting.cited(at), owner, task.due)


def _first_names(voices: Iterable[str]) -> Callable[[str], str]:
    """From a name that was said to the voice that bears it, where exactly one does."""
    bearers: dict[str, set[str]] = {}
    for voice in voices:
        for part in (voice, *voice.split()):
            bearers.setdefault(part.casefold(), set()).add(voice)

    def voice_of(name: str) -> str:
        known = bearers.get(name.casefold(), set())
        return next(iter(known)) if len(known) == 1 else name

    return voice_of


def _surest(
    meeting: Gathered, hits: Iterable[tuple[int, float]], most: int, policy: ExtractivePolicy
) -> list[int]:
    """The sentences of the surest hits, in order, none of which says what another says."""
    chosen: list[int] = []
    texts: set[str] = set()
    for at, _ in sorted(hits, key=lambda hit: (-hit[1], hit[0])):
        text = as_statement(meeting.sentences[at].text)
        if len(chosen) == most:
            break
        if not text or text in texts:
            continue
        if any(meeting.similarity(at, other) >= policy.same for other in chosen):
            continue
        chosen.append(at)
        texts.add(text)
    return sorted(chosen)
