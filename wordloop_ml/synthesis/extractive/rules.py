"""Decisions, tasks and questions, sentence by sentence, by the patterns of the lexicon; pure.

Transparent on purpose: whoever wonders why a sentence was taken finds the phrase in it. What
depends on other sentences (whether a question was answered) is for ``items.py``.
"""

import re
from dataclasses import dataclass

from wordloop_ml.synthesis.extractive import lexicon
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.extractive.words import content_of


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was taken, asked for or named.

    sure: in [0, 1]. owner: a voice of the meeting or a name that was said. due: as it was said.
    """

    sure: float
    owner: str | None = None
    due: str | None = None


def decision_in(sentence: Sentence, policy: ExtractivePolicy) -> float:
    """How surely the sentence says what was decided, in [0, 1]; 0 when it does not."""
    text = sentence.text
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
        return 0.0
    if lexicon.UNDECIDED.search(text) or len(content_of(text)) < policy.decision_content:
        return 0.0
    if lexicon.DECIDED.search(text):
        return policy.decided
    return policy.chosen if lexicon.CHOSEN.search(text) else 0.0


def takes_back(sentence: Sentence) -> bool:
    """Whether the sentence may take back what was said before it; ``items.py`` finds what."""
    return bool(lexicon.NOT_THAT.search(sentence.text) or lexicon.CHANGED.search(sentence.text))


def task_in(sentence: Sentence, policy: ExtractivePolicy) -> Task | None:
    """What somebody is to do, if the sentence says so."""
    # "scratch what I said, Ben will send it": the rest counts
    text = lexicon.NOT_THAT.sub("", sentence.text).strip(" ,;")
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
        return None
    if lexicon.NO_TASK.search(text) or len(content_of(text)) < policy.task_content:
        return None
    due = due_in(text)
    found = _task(sentence, text)
    if found is None:
        return None
    sure, owner = getattr(policy, found[0]), found[1]
    if due is not None:
        sure += policy.due_helps
    return Task(min(1.0, sure), owner, due)


def due_in(text: str) -> str | None:
    """The first time that is named as a limit, as it was said, without its preposition "by"."""
    found = lexicon.DUE.search(text)
    return re.sub(r"^(?:by|due) ", "", found.group(0), flags=re.IGNORECASE) if found else None


def _task(sentence: Sentence, text: str) -> tuple[str, str | None] | None:
    """Which number of the policy says how sure it is, and whose task it is."""
    promised = lexicon.COMMITMENT.search(text)
    if promised and not text.endswith("?"):
        weak = lexicon.WEAK_COMMITMENT.search(promised.group(0))
        return "weakly_promised" if weak else "promised", sentence.voice
    asked = lexicon.REQUEST.search(text)
    if asked:
        return "asked", _addressed(text)
    if text.endswith("?"):
        return None
    named = lexicon.NAMED_TASK.search(text)
    if named and named.group(1).lower() not in _NO_NAMES:
        owner = named.group(1)
        return "named", None if owner.lower() in ("he", "she") else owner
    return ("shared_task", None) if lexicon.SHARED_TASK.search(text) else None


_NAMELESS = """this that it we they you i there what which who people users everybody someone
    somebody     one so and but then now if because everything nothing something yeah okay sorry thanks well"""
_NO_NAMES = frozenset(_NAMELESS.split())
_VOCATIVE = re.compile(r"(?:^|[.?!] )([A-Z][a-z]+), |, ([A-Z][a-z]+)[,.?]")


def _addressed(text: str) -> str | None:
    """Whom a request names: "Anna, can you ...", "..., Anna?"."""
    for found in _VOCATIVE.finditer(text):
        name: str = found.group(1) or found.group(2)
        if name.lower() not in _NO_NAMES | lexicon.LIGHT_WORDS and name not in _WEEK:
            return name
    return None


_WEEK = frozenset(
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Christmas")
)


def question_in(sentence: Sentence, policy: ExtractivePolicy) -> float:
    """How surely the sentence asks something of substance, in [0, 1]; 0 when it does not."""
    text = sentence.text
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
        return 0.0
    if len(content_of(text)) < policy.question_content or lexicon.PROCEDURAL_QUESTION.search(text):
        return 0.0
    if lexicon.INDIRECT_QUESTION.search(text):
        return policy.asked_indirectly
    if not text.endswith("?") or lexicon.QUESTION_TAG.search(text):
        return 0.0
    return policy.asked_plainly
