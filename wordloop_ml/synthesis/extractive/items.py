"""Chooses a meeting's decisions, action items and open questions: the surest, each once; pure.

A question counts as answered when somebody else says something of substance about it soon after: a
yes or no to what can be answered so, or a longer reply. A reply that puts it off ("we'll have to
check") leaves it open, unless one that is near to the question came first.

A meeting that changes its mind has decided what it said last. "Scratch that" means what was decided
just before; "we changed our minds", "not in March after all" or "instead" mean the earlier decision
that is about the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from wordloop_ml.synthesis.extractive import lexicon
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.words import content_of
from wordloop_ml.synthesis.messages import ActionItem, Statement
from wordloop_ml.synthesis.words import content_stems, stems, tokens


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
    return Withdrawals(frozenset(gone), tuple(instead))


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
            near = _within(meeting, back, items, policy.withdrawn_before)
            if related is not None or near:
                return related if related is not None else near[-1]
        return None
    if lexicon.UNDECIDED.search(text):
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
    return [
        (at, sure * openness)
        for at, sure in meeting.questions
        if at not in tasks and (openness := _openness(meeting, at, policy))
    ]


def _openness(meeting: Gathered, asked: int, policy: ExtractivePolicy) -> float:
    """1 when a reply put it off, less when nobody replied at all, 0 otherwise.

    A reply that is neither near nor a way of putting it off is taken for an answer, too, but not
    at once: the next one may say that nobody knows.
    """
    question = meeting.sentences[asked]
    polar = bool(lexicon.POLAR.search(question.text))
    heard = 0
    replied = False
    for at in range(asked + 1, len(meeting.sentences)):
        reply = meeting.sentences[at]
        if heard > policy.reply_words:
            break
        heard += reply.words
        if reply.voice == question.voice:
            continue
        if lexicon.HEDGE.search(reply.text):
            return 1.0
        if polar and lexicon.YES_NO.search(reply.text):
            return 0.0
        if reply.words >= policy.answer_words:
            replied = True
            if meeting.similarity(asked, at) >= policy.answer_similarity:
                return 0.0
    return 0.0 if replied else policy.unanswered


Same = Callable[[int, int], bool]


def decisions_of(
    meeting: Gathered, policy: ExtractivePolicy, withdrawn: Withdrawals
) -> tuple[Statement, ...]:
    """Choose the decisions that hold, in order; a task is none. Of two that are alike, the later."""
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
    """Choose the action items, in order; of two that are alike and of one person, the later."""
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
    """Choose the questions that were not answered, in order."""
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
