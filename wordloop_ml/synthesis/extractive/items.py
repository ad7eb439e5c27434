"""Chooses a meeting's decisions, action items and open questions: the surest, each once; pure.

A question counts as answered when somebody else says something of substance about it soon after: a
yes or no to what can be answered so, or a longer reply. A reply that puts it off ("we'll have to
check") leaves it open, unless one that is near to the question came first.

A meeting that changes its mind has decided what it said last; ``withdrawals.py`` finds what does not hold.
Whose a task is is found in ``owners.py``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from wordloop_ml.synthesis.extractive.decisions import agreed_at_once
from wordloop_ml.synthesis.extractive.lexicon import decision_words, question_words
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.owners import one_voice, settled_tasks
from wordloop_ml.synthesis.extractive.plain_text import plainly, without_commas
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sameness import says_more, says_the_same
from wordloop_ml.synthesis.extractive.tasks import Task
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals
from wordloop_ml.synthesis.extractive.wording import (
    does_the_same,
    explains,
    points_back,
    says_nothing,
    worded,
)
from wordloop_ml.synthesis.messages import ActionItem, Statement
from wordloop_ml.synthesis.statements import is_tiny
from wordloop_ml.synthesis.words import FUNCTION_WORDS, LIGHT_WORDS, tokens


def open_questions(meeting: Gathered, policy: ExtractivePolicy) -> list[tuple[int, float]]:
    """(index of the sentence, how surely it is open), in order, without those answered.

    A request is a task, not a question.
    """
    tasks = {at for at, _ in meeting.tasks}
    alone = one_voice(meeting)
    return [
        (at, sure * openness)
        for at, sure in meeting.questions
        if at not in tasks and (openness := _openness(meeting, at, alone, policy))
    ]


def _openness(meeting: Gathered, asked: int, alone: bool, policy: ExtractivePolicy) -> float:
    """1 when a reply put it off, or who asks says that nobody knows; less when nobody replied at all; else 0.

    A reply that is neither near nor a way of putting it off is taken for an answer, too, but not
    at once: the next one may say that nobody knows. alone: whoever speaks next may be replying.
    """
    question = meeting.sentences[asked]
    polar = bool(question_words.POLAR.search(question.text))
    unknown = bool(question_words.STILL_OPEN.search(plainly(question.text)))
    heard = 0
    replied = False
    for at in range(asked + 1, len(meeting.sentences)):
        reply = meeting.sentences[at]
        if heard > policy.reply_words:
            break
        heard += reply.words
        if reply.voice == question.voice and not alone:
            continue
        if question_words.HEDGE.search(reply.text):
            return 1.0
        if polar and question_words.YES_NO.search(reply.text):
            return 0.0
        if reply.words >= policy.answer_words:
            replied = True
            if meeting.similarity(asked, at) >= policy.answer_similarity:
                return 0.0
    if unknown:
        return 1.0
    return 0.0 if replied else policy.unanswered


Same = Callable[[int, int], bool]


def decisions_of(
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals
) -> tuple[Statement, ...]:
    """Choose the decisions that hold, in order; a task is none. Of two that are alike, the later."""
    tasks = {at for at, _ in meeting.tasks}
    made = [one for one in meeting.decisions if not _is_recalled(meeting, one[0], policy)]
    hits = [
        (at, sure)
        for at, sure in (*made, *withdrawn.instead)
        if at not in withdrawn.gone and (at not in tasks or sure >= policy.decided)
    ]
    same = partial(says_the_same, meeting, policy=policy)
    hits = [hit for hit in hits if _item_places(meeting, hit[0], policy)]
    groups = _surest(hits, policy.most_decisions, same)
    newest = sorted(_newest_first(meeting, group) for group in groups)
    return tuple(_item(meeting, group, policy) for group in newest)


def _is_recalled(meeting: Gathered, at: int, policy: ExtractivePolicy) -> bool:
    """Whether a decision is told early in a long meeting, and nobody agrees at once: of 15 such judged ones 1 was made there."""
    if decision_words.MADE_HERE.search(meeting.sentences[at].text):
        return False
    said = float(meeting.words.sum())
    early = meeting.heard[at] < policy.recalled_share * said
    alone = one_voice(meeting)
    long = said > policy.recalled_words
    return bool(long and early) and not agreed_at_once(meeting.sentences, at, alone=alone)


def action_items_of(
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals
) -> tuple[ActionItem, ...]:
    """Choose the action items, in order; of two that are alike and of one person, the later."""
    tasks = settled_tasks(meeting, withdrawn.gone, policy)
    hits = [
        (at, task.sure)
        for at, task in tasks.items()
        if task.sure >= policy.task_threshold and _item_places(meeting, at, policy)
    ]

    def same(one: int, other: int) -> bool:
        both = {tasks[one].owner, tasks[other].owner} - {None}
        return len(both) < 2 and says_the_same(meeting, one, other, policy)

    groups = _surest(hits, policy.most_action_items, same)
    newest = sorted(_newest_first(meeting, group) for group in groups)
    return tuple(
        ActionItem(
            (said := _item(meeting, [*group, *_replies(tasks[at] for at in group)], policy)).text,
            said.segments,
            next((tasks[at].owner for at in group if tasks[at].owner is not None), None),
            tasks[group[0]].due,
        )
        for group in newest
    )


def _replies(tasks: Iterable[Task]) -> list[int]:
    return [one.reply for one in tasks if one.reply is not None]


def open_questions_of(meeting: Gathered, policy: ExtractivePolicy) -> tuple[Statement, ...]:
    """Choose the questions that were not answered, in order."""
    hits = [
        (at, sure)
        for at, sure in open_questions(meeting, policy)
        if sure >= policy.open_threshold and _places(meeting, at, policy)
    ]
    same = partial(says_the_same, meeting, policy=policy)
    groups = sorted(_surest(hits, policy.most_questions, same))
    return tuple(statement(meeting, group, policy) for group in groups)


def statement(meeting: Gathered, group: Sequence[int], policy: ExtractivePolicy) -> Statement:
    """A sentence as it stands in the result; it cites the others that say the same, too."""
    places = _places(meeting, group[0], policy) or (group[0],)
    text = " ".join(meeting.sentences[at].statement for at in places)
    return Statement(text, _all_cited(meeting, group, places, policy))


def _item(meeting: Gathered, group: Sequence[int], policy: ExtractivePolicy) -> Statement:
    """Likewise, as a decision or a task is worded."""
    places = _item_places(meeting, group[0], policy) or (group[0],)
    text = " ".join(worded(meeting.sentences[at].statement) for at in places)
    return Statement(text, _all_cited(meeting, group, places, policy))


def _all_cited(
    meeting: Gathered, group: Sequence[int], places: Sequence[int], policy: ExtractivePolicy
) -> tuple[str, ...]:
    beside = (segment for at in places if at != group[0] for segment in meeting.cited(at))
    cited = {*_cited(meeting, group, policy), *beside}
    return tuple(one.id for one in meeting.transcript.segments if one.id in cited)


_POINTS = re.compile(
    r"\b(?:it|that|this|those|these|them|him|her|he|she|they|one|so)\b", re.IGNORECASE
)
"""What may mean something that the one before said."""


def _places(meeting: Gathered, at: int, policy: ExtractivePolicy) -> tuple[int, ...]:
    """A sentence, and the one without which "so we lose that" says nothing; none where none helps.

    It is what the same voice said just before, or goes on to say, or else what the one before asked, or said if it is
    pointed to.
    """
    sentences = meeting.sentences
    one = sentences[at]
    if not one.statement:
        return ()
    if says_enough(one.statement):
        return (at,)
    own = range(max(0, at - policy.needed_within), at)
    before = next((other for other in reversed(own) if sentences[other].voice == one.voice), None)
    for other in (before, at + 1, at - 1):
        if other is None or not 0 <= other < len(sentences):
            continue
        if sentences[other].voice != one.voice and (
            other > at or not (sentences[other].text.endswith("?") or _POINTS.search(one.text))
        ):
            continue
        said = sentences[other].statement
        if said and says_enough(f"{said} {one.statement}"):
            return tuple(sorted((at, other)))
    return ()


def _item_places(meeting: Gathered, at: int, policy: ExtractivePolicy) -> tuple[int, ...]:
    """Likewise, of an item; what it points back to stands before it: "The agenda is late. I'll do that".

    None of what only says a task of this voice again.
    """
    said = meeting.sentences[at].statement
    if not said or not points_back(text := worded(said)):
        return _places(meeting, at, policy) or _named_before(meeting, at, policy)
    told = _told_before(meeting, at, policy)
    if told is not None:
        # "I'll order labels. I'll do it soon" is one task
        again = says_nothing(text) or does_the_same(text)
        return () if again and told in (task for task, _ in meeting.tasks) else (told, at)
    return (at,) if says_enough(text) and not says_nothing(text) else ()


def _named_before(meeting: Gathered, at: int, policy: ExtractivePolicy) -> tuple[int, ...]:
    """A sentence behind the nearest one that speaks of what it names: "the seventeenth it is"; none where none does."""
    text = meeting.sentences[at].statement
    if not decision_words.CHOSEN_BRIEFLY.search(without_commas(plainly(text))):
        return ()
    named = frozenset(tokens(text)) - FUNCTION_WORDS - LIGHT_WORDS
    for other in range(at - 1, max(-1, at - 1 - policy.closing_within), -1):
        said = meeting.sentences[other].statement
        if said and named & frozenset(tokens(said)) and says_enough(f"{said} {text}"):
            return (other, at)
    return ()


def _told_before(meeting: Gathered, at: int, policy: ExtractivePolicy) -> int | None:
    """The nearest sentence before this one that can tell what it points back to.

    None that gives a task to somebody else: it would seem to be this voice's.
    """
    tasks = {task for task, _ in meeting.tasks}
    for other in range(at - 1, max(-1, at - 1 - policy.needed_within), -1):
        one = meeting.sentences[other]
        if one.fragments or not one.statement:
            continue
        text = worded(one.statement)
        if not explains(text, nearest=other == at - 1):
            continue
        if one.voice == meeting.sentences[at].voice or other not in tasks:
            return other
    return None


def says_enough(text: str) -> bool:
    """Whether a text can stand alone: it has some content words, of any language."""
    return not is_tiny(list(dict.fromkeys(tokens(text))))


def _cited(meeting: Gathered, group: Sequence[int], policy: ExtractivePolicy) -> tuple[str, ...]:
    places = [group[0], *sorted(group[1:])][: policy.repeat_citations]
    return tuple(dict.fromkeys(segment for at in sorted(places) for segment in meeting.cited(at)))


def _surest(hits: Iterable[tuple[int, float]], most: int, same: Same) -> list[list[int]]:
    """The sentences of the surest hits, each with those that say the same, the surest first."""
    groups: list[list[int]] = []
    for at, _ in sorted(hits, key=lambda hit: (-hit[1], hit[0])):
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
