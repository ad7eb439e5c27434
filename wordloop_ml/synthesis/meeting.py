"""The whole plan: chunks, notes of each, a draft of all notes, and what of it is supported; pure.

A ``Synthesiser`` takes the notes and makes the draft, by choosing sentences or by writing them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.synthesis.chunks import Chunk, ChunkWords, chunks_of
from wordloop_ml.synthesis.draft_check import check
from wordloop_ml.synthesis.evidence import EvidencePolicy
from wordloop_ml.synthesis.messages import (
    Coverage,
    Draft,
    FailedChunk,
    MadeBy,
    MeetingSynthesis,
    Transcript,
    Wishes,
)
from wordloop_ml.synthesis.steps import Pause, Progress, Steps

READING = "reading"
"""The stage of ``Progress`` in which notes are taken of the chunks."""
WRITING = "writing"
"""The stage in which the draft is made; ``draft_check.CHECKING`` follows."""

FINAL_FAILURES = frozenset({ErrorCode.TOO_LARGE})
"""Trying again would not help, or has not; any other failure is tried once more."""

N = TypeVar("N")
T = TypeVar("T")


class Notebook(Protocol[N]):
    """A cache of the caller's notes. Called on whichever thread advances the plan.

    Forgetting is harmless; who may see whose notes, and how many are kept, is its owner's affair.
    """

    def get(self, key: str) -> N | None:
        """Return the notes under this key; None when they are not there any more."""
        ...

    def keep(self, key: str, notes: N) -> None:
        """Keep notes under this key."""
        ...


class Synthesiser(Protocol[N]):
    """Takes notes of each chunk, then makes a draft of all notes. Stateless, pure.

    N: its notes. They hold nothing by id or time, only by position in their chunk, so that they
    can be kept by the chunk's digest and used for another transcript with the same content.
    """

    @property
    def made_by(self) -> MadeBy:
        """Which engine and weights its notes come from: notes of others are not reused."""
        ...

    @property
    def chunk_words(self) -> ChunkWords:
        """How long its chunks are."""
        ...

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[N]:
        """Take the notes of one chunk; raises ``EngineFailed`` when none can be had."""
        ...

    def take_more(self, chunk: Chunk, notes: N, language: str | None) -> Steps[N]:
        """Write ahead one thing that ``merge`` may have to add to these notes; returns the same ones if there is none.

        The draft is the same, and sooner there. Raises ``EngineFailed``.
        """
        ...

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[N | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """Make the draft of all notes; None stands for a chunk that failed. Raises ``EngineFailed``."""
        ...


def synthesise(
    transcript: Transcript,
    synthesiser: Synthesiser[N],
    notebook: Notebook[N],
    wishes: Wishes,
    policy: EvidencePolicy | None = None,
) -> Steps[MeetingSynthesis]:
    """Make a MeetingSynthesis of a transcript, which has at least one segment.

    A chunk that fails twice is missing, and named in ``coverage``. Raises ``EngineFailed`` when
    every chunk does, or the draft, or its check; the notes that were taken are in the notebook.
    """
    transcript = _with_speakers(transcript)
    chunks: list[Chunk] = []
    for chunk in chunks_of(transcript.segments, synthesiser.chunk_words):
        chunks.append(chunk)
        yield Pause()
    notes: list[N | None] = []
    failed: list[FailedChunk] = []
    cached = 0
    for at, chunk in enumerate(chunks):
        yield Progress(READING, at, len(chunks))
        key = notes_key(synthesiser.made_by, transcript.language, chunk)
        known = notebook.get(key)
        if known is not None:
            cached += 1
            notes.append(known)
            continue
        try:
            notes.append((yield from read_chunk(synthesiser, notebook, chunk, transcript.language)))
        except EngineFailed as error:
            failed.append(_missing(chunk, error))
            notes.append(None)
    yield Progress(READING, len(chunks), len(chunks))
    if len(failed) == len(chunks):
        raise EngineFailed("no part of the meeting could be read")
    yield Progress(WRITING, 0, 1)
    draft = yield from _twice(lambda: synthesiser.merge(transcript, chunks, notes, wishes))
    yield Progress(WRITING, 1, 1)
    checked = yield from check(draft, transcript, policy or EvidencePolicy())
    return MeetingSynthesis(
        meeting_id=transcript.meeting_id,
        draft=checked.draft,
        coverage=Coverage(
            segments=len(transcript.segments),
            covered_segments=len(transcript.segments) - sum(len(one.segments) for one in failed),
            chunks=len(chunks),
            cached=cached,
            failed=tuple(failed),
            unsupported=checked.unsupported,
            unsupported_details=checked.unsupported_details,
            unknown_citations=checked.unknown_citations,
            refused=checked.draft.refused,
            extractive=draft.extractive,
        ),
        made_by=synthesiser.made_by,
    )


_SPOKEN_BY = re.compile(r"\s*\[?(?P<name>[^\W\d_][\w.'’ -]{0,30}?)\]?\s?:\s+(?=\S)")
_LABEL = re.compile(
    r"(?:decisions?|actions?|to-?do|tasks?|notes?|agenda|topic|questions?|summary|risk|issue|idea|info|update|result)",
    re.IGNORECASE,
)
"""What stands before what was written down, and is nobody's name."""
_NAMED_SHARE = 0.5
"""Of the segments, so many begin with a name where names are written before texts."""


