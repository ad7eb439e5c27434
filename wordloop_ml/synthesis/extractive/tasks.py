"""Finds who is to do what, sentence by sentence, by patterns; pure.

Whose a task is where that takes more than its sentence (who "you" is, who refused it) is for ``owners.py``.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from wordloop_ml.synthesis.extractive.dues import due_in
from wordloop_ml.synthesis.extractive.lexicon import answer_words, task_words, withdrawal_words
from wordloop_ml.synthesis.extractive.plain_text import FEW_WORDS, plainly, without_commas
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.words import FUNCTION_WORDS, LIGHT_WORDS, WORD, content_of


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
    text = plainly(withdrawal_words.NOT_THAT.sub("", sentence.text).strip(" ,;"))
    text = _YOU_KNOW_WHAT.sub("", text)
    loose = without_commas(text)
    if not task_words.BRIEF.search(loose):
        if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
            return None
        if len(content_of(text)) < policy.task_content and not (
            answer_words.TAKES_ON.search(text) or task_words.PRONOUN_OBJECT.search(loose)
        ):
            return None
    hit = _task(sentence, text, loose, policy)
    if hit is None:
        return None
    task, found = hit
    due = due_in(_clause(loose, found), found.group(0))
    if due is None:
        return task
    if task.kind is TaskKind.OFFERED and task_words.COULD.search(found.group(0)):
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
    if task_words.EXPLAINED.search(loose):
        return None
    named = task_words.HAVE_NAMED.search(loose)
    asked = text.endswith("?") and (named is None or named["told"] is not None)
    rules = (_requested, _offered) if asked else (_promised, _requested, _named, _shared)
    for rule in rules:
        hit = rule(sentence, text, loose, policy)
        if hit is not None:
            return hit
    return None


_Hit = tuple[Task, re.Match[str]] | None


def _promised(sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = task_words.COMMITMENT.search(loose)
    if found is None:
        some = task_words.SOME_DEED.search(loose)
        if some is None or _idle(loose, some):
            return None
        return Task(policy.loosely_promised, TaskKind.PROMISED, sentence.voice), some
    if _idle(loose, found):
        return None
    if task_words.OFFER.search(found.group(0)):
        return Task(policy.offered, TaskKind.OFFERED, sentence.voice), found
    sure = policy.promised
    if task_words.WEAK_COMMITMENT.search(found.group(0)):
        wish = task_words.WISH.search(found.group(0))
        sure = policy.wished if wish else policy.weakly_promised
    return Task(sure, TaskKind.PROMISED, sentence.voice), found


def _offered(sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = task_words.OFFERED.search(loose)
    if found is None or _idle(loose, found):
        return None
    return Task(policy.offered, TaskKind.OFFERED, sentence.voice), found


def _requested(_sentence: Sentence, text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = task_words.REQUEST.search(loose)
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
    if task_words.WOULD_YOU.match(said):
        sure = policy.offered
    to_you = re.search(r"\byou\b", said) is not None
    task = Task(sure, TaskKind.ASKED, name, a_voice=a_voice, many=bool(many), to_you=to_you)
    return task, found


def _of_anybody(said: str, loose: str, found: re.Match[str]) -> bool:
    """Whether "you" is anybody: "you have to press it", "if you can press it, it beeps".

    "If you want to" asks where a sentence begins with it; behind something else it only allows.
    """
    if not said.startswith("if "):
        return task_words.ANYBODY.search(said) is not None
    rest = re.split(r"\b(?:in case|so that|because|that(?:'d| would) be)\b", loose[found.end() :])[
        0
    ]
    before = loose[: found.start()]
    wished = "want to" in said and (len(rest.split()) > FEW_WORDS or len(before.split()) > 2)
    return (
        wished
        or task_words.ALLOWED.search(before) is not None
        or task_words.THEN.search(rest) is not None
    )


def _named(_sentence: Sentence, text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    had = task_words.HAVE_NAMED.search(loose)
    if had is not None and not _idle(loose, had):
        called = had["got"] or had["had"] or had["noted"] or had["told"]
        # "Carla, write a sign", and no "Sales call volumes"
        called_upon = had["told"] is None or f"{called}," in text
        if called_upon and called.lower() not in _NO_NAMES:
            return Task(policy.named, TaskKind.NAMED, called, a_voice=True), had
    for found in task_words.NAMED_TASK.finditer(loose):
        name, role, lower = found.group("name", "role", "lower")
        if _idle(loose, found):
            continue
        if name is not None and name.lower().split()[0] not in _NO_NAMES:
            both = " and I " in found.group(0) or task_words.NAMED_BEFORE.search(
                loose[: found.start()]
            )
            return Task(policy.named, TaskKind.NAMED, None if both else name), found
        if role is not None or (lower is not None and lower not in _NO_NAMES):
            return Task(policy.named, TaskKind.NAMED, role or lower, a_voice=True), found
        if lower in ("he", "she") and not task_words.HE_HAS_TO.search(found.group(0)):
            return Task(policy.named, TaskKind.NAMED), found
    return None


def _shared(_sentence: Sentence, _text: str, loose: str, policy: ExtractivePolicy) -> _Hit:
    found = task_words.SHARED_TASK.search(loose)
    if found is None or _idle(loose, found):
        return None
    if " to be " in found.group(0) and task_words.RELATIVE.search(loose[: found.start()]):
        return None
    weak = task_words.WEAKLY_SHARED.match(found.group(0))
    return Task(policy.weakly_shared if weak else policy.shared_task, TaskKind.SHARED), found


def _idle(text: str, found: re.Match[str]) -> bool:
    """Whether what was found is no task after all: only if something happens, left unsaid, given up, or done at once."""
    if (
        not WORD.search(task_words.YEAHS.sub("", text[found.end() :]))
        and found.group(0).split()[-1].lower() in task_words.DEEDS
    ):
        return True
    end = text.find(" ", found.end() + _BEHIND)
    behind = len(text) if end < 0 else end
    if task_words.GIVEN_UP.match(text, found.end()):
        return True
    around = text[max(0, found.start() - _BEFORE) : behind]
    return bool(
        task_words.CONDITIONAL.search(text[: found.start()])
        or task_words.NO_TASK.search(around)
        or task_words.AT_ONCE.search(text[found.start() : behind])
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
