"""A real meeting, whole: every item that a reader found in it is found, with its owner."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.synthesis.extractive.labelled_items import Label, found, read_labels, read_meeting, said
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.meeting import synthesise
from wordloop_ml.synthesis.messages import Draft, Segment, Transcript, Wishes
from wordloop_ml.synthesis.words import content_words, tokens


class NoNotes:
    """A notebook that keeps nothing."""

    def get(self, key: str) -> None:
        """Nothing."""

    def keep(self, key: str, notes: object) -> None:
        """Nowhere."""


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    """MiniLM, as the embedded profile has it."""
    with open_embedder(Settings()) as one:
        yield one


@pytest.fixture(scope="module")
def transcript() -> Transcript:
    return read_meeting()


@pytest.fixture(scope="module")
def draft(transcript: Transcript, embedder: Embedder) -> Draft:
    synthesiser = ExtractiveSynthesiser(embedder.capabilities)
    plan = synthesise(transcript, synthesiser, NoNotes(), Wishes())
    return run_plan(plan, embedder).draft


@pytest.mark.parametrize("label", read_labels(), ids=lambda label: label.item)
def test_an_item_that_a_reader_found_is_found(label: Label, draft: Draft) -> None:
    """At a turn where it was said; a task has the owner that was named, and no other."""
    assert found(label, draft)


def _bare(segment: Segment) -> Segment:
    """As a caption without stops and capitals, behind which its speaker pauses."""
    text = re.sub(r"[.,?!;:]", "", segment.text).lower()
    return replace(segment, text=text, end=max(segment.start, segment.end - 500))


@pytest.mark.parametrize(
    ("rewritten", "fewest"),
    [
        (_bare, {"D": 12, "A": 6, "O": 2}),
        (lambda one: replace(one, speaker=None, track="room"), {"D": 11, "A": 6, "O": 2}),
        (lambda one: replace(one, speaker=None), {"D": 13, "A": 6, "O": 2}),
        (lambda one: replace(one, text=one.text.rstrip(" .,?!") + "."), {"D": 11, "A": 6, "O": 2}),
    ],
    ids=["no stops", "one track", "no speakers", "a stop behind every final"],
)
def test_captions_as_they_come_hold_most_of_the_items(
    transcript: Transcript,
    embedder: Embedder,
    rewritten: Callable[[Segment], Segment],
    fewest: dict[str, int],
) -> None:
    """Whoever they are of: an owner is not asked for."""
    segments = tuple(map(rewritten, transcript.segments))
    synthesiser = ExtractiveSynthesiser(embedder.capabilities)
    plan = synthesise(replace(transcript, segments=segments), synthesiser, NoNotes(), Wishes())
    draft = run_plan(plan, embedder).draft
    labels = read_labels()
    held = {kind: sum(one.kind == kind and said(one, draft) for one in labels) for kind in fewest}
    assert all(held[kind] >= fewest[kind] for kind in fewest), held
    assert all(one.due is None for one in draft.action_items)


def test_nothing_is_said_twice_or_too_short(transcript: Transcript, draft: Draft) -> None:
    """Three content words at least, and nobody's name in front."""
    texts = [one.text for one in (*draft.summary, *draft.decisions, *draft.open_questions)]
    texts += [one.task for one in draft.action_items]
    voices = {segment.voice for segment in transcript.segments}
    for text in texts:
        assert len(set(content_words(tokens(text)))) >= 3
        assert not text.startswith(tuple(f"{voice}:" for voice in voices))
    for items in (draft.summary, draft.decisions, draft.open_questions):
        assert len({one.text for one in items}) == len(items)


def test_no_due_is_made_up(draft: Draft) -> None:
    """Nobody named a day in this meeting."""
    assert [one.due for one in draft.action_items if one.due is not None] == []