def _with_speakers(transcript: Transcript) -> Transcript:
    """Take names off the texts ("Ana: we ship it"): whose words they are is the segment's speaker.

    A name is a voice of the meeting, or most segments of the one track begin with one; a speaker that is known stays.
    """
    found = (_SPOKEN_BY.match(one.text) for one in transcript.segments)
    heads = [None if head and _LABEL.fullmatch(head["name"]) else head for head in found]
    voices = {one.voice.casefold() for one in transcript.segments}
    named = sum(head is not None for head in heads)
    usual = len(voices) == 1 and named >= max(2, _NAMED_SHARE * len(heads))
    segments = []
    for one, head in zip(transcript.segments, heads, strict=True):
        known = head is not None and (
            head["name"].casefold() in voices or (one.speaker is None and usual)
        )
        if head is None or not known:
            segments.append(one)
            continue
        speaker = one.speaker if one.speaker is not None else head["name"]
        segments.append(replace(one, text=one.text[head.end() :], speaker=speaker))
    return replace(transcript, segments=tuple(segments))


def notes_key(made_by: MadeBy, language: str | None, chunk: Chunk) -> str:
    """Make the key of a chunk's notes, from everything that they follow from."""
    return "/".join(
        (made_by.kind, made_by.engine, made_by.model, made_by.digest, language or "", chunk.digest)
    )


def read_chunk(
    synthesiser: Synthesiser[N], notebook: Notebook[N], chunk: Chunk, language: str | None
) -> Steps[N]:
    """Take the notes of one chunk, at the second try if need be, and keep them. Raises ``EngineFailed``."""
    taken = yield from _twice(lambda: synthesiser.take_notes(chunk, language))
    notebook.keep(notes_key(synthesiser.made_by, language, chunk), taken)
    return taken


def read_more(
    synthesiser: Synthesiser[N], notebook: Notebook[N], chunk: Chunk, language: str | None
) -> Steps[bool]:
    """Add one thing to the notes of a chunk; False where nothing is missing, or they are not there any more.

    Raises ``EngineFailed``.
    """
    key = notes_key(synthesiser.made_by, language, chunk)
    known = notebook.get(key)
    if known is None:
        return False
    taken = yield from synthesiser.take_more(chunk, known, language)
    if taken is known:
        return False
    notebook.keep(key, taken)
    return True


def _twice(begin: Callable[[], Steps[T]]) -> Steps[T]:
    """Run a plan, and once more if it fails; returns its result."""
    try:
        return (yield from begin())
    except EngineFailed as error:
        if error.code in FINAL_FAILURES:
            raise
    return (yield from begin())


def _missing(chunk: Chunk, error: EngineFailed) -> FailedChunk:
    return FailedChunk(
        start=chunk.segments[0].start,
        end=max(one.end for one in chunk.segments),
        segments=tuple(one.id for one in chunk.segments),
        code=error.code,
    )
