"""What a MeetingSynthesis is made from, and what it says; frozen, slotted.

Times are integer milliseconds of meeting time, as captions have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Segment:
    """A finalised caption.

    id: unique in its transcript. speaker: who spoke, where that is known; else the track stands
        for a person. start, end: milliseconds of meeting time, start <= end.
    """

    id: str
    track: str
    text: str
    start: int
    end: int
    speaker: str | None = None

    @property
    def voice(self) -> str:
        """Whose words these are, as far as one can tell."""
        return self.speaker if self.speaker is not None else self.track


@dataclass(frozen=True, slots=True)
class Transcript:
    """A meeting, or what there is of it so far; segments in order of their start."""

    meeting_id: str
    segments: tuple[Segment, ...]
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a caller may choose, within bounds.

    summary_words: about how long the whole summary is; a synthesis has less where little was said.
    """

    summary_words: int = 110


@dataclass(frozen=True, slots=True)
class Statement:
    """A text and the ids of the segments that it rests on, in order of the transcript.

    Title, summary, decisions and open questions are statements.
    """

    text: str
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A stretch of the meeting about one thing, from ``start`` to ``end`` (milliseconds)."""

    title: str
    start: int
    end: int
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActionItem:
    """What somebody is to do; owner and due only as they were said."""

    task: str
    segments: tuple[str, ...]
    owner: str | None = None
    due: str | None = None


OPENING: Final = "Much of the meeting was about "
"""Before phrases that were said often and throughout."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a synthesiser says, before anybody has checked it against the transcript.

    refused: how many clauses the synthesiser has dropped itself, by reason (``evidence.Reason``).
    extractive: lists that stand in sentences of the meeting, because too little that was written held. opening: what much of
        the meeting was about, in a sentence that begins with ``OPENING``; the check puts it before the summary.
    """

    title: Statement
    summary: tuple[Statement, ...]
    topics: tuple[Topic, ...] = ()
    decisions: tuple[Statement, ...] = ()
    action_items: tuple[ActionItem, ...] = ()
    open_questions: tuple[Statement, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    extractive: tuple[str, ...] = ()
    opening: Statement | None = None


@dataclass(frozen=True, slots=True)
class MadeBy:
    """Which engine and weights wrote it.

    kind: ``extractive`` (sentences of the meeting itself) or ``generative`` (a summary in a model's words).
    digest: SHA-256 of the weights, in hex.
    """

    kind: str
    engine: str
    model: str
    digest: str

    @property
    def about(self) -> str:
        """What a reader should know of such a synthesis."""
        return _ABOUT[self.kind]


_ABOUT = {
    "extractive": "Sentences that people said, chosen by an embedding model and by rules. Nothing was "
    "written but what the meeting was about: what was not said in so many words is not here.",
    "generative": "The summary is written by a language model, each sentence checked against the "
    "segments that it cites. It can still be wrong. All else was said, and chosen by rules.",
}


@dataclass(frozen=True, slots=True)
class FailedChunk:
    """A part of the meeting that no notes could be taken of, and why (an error code)."""

    start: int
    end: int
    segments: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the transcript the synthesis rests on.

    chunks, cached: parts the transcript was read in, and those whose notes were at hand.
    failed: parts that are missing. unsupported: items that were dropped because the segments that
        they cite do not support them. unsupported_details: owners and dues that nobody said, taken
        off their action items. unknown_citations: cited ids that do not exist, removed. refused: how
        many items, or clauses of them, were left out for each reason (``evidence.Reason``). extractive: lists
        that stand in sentences of the meeting, because too little that was written held.
    """

    segments: int
    covered_segments: int
    chunks: int
    cached: int
    failed: tuple[FailedChunk, ...] = ()
    unsupported: int = 0
    unsupported_details: int = 0
    unknown_citations: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    extractive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeetingSynthesis:
    """The checked result. Every cited id is one of the transcript's."""

    meeting_id: str
    draft: Draft
    coverage: Coverage
    made_by: MadeBy
