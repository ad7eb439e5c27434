"""Chooses a meeting's decisions, action items and open questions: the surest, each once; pure.

A question counts as answered when somebody else says something of substance about it soon after: a
yes or no to what can be answered so, or a longer reply. A reply that puts it off ("we'll have to
check") leaves it open, unless one that is near to the question came first.

A meeting that changes its mind has decided what it said last. "Scratch that" means what was decided
just before; "we changed our minds", "not in March after all" or "instead" mean the earlier decision
that is about the same; "no joystick" means what was decided about a joystick.

A promise is its speaker's; what is asked for is for who is named, else for who answers yes at once, else
for the other one of two. "No" takes the task away. Where all voices are one track, a promise has no owner.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from wordloop_ml.synthesis.extractive import lexicon
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.rules import (
    Task,
    TaskKind,
    agreed_at_once,
    denied_in,
    plainly,
)
from wordloop_ml.synthesis.extractive.wording import explains, points_back, says_nothing, worded
from wordloop_ml.synthesis.messages import ActionItem, Statement
from wordloop_ml.synthesis.statements import is_tiny
from wordloop_ml.synthesis.words import content_of, content_stems, stems, tokens


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """gone: sentences that do not hold any more. instead: (index of a sentence, how sure): what
    was decided in their place, where no other rule sees a decision."""

    gone: frozenset[int] = frozenset()
    instead: tuple[tuple[int, float], ...] = ()


def withdrawals_of(meeting: Gathered, policy: ExtractivePolicy) -> Withdrawals:
    """Find what a meeting took back, from its beginning to its end."""
    decisions = {at for at, _ in meeting.decisions}
    items = sorted(decisions | {at for at, _ in meeting.tasks})
    gone: set[int] = set()
    instead: list[tuple[int, float]] = []
    for back in meeting.retractions:
        standing = [at for at in items if at < back and at not in gone]
        old = _meant(meeting, back, standing, policy)
        if old is None:
            continue
        gone.update(at for at in standing if says_the_same(meeting, at, old, policy))
        if back not in items and _states_something(meeting, back, policy):
            instead.append((back, policy.chosen))
    gone |= _left_out(meeting, sorted(decisions), policy)
    return Withdrawals(frozenset(gone), tuple(instead))


def _left_out(meeting: Gathered, decisions: Sequence[int], policy: ExtractivePolicy) -> set[int]:
    """Return the decisions for a thing that a later one leaves out."""
    about = {at: stems(content_of(meeting.sentences[at].text)) for at in decisions}
    denied = {
        at: [stems([*one]) for one in denied_in(meeting.sentences[at].text)] for at in decisions
    }
    return {
        old
        for old in decisions
        if not denied[old]
        and any(
            thing <= about[old] and len(thing) >= policy.left_out_share * len(about[old])
            for later in decisions
            if later > old
            for thing in denied[later]
        )
    }


def _meant(
    meeting: Gathered, back: int, standing: Sequence[int], policy: ExtractivePolicy
) -> int | None:
    """Return which of the standing items is taken back here, if any."""
    text = meeting.sentences[back].text
    if lexicon.NOT_THAT.search(text):
        # "that" is near, whatever else was once said about the same
        near = _within(meeting, back, standing, policy.withdrawn_within)
        related = _nearest_in_meaning(meeting, back, near, policy, plainly=True)
        return related if related is not None else max(near, default=None)
    sure = {at for at, _ in meeting.decisions}
    decided = [at for at in standing if at in sure]
    if lexicon.CHANGED_MIND.search(text):
        # a task only where nothing was decided
        for items in (decided, standing):
            related = _nearest_in_meaning(meeting, back, items, policy, plainly=True)
            just_now = lexicon.WAIT_NO.search(text) is not None
            reach = policy.withdrawn_within if just_now else policy.withdrawn_before
            near = _within(meeting, back, items, reach)
            if related is not None or near:
                return related if related is not None else near[-1]
        return None
    if lexicon.UNDECIDED.search(text) or "?" in text:
        return None
    return _nearest_in_meaning(meeting, back, decided, policy, plainly=False)


def _within(meeting: Gathered, back: int, standing: Sequence[int], words: int) -> list[int]:
    return [at for at in standing if meeting.heard[back] - meeting.heard[at] <= words]


def _nearest_in_meaning(
    meeting: Gathered, back: int, items: Sequence[int], policy: ExtractivePolicy, *, plainly: bool
) -> int | None:
    """Return the item nearest by words and meaning; None if none is near.

    plainly: something is taken back, so that one content word tells what.
    """
    enough = policy.withdrawn_plainly if plainly else policy.withdrawn_alike
    fewest = 1 if plainly else 2
    words = stems(content_of(_marks_off(meeting.sentences[back].text)))
    best, old = 0.0, None
    for at in items:
        others = stems(content_of(meeting.sentences[at].text))
        least = min(len(words), len(others))
        shared = len(words & others) / least if least >= fewest else 0.0
        meant = meeting.similarity(at, back)
        if max(shared, meant) >= enough and shared + meant >= best:
            best, old = shared + meant, at
    return old


def _states_something(meeting: Gathered, at: int, policy: ExtractivePolicy) -> bool:
    sentence = meeting.sentences[at]
    said = _marks_off(sentence.text)
    return (
        sentence.words <= policy.rule_words[1]
        and not lexicon.UNDECIDED.search(said)
        and lexicon.STATES.search(said) is not None
        and "?" not in said
        and len(content_of(said)) >= policy.instead_content
    )


def _marks_off(text: str) -> str:
    """The text without the words that take something back."""
    for mark in (lexicon.NOT_THAT, lexicon.CHANGED_MIND, lexicon.NO_LONGER):
        text = mark.sub(" ", text)
    return text


def says_the_same(meeting: Gathered, one: int, other: int, policy: ExtractivePolicy) -> bool:
    """Whether one of two sentences is enough: the same words, or nearly the same meaning."""
    mine, theirs = meeting.sentences[one], meeting.sentences[other]
    if one == other or mine.plain == theirs.plain:
        return True
    if meeting.language in (None, "en"):
        return meeting.similarity(one, other) >= policy.same
    # the embeddings are of English: what they cannot read is all alike to them
    words, others = set(tokens(mine.text)), set(tokens(theirs.text))
    return len(words & others) >= policy.same_words * len(words | others)


def says_more(meeting: Gathered, one: int, other: int) -> bool:
    """Whether the one has something in it (a month, a number, a thing) that the other has not."""
    mine, theirs = (content_stems(tokens(meeting.sentences[at].text)) for at in (one, other))
    return not mine <= theirs


def open_questions(meeting: Gathered, policy: ExtractivePolicy) -> list[tuple[int, float]]:
    """(index of the sentence, how surely it is open), in order, without those answered.

    A request is a task, not a question.
    """
    tasks = {at for at, _ in meeting.tasks}
    alone = _one_voice(meeting)
    return [
        (at, sure * openness)
        for at, sure in meeting.questions
        if at not in tasks and (openness := _openness(meeting, at, alone, policy))
    ]


def _one_voice(meeting: Gathered) -> bool:
    """Whether nothing tells the voices apart: one track, and nobody said whose."""
    named = any(segment.speaker is not None for segment in meeting.transcript.segments)
    return not named and len({one.voice for one in meeting.sentences}) < 2


def _openness(meeting: Gathered, asked: int, alone: bool, policy: ExtractivePolicy) -> float:
    """1 when a reply put it off, or who asks says that nobody knows; less when nobody replied at all; else 0.

    A reply that is neither near nor a way of putting it off is taken for an answer, too, but not
    at once: the next one may say that nobody knows. alone: whoever speaks next may be replying.
    """
    question = meeting.sentences[asked]
    polar = bool(lexicon.POLAR.search(question.text))
    unknown = bool(lexicon.STILL_OPEN.search(plainly(question.text)))
    heard = 0
    replied = False
    for at in range(asked + 1, len(meeting.sentences)):
        reply = meeting.sentences[at]
        if heard > policy.reply_words:
            break
        heard += reply.words
        if reply.voice == question.voice and not alone:
            continue
        if lexicon.HEDGE.search(reply.text):
            return 1.0
        if polar and lexicon.YES_NO.search(reply.text):
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
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals, *, whole: bool = True
) -> tuple[Statement, ...]:
    """Choose the decisions that hold, in order; a task is none. Of two that are alike, the later.

    whole: of a meeting, not of a part of one.
    """
    tasks = {at for at, _ in meeting.tasks}
    made = [
        one for one in meeting.decisions if not whole or not _is_recalled(meeting, one[0], policy)
    ]
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
    said = float(meeting.words.sum())
    early = meeting.heard[at] < policy.recalled_share * said
    alone = _one_voice(meeting)
    long = said > policy.recalled_words
    return bool(long and early) and not agreed_at_once(meeting.sentences, at, alone=alone)


def action_items_of(
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals
) -> tuple[ActionItem, ...]:
    """Choose the action items, in order; of two that are alike and of one person, the later."""
    voice_of = _voices(one.voice for one in meeting.sentences)
    tasks = {
        at: settled
        for at, task in meeting.tasks
        if at not in withdrawn.gone
        and (settled := _settled(meeting, at, task, voice_of, policy)) is not None
    }
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


def _settled(
    meeting: Gathered,
    at: int,
    task: Task,
    voice_of: Callable[[str], str | None],
    policy: ExtractivePolicy,
) -> Task | None:
    """The task with its owner, and surer where somebody accepted it; None where it is nobody's, or was refused."""
    alone = _one_voice(meeting)
    answer = _answer(meeting, at)
    if answer is not None and lexicon.WAVED_OFF.search(meeting.sentences[answer].text):
        return None
    owner = voice_of(task.owner) if task.owner is not None else None
    if owner is None and task.owner is not None:
        if task.a_voice and (_several(task.owner, meeting) or lexicon.ROLE.search(task.owner)):
            owner = f"the {task.owner}"
        elif task.a_voice and task.kind is TaskKind.NAMED:
            return None
        else:
            owner = None if task.a_voice else task.owner
    if task.kind in (TaskKind.PROMISED, TaskKind.OFFERED):
        owner = None if alone else owner
    if task.kind not in (TaskKind.ASKED, TaskKind.OFFERED) or alone:
        return replace(task, owner=owner)
    accepted = False
    if answer is not None:
        said = meeting.sentences[answer].text
        if lexicon.REFUSES.search(said):
            return None
        # "the components" is as good as "yes"
        accepted = lexicon.AGREES.search(said) is not None or (
            task.kind is TaskKind.ASKED
            and bool(stems(content_of(said)) & stems(content_of(meeting.sentences[at].text)))
        )
    sure = min(1.0, task.sure + policy.accepted_helps) if accepted else task.sure
    reply = None
    if task.to_you and owner is None and not task.many and task.owner is None:
        reply = answer if accepted else _the_other(meeting, at)
        owner = None if reply is None else meeting.sentences[reply].voice
    return replace(task, sure=sure, owner=owner, reply=reply)


