"""Evidence: what the cited segments say stays, what they do not say goes, and is counted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.talk import random_talk, said, transcript
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.messages import TokenisedText
from wordloop_ml.synthesis.draft_check import Checked, check
from wordloop_ml.synthesis.evidence import EvidencePolicy
from wordloop_ml.synthesis.messages import OPENING, ActionItem, Draft, Segment, Statement, Topic
from wordloop_ml.synthesis.steps import Embed, Found, Pause, Progress

MEETING = said(
    "Ada: Good morning, let us talk about the budget of the new remote control.",
    "Ben: The marketing people want twelve and a half euros for the case alone.",
    "Ada: Then we decided to use plastic for the case.",
    "Ben: I will send the drawings to Carla by Friday.",
    "Ada: Who is going to test the battery?",
)
TITLE = Statement("The budget of the remote control", ("s0",))


def checked(
    draft: Draft, segments: Sequence[Segment] = MEETING, embedder: ScriptedEmbedder | None = None
) -> Checked:
    embedder = embedder or ScriptedEmbedder()
    return run_plan(check(draft, transcript(segments), EvidencePolicy()), embedder)


def draft(**parts: Any) -> Draft:
    return Draft(**{"title": TITLE, "summary": (), **parts})


def test_what_was_said_stays_without_an_embedding() -> None:
    """Sentences of the meeting itself cost no native work."""
    asked: list[Sequence[TokenisedText]] = []
    whole = draft(
        summary=(Statement("We decided to use plastic for the case.", ("s2",)),),
        topics=(Topic("Budget of the remote", 0, 3_900, ("s0", "s1")),),
        open_questions=(Statement("Who is going to test the battery?", ("s4",)),),
    )
    left = checked(whole, embedder=ScriptedEmbedder(before=asked.append))
    assert (left.draft, left.unsupported, left.unknown_citations) == (whole, 0, 0)
    assert not asked


def test_what_was_said_stands_once_in_a_list() -> None:
    """Also beside a few words more."""
    said = Statement("I will send the drawings to Carla by Friday.", ("s3",))
    again = Statement(f"{said.text} We decided to.", ("s2", "s3"))
    left = checked(draft(decisions=(said, again)))
    assert (left.draft.decisions, left.draft.refused) == ((said,), {"repeated": 1})


def test_sentences_of_two_voices_stay_together() -> None:
    """However short the second, as long as both were said."""
    text = "I will send the drawings to Carla by Friday. We decided to use plastic."
    left = checked(draft(decisions=(Statement(text, ("s2", "s3")),)))
    assert [one.text for one in left.draft.decisions] == [text]


def test_what_nobody_said_goes_and_is_counted() -> None:
    """However many segments it cites."""
    left = checked(
        draft(
            summary=(
                Statement("The company goes bankrupt next year.", tuple(f"s{i}" for i in range(5))),
                Statement("They want plastic for the case.", ("s2",)),
            ),
            decisions=(Statement("We decided to use plastic for the case.", ("s4",)),),
        )
    )
    assert [one.text for one in left.draft.summary] == ["They want plastic for the case."]
    assert left.draft.decisions == ()
    assert left.unsupported == 2


def test_who_speaks_is_as_good_as_said() -> None:
    """An item may name the voice of what it cites."""
    kept = Statement("Ben sends Carla the drawings by Friday.", ("s3",))
    assert checked(draft(summary=(kept,))).draft.summary == (kept,)


def test_ids_that_do_not_exist_are_removed_and_counted() -> None:
    """An item that is left without any goes with them."""
    left = checked(
        draft(
            decisions=(
                Statement("We use plastic for the case.", ("nowhere", "s2", "\x00", "s2")),
                Statement("We use plastic for the case.", ("\x00",)),
            )
        )
    )
    assert left.draft.decisions == (Statement("We use plastic for the case.", ("s2",)),)
    assert (left.unknown_citations, left.unsupported) == (3, 1)


def test_citations_come_in_the_order_of_the_transcript() -> None:
    """Once each."""
    left = checked(
        draft(summary=(Statement("We use plastic and test the battery.", ("s4", "s2", "s4")),))
    )
    assert [one.segments for one in left.draft.summary] == [("s2", "s4")]


@pytest.mark.parametrize(
    ("owner", "due", "kept_owner", "kept_due", "details"),
    [
        ("Ben", "Friday", "Ben", "Friday", 0),
        ("ben", "by Friday", "Ben", "by Friday", 0),
        ("Carla", None, "Carla", None, 0),
        ("Dora", "Friday", None, "Friday", 1),
        ("Ben", "27 November", "Ben", None, 1),
        ("we", "by the", None, None, 2),
        (None, None, None, None, 0),
    ],
)
def test_owner_and_due_stay_only_as_they_were_said(
    owner: str | None, due: str | None, kept_owner: str | None, kept_due: str | None, details: int
) -> None:
    """A voice of the meeting, or a name in the cited segments; a due in their words."""
    left = checked(
        draft(action_items=(ActionItem("Send the drawings to Carla", ("s3",), owner, due),))
    )
    assert left.draft.action_items == (
        ActionItem("Send the drawings to Carla", ("s3",), kept_owner, kept_due),
    )
    assert left.unsupported_details == details


def test_topics_lie_in_the_meeting_and_around_what_they_cite() -> None:
    """Whatever times a model made up."""
    topics = (
        Topic("plastic case", -5, 10**12, ("s2",)),
        Topic("test battery", 0, 1, ("s4",)),
    )
    left = checked(draft(topics=topics))
    assert [(one.start, one.end) for one in left.draft.topics] == [(0, 9_900), (0, 9_900)]


def test_a_title_without_support_is_that_of_the_first_topic() -> None:
    """Or empty, citing nothing; both are counted."""
    wrong = Statement("Bankruptcy", ("s0",))
    topic = Topic("Budget of the remote", 0, 1_900, ("s0",))
    left = checked(draft(title=wrong, topics=(topic,)))
    assert (left.draft.title, left.unsupported) == (Statement(topic.title, ("s0",)), 1)
    left = checked(draft(title=wrong))
    assert (left.draft.title, left.unsupported) == (Statement("", ()), 1)


def test_the_opening_is_the_first_statement_of_the_summary() -> None:
    """As long as what it names was said in what it cites; it is counted otherwise."""
    said = Statement("We decided to use plastic for the case.", ("s2",))
    opening = Statement(f"{OPENING}the plastic and the battery.", ("s2", "s4"))
    left = checked(draft(opening=opening, summary=(said,)))
    assert (left.draft.summary, left.draft.opening) == ((opening, said), None)
    wrong = replace(opening, text=f"{OPENING}bankruptcy.")
    left = checked(draft(opening=wrong, summary=(said,)))
    assert (left.draft.summary, left.unsupported) == ((said,), 1)


def test_a_long_citation_supports_only_what_stands_together_in_it() -> None:
    """The words of a sentence that lie an hour apart are no sentence."""
    talk = list(random_talk(400, seed=3))
    for at, word in ((10, "plastic"), (100, "bankrupt"), (200, "drawings"), (300, "holidays")):
        talk[at] = replace(talk[at], text=f"{talk[at].text} {word}")
    everywhere = tuple(one.id for one in talk)
    scattered = Statement("plastic bankrupt drawings holidays", everywhere)
    together = Statement(" ".join(talk[250].text.split()[:12]), everywhere)
    left = checked(draft(title=together, summary=(scattered, together)), talk)
    assert left.draft.summary == (together,)


def test_items_are_told_as_they_are_found() -> None:
    """In order, after what shows how far it is."""
    told: list[Progress | Found] = []
    whole = draft(decisions=(Statement("We use plastic for the case.", ("s2",)),))
    plan = check(whole, transcript(MEETING), EvidencePolicy())
    run_plan(plan, ScriptedEmbedder(), on_event=told.append)
    assert [one.kind for one in told if isinstance(one, Found)] == ["title", "decision"]
    progress = [one for one in told if isinstance(one, Progress)]
    assert (progress[-1].done, progress[-1].total) == (2, 2)


def test_long_meetings_are_checked_with_pauses() -> None:
    """So that somebody who speaks is served in between."""
    talk = random_talk(2_000, seed=4)
    everywhere = tuple(one.id for one in talk)
    topics = tuple(Topic(talk[at].text, 0, 1, everywhere) for at in range(5))
    plan = check(
        draft(title=Statement(talk[0].text, everywhere), topics=topics),
        transcript(talk),
        EvidencePolicy(),
    )
    pauses = 0
    answer = None
    while True:
        try:
            request = plan.send(answer)
        except StopIteration:
            break
        pauses += isinstance(request, Pause)
        answer = np.eye(len(request.texts), 64) if isinstance(request, Embed) else None
    assert pauses >= 8 + 6


LINES = st.lists(st.sampled_from([one.text for one in MEETING] + ["", "!", "yes"]), max_size=3)
IDS = st.lists(st.sampled_from([one.id for one in MEETING] + ["\x00", "s9"]), max_size=6).map(tuple)


@given(LINES.map(" ".join), IDS, st.integers(-10, 20_000), st.integers(-10, 20_000))
def test_whatever_a_draft_says_only_true_citations_are_left(
    text: str, ids: tuple[str, ...], start: int, end: int
) -> None:
    """Every item that is left cites segments that exist, at least one, in order."""
    statement = Statement(text, ids)
    left = checked(
        Draft(
            statement,
            (statement,),
            (Topic(text, start, end, ids),),
            (statement,),
            (ActionItem(text, ids, text, text),),
            (statement,),
        )
    )
    known = [one.id for one in MEETING]
    kept = left.draft
    lists = (kept.summary, kept.topics, kept.decisions, kept.action_items, kept.open_questions)
    cited = [item.segments for items in lists for item in items]
    for ids_left in cited:
        assert ids_left
        assert list(ids_left) == sorted(set(ids_left), key=known.index)
    for topic in kept.topics:
        assert 0 <= topic.start <= topic.end <= 9_900
    assert left.unsupported >= 5 - len(cited)
