"""A synthesis in a model's words, of what the extractive one finds: located, written, cited, verified.

Rules and the extractive engine find what matters; the model writes of it, one thing at a time,
behind lines that stay the same. Where a written sentence rests is found afterwards, and what the
transcript does not bear out is dropped. An item that nothing is left of keeps the words in which it was said,
and a summary that little is left of is the extractive one (docs/adr/0033).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from wordloop_ml.messages import Generated
from wordloop_ml.synthesis.chunks import Chunk, ChunkWords
from wordloop_ml.synthesis.evidence import Evidence, Verified, prepare
from wordloop_ml.synthesis.extractive.notes import ChunkNotes
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser, spoken_language
from wordloop_ml.synthesis.generative.answers import options_for, sentences_in
from wordloop_ml.synthesis.generative.claims import (
    claims_agreement,
    heard_agreement,
    is_garbled,
    is_task,
)
from wordloop_ml.synthesis.generative.prompts import item_prompt, line_of
from wordloop_ml.synthesis.generative.summary import (
    Passage,
    Summary,
    is_reordered,
    write_passage,
)
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Draft,
    MadeBy,
    Segment,
    Statement,
    Transcript,
    Wishes,
)
from wordloop_ml.synthesis.steps import Generate, Steps
from wordloop_ml.synthesis.words import count_words

CHUNK_WORDS: Final = ChunkWords(2500, 3300)
"""Of a part that a passage is written of."""
FOUND_WORDS: Final = 130
"""Of the sentences that are found in it."""
MOST_NOTED: Final = 3
"""Passages of a part that are written while the meeting goes on."""
WORDS_PER_FURTHER: Final = 40
"""Of the wanted ones, for each passage that a summary may take beside the first ones of the parts."""
SAID_WORDS: Final = 6
"""Of the meeting for each word of its summary, at least."""
FEWEST_WORDS: Final = 50
"""Of a summary that are wanted, however short the meeting was."""
MISSING: Final = 0.4
"""Of the wanted words may be missing before more are asked for."""
TOO_LITTLE: Final = 0.2
"""Of the wanted words: a summary without more of them, its opening among them, is the extractive one."""

BEFORE, BEHIND = 5, 2
"""Segments around that of an item which its wording may rest on, of so many words together at most:"""
AROUND_WORDS: Final = 160

SHORT_ITEM: Final = 12
"""Words of an item that is not worded: of 26 such 4 were, none the better for it."""
ITEM_TOKENS: Final = 60
ITEM_WORDS: Final = 20
"""At most of what is worded; a longer sentence says more than the item."""
_TAKES_ON = "(?:will|would|should|must|(?:is going|is|agreed|offered|promised|needs|has|wants) to)"

Item = TypeVar("Item", Statement, ActionItem)


@dataclass(frozen=True, slots=True)
class Worded:
    """An item as it was said, and in the model's words; those are empty where nothing bears them out."""

    kind: str
    said: str
    written: str


