"""Removes from a draft what the segments that it cites do not support.

An item is supported when its words are there, or when enough of them are and its meaning is there,
too: the embedding of some stretch of the cited text is close to that of the item. Cited text is
looked at in overlapping windows, because anything has its words somewhere in an hour of talk.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log
from typing import TypeVar

from wordloop_ml.messages import Vectors
from wordloop_ml.synthesis.messages import ActionItem, Draft, Segment, Statement, Topic, Transcript
from wordloop_ml.synthesis.steps import Embed, Found, Pause, Progress, Steps
from wordloop_ml.synthesis.words import content_stems, content_words, stems, tokens

SEGMENTS_A_STRETCH = 60
"""So many segments of some fifteen words are read in about five milliseconds."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of cited text, and what it is about."""

    text: str
    stems: frozenset[str]


class CitedText:
    """A transcript, prepared for looking things up in it."""

    def __init__(self, transcript: Transcript, occurrences: Counter[str]) -> None:
        self._segments = transcript.segments
        self._positions = {one.id: at for at, one in enumerate(transcript.segments)}
        self._occurrences = occurrences
        self._extent = (
            min(one.start for one in transcript.segments),
            max(one.end for one in transcript.segments),
        )
        self.voices = {one.voice.casefold(): one.voice for one in transcript.segments}

    def unknown(self, ids: Sequence[str]) -> int:
        """Count the ids that do not exist."""
        return sum(one not in self._positions for one in ids)

    def known(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the ids that exist, once each, in the order of the transcript."""
        found = {self._positions[one] for one in ids if one in self._positions}
        return tuple(self._segments[at].id for at in sorted(found))

    def segments(self, ids: Sequence[str]) -> list[Segment]:
        """Return the segments of ids that exist."""
        return [self._segments[self._positions[one]] for one in ids]

    def stretch(self, start: int, end: int, ids: Sequence[str]) -> tuple[int, int]:
        """Clamp a span (milliseconds) to the meeting and extend it around these segments, at least one."""
        there = self.segments(ids)
        first, last = self._extent
        return (
            min(max(start, first), *(one.start for one in there)),
            max(min(end, last), *(one.end for one in there)),
        )

    def share(self, wanted: frozenset[str], there: frozenset[str]) -> float:
        """Return the share of the wanted stems that is there, in [0, 1]; rare ones weigh more."""
        total = sum(map(self._weight, wanted))
        return sum(map(self._weight, wanted & there)) / total if total else 0.0

    def _weight(self, stem: str) -> float:
        # inverse document frequency, a segment being a document; unheard words weigh most
        return log(1 + (len(self._segments) + 1) / (self._occurrences[stem] + 0.5))


def read(transcript: Transcript) -> Steps[CitedText]:
    """Read the whole transcript, with pauses."""
    occurrences: Counter[str] = Counter()
    for at, segment in enumerate(transcript.segments, start=1):
        occurrences.update(stems(tokens(segment.text)))
        if at % SEGMENTS_A_STRETCH == 0:
            yield Pause()
    return CitedText(transcript, occurrences)


def windows_of(segments: Sequence[Segment], words: int) -> list[Window]:
    """Cut the segments' text into windows of about ``words`` words, each beginning half a window later."""
    halves = list(_pieces(segments, max(1, words // 2)))
    if len(halves) < 2:
        return [_window(text) for text in halves]
    return [_window(f"{one} {other}") for one, other in pairwise(halves)]


def _window(text: str) -> Window:
    return Window(text, stems(tokens(text)))


def _pieces(segments: Sequence[Segment], words: int) -> Iterator[str]:
    waiting: list[str] = []
    for segment in segments:
        waiting += segment.text.split()
        while len(waiting) >= words:
            yield " ".join(waiting[:words])
            del waiting[:words]
    if waiting:
        yield " ".join(waiting)


def stems_of(text: str) -> frozenset[str]:
    """Return the stems of an item's content words; of all its words, where it has no others."""
    words = tokens(text)
    return content_stems(words) or stems(words)


CHECKING = "checking"
"""The stage of ``Progress`` in which items are checked."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is enough for one sort of item.

    words: this share of its content words, rare ones weighing more, is enough alone.
    fewest_words: with less than this share nothing supports it.
    similarity: in between, the cosine of the embeddings must reach this.
    """

    words: float
    fewest_words: float
    similarity: float


@dataclass(frozen=True, slots=True)
class EvidencePolicy:
    """The numbers that decide what stays; docs/synthesis-quality.md says what they were measured on.

    statements: of sentences: summary, decisions, action items, open questions.
    labels: of title and topics, which are shorter and about all of what they cite.
    window_words: of a stretch of cited text; each begins in the middle of the one before.
    most_windows: an item is compared with so many, those with most of its words.
    """

    statements: Thresholds = Thresholds(words=0.6, fewest_words=0.15, similarity=0.5)
    labels: Thresholds = Thresholds(words=0.6, fewest_words=0.0, similarity=0.3)
    window_words: int = 80
    most_windows: int = 12


@dataclass(frozen=True, slots=True)
class Checked:
    """What is supported of a draft, and how much is not; see ``Coverage``."""

    draft: Draft
    unsupported: int
    unsupported_details: int
    unknown_citations: int


def check(draft: Draft, transcript: Transcript, policy: EvidencePolicy) -> Steps[Checked]:
    """Remove from the draft what the transcript does not support; yields ``Found`` for each item that stays.

    A title that is not supported becomes that of the first topic that is, or empty. Raises
    ``EngineFailed`` when the embeddings that it needs are not to be had.
    """
    cited = yield from read(transcript)
    check = _Check(cited, policy, _items_of(draft))
    titles = yield from check.keep("title", (draft.title,))
    summary = yield from check.keep("summary", draft.summary)
    topics = yield from check.keep("topic", draft.topics)
    if not titles:
        first = topics[:1]
        titles = tuple(Statement(one.title, one.segments) for one in first) or (Statement("", ()),)
        yield Found("title", titles[0])
    decisions = yield from check.keep("decision", draft.decisions)
    action_items = yield from check.keep("action_item", draft.action_items)
    open_questions = yield from check.keep("open_question", draft.open_questions)
    kept = Draft(titles[0], summary, topics, decisions, action_items, open_questions)
    return Checked(kept, check.unsupported, check.unsupported_details, check.unknown_citations)


def _items_of(draft: Draft) -> int:
    lists = (draft.summary, draft.topics, draft.decisions, draft.action_items, draft.open_questions)
    return 1 + sum(map(len, lists))


_I = TypeVar("_I", Statement, Topic, ActionItem)
_LABELS = frozenset({"title", "topic"})


@dataclass(frozen=True, slots=True)
class _Doubt:
    """An item whose words do not suffice: its index, and the texts whose meanings to compare."""

    at: int
    text: str
    windows: tuple[str, ...]


class _Check:
    """The check of one draft, and the counts of what was unsupported so far."""

    def __init__(self, cited: CitedText, policy: EvidencePolicy, total: int) -> None:
        self.unsupported = 0
        self.unsupported_details = 0
        self.unknown_citations = 0
        self._cited = cited
        self._policy = policy
        self._total = total
        self._done = 0
        self._unpaused = 0

    def keep(self, kind: str, items: Sequence[_I]) -> Steps[tuple[_I, ...]]:
        """Keep the items that are supported; yields ``Found`` for each."""
        thresholds = self._policy.labels if kind in _LABELS else self._policy.statements
        cited = [self._cited.known(item.segments) for item in items]
        supported: set[int] = set()
        doubts: list[_Doubt] = []
        for at, (item, known) in enumerate(zip(items, cited, strict=True)):
            self.unknown_citations += self._cited.unknown(item.segments)
            windows = self._windows(kind, _text(item), known)
            if windows and windows[0][0] >= thresholds.words:
                supported.add(at)
            elif windows and windows[0][0] >= thresholds.fewest_words:
                nearest = windows[: self._policy.most_windows]
                doubts.append(_Doubt(at, _text(item), tuple(text for _, text in nearest)))
            yield from self._pause(len(known))
        supported |= yield from _alike(doubts, thresholds.similarity)
        kept = tuple(self._mended(items[at], cited[at]) for at in sorted(supported))
        for one in kept:
            yield Found(kind, one)
        self.unsupported += len(items) - len(kept)
        self._done += len(items)
        yield Progress(CHECKING, self._done, self._total)
        return kept

    def _windows(self, kind: str, text: str, known: Sequence[str]) -> list[tuple[float, str]]:
        """Return windows of the cited text, each with its share of the item's words, best first.

        Who speaks there is as good as said. The words of a label may lie apart: they count where all that is cited has them.
        """
        wanted = stems_of(text)
        there = self._cited.segments(known)
        windows = windows_of(there, self._policy.window_words)
        if not wanted or not windows:
            return []
        voices = stems([word for one in {one.voice for one in there} for word in tokens(one)])
        ranked = [(self._cited.share(wanted, one.stems | voices), one.text) for one in windows]
        ranked.sort(key=lambda one: one[0], reverse=True)
        if kind in _LABELS:
            everywhere = voices.union(*(one.stems for one in windows))
            ranked[0] = (self._cited.share(wanted, everywhere), ranked[0][1])
        return ranked

    def _mended(self, item: _I, known: tuple[str, ...]) -> _I:
        """Return the item without citations that do not exist and details that nobody said."""
        match item:
            case Topic():
                start, end = self._cited.stretch(item.start, item.end, known)
                return replace(item, segments=known, start=start, end=end)
            case ActionItem():
                said = tokens(" ".join(one.text for one in self._cited.segments(known)))
                owner = self._owner(item.owner, said)
                due = item.due if item.due is not None and _said(item.due, said) else None
                self.unsupported_details += (owner is None) != (item.owner is None)
                self.unsupported_details += (due is None) != (item.due is None)
                return replace(item, segments=known, owner=owner, due=due)
            case _:
                return replace(item, segments=known)

    def _owner(self, owner: str | None, said: list[str]) -> str | None:
        """Return the owner if a voice of the meeting, or named in the cited segments; else None."""
        if owner is None:
            return None
        voice = self._cited.voices.get(owner.casefold())
        if voice is not None:
            return voice
        return owner if _said(owner, said) else None

    def _pause(self, segments: int) -> Steps[None]:
        self._unpaused += segments
        if self._unpaused >= SEGMENTS_A_STRETCH:
            self._unpaused = 0
            yield Pause()


def _text(item: Statement | Topic | ActionItem) -> str:
    match item:
        case Statement():
            return item.text
        case Topic():
            return item.title
        case ActionItem():
            return item.task


def _said(detail: str, said: list[str]) -> bool:
    """Whether all content words of an owner or a due were said."""
    wanted = content_words(tokens(detail))
    return bool(wanted) and set(wanted) <= set(said)


def _alike(doubts: Sequence[_Doubt], similarity: float) -> Steps[set[int]]:
    """Return the indices of the items whose meaning is in one of their windows."""
    if not doubts:
        return set()
    # the same windows are cited by many
    texts = dict.fromkeys(text for one in doubts for text in (one.text, *one.windows))
    vectors: Vectors = yield Embed(tuple(texts))
    row = {text: at for at, text in enumerate(texts)}
    alike: set[int] = set()
    for one in doubts:
        windows = vectors[[row[text] for text in one.windows]]
        if float((windows @ vectors[row[one.text]]).max()) >= similarity:
            alike.add(one.at)
    return alike
