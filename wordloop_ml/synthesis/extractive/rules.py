"""Decisions, tasks and questions, sentence by sentence, by the patterns of the lexicon; pure.

Transparent on purpose: whoever wonders why a sentence was taken finds the phrase in it. A decision may
need a neighbour (the "yes" behind a proposal, the recap that it goes on with). What depends on more
of the meeting (who is meant by "you", what was taken back, whether a question was answered) is for ``owners.py``, ``withdrawals.py``
and ``items.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile

from wordloop_ml.synthesis.extractive import lexicon, question_words
from wordloop_ml.synthesis.extractive.dues import due_in
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.words import FUNCTION_WORDS, LIGHT_WORDS, WORD, content_of, stems

_APOSTROPHES = (
    "I'm I've don't can't won't didn't isn't doesn't haven't let's that's what's you're you'll you've "
    "they're they'll we've"
)
_CONTRACTED = {
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "dunno": "don't know",
    **{one.replace("'", "").lower(): one for one in _APOSTROPHES.split()},
}
"""Also those that captions write without their apostrophe."""
_CONTRACTION = re.compile(rf"\b(?:{'|'.join(_CONTRACTED)})\b", re.IGNORECASE)
_ILL = re.compile(
    r"\bill (?=(?:just |also |then )?[a-z]+ (?:it|that|this|the|an?|her|him|them|you|up|with|to|my|our|some)\b)"
)
"""Likewise "ill", where it is no illness."""


def plainly(text: str) -> str:
    """Write a sentence as the patterns have it: straight apostrophes, "going to" for "gonna", no capitals alone."""
    straight = text.replace("’", "'")
    if straight.isupper():
        straight = straight.lower()
    straight = _ILL.sub("i'll ", straight)
    return _CONTRACTION.sub(lambda found: _CONTRACTED[found.group(0).lower()], straight)


def _without_commas(text: str) -> str:
    """Captions have commas in odd places: "I'll, send it"."""
    return re.sub(r"\s*[,;:]\s+", " ", text)


# --- decisions


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
    if lexicon.DO_IT.search(_without_commas(text)) and sentence.words <= _FEW_WORDS:
        return policy.proposed if _was_proposed(sentences, at) else 0.0
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1] or (
        len(content_of(text)) < policy.decision_content and not lexicon.DECIDED.search(text)
    ):
        return 0.0
    if _put_to_all(sentences, at, text, alone):
        return policy.proposed
    if sentence.fragments > 1:
        summed = lexicon.WITHOUT.search(text) or lexicon.RECAP.search(text)
        recap = summed and _confirmed(sentences, at)
        return policy.recapped if recap else 0.0
    return _told_outright(sentences, at, alone, policy)


def _told_outright(
    sentences: Sequence[Sentence], at: int, alone: bool, policy: ExtractivePolicy
) -> float:
    text = plainly(sentences[at].text)
    asked = text.endswith("?")
    said = question_words.QUESTION_TAG.sub("", text)
    loose = _without_commas(said)
    if not asked and _sums_up(loose):
        return policy.recapped
    if lexicon.UNDECIDED.search(loose) or (
        not alone and lexicon.WE_ONCE.search(text) and _told(sentences, at, policy)
    ):
        return 0.0
    sure = 0.0
    # "the flat case is out, right?" tells
    if not question_words.ASKED.search(said) and (said != text or not asked):
        sure = _settles(loose, policy)
    if not sure and not asked and _closes(sentences, at, loose, policy):
        sure = policy.proposed
    return sure or _proposed(sentences, at, loose, alone, policy)


def _put_to_all(sentences: Sequence[Sentence], at: int, text: str, alone: bool) -> bool:
    """Whether its speaker asks all whether they agree to what they said, and the next who speaks does not object."""
    voice = sentences[at].voice
    behind = sentences[at + 1 : at + 2]
    asks = lexicon.ASKS_ASSENT.search(_without_commas(text)) or (
        not text.endswith("?")
        and any(
            one.voice == voice and lexicon.ASKS_ASSENT.search(_without_commas(plainly(one.text)))
            for one in behind
        )
    )
    if not asks or lexicon.OF_ONESELF.search(text):
        return False
    reply = next((one for one in sentences[at + 1 : at + 4] if alone or one.voice != voice), None)
    return reply is None or lexicon.OBJECTS.search(plainly(reply.text)) is None


def _closes(sentences: Sequence[Sentence], at: int, text: str, policy: ExtractivePolicy) -> bool:
    """Whether a few words without a verb name again what others just spoke of: "good, so the brewery"."""
    found = lexicon.CLOSES_THEN.search(text)
    if found is None:
        found = lexicon.CLOSES.search(text)
        if found is None or lexicon.VERB.search(text, found.end()):
            return False
    named = stems(content_of(text[found.end() :]))
    before = sentences[max(0, at - policy.closing_within) : at]
    said = {
        word
        for one in before
        if one.voice != sentences[at].voice
        for word in stems(content_of(one.text))
    }
    return bool(named) and len(named & said) >= policy.closing_share * len(named)


def _proposed(
    sentences: Sequence[Sentence], at: int, loose: str, alone: bool, policy: ExtractivePolicy
) -> float:
    about = lexicon.WHAT_ABOUT.search(loose)
    if " or " in loose or not (about or lexicon.PROPOSED.search(loose)):
        return 0.0
    agreed = agreed_at_once(sentences, at, alone=alone, strongly=about is not None)
    return policy.proposed if agreed else 0.0


def _was_proposed(sentences: Sequence[Sentence], at: int) -> bool:
    """Whether another voice proposed something, or offered to do it, just before."""
    before = [one for one in sentences[max(0, at - 2) : at] if one.voice != sentences[at].voice]
    return any(
        cue.search(_without_commas(plainly(one.text)))
        for one in before
        for cue in (lexicon.PROPOSED, lexicon.WHAT_ABOUT, lexicon.OFFERED, lexicon.ASKED_OF_US)
    )


def _told(sentences: Sequence[Sentence], at: int, policy: ExtractivePolicy) -> bool:
    """Whether a sentence is part of a long speech, without a word of others, that does not sum up."""
    voice = sentences[at].voice
    words = 0
    for side in (reversed(sentences[:at]), iter(sentences[at:])):
        for one in takewhile(lambda near: near.voice == voice, side):
            if lexicon.RECAP.search(plainly(one.text)) or lexicon.OF_TODAY.search(one.text):
                return False
            words += one.words
    return words > policy.speech_words


def _sums_up(text: str) -> bool:
    recap = lexicon.RECAP.search(text)
    return (
        recap is not None
        and lexicon.RECAPPED.search(text, recap.end()) is not None
        and lexicon.UNDECIDED.search(text, recap.end()) is None
    )


def _settles(text: str, policy: ExtractivePolicy) -> float:
    found = lexicon.DECIDED.search(text)
    if found is not None:
        return 0.0 if lexicon.UNREAL.search(text, 0, found.end()) else policy.decided
    done = lexicon.CHOSEN_AS_DONE.search(text) and not lexicon.HABITUAL.search(text)
    return policy.chosen if done or lexicon.CHOSEN.search(text) else 0.0


def agreed_at_once(
    sentences: Sequence[Sentence], at: int, *, alone: bool, strongly: bool = False
) -> bool:
    """Whether the next who speaks agrees; where voices are not told apart, whatever comes next."""
    agrees = lexicon.STRONGLY_AGREES if strongly else lexicon.AGREES
    if any(
        lexicon.VOTED.search(_without_commas(plainly(one.text)))
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
        lexicon.AGREES.search(re.sub(r"^then ", "", one.text, flags=re.IGNORECASE)) for one in near
    )


_ADDS = re.compile(r"(?:and|plus|with)\b", re.IGNORECASE)


def _recapped(sentences: Sequence[Sentence], at: int, policy: ExtractivePolicy) -> list[int]:
    """The indices of what its speaker goes on to sum up behind a sentence that begins to."""
    cue = sentences[at]
    if not lexicon.RECAP.search(plainly(cue.text)):
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
            or lexicon.UNDECIDED.search(text)
            or not (goes_on or lexicon.RECAPPED.search(text) or lexicon.RECAP.search(text))
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
    said = (content_of(found.group(1)) for found in lexicon.DENIED.finditer(plainly(text)))
    return [frozenset(words) for words in said if words]


def takes_back(sentence: Sentence) -> bool:
    """Whether the sentence may take back what was said before it; ``withdrawals.py`` finds what."""
    return bool(lexicon.NOT_THAT.search(sentence.text) or lexicon.CHANGED.search(sentence.text))


# --- tasks


class TaskKind(StrEnum):
    """Who takes a task on: its speaker, who is spoken to, who is named, or all."""

    PROMISED = "promised"
    OFFERED = "offered"
    ASKED = "asked"
    NAMED = "named"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was taken, asked for or named.

    sure: in [0, 1]. owner: the name or role that was said with it; of a promise, its speaker.
    a_voice: the owner has to be a voice of the meeting, because it was not said like a name. due:
        as it was said. many: it is asked of more than one. to_you: of whoever "you" is. reply: the
        index of the sentence with which its owner took it on.
    """

    sure: float
    kind: TaskKind
    owner: str | None = None
    due: str | None = None
    a_voice: bool = False
    many: bool = False
    to_you: bool = False
    reply: int | None = None