def _answer(meeting: Gathered, at: int) -> int | None:
    """Where another voice speaks next, once it was asked; a sentence may go on after a remark on its beginning."""
    sentences = meeting.sentences
    begin, end = int(meeting.first[at]), int(meeting.last[at])
    asked = (
        position
        for position in range(begin, end)
        if lexicon.REQUEST.search(plainly(meeting.transcript.segments[position].text))
    )
    since = next(asked, end)
    here = next((one for one in range(at + 1, len(sentences)) if meeting.first[one] > since), None)
    return here if here is not None and sentences[here].voice != sentences[at].voice else None


def _replies(tasks: Iterable[Task]) -> list[int]:
    return [one.reply for one in tasks if one.reply is not None]


def _the_other(meeting: Gathered, at: int) -> int | None:
    """Where the other one of two speaks next, if they do so soon."""
    asker = meeting.sentences[at].voice
    if len({one.voice for one in meeting.sentences}) != _TWO:
        return None
    soon = range(at + 1, min(len(meeting.sentences), at + 1 + _SOON))
    return next((here for here in soon if meeting.sentences[here].voice != asker), None)


_TWO = 2
_SOON = 4


def _several(role: str, meeting: Gathered) -> bool:
    """Whether "two designers" are some of the meeting's voices."""
    last = role.rsplit(maxsplit=1)[-1].lower()
    voices = {word for one in meeting.sentences for word in tokens(one.voice)}
    return last.endswith("s") and last[:-1] in voices


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


