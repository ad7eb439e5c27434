"""The extractive synthesis with a summary in a model's words: located, written, cited, verified.

The extractive engine finds what matters in each part of a meeting; the model writes of it. Where a written
sentence rests is found afterwards, and what the transcript does not bear out is dropped. A summary that little
is left of is the extractive one, as all else is (docs/adr/0033).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from wordloop_ml.synthesis.chunks import Chunk, ChunkWords
from wordloop_ml.synthesis.evidence import prepare
from wordloop_ml.synthesis.extractive.notes import ChunkNotes
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser, spoken_language
from wordloop_ml.synthesis.generative.summary import Passage, Summary, write_passage
from wordloop_ml.synthesis.messages import Draft, MadeBy, Transcript, Wishes
from wordloop_ml.synthesis.steps import Steps
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


@dataclass(frozen=True, slots=True)
class WrittenNotes:
    """The notes of one chunk."""

    extracted: ChunkNotes
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class GenerativeSynthesiser:
    """Writes a summary with a generator of what the extractive synthesiser finds; fulfils ``Synthesiser``."""

    extractive: ExtractiveSynthesiser
    made_by: MadeBy

    @property
    def chunk_words(self) -> ChunkWords:
        """The length of chunks, longer than the extractive synthesiser's: a passage is written of each."""
        return CHUNK_WORDS

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[WrittenNotes]:
        """Take the extractive notes of a chunk, and write a passage. Raises ``EngineFailed``."""
        extracted = yield from self.extractive.take_notes(chunk, language)
        found = yield from self.extractive.find(chunk, extracted, language, FOUND_WORDS)
        spoken = spoken_language(language, chunk.segments)
        passage = yield from write_passage(chunk.segments, found, spoken)
        return WrittenNotes(extracted, (passage,))

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
        """Choose the summary; all else is the extractive draft's. Raises ``EngineFailed``."""
        extracted = [None if one is None else one.extracted for one in notes]
        draft = yield from self.extractive.merge(transcript, chunks, extracted, wishes)
        evidence = yield from prepare(transcript)
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
            refused=Counter(summary.refused),
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
        known = yield from self.extractive.find(chunk, extracted, language, written * FOUND_WORDS)
        found = yield from self.extractive.find(
            chunk, extracted, language, (written + 1) * FOUND_WORDS
        )
        new = [one for one in found if one not in known]
        spoken = spoken_language(language, chunk.segments)
        return (yield from write_passage(chunk.segments, new, spoken))


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