@dataclass(frozen=True, slots=True)
class WrittenNotes:
    """The notes of one chunk. refused: why clauses of its items were dropped, one for each."""

    extracted: ChunkNotes
    passages: tuple[Passage, ...]
    items: tuple[Worded, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerativeSynthesiser:
    """Writes with a generator what the extractive synthesiser finds; fulfils ``Synthesiser``."""

    extractive: ExtractiveSynthesiser
    made_by: MadeBy

    @property
    def chunk_words(self) -> ChunkWords:
        """The length of chunks, longer than the extractive synthesiser's: a passage is written of each."""
        return CHUNK_WORDS

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[WrittenNotes]:
        """Take the extractive notes of a chunk, write a passage, and word the items that are found in it alone.

        Raises ``EngineFailed`` when the engine does.
        """
        extracted = yield from self.extractive.take_notes(chunk, language)
        draft = yield from self._found(chunk, extracted, language, FOUND_WORDS)
        spoken = spoken_language(language, chunk.segments)
        passage = yield from write_passage(chunk.segments, draft.summary, spoken)
        part = Transcript("", chunk.segments, language)
        wording = _Wording((yield from prepare(part)), part)
        for kind, item in _items_of(draft):
            yield from wording.word(kind, item)
        return WrittenNotes(
            extracted, (passage,), tuple(wording.items.values()), tuple(wording.refused)
        )

    def take_more(
        self, chunk: Chunk, notes: WrittenNotes, language: str | None
    ) -> Steps[WrittenNotes]:
        """Write one more passage, unless what holds would do for a meeting of this chunk alone.

        Raises ``EngineFailed``.
        """
        if len(notes.passages) >= MOST_NOTED:
            return notes
        part = Transcript("", chunk.segments, language)
        spoken = spoken_language(language, chunk.segments)
        summary = Summary((yield from prepare(part)), chunk.segments, spoken)
        for passage in notes.passages:
            yield from summary.take(passage)
        if summary.words >= (1 - MISSING) * Wishes().summary_words:
            return notes
        passage = yield from self._further(chunk, notes.extracted, len(notes.passages), language)
        if not passage.positions:
            return notes
        return replace(notes, passages=(*notes.passages, passage))

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[WrittenNotes | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """Choose the summary, and put the items into the model's words. Raises ``EngineFailed``."""
        extracted = [None if one is None else one.extracted for one in notes]
        draft = yield from self.extractive.merge(transcript, chunks, extracted, wishes)
        evidence = yield from prepare(transcript)
        wording = _Wording(evidence, transcript)
        for one in notes:
            wording.know(one)
        # also what only the whole meeting shows: a closing recap
        for kind, item in _items_of(draft):
            yield from wording.word(kind, item)
        places = {one.id: at for at, one in enumerate(transcript.segments)}
        said = sum(count_words(one.text) for one in transcript.segments)
        opening = count_words(draft.opening.text) if draft.opening is not None else 0
        wanted = min(
            wishes.summary_words - opening,
            max(FEWEST_WORDS, said // SAID_WORDS),
            sum(count_words(one.text) for one in draft.summary),
        )
        spoken = spoken_language(transcript.language, transcript.segments)
        summary = Summary(evidence, transcript.segments, spoken)
        parts = [
            _Part(chunk, taken, places[chunk.segments[0].id])
            for chunk, taken in zip(chunks, notes, strict=True)
            if taken is not None
        ]
        for part in parts:
            yield from part.give(summary, part.notes.passages[0])
        yield from self._give_more(summary, parts, wanted, transcript.language)
        chosen = summary.choose(wanted, places)
        told = opening + sum(count_words(one.text) for one in chosen)
        enough = bool(chosen) and told > TOO_LITTLE * wanted
        return replace(
            draft,
            summary=chosen if enough else draft.summary,
            decisions=tuple(wording.worded("decision", one) for one in draft.decisions),
            action_items=tuple(wording.worded("action_item", one) for one in draft.action_items),
            refused=Counter([*wording.refused, *summary.refused]),
            extractive=() if enough else ("summary",),
        )

    def _give_more(
        self, summary: Summary, parts: Sequence["_Part"], wanted: int, language: str | None
    ) -> Steps[None]:
        """Let a summary take further passages, noted or written now, while too few of the wanted words are there.

        The next one is of the parts of which it took fewest the one of which least holds.
        """
        left = list(parts)
        most = len(parts) + max(1, wanted // WORDS_PER_FURTHER)
        enough = (1 - MISSING) * wanted
        while left and sum(one.given for one in parts) < most and summary.words < enough:
            part = min(left, key=lambda one: (one.given, one.words))
            passages = part.notes.passages
            if part.given < len(passages):
                passage = passages[part.given]
            else:
                passage = yield from self._further(
                    part.chunk, part.notes.extracted, part.given, language
                )
            if passage.positions:
                yield from part.give(summary, passage)
            else:
                left.remove(part)

    def _further(
        self, chunk: Chunk, extracted: ChunkNotes, written: int, language: str | None
    ) -> Steps[Passage]:
        """Write a passage of the sentences that are found behind those of so many passages; an empty one where there are none."""
        known = yield from self._found(chunk, extracted, language, written * FOUND_WORDS)
        found = yield from self._found(chunk, extracted, language, (written + 1) * FOUND_WORDS)
        new = [one for one in found.summary if one not in known.summary]
        spoken = spoken_language(language, chunk.segments)
        return (yield from write_passage(chunk.segments, new, spoken))

    def _found(
        self, chunk: Chunk, extracted: ChunkNotes, language: str | None, words: int
    ) -> Steps[Draft]:
        """Find so many words of a chunk, and its items."""
        part = Transcript("", chunk.segments, language)
        return self.extractive.merge(part, [chunk], [extracted], Wishes(words), whole=False)


@dataclass(slots=True, eq=False)
class _Part:
    """A chunk of which a summary takes passages. start: position in the meeting of its first segment.

    given, words: how many it took, and the words of them that hold.
    """

    chunk: Chunk
    notes: WrittenNotes
    start: int
    given: int = 0
    words: int = 0

    def give(self, summary: Summary, passage: Passage) -> Steps[None]:
        """Let the summary take the next passage."""
        self.words += yield from summary.take(passage, self.start, self.given)
        self.given += 1


class _Wording:
    """Puts items into the model's words, each once. refused: why clauses were dropped."""

    def __init__(self, evidence: Evidence, transcript: Transcript) -> None:
        self.items: dict[tuple[str, str], Worded] = {}
        self.refused: list[str] = []
        self._evidence = evidence
        self._transcript = transcript
        self._places = {one.id: at for at, one in enumerate(transcript.segments)}

    def know(self, notes: WrittenNotes | None) -> None:
        """Take over what was worded when these notes were taken."""
        if notes is not None:
            self.items.update({(one.kind, one.said): one for one in notes.items})
            self.refused += notes.refused

    def word(self, kind: str, item: Statement | ActionItem) -> Steps[None]:
        """Ask for the words of an item that are not known yet; those that do not hold are dropped. A short one is well as it was said."""
        said = _said(item)
        if (kind, said) in self.items:
            return
        if count_words(said) <= SHORT_ITEM:
            self.items[kind, said] = Worded(kind, said, "")
            return
        segments = self._transcript.segments
        at = self._places[item.segments[0]]
        line = line_of(segments[at].voice, said)
        lines = [
            line if one == at else line_of(segments[one].voice, segments[one].text)
            for one in _around(segments, at)
        ]
        prompt = item_prompt(lines, kind, line, self._transcript.language)
        answer: Generated = yield Generate(prompt, options_for(prompt, ITEM_TOKENS, stop=("\n",)))
        written = next(iter(sentences_in(answer)), "")
        refused = self._refusal(written, item) if written else None
        if refused is not None:
            self.refused.append(refused)
        self.items[kind, said] = Worded(kind, said, "" if refused else written)

    def _refusal(self, written: str, item: Statement | ActionItem) -> str | None:
        """Return why the words of an item do not hold; None where they do."""
        verified = self._verified(written, item)
        if verified.refused is not None:
            return str(verified.refused)
        if is_reordered(self._evidence, verified) or count_words(verified.text) > ITEM_WORDS:
            return "doubtful"
        if isinstance(item, ActionItem):
            task = _task(written, item.owner)
            if is_garbled(task, task=True):
                return "garbled"
            return None if is_task(task, self._evidence.voices) else "no_task"
        if is_garbled(written):
            return "garbled"
        heard = heard_agreement(_said(item))
        return "overstated" if claims_agreement(written) and not heard else None

    def worded(self, kind: str, item: Item) -> Item:
        """Return the item in the model's words, where there are any that hold; it cites what bears them out, too."""
        verified: Verified = self._verified(self.items[kind, _said(item)].written, item)
        if verified.refused is not None or not verified.text:
            return item
        places = {*(self._places[one] for one in item.segments), *verified.citations}
        ids = _ids(self._transcript.segments, sorted(places))
        if isinstance(item, ActionItem):
            return replace(item, task=_task(verified.text, item.owner), segments=ids)
        return replace(item, text=verified.text, segments=ids)

    def _verified(self, written: str, item: Statement | ActionItem) -> Verified:
        if not written:
            return Verified("", ())
        near = _around(self._transcript.segments, self._places[item.segments[0]])
        return self._evidence.verify(written, near=near)


def _around(segments: Sequence[Segment], at: int) -> list[int]:
    """Return the positions of a segment and of those around it, the nearest before it first to be taken."""
    near = [at]
    words = 0
    for one in (*range(at - 1, at - 1 - BEFORE, -1), *range(at + 1, at + 1 + BEHIND)):
        if 0 <= one < len(segments):
            words += count_words(segments[one].text)
            if words > AROUND_WORDS:
                continue
            near.append(one)
    return sorted(near)


def _ids(segments: Sequence[Segment], positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(segments[at].id for at in positions)


def _task(text: str, owner: str | None) -> str:
    """Return what is to be done, without "to" and without the owner, who stands beside it."""
    named = rf"(?:the )?{re.escape(owner)} {_TAKES_ON} |" if owner else ""
    task = re.sub(rf"^(?:{named}to )(?=[a-z])", "", text, flags=re.IGNORECASE)
    return task[0].upper() + task[1:]


def _items_of(draft: Draft) -> list[tuple[str, Statement | ActionItem]]:
    return [
        *(("decision", one) for one in draft.decisions),
        *(("action_item", one) for one in draft.action_items),
    ]


def _said(item: Statement | ActionItem) -> str:
    return item.task if isinstance(item, ActionItem) else item.text