_YOU_KNOW_WHAT = re.compile(r"\byou know what,? (?=i)", re.IGNORECASE)


def task_in(sentence: Sentence, policy: ExtractivePolicy) -> Task | None:
    """What somebody is to do, if the sentence says so."""
    # "scratch what I said, Ben will send it": the rest counts
    text = plainly(lexicon.NOT_THAT.sub("", sentence.text).strip(" ,;"))
    text = _YOU_KNOW_WHAT.sub("", text)
    loose = _without_commas(text)
    if not lexicon.BRIEF.search(loose):
        if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
            return None
        if len(content_of(text)) < policy.task_content and not (
            lexicon.TAKES_ON.search(text) or lexicon.PRONOUN_OBJECT.search(loose)
        ):
            return None
    hit = _task(sentence, text, loose, policy)
    if hit is None:
        return None
    task, found = hit
    due = due_in(_clause(loose, found), found.group(0))
    if due is None:
        return task
    if task.kind is TaskKind.OFFERED and lexicon.COULD.search(found.group(0)):
        return replace(task, due=due)
    return replace(task, sure=min(1.0, task.sure + policy.due_helps), due=due)


_CLAUSE = re.compile(
    r"\b(?:and then|but|so that|because|although|in the meantime|meanwhile|and (?:i|we|you|he|she|they|it|after|before|there)\b)|[.;?!] ",
    re.IGNORECASE,
)


