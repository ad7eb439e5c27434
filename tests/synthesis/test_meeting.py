"""The whole plan: what is read, what failed, what was at hand, and what comes of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.synthesis.scripted import MADE_BY, ScriptedNotes, ScriptedSynthesiser
from tests.talk import random_talk, said, transcript
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.synthesis.chunks import Chunk, ChunkWords, chunks_of
from wordloop_ml.synthesis.meeting import (
    READING,
    WRITING,
    notes_key,
    read_chunk,
    read_more,
    synthesise,
)
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Draft,
    MadeBy,
    MeetingSynthesis,
    Segment,
    Statement,
    Transcript,
    Wishes,
)
from wordloop_ml.synthesis.steps import Found, Progress, Steps

TALK = random_talk(300, seed=5)


class Notes(dict[str, ScriptedNotes]):
    """A notebook that forgets nothing."""

    def keep(self, key: str, notes: ScriptedNotes) -> None:
        self[key] = notes


class Failing(ScriptedSynthesiser):
    """Fails at chunks and merges as it is told, and counts how often it was asked.

    chunks: from their index, in the order in which they are first read, to how often each fails.
    """

    def __init__(
        self,
        chunks: dict[int, int] | None = None,
        merges: int = 0,
        code: ErrorCode = ErrorCode.ENGINE_FAILED,
    ) -> None:
        super().__init__()
        self._chunks = dict(chunks or {})
        self._code = code
        self.merges = merges
        self.read: list[str] = []

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[ScriptedNotes]:
        self.read.append(chunk.digest)
        at = list(dict.fromkeys(self.read)).index(chunk.digest)
        notes = yield from super().take_notes(chunk, language)
        if self._chunks.get(at, 0):
            self._chunks[at] -= 1
            raise EngineFailed("scripted", code=self._code)
        return notes

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[ScriptedNotes | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        if self.merges:
            self.merges -= 1
            raise EngineFailed("scripted", code=self._code)
        return (yield from super().merge(transcript, chunks, notes, wishes))


def synthesised(
    segments: Sequence[Segment] = TALK,
    synthesiser: ScriptedSynthesiser | None = None,
    notes: Notes | None = None,
    told: list[Progress | Found] | None = None,
) -> MeetingSynthesis:
    plan = synthesise(
        transcript(segments),
        synthesiser or ScriptedSynthesiser(),
        Notes() if notes is None else notes,
        Wishes(),
    )
    heard = [] if told is None else told
    return run_plan(plan, ScriptedEmbedder(), on_event=heard.append)


def test_a_meeting_becomes_a_synthesis() -> None:
    """With every item that is in it, and where it was said."""
    found = synthesised(
        said(
            "Ada: Good morning everyone.",
            "Ada: Decided: the case is made of plastic",
            "Ben: Todo: Ben sends the drawings by Friday.",
            "Ada: Open: who tests the battery?",
        )
    )
    assert found.meeting_id == "m"
    assert found.made_by == MADE_BY
    assert found.draft.title.text == "Good morning everyone."
    assert found.draft.decisions == (Statement("the case is made of plastic", ("s1",)),)
    assert found.draft.action_items == (
        ActionItem("sends the drawings", ("s2",), owner="Ben", due="Friday"),
    )
    assert found.draft.open_questions == (Statement("who tests the battery?", ("s3",)),)
    coverage = found.coverage
    assert (coverage.segments, coverage.covered_segments, coverage.chunks) == (4, 4, 1)
    assert (coverage.failed, coverage.unsupported) == ((), 0)


def test_a_chunk_that_fails_is_read_once_more() -> None:
    """Nothing is missing then."""
    synthesiser = Failing({1: 1})
    found = synthesised(synthesiser=synthesiser)
    assert found.coverage.failed == ()
    assert len(synthesiser.read) == found.coverage.chunks + 1


def test_a_chunk_that_fails_twice_is_named_in_the_coverage() -> None:
    """Its segments, its time and why; the rest of the meeting is there, and notes of it alone."""
    notes = Notes()
    found = synthesised(synthesiser=Failing({1: 2}), notes=notes)
    (failed,) = found.coverage.failed
    assert failed.code == ErrorCode.ENGINE_FAILED
    missing = [one for one in TALK if one.id in failed.segments]
    assert (failed.start, failed.end) == (missing[0].start, missing[-1].end)
    assert found.coverage.covered_segments == len(TALK) - len(missing)
    assert len(found.draft.topics) == found.coverage.chunks - 1 == len(notes)


@pytest.mark.parametrize("code", [ErrorCode.TOO_LARGE])
def test_what_would_fail_again_is_not_tried_again(code: ErrorCode) -> None:
    """The synthesiser has tried, or knows that it is no use."""
    synthesiser = Failing({1: 1}, code=code)
    found = synthesised(synthesiser=synthesiser)
    assert [one.code for one in found.coverage.failed] == [code]
    assert len(synthesiser.read) == found.coverage.chunks


def test_a_draft_that_fails_is_made_once_more() -> None:
    """And then the synthesis has failed; what was read is remembered."""
    assert synthesised(synthesiser=Failing(merges=1)).draft.summary
    notes = Notes()
    with pytest.raises(EngineFailed):
        synthesised(synthesiser=Failing(merges=2), notes=notes)
    assert synthesised(notes=notes).coverage.cached == len(notes) > 1


def test_a_meeting_of_which_nothing_could_be_read_fails() -> None:
    """There is nothing to say about it."""
    with pytest.raises(EngineFailed, match="no part"):
        synthesised(said("Ada: Hello."), Failing({0: 2}))


def test_a_transcript_that_has_grown_is_read_where_it_is_new() -> None:
    """All chunks but the last are at hand."""
    notes = Notes()
    before = synthesised(TALK[:280], notes=notes)
    synthesiser = Failing()
    after = synthesised(TALK, synthesiser, notes)
    assert after.coverage.cached >= before.coverage.chunks - 1
    assert len(synthesiser.read) == after.coverage.chunks - after.coverage.cached


def test_more_is_noted_of_a_chunk_until_nothing_is_missing() -> None:
    """Where its notes are still at hand."""
    notes, synthesiser = Notes(), ScriptedSynthesiser(more=2)
    chunk = next(chunks_of(TALK, synthesiser.chunk_words))

    def more() -> bool:
        return run_plan(read_more(synthesiser, notes, chunk, None), ScriptedEmbedder())

    assert not more()
    run_plan(read_chunk(synthesiser, notes, chunk, None), ScriptedEmbedder())
    assert [more() for _ in range(3)] == [True, True, False]
    assert [one.added for one in notes.values()] == [2]


def test_notes_serve_another_transcript_of_the_same_words() -> None:
    """Whatever its ids and times; the items cite the new ones."""
    notes = Notes()
    old = synthesised(notes=notes)
    moved = [replace(one, id=f"x{one.id}", start=one.start + 7, end=one.end + 7) for one in TALK]
    new = synthesised(moved, notes=notes)
    assert new.coverage.cached == new.coverage.chunks
    assert [one.start - 7 for one in new.draft.topics] == [one.start for one in old.draft.topics]
    assert all(item.segments[0].startswith("x") for item in new.draft.summary)


def test_notes_of_other_weights_or_another_language_are_not_used() -> None:
    """The key says what notes follow from."""
    chunk = Chunk(said("Ada: Hello."), "d")
    keys = {
        notes_key(MADE_BY, None, chunk),
        notes_key(MADE_BY, "en", chunk),
        notes_key(MadeBy("generative", "scripted", "scripted", "0" * 64), None, chunk),
        notes_key(replace(MADE_BY, digest="1" * 64), None, chunk),
        notes_key(replace(MADE_BY, model="other"), None, chunk),
        notes_key(MADE_BY, None, replace(chunk, digest="e")),
    }
    assert len(keys) == 6


def test_progress_moves_forward_and_ends() -> None:
    """Stage by stage."""
    told: list[Progress | Found] = []
    found = synthesised(told=told)
    progress = [one for one in told if isinstance(one, Progress)]
    stages = list(dict.fromkeys(one.stage for one in progress))
    assert stages == [READING, WRITING, "checking"]
    for stage in stages:
        done = [one.done for one in progress if one.stage == stage]
        assert done == sorted(done)
        assert done[-1] == next(one.total for one in progress if one.stage == stage)
    items = [one.item for one in told if isinstance(one, Found)]
    assert items[0] == found.draft.title
    assert len(items) == 1 + len(found.draft.summary) + len(found.draft.topics)


def test_the_summary_is_as_long_as_is_wished() -> None:
    """About."""
    plan = synthesise(
        transcript(TALK), ScriptedSynthesiser(ChunkWords(30, 50)), Notes(), Wishes(summary_words=20)
    )
    found = run_plan(plan, ScriptedEmbedder())
    assert sum(len(one.text.split()) for one in found.draft.summary) <= 20


@pytest.mark.parametrize(
    ("texts", "speakers", "taken"),
    [
        (
            ["Ana: We ship it.", "[Ben] : Good.", "Ana: Fine."],
            [None] * 3,
            ["We ship it.", "Good.", "Fine."],
        ),
        (["Ana: We ship it.", "Ben said so."], ["Ana", "Ben"], ["We ship it.", "Ben said so."]),
        (
            ["Note: we ship it.", "Ben said so.", "Yes."],
            [None] * 3,
            ["Note: we ship it.", "Ben said so.", "Yes."],
        ),
        (
            ["Decision: we ship it.", "Action: Ben calls them.", "Note: all fine."],
            [None] * 3,
            ["Decision: we ship it.", "Action: Ben calls them.", "Note: all fine."],
        ),
        (
            ["It is 10: 30 now.", "Right: so be it."],
            ["Ana", "Ben"],
            ["It is 10: 30 now.", "Right: so be it."],
        ),
    ],
)
def test_names_before_texts_are_no_part_of_them(
    texts: list[str], speakers: list[str | None], taken: list[str]
) -> None:
    """They say whose words follow."""

    class Reading(ScriptedSynthesiser):
        """Keeps what it is given."""

        heard: list[Segment]

        def take_notes(self, chunk: Chunk, language: str | None) -> Steps[ScriptedNotes]:
            self.heard = list(chunk.segments)
            return (yield from super().take_notes(chunk, language))

    reading = Reading()
    segments = [
        Segment(f"s{at}", "room", text, at, at + 1, speaker)
        for at, (text, speaker) in enumerate(zip(texts, speakers, strict=True))
    ]
    synthesised(segments, reading)
    assert [one.text for one in reading.heard] == taken
    if speakers[0] is None and taken != texts:
        assert [one.speaker for one in reading.heard] == ["Ana", "Ben", "Ana"]
