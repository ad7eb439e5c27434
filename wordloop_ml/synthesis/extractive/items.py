"""Decisions, action items and open questions of a meeting: the surest, each once; pure."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import open_questions
from wordloop_ml.synthesis.extractive.withdrawals import (
    Withdrawals,
    says_more,
    says_the_same,
)
from wordloop_ml.synthesis.messages import ActionItem, Statement

Same = Callable[[int, int], bool]


def decisions_of(
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals
) -> tuple[Statement, ...]:
    """What was decided and holds, in order; a task is none. Of two that are alike, the later."""
    tasks = {at for at, _ in meeting.tasks}
    hits = [
        (at, sure)
        for at, sure in (*meeting.decisions, *withdrawn.instead)
        if at not in withdrawn.gone and (at not in tasks or sure >= policy.decided)
    ]
    same = partial(says_the_same, meeting, policy=policy)
    groups = _surest(meeting, hits, policy.most_decisions, same)
    newest = sorted(_newest_first(meeting, group) for group in groups)
    return tuple(statement(meeting, group, policy) for group in newest)


def action_items_of(
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals
) -> tuple[ActionItem, ...]:
    """Who is to do what by when, in order; of two that are alike and of one person, the later."""
    tasks = dict(meeting.tasks)
    hits = [
        (at, task.sure)
        for at, task in meeting.tasks
        if task.sure >= policy.task_threshold and at not in withdrawn.gone
    ]
    voice_of = _first_names(one.voice for one in meeting.sentences)
    owners = {
        at: None if tasks[at].owner is None else voice_of(tasks[at].owner or "") for at, _ in hits
    }

    def same(one: int, other: int) -> bool:
        both = {owners[one], owners[other]} - {None}
        return len(both) < 2 and says_the_same(meeting, one, other, policy)

    groups = _surest(meeting, hits, policy.most_action_items, same)
    newest = sorted(_newest_first(meeting, group) for group in groups)
    return tuple(
        ActionItem(
            meeting.sentences[group[0]].statement,
            _cited(meeting, group, policy),
            next((owners[at] for at in group if owners[at] is not None), None),
            tasks[group[0]].due,
        )
        for group in newest
    )


def open_questions_of(meeting: Gathered, policy: ExtractivePolicy) -> tuple[Statement, ...]:
    """What was asked and not answered, in order."""
    hits = [hit for hit in open_questions(meeting, policy) if hit[1] >= policy.open_threshold]
    same = partial(says_the_same, meeting, policy=policy)
    groups = sorted(_surest(meeting, hits, policy.most_questions, same))
    return tuple(statement(meeting, group, policy) for group in groups)


def statement(meeting: Gathered, group: Sequence[int], policy: ExtractivePolicy) -> Statement:
    """A sentence as it stands in the result; it cites the others that say the same, too."""
    return Statement(meeting.sentences[group[0]].statement, _cited(meeting, group, policy))


def _cited(meeting: Gathered, group: Sequence[int], policy: ExtractivePolicy) -> tuple[str, ...]:
    places = [group[0], *sorted(group[1:])][: policy.repeat_citations]
    return tuple(dict.fromkeys(segment for at in sorted(places) for segment in meeting.cited(at)))


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
    meeting: Gathered, hits: Iterable[tuple[int, float]], most: int, same: Same
) -> list[list[int]]:
    """The sentences of the surest hits, each with those that say the same, the surest first."""
    groups: list[list[int]] = []
    for at, _ in sorted(hits, key=lambda hit: (-hit[1], hit[0])):
        if not meeting.sentences[at].statement:
            continue
        known = next((group for group in groups if same(at, group[0])), None)
        if known is not None:
            known.append(at)
        elif len(groups) < most:
            groups.append([at])
    return groups


def _newest_first(meeting: Gathered, group: Sequence[int]) -> list[int]:
    """The group led by what holds: a later sentence that says something else, and none but those
    that say no more than it does."""
    lead = group[0]
    for at in sorted(group):
        if at > lead and says_more(meeting, at, lead):
            lead = at
    return [lead, *(at for at in group if at != lead and not says_more(meeting, at, lead))]
