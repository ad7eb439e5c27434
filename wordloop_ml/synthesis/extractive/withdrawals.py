"""What was said again, and what was taken back later; pure.

A meeting that changes its mind has decided what it said last. "Scratch that" means what was decided
just before; "we changed our minds", "not in March after all" or "instead" mean the earlier decision
that is about the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wordloop_ml.synthesis.extractive import lexicon
from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.words import content_of
from wordloop_ml.synthesis.words import content_stems, stems, tokens


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """gone: sentences that do not hold any more. instead: (index of a sentence, how sure): what
    was decided in their place, where no other rule sees a decision."""

    gone: frozenset[int] = frozenset()
    instead: tuple[tuple[int, float], ...] = ()


def withdrawals_of(meeting: Gathered, policy: ExtractivePolicy) -> Withdrawals:
    """Follow the meeting from its beginning to its end."""
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
    """Which of the items that stand is taken back here, if any."""
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
    """The item that is most about the same, by its words and its meaning; None if none is.

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
