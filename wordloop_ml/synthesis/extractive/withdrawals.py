"""Finds what a meeting took back: "scratch that", "we changed our minds", "not in March after all"; pure.

"Scratch that" means what was put down just before. Who changed their mind means the decision that is about
the same, or else the last one, where nothing else is spoken of. "We won't launch it" and "instead" mean the decision about the same,
"no joystick" what was decided about a joystick. What others change their minds about, and what will not
happen to the thing that was decided ("it won't change prices"), takes nothing back. A decision to which the next
who speaks says no does not hold either.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wordloop_ml.synthesis.extractive.decisions import denied_in
from wordloop_ml.synthesis.extractive.lexicon import answer_words, decision_words, withdrawal_words
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.plain_text import plainly
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sameness import says_the_same
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.numbers import numbers_of
from wordloop_ml.synthesis.words import content_of, stem, stems, tokens


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
        if old in decisions and back not in items and _states_something(meeting, back, policy):
            instead.append((back, policy.chosen))
    gone |= _left_out(meeting, sorted(decisions), policy)
    gone |= {at for at in decisions if _disputed(meeting.sentences, at, policy)}
    return Withdrawals(frozenset(gone), tuple(instead))


def _disputed(sentences: Sequence[Sentence], at: int, policy: ExtractivePolicy) -> bool:
    """Whether the next who speaks objects, or says no and was not asked who does, behind no more than a word or two of the same voice."""
    asked = answer_words.ASKS_FOR_NO.search(sentences[at].text)
    for reply in sentences[at + 1 : at + 3]:
        said = plainly(reply.text)
        if reply.voice != sentences[at].voice:
            # "no" to "not to renew it" is a yes as well
            agrees = asked or withdrawal_words.NEGATED.search(sentences[at].text)
            no = answer_words.OBJECTS.search(said) or (
                not agrees and answer_words.SAYS_NO.search(said)
            )
            return bool(no)
        asked = asked or answer_words.ASKS_FOR_NO.search(said)
        if reply.words >= policy.rule_words[0] and not asked:
            break
    return False


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
    if withdrawal_words.NOT_THAT.search(text):
        # "that" is near, whatever else was once said about the same
        weak = withdrawal_words.NOT_IT.search(text) is not None
        near = _within(meeting, back, standing, policy.withdrawn_within)
        related = _nearest_in_meaning(meeting, back, near, policy, plainly=True)
        if weak and related is None:
            near = _within(meeting, back, standing, policy.withdrawn_at_once)
        return related if related is not None else max(near, default=None)
    sure = {at for at, _ in meeting.decisions}
    decided = [at for at in standing if at in sure]
    if withdrawal_words.CHANGED_MIND.search(text):
        return _reconsidered(meeting, back, decided, standing, policy)
    if decision_words.UNDECIDED.search(text) or "?" in text:
        return None
    if withdrawal_words.GIVES_UP.search(text):
        return _nearest_in_meaning(meeting, back, decided, policy, plainly=True)
    old = _nearest_in_meaning(meeting, back, decided, policy, plainly=False)
    return old if old is not None and _denies(meeting, back, old, policy) else None


def _reconsidered(
    meeting: Gathered,
    back: int,
    decided: Sequence[int],
    standing: Sequence[int],
    policy: ExtractivePolicy,
) -> int | None:
    """Return what somebody who changed their mind takes back; a task only where nothing was decided."""
    sentence = meeting.sentences[back]
    just_now = withdrawal_words.WAIT_NO.search(sentence.text) is not None
    if just_now and back and _answers(meeting, back):
        return None
    # "I'll do it tonight. Oh, wait, no": their own words
    if just_now and back - 1 in standing and _same_voice(meeting, back - 1, back):
        return back - 1
    # "my wife changed her mind", "on reflection, the food was great": something else is spoken of
    musing = withdrawal_words.ON_REFLECTION.search(sentence.text) is not None
    elsewhere = withdrawal_words.MIND_OF_OTHERS.search(sentence.text) or (
        len(content_of(_marks_off(sentence.text))) >= (1 if musing else policy.instead_content)
        and not any(back == at for at, _ in (*meeting.decisions, *meeting.tasks))
    )
    reach = policy.withdrawn_within if just_now else policy.withdrawn_before
    for items in (decided, standing):
        related = _nearest_in_meaning(meeting, back, items, policy, plainly=True)
        near = [] if elsewhere else _within(meeting, back, items, reach)
        if related is not None or near:
            return related if related is not None else near[-1]
    return None


def _same_voice(meeting: Gathered, one: int, other: int) -> bool:
    return meeting.sentences[one].voice == meeting.sentences[other].voice


def _answers(meeting: Gathered, at: int) -> bool:
    """Whether a sentence follows the question of another voice."""
    before = meeting.sentences[at - 1]
    return before.text.endswith("?") and not _same_voice(meeting, at - 1, at)


def _denies(meeting: Gathered, back: int, old: int, policy: ExtractivePolicy) -> bool:
    """Whether what a sentence says will not be is what was decided: the same deed, and no other number or day.

    "The new system won't change prices" does not deny that there will be a new system.
    """
    text, before = meeting.sentences[back].text, meeting.sentences[old].text
    found = withdrawal_words.NEGATED.search(text)
    if found is None or withdrawal_words.NO_LONGER.search(text):
        return True
    clause = re.split(r"[,;]|\bbut\b", text[found.start() :])[0]
    deed = next(iter(content_of(clause[found.end() - found.start() :]) or [""]))
    same_deed = (
        not deed
        or stem(deed) in stems(tokens(before))
        or meeting.similarity(back, old) >= policy.same
    )
    numbers, said = numbers_of(clause), numbers_of(before)
    return bool(
        same_deed
        and not withdrawal_words.BEYOND.search(clause)
        and all(any(one.is_said_by(other) for other in said) for one in numbers)
    )


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
        and not decision_words.UNDECIDED.search(said)
        and withdrawal_words.STATES.search(said) is not None
        and "?" not in said
        and len(content_of(said)) >= policy.instead_content
    )


def _marks_off(text: str) -> str:
    """The text without the words that take something back."""
    for mark in (
        withdrawal_words.NOT_THAT,
        withdrawal_words.CHANGED_MIND,
        withdrawal_words.NO_LONGER,
    ):
        text = mark.sub(" ", text)
    return text
