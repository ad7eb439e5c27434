"""A synthesis in a model's words, of what the extractive one finds: located, written, cited, verified.

Rules and the extractive engine find what matters; the model writes of it, one thing at a time,
behind lines that stay the same. Where a written sentence rests is found afterwards, and what the
transcript does not bear out is dropped. An item that nothing is left of keeps the words in which it was said,
and a summary that nothing is left of is the extractive one (docs/adr/0033).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeVar

from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.languages import scripts_of
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt
from wordloop_ml.synthesis.chunks import Chunk, ChunkWords
from wordloop_ml.synthesis.evidence import Evidence, Reason, Verified, prepare
from wordloop_ml.synthesis.extractive.notes import ChunkNotes
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser, spoken_language
from wordloop_ml.synthesis.generative.claims import (
    claims_agreement,
    claims_need,
    is_garbled,
    is_task,
    names_another,
)
from wordloop_ml.synthesis.generative.prompts import (
    item_prompt,
    line_of,
    summary_prompt,
    visible,
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
from wordloop_ml.synthesis.statements import sentences_of
from wordloop_ml.synthesis.steps import Generate, Pause, Steps
from wordloop_ml.synthesis.words import count_words

EXCERPT_WORDS: Final = 600
"""Of sentences that a summary is written of: some 900 tokens."""

BEFORE, BEHIND = 5, 2
"""Segments around that of an item which its wording may rest on, of so many words together at most:"""
AROUND_WORDS: Final = 160

ASKED_WORDS: Final = 1.4
"""More words than are wanted are asked for: the model writes fewer, and some of them do not hold."""
PARTS: Final = 3
"""Of the sentences, about which more is asked one after the other."""
MISSING: Final = 0.1
"""Of the wanted words may be missing before more are asked for."""
FEWEST_LEFT: Final = 8
"""Words of a sentence that are left of it where a clause was dropped."""
FEWEST_WORDS: Final = 40
"""That are asked for at once."""

ITEM_TOKENS: Final = 60
TOKENS_A_WORD: Final = 2
"""Room for an answer of so many words; what it takes is 1.3 in English."""

_TAKES_ON = "(?:will|would|should|must|(?:is going|is|agreed|offered|promised|needs|has|wants) to)"
_ENDED = re.compile(r"[.!?。？！][\"'”’)]*$")

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
    items: tuple[Worded, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerativeSynthesiser:
    """Writes with a generator what the extractive synthesiser finds; fulfils ``Synthesiser``."""

    extractive: ExtractiveSynthesiser
    made_by: MadeBy

    @property
    def chunk_words(self) -> ChunkWords:
        """The length of chunks: those of the extractive synthesiser."""
        return self.extractive.chunk_words

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[WrittenNotes]:
        """Take the extractive notes of a chunk and word the items that are found in it alone.

        Raises ``EngineFailed`` when the engine does.
        """
        extracted = yield from self.extractive.take_notes(chunk, language)
        part = Transcript("", chunk.segments, language)
        draft = yield from self.extractive.merge(part, [chunk], [extracted], Wishes())
        wording = _Wording((yield from prepare(part)), part)
        for kind, item in _items_of(draft):
            yield from wording.word(kind, item)
        return WrittenNotes(extracted, tuple(wording.items.values()), tuple(wording.refused))

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[WrittenNotes | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """Write the summary, and put the items into the model's words. Raises ``EngineFailed``."""
        extracted = [None if one is None else one.extracted for one in notes]
        draft = yield from self.extractive.merge(transcript, chunks, extracted, wishes)
        found = yield from self.extractive.merge(
            transcript, chunks, extracted, Wishes(max(EXCERPT_WORDS, 2 * wishes.summary_words))
        )
        evidence = yield from prepare(transcript)
        wording = _Wording(evidence, transcript)
        for one in notes:
            wording.know(one)
        # also what only the whole meeting shows: a closing recap
        for kind, item in _items_of(draft):
            yield from wording.word(kind, item)
        summary = yield from _summary(evidence, transcript, found.summary, wishes)
        return replace(
            draft,
            summary=summary.kept or draft.summary,
            decisions=tuple(wording.worded("decision", one) for one in draft.decisions),
            action_items=tuple(wording.worded("action_item", one) for one in draft.action_items),
            refused=Counter([*wording.refused, *summary.refused]),
            extractive=() if summary.kept else ("summary",),
        )


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
        """Ask for the words of an item that are not known yet; those that do not hold are dropped."""
        said = _said(item)
        if (kind, said) in self.items:
            return
        segments = self._transcript.segments
        at = self._places[item.segments[0]]
        line = line_of(segments[at].voice, said)
        lines = [
            line if one == at else line_of(segments[one].voice, segments[one].text)
            for one in _around(segments, at)
        ]
        prompt = item_prompt(lines, kind, line, self._transcript.language)
        answer: Generated = yield Generate(prompt, _options(prompt, ITEM_TOKENS, stop=("\n",)))
        written = next(iter(_sentences(answer)), "")
        refused = self._refusal(written, item) if written else None
        if refused is not None:
            self.refused.append(refused)
        self.items[kind, said] = Worded(kind, said, "" if refused else written)

    def _refusal(self, written: str, item: Statement | ActionItem) -> str | None:
        """Return why the words of an item do not hold; None where they do."""
        verified = self._verified(written, item)
        if verified.refused is not None:
            return str(verified.refused)
        if isinstance(item, ActionItem):
            task = _task(written, item.owner)
            if is_garbled(task, task=True):
                return "garbled"
            return None if is_task(task, self._evidence.voices) else "no_task"
        if is_garbled(written):
            return "garbled"
        return "overstated" if claims_agreement(written, _said(item)) else None

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