def _clause(text: str, found: re.Match[str]) -> str:
    """The clause that a task stands in: its due is there."""
    begin = max((one.end() for one in _CLAUSE.finditer(text, 0, found.start())), default=0)
    end = _CLAUSE.search(text, found.end())
    return text[begin : end.start() if end else len(text)]


def _task(sentence: Sentence, text: str, loose: str, policy: ExtractivePolicy) -> "_Hit":
    """The task without its due, and where it is."""
    if lexicon.EXPLAINED.search(loose):
        return None
    asked = text.endswith("?") and not lexicon.HAVE_NAMED.search(loose)
    rules = (_requested, _offered) if asked else (_promised, _requested, _named, _shared)
    for rule in rules:
        hit = rule(sentence, text, loose, policy)
        if hit is not None:
            return hit
    return None


_Hit = tuple[Task, re.Match[str]] | None


def _promised(sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = lexicon.COMMITMENT.search(loose)
    if found is None:
        some = lexicon.SOME_DEED.search(loose)
        if some is None or _idle(loose, some):
            return None
        return Task(policy.loosely_promised, TaskKind.PROMISED, sentence.voice), some
    if _idle(loose, found):
        return None
    if lexicon.OFFER.search(found.group(0)):
        return Task(policy.offered, TaskKind.OFFERED, sentence.voice), found
    sure = policy.promised
    if lexicon.WEAK_COMMITMENT.search(found.group(0)):
        wish = lexicon.WISH.search(found.group(0))
        sure = policy.wished if wish else policy.weakly_promised
    return Task(sure, TaskKind.PROMISED, sentence.voice), found


def _offered(sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = lexicon.OFFERED.search(loose)
    if found is None or _idle(loose, found):
        return None
    return Task(policy.offered, TaskKind.OFFERED, sentence.voice), found


def _requested(_sentence: Sentence, text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = lexicon.REQUEST.search(loose)
    if found is None or _idle(loose, found):
        return None
    said = found.group(0).lower()
    # "you're going to send it?" wants to know
    if text.endswith("?") and said.startswith("you"):
        return None
    name, a_voice = _addressed(text, loose)
    many = _MANY.search(loose, max(0, found.start() - _BEFORE), found.end() + _BEHIND)
    # "a mapping, if you want it": no voice is called so
    nobody = name is None or (a_voice and said.startswith("if "))
    sure = policy.weakly_asked if nobody and _of_anybody(said, loose, found) else policy.asked
    if lexicon.WOULD_YOU.match(said):
        sure = policy.offered
    to_you = re.search(r"\byou\b", said) is not None
    task = Task(sure, TaskKind.ASKED, name, a_voice=a_voice, many=bool(many), to_you=to_you)
    return task, found


def _of_anybody(said: str, loose: str, found: re.Match[str]) -> bool:
    """Whether "you" is anybody: "you have to press it", "if you can press it, it beeps".

    "If you want to" asks where a sentence begins with it; behind something else it only allows.
    """
    if not said.startswith("if "):
        return lexicon.ANYBODY.search(said) is not None
    rest = re.split(r"\b(?:in case|so that|because|that(?:'d| would) be)\b", loose[found.end() :])[
        0
    ]
    before = loose[: found.start()]
    wished = "want to" in said and (len(rest.split()) > _FEW_WORDS or len(before.split()) > 2)
    return (
        wished
        or lexicon.ALLOWED.search(before) is not None
        or lexicon.THEN.search(rest) is not None
    )


_FEW_WORDS = 6


def _named(_sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    had = lexicon.HAVE_NAMED.search(loose)
    if had is not None and not _idle(loose, had):
        called = had["got"] or had["had"] or had["noted"]
        if called.lower() not in _NO_NAMES:
            return Task(policy.named, TaskKind.NAMED, called, a_voice=True), had
    for found in lexicon.NAMED_TASK.finditer(loose):
        name, role, lower = found.group("name", "role", "lower")
        if _idle(loose, found):
            continue
        if name is not None and name.lower().split()[0] not in _NO_NAMES:
            both = " and I " in found.group(0) or lexicon.NAMED_BEFORE.search(
                loose[: found.start()]
            )
            return Task(policy.named, TaskKind.NAMED, None if both else name), found
        if role is not None or (lower is not None and lower not in _NO_NAMES):
            return Task(policy.named, TaskKind.NAMED, role or lower, a_voice=True), found
        if lower in ("he", "she") and not lexicon.HE_HAS_TO.search(found.group(0)):
            return Task(policy.named, TaskKind.NAMED), found
    return None


def _shared(_sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = lexicon.SHARED_TASK.search(loose)
    if found is None or _idle(loose, found):
        return None
    if " to be " in found.group(0) and lexicon.RELATIVE.search(loose[: found.start()]):
        return None
    weak = lexicon.WEAKLY_SHARED.match(found.group(0))
    return Task(policy.weakly_shared if weak else policy.shared_task, TaskKind.SHARED), found


def _idle(text: str, found: re.Match[str]) -> bool:
    """Whether what was found is no task after all: only if something happens, left unsaid, given up, or done at once."""
    if (
        not WORD.search(lexicon.YEAHS.sub("", text[found.end() :]))
        and found.group(0).split()[-1].lower() in lexicon.DEEDS
    ):
        return True
    end = text.find(" ", found.end() + _BEHIND)
    behind = len(text) if end < 0 else end
    if lexicon.GIVEN_UP.match(text, found.end()):
        return True
    around = text[max(0, found.start() - _BEFORE) : behind]
    return bool(
        lexicon.CONDITIONAL.search(text[: found.start()])
        or lexicon.NO_TASK.search(around)
        or lexicon.AT_ONCE.search(text[found.start() : behind])
    )


_BEFORE, _BEHIND = 15, 30
"""Characters around a pattern that may say that it is no task."""


_MANY = re.compile(
    r"\b(?:guys|all|together|everyone|everybody|both|two|three|anyone|anybody|someone|somebody|"
    r"your (?!\w+s's)\w+(?<!ss)s)\b",
    re.IGNORECASE,
)
"""Words of requests that go to several people: "your presentations"."""

_NAMELESS = """
    this that it we they you i there what which who whom people users everybody everyone someone
    somebody anyone anybody nobody one so and or but then now if because everything nothing something
    yeah yep yes no okay sorry thanks well guys folks team all both hello hi hey please maybe
    perhaps perfect excellent brilliant wonderful lovely awesome cool fine super alright great good
    right sure actually basically also just only first second next last finally today tomorrow the
    a an he she his her their our my your me us them him let's don't sir madam mister chair morning
    afternoon evening everything otherwise anyway however
"""
_WEEK = "monday tuesday wednesday thursday friday saturday sunday christmas easter"
_NO_NAMES = (
    frozenset(f"{_NAMELESS} {_WEEK}".split())
    | FUNCTION_WORDS
    | (LIGHT_WORDS - frozenset({"clear"}))
)
_VOCATIVE = re.compile(
    r"(?:^|(?<=[.?!,] ))([A-Z][\w'-]+), |, ([A-Z][\w'-]+)[,.?!]*$|, ([A-Z][\w'-]+)[,.?] "
)
_IN_THERE = re.compile(
    r"(?:^like|\b(?:in|on|at|from|to|for|with|by|of|as|about|the|an?|via|under)) $", re.IGNORECASE
)
"""Before a name that nobody is called by: "in Berlin, can you"."""
_CALLED = re.compile(
    r"\b([A-Za-z][\w'-]+) (?:(?:can|could|would|will|if) you|you(?:'ll| will|'re going to| can| should| need to)|"
    r"i(?:'d| would) like you|i (?:want|need) you|please)\b",
    re.IGNORECASE,
)


def addressed_in(text: str) -> str | None:
    """Whom a sentence calls by name, between its commas: "Anna, can you ...", "..., Anna?"."""
    for found in _VOCATIVE.finditer(text):
        name: str = found.group(1) or found.group(2) or found.group(3)
        if name.lower() not in _NO_NAMES:
            return name
    return None


def _addressed(text: str, loose: str) -> tuple[str | None, bool]:
    """Whom a request names, and whether it has to be a voice."""
    called = addressed_in(text)
    if called is not None:
        return called, False
    for found in _CALLED.finditer(loose):
        name = found.group(1)
        if name.lower() not in _NO_NAMES and not _IN_THERE.search(loose[: found.start()]):
            return name, name.islower() or found.start() == 0
    return None, False


# --- questions


def question_in(sentence: Sentence, policy: ExtractivePolicy) -> float:
    """How surely the sentence asks something of substance, in [0, 1]; 0 when it does not."""
    text = plainly(sentence.text)
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
        return 0.0
    if len(content_of(text)) < policy.question_content or question_words.PROCEDURAL_QUESTION.search(
        text
    ):
        return 0.0
    if question_words.INDIRECT_QUESTION.search(text) or question_words.STILL_OPEN.search(text):
        return policy.asked_indirectly
    marked = text.endswith("?") and not question_words.QUESTION_TAG.search(text)
    # captions have full stops for question marks, or none
    unmarked = not text.endswith("?") and question_words.ASKED.search(text)
    return policy.asked_plainly if marked or unmarked else 0.0
