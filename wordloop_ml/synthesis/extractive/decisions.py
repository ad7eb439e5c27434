"""Finds what a meeting decided, sentence by sentence, by patterns; pure.

Transparent on purpose: whoever wonders why a sentence was taken finds the phrase in it. A decision may
need a neighbour: the "yes" behind a proposal, the "everyone okay?" behind it, the recap that it goes on with. What was
taken back is for ``withdrawals.py``.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from wordloop_ml.synthesis.extractive.lexicon import (
    answer_words,
    decision_words,
    question_words,
    sentence_words,
    task_words,
    withdrawal_words,
)
from wordloop_ml.synthesis.extractive.plain_text import FEW_WORDS, plainly, without_commas
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.words import WORD, content_of, count_words, stems


def decisions_in(
    sentences: Sequence[Sentence], policy: ExtractivePolicy, *, named: bool = False
) -> list[tuple[int, float]]:
    """(index, how sure in [0, 1]) of the sentences that say what was decided, in order.

    named: voices are told apart, though but one may speak here.
    """
    alone = not named and len({one.voice for one in sentences}) < 2
    found = {
        at: sure
        for at in range(len(sentences))
        if (sure := _decision(sentences, at, alone, policy))
    }
    for at in list(found):
        for follower in _recapped(sentences, at, policy):
            found.setdefault(follower, policy.recapped)
    return sorted(found.items())


def _decision(
    sentences: Sequence[Sentence], at: int, alone: bool, policy: ExtractivePolicy
) -> float:
    sentence = sentences[at]
    text = plainly(sentence.text)
    loose = without_commas(text)
    if decision_words.DO_IT.search(loose) and sentence.words <= FEW_WORDS:
        return policy.proposed if _was_proposed(sentences, at) else 0.0
    briefly = decision_words.CHOSEN_BRIEFLY.search(loose)
    if briefly and sentence.words < policy.rule_words[0] and not text.endswith("?"):
        return policy.chosen if decision_words.CHOSEN.search(loose) else 0.0
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1] or (
        len(content_of(text)) < policy.decision_content
        and not decision_words.DECIDED.search(text)
        and not briefly
    ):
        return 0.0
    if _put_to_all(sentences, at, alone, policy):
        return policy.proposed
    if sentence.fragments > 1:
        summed = decision_words.WITHOUT.search(text) or decision_words.RECAP.search(text)
        recap = summed and _confirmed(sentences, at)
        return policy.recapped if recap else 0.0
    return _told_outright(sentences, at, alone, policy)


def _told_outright(
    sentences: Sequence[Sentence], at: int, alone: bool, policy: ExtractivePolicy
) -> float:
    text = plainly(sentences[at].text)
    asked = text.endswith("?")
    said = question_words.QUESTION_TAG.sub("", text)
    loose = _marker_before(sentences, at) + without_commas(said)
    if not asked and _sums_up(loose):
        return policy.recapped
    if decision_words.UNDECIDED.search(loose) or (
        not alone and decision_words.WE_ONCE.search(text) and _told(sentences, at, policy)
    ):
        return 0.0
    sure = 0.0
    # "the flat case is out, right?" tells
    if not question_words.ASKED.search(said) and (said != text or not asked):
        sure = _settles(loose, policy)
    if not sure and not asked and _closes(sentences, at, loose, policy):
        sure = policy.proposed
    return sure or _proposed(sentences, at, loose, alone, policy)


def _marker_before(sentences: Sequence[Sentence], at: int) -> str:
    """The discourse marker, "okay" or "let's do it", that the same voice said before a sentence, as its first word; nothing where it answers a question."""
    before = sentences[at - 1] if at else None
    if before is None or before.voice != sentences[at].voice:
        return ""
    answered = sentences[at - 2] if at > 1 else before
    if answered.text.endswith("?") and answered.voice != before.voice:
        return ""
    said = plainly(before.text)
    markers = decision_words.MARKERS.fullmatch(said) or decision_words.DO_IT.fullmatch(
        said.rstrip(".!")
    )
    return "okay " if markers else ""


def _put_to_all(
    sentences: Sequence[Sentence], at: int, alone: bool, policy: ExtractivePolicy
) -> bool:
    """Whether its speaker asks all whether they agree to what they say, and the next who speaks does not object."""
    voice = sentences[at].voice
    text, *behind = (
        without_commas(plainly(one.text)) for one in sentences[at : at + 2] if one.voice == voice
    )
    asks = decision_words.ASKS_ASSENT.search(text)
    if asks is not None:
        said = text[: asks.start()] + text[asks.end() :]
        put = count_words(said) >= policy.rule_words[0]
    else:
        put = not text.endswith("?") and any(map(decision_words.ASKS_ASSENT.search, behind))
    if not put or decision_words.OF_ONESELF.search(text) or decision_words.PAST.search(text):
        return False
    reply = next((one for one in sentences[at + 1 : at + 4] if alone or one.voice != voice), None)
    if reply is None:
        return True
    said = plainly(reply.text)
    asked_for_no = any(answer_words.ASKS_FOR_NO.search(one.text) for one in sentences[at : at + 2])
    return not (
        answer_words.OBJECTS.search(said) or (asked_for_no and answer_words.HAS_ONE.search(said))
    )


def _closes(sentences: Sequence[Sentence], at: int, text: str, policy: ExtractivePolicy) -> bool:
    """Whether a few words name again what others just spoke of, without a verb or before "then": "good, so the brewery"."""
    found = None if question_words.ASKED.search(text) else decision_words.CLOSES_THEN.search(text)
    if found is None:
        found = decision_words.CLOSES.search(text)
        if found is None or sentence_words.VERB.search(text, found.end()):
            return False
    named = stems(content_of(text[found.end() :]))
    before = sentences[max(0, at - policy.closing_within) : at]
    said = {
        word
        for one in before
        if one.voice != sentences[at].voice
        for word in stems(content_of(one.text))
    }
    # "okay, so Daniel" comes to him next
    somebody = all(one[0].isupper() for one in WORD.findall(text[found.end() :]))
    return bool(named) and not somebody and len(named & said) >= policy.closing_share * len(named)


def _proposed(
    sentences: Sequence[Sentence], at: int, loose: str, alone: bool, policy: ExtractivePolicy
) -> float:
    about = decision_words.WHAT_ABOUT.search(loose)
    if " or " in loose or not (about or decision_words.PROPOSED.search(loose)):
        return 0.0
    agreed = agreed_at_once(sentences, at, alone=alone, strongly=about is not None)
    return policy.proposed if agreed else 0.0


def _was_proposed(sentences: Sequence[Sentence], at: int) -> bool:
    """Whether another voice proposed something, or offered to do it, just before."""
    before = [one for one in sentences[max(0, at - 2) : at] if one.voice != sentences[at].voice]
    return any(
        cue.search(without_commas(plainly(one.text)))
        for one in before
        for cue in (
            decision_words.PROPOSED,
            decision_words.WHAT_ABOUT,
            task_words.OFFERED,
            decision_words.ASKED_OF_US,
        )
    )


def _told(sentences: Sequence[Sentence], at: int, policy: ExtractivePolicy) -> bool:
    """Whether a sentence is part of a long speech, without a word of others, that does not sum up."""
    voice = sentences[at].voice
    words = 0
    for side in (reversed(sentences[:at]), iter(sentences[at:])):
        for one in takewhile(lambda near: near.voice == voice, side):
            if decision_words.RECAP.search(plainly(one.text)) or decision_words.OF_TODAY.search(
                one.text
            ):
                return False
            words += one.words
    return words > policy.speech_words


def _sums_up(text: str) -> bool:
    recap = decision_words.RECAP.search(text)
    return (
        recap is not None
        and decision_words.RECAPPED.search(text, recap.end()) is not None
        and decision_words.UNDECIDED.search(text, recap.end()) is None
    )


def _settles(text: str, policy: ExtractivePolicy) -> float:
    found = decision_words.DECIDED.search(text)
    if found is not None:
        return 0.0 if decision_words.UNREAL.search(text, 0, found.end()) else policy.decided
    done = decision_words.CHOSEN_AS_DONE.search(text) and not decision_words.HABITUAL.search(text)
    return policy.chosen if done or decision_words.CHOSEN.search(text) else 0.0


def agreed_at_once(
    sentences: Sequence[Sentence], at: int, *, alone: bool, strongly: bool = False
) -> bool:
    """Whether the next who speaks agrees, or a vote carries it; where voices are not told apart, whatever comes next."""
    agrees = answer_words.STRONGLY_AGREES if strongly else answer_words.AGREES
    put_to_vote = decision_words.PUT_TO_VOTE.search(sentences[at].text)
    if put_to_vote and any(
        decision_words.VOTED.search(without_commas(plainly(one.text)))
        for one in sentences[at + 1 : at + 5]
    ):
        return True
    for reply in sentences[at + 1 : at + 3]:
        if alone or reply.voice != sentences[at].voice:
            return bool(agrees.search(plainly(reply.text)))
    return False


def _confirmed(sentences: Sequence[Sentence], at: int) -> bool:
    """Whether somebody says yes shortly before or behind a list, its speaker included."""
    near = [*sentences[max(0, at - 2) : at], *sentences[at + 1 : at + 3]]
    return any(
        answer_words.AGREES.search(re.sub(r"^then ", "", one.text, flags=re.IGNORECASE))
        for one in near
    )


_ADDS = re.compile(r"(?:and|plus|with)\b", re.IGNORECASE)


def _recapped(sentences: Sequence[Sentence], at: int, policy: ExtractivePolicy) -> list[int]:
    """The indices of what its speaker goes on to sum up behind a sentence that begins to."""
    cue = sentences[at]
    if not decision_words.RECAP.search(plainly(cue.text)):
        return []
    found: list[int] = []
    others = 0
    for later in range(at + 1, len(sentences)):
        one = sentences[later]
        if one.voice != cue.voice:
            others += one.words
            if others > policy.recap_remark_words:
                break
            continue
        text = plainly(one.text)
        goes_on = _ADDS.match(text) is not None or (
            sentences[later - 1].text[-1] not in ".?!" and sentences[later - 1].voice == cue.voice
        )
        if (
            len(found) == policy.recap_sentences
            or text.endswith("?")
            or decision_words.UNDECIDED.search(text)
            or not (
                goes_on or decision_words.RECAPPED.search(text) or decision_words.RECAP.search(text)
            )
        ):
            break
        if (
            len(content_of(text)) > policy.decision_content
            and policy.rule_words[0] <= one.words <= policy.rule_words[1]
        ):
            found.append(later)
    return found


def denied_in(text: str) -> list[frozenset[str]]:
    """The content words of each thing that a sentence leaves out: {joystick} of "no joystick"."""
    said = (content_of(found.group(1)) for found in decision_words.DENIED.finditer(plainly(text)))
    return [frozenset(words) for words in said if words]


def takes_back(sentence: Sentence) -> bool:
    """Whether the sentence may take back what was said before it; ``withdrawals.py`` finds what."""
    return bool(
        withdrawal_words.NOT_THAT.search(sentence.text)
        or withdrawal_words.CHANGED.search(sentence.text)
    )