@dataclass(frozen=True, slots=True)
class _Summary:
    """kept: the sentences that hold. refused: why clauses were dropped."""

    kept: tuple[Statement, ...]
    refused: tuple[str, ...]


def _summary(
    evidence: Evidence, transcript: Transcript, found: Sequence[Statement], wishes: Wishes
) -> Steps[_Summary]:
    """Write a summary of found sentences and verify each of its own.

    What is missing of the wanted length after that, questions about one part of them after the other may fill.
    """
    segments = transcript.segments
    language = spoken_language(transcript.language, segments)
    places = {one.id: at for at, one in enumerate(segments)}
    cited = [one for one in found if one.segments]
    wanted = min(wishes.summary_words, sum(count_words(one.text) for one in cited))
    kept: list[Statement] = []
    refused: list[str] = []
    left = wanted
    # the first part of the lines has been read where it follows the whole
    questions = [("summary", cited), *(("details", part) for part in _parts(cited))]
    for question, some in questions:
        if not some or left <= MISSING * wanted:
            break
        near = sorted({places[one] for statement in some for one in statement.segments})
        lines = [line_of(segments[places[one.segments[0]]].voice, one.text) for one in some]
        asked = max(FEWEST_WORDS, round(ASKED_WORDS * left))
        prompt = summary_prompt(question, lines, asked, language)
        try:
            answer: Generated = yield Generate(prompt, _options(prompt, TOKENS_A_WORD * asked))
        except EngineFailed as error:
            if error.code is not ErrorCode.TOO_LARGE:
                raise
            continue
        for sentence in _sentences(answer):
            verified = evidence.verify(sentence, near=near, earlier=[one.text for one in kept])
            words = count_words(verified.text)
            why = None if verified.refused is None else str(verified.refused)
            if words >= (FEWEST_LEFT if why is not None else 1):
                overstated = _overstated(evidence, segments, verified, language)
                why = overstated or why
                if overstated is None and left > 0:
                    left -= words
                    kept.append(Statement(verified.text, _ids(segments, verified.citations)))
            if why is not None:
                refused.append(why)
            yield Pause()
    return _Summary(_in_order(kept, places), tuple(refused))


def _parts(found: Sequence[Statement]) -> list[Sequence[Statement]]:
    """Divide sentences into ``PARTS`` of equal number, in order."""
    borders = [len(found) * at // PARTS for at in range(PARTS + 1)]
    return [found[begin:end] for begin, end in pairwise(borders)]


def _overstated(
    evidence: Evidence, segments: Sequence[Segment], verified: Verified, language: str | None
) -> str | None:
    """Return why a sentence says more than what it rests on; None where it does not."""
    cited = verified.citations
    if names_another(verified.text, evidence.voices, {segments[at].voice for at in cited}):
        return str(Reason.VOICE)
    if language not in {None, "en"}:  # the other rules are about English words
        return None
    if is_garbled(verified.text):
        return "garbled"
    around = {at for one in cited for at in range(max(0, one - 1), min(len(segments), one + 2))}
    said = " ".join(segments[at].text for at in sorted(around))
    beyond = claims_agreement(verified.text, said) or claims_need(verified.text, said)
    return "overstated" if beyond else None


def _in_order(kept: Sequence[Statement], places: Mapping[str, int]) -> tuple[Statement, ...]:
    """Order all but the first sentence, which is about the whole, by where they rest in the meeting."""
    return (*kept[:1], *sorted(kept[1:], key=lambda one: places[one.segments[0]]))


def _ids(segments: Sequence[Segment], positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(segments[at].id for at in positions)


def _options(
    prompt: Prompt, longest_tokens: int, *, stop: tuple[str, ...] = ()
) -> GenerationOptions:
    """Ask for the likeliest words, in the writing systems of the material."""
    return GenerationOptions(longest_tokens, stop=stop, scripts=scripts_of(prompt.user))


def _sentences(answer: Generated) -> list[str]:
    """Return the finished sentences of an answer, each on one line.

    Where the answer did not end by itself, what stands behind its last stop is cut.
    """
    sentences = [
        sentence for line in answer.text.splitlines() for sentence in sentences_of(visible(line))
    ]
    if answer.finish is not Finish.STOP and sentences and not _ENDED.search(sentences[-1]):
        del sentences[-1]
    return sentences


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
