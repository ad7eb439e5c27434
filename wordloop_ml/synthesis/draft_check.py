"""Removes from a draft what the segments that it cites do not support, and counts why."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from wordloop_ml.synthesis.evidence import (
    SEGMENTS_A_STRETCH,
    Evidence,
    EvidencePolicy,
    Reason,
    prepare,
)
from wordloop_ml.synthesis.messages import (
    OPENING,
    ActionItem,
    Draft,
    Statement,
    Topic,
    Transcript,
)
from wordloop_ml.synthesis.statements import is_repeated, sentences_of
from wordloop_ml.synthesis.steps import Found, Pause, Progress, Steps

CHECKING = "checking"
"""The stage of ``Progress`` in which items are checked."""

_I = TypeVar("_I", Statement, Topic, ActionItem)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is supported of a draft, and how much is not; see ``Coverage``."""

    draft: Draft
    unsupported: int
    unsupported_details: int
    unknown_citations: int


def check(draft: Draft, transcript: Transcript, policy: EvidencePolicy) -> Steps[Checked]:
    """Remove from the draft what the transcript does not support; yields ``Found`` for each item that stays.

    What was said word for word stays as it is, once. A title that is not supported becomes that of the first topic that is, or empty. The
    opening is the first statement of the summary.
    """
    evidence = yield from prepare(transcript, replace(policy, near=0))
    check = _Check(evidence, transcript, policy, draft)
    titles = yield from check.keep("title", (draft.title,), label=True)
    opening = (draft.opening,) if draft.opening is not None else ()
    summary = yield from check.keep("summary", opening, label=True)
    summary += yield from check.keep("summary", draft.summary)
    topics = yield from check.keep("topic", draft.topics, label=True)
    if not titles:
        first = topics[:1]
        titles = tuple(Statement(one.title, one.segments) for one in first) or (Statement("", ()),)
        yield Found("title", titles[0])
    decisions = yield from check.keep("decision", draft.decisions)
    action_items = yield from check.keep("action_item", draft.action_items)
    open_questions = yield from check.keep("open_question", draft.open_questions)
    kept = Draft(
        titles[0], summary, topics, decisions, action_items, open_questions, dict(check.refused)
    )
    return Checked(kept, check.unsupported, check.unsupported_details, check.unknown_citations)


class _Check:
    """The check of one draft, and the counts of what was unsupported so far."""

    def __init__(
        self, evidence: Evidence, transcript: Transcript, policy: EvidencePolicy, draft: Draft
    ) -> None:
        self.unsupported = 0
        self.unsupported_details = 0
        self.unknown_citations = 0
        self.refused = Counter(draft.refused)
        self._evidence = evidence
        self._segments = transcript.segments
        self._policy = policy
        self._positions = {one.id: at for at, one in enumerate(transcript.segments)}
        lists = (draft.summary, draft.topics, draft.decisions, draft.action_items)
        self._total = 1 + sum(map(len, (*lists, draft.open_questions)))
        self._total += draft.opening is not None
        self._done = 0
        self._unpaused = 0

    def keep(self, kind: str, items: Sequence[_I], *, label: bool = False) -> Steps[tuple[_I, ...]]:
        """Keep the items that are supported; yields ``Found`` for each. label: their words may lie apart in what they cite."""
        kept: list[_I] = []
        for item in items:
            cited = {self._positions[one] for one in item.segments if one in self._positions}
            self.unknown_citations += sum(one not in self._positions for one in item.segments)
            text = self._standing(_text(item), sorted(cited), [_text(one) for one in kept], label)
            if text:
                kept.append(self._mended(item, text, sorted(cited)))
                yield Found(kind, kept[-1])
            self._unpaused += 1 + len(cited)
            if self._unpaused >= SEGMENTS_A_STRETCH:
                self._unpaused = 0
                yield Pause()
        self.unsupported += len(items) - len(kept)
        self._done += len(items)
        yield Progress(CHECKING, self._done, self._total)
        return tuple(kept)

    def _standing(
        self, text: str, cited: Sequence[int], earlier: Collection[str], label: bool
    ) -> str:
        """Return what stands of an item's text."""
        if not cited:
            return ""
        if label:
            share = self._evidence.share(text.removeprefix(OPENING), cited)
            supported = share >= self._policy.label_said
            if not supported:
                self.refused[Reason.UNSAID] += 1
            return text if supported else ""
        # whole by one voice, or each sentence by its own
        quoted = partial(self._evidence.quoted, positions=cited)
        if quoted(text) or all(map(quoted, sentences_of(text) or [text])):
            if is_repeated(text, earlier):
                self.refused[Reason.REPEATED] += 1
                return ""
            return text
        verified = self._evidence.verify(text, near=cited, earlier=earlier)
        if verified.refused is not None:
            self.refused[verified.refused] += 1
        return verified.text

    def _mended(self, item: _I, text: str, cited: Sequence[int]) -> _I:
        """Return the item with what stands of its text, without citations that do not exist and details that nobody said."""
        ids = tuple(self._segments[at].id for at in cited)
        match item:
            case Topic():
                start, end = self._stretch(item.start, item.end, cited)
                return replace(item, segments=ids, start=start, end=end)
            case ActionItem():
                owner = self._evidence.owner_said(item.owner, cited) if item.owner else None
                said = item.due is not None and self._evidence.due_said(item.due, cited)
                due = item.due if said else None
                self.unsupported_details += (owner is None) != (item.owner is None)
                self.unsupported_details += (due is None) != (item.due is None)
                return replace(item, task=text, segments=ids, owner=owner, due=due)
            case _:
                return replace(item, text=text, segments=ids)

    def _stretch(self, start: int, end: int, cited: Sequence[int]) -> tuple[int, int]:
        """Clamp a span (milliseconds) to the meeting and extend it around the cited segments, at least one."""
        first = min(one.start for one in self._segments)
        last = max(one.end for one in self._segments)
        there = [self._segments[at] for at in cited]
        return (
            min(max(start, first), *(one.start for one in there)),
            max(min(end, last), *(one.end for one in there)),
        )


def _text(item: Statement | Topic | ActionItem) -> str:
    match item:
        case Statement():
            return item.text
        case Topic():
            return item.title
        case ActionItem():
            return item.task