def _places(meeting: Gathered, at: int, policy: ExtractivePolicy) -> tuple[int, ...]:
    """A sentence, and the one without which "so we lose that" says nothing; none where none helps.

    It is what the same voice said just before, or goes on to say, or else what the one before said.
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
        if other > at and sentences[other].voice != one.voice:
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
        return _places(meeting, at, policy)
    told = _told_before(meeting, at, policy)
    if told is not None:
        # "I'll order labels. I'll do it soon" is one task
        said_again = says_nothing(text) and any(told == task for task, _ in meeting.tasks)
        return () if said_again else (told, at)
    return (at,) if says_enough(text) and not says_nothing(text) else ()


def _told_before(meeting: Gathered, at: int, policy: ExtractivePolicy) -> int | None:
    """The nearest sentence before this one that can tell what it points back to.

    None that gives a task to somebody else: it would seem to be this voice's.
    """
    tasks = {task for task, _ in meeting.tasks}
    for other in range(at - 1, max(-1, at - 1 - policy.needed_within), -1):
        one = meeting.sentences[other]
        if one.fragments or not one.statement or not explains(worded(one.statement)):
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


def _voices(voices: Iterable[str]) -> Callable[[str], str | None]:
    """From a name or role that was said to the voice that bears it, where exactly one does.

    "Bo" is Bo Ray, the "Marketing Expert" Marketing.
    """
    words = {voice: frozenset(tokens(voice)) for voice in voices}

    def voice_of(name: str) -> str | None:
        if name in words:
            return name
        said = frozenset(tokens(name))
        known = [
            voice for voice, own in words.items() if own and said and (said <= own or own <= said)
        ]
        return known[0] if len(known) == 1 else None

    return voice_of


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
