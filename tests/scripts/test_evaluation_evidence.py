"""True sentences, the same made false, and what the check does with them."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.evaluation import changes, evidence
from scripts.evaluation.changes import Changed
from scripts.evaluation.meetings import Meeting, Query, read_meetings
from tests.talk import said
from wordloop_ml.synthesis.evidence import EvidencePolicy
from wordloop_ml.synthesis.messages import Transcript
from wordloop_ml.synthesis.statements import Names

QMSUM = Path(__file__).parents[2].parent / "shared/data/qmsum"
NAMES = Names({"Ada", "Ben"})


@pytest.mark.parametrize(
    ("true", "false", "end"),
    [
        ("Ada can not do it.", "Ada can do it.", 14),
        ("Ada didn't do it.", "Ada did do it.", 14),
        ("Ada won't do it.", "Ada will do it.", 15),
        ("Ada has no case.", "Ada has some case.", 18),
        ("Ada should use red plastic cases.", "Ada should not use red plastic cases.", 30),
    ],
)
def test_a_negation_is_taken_away_or_put_in(true: str, false: str, end: int) -> None:
    """A new one counts where three words are left behind it."""
    assert [(one.text, one.end) for one in changes.other_polarity(true)] == [(false, end)]


@pytest.mark.parametrize("text", ["Ada asked if it is red.", "Ada likes red."])
def test_questions_and_what_has_no_auxiliary_verb_stay(text: str) -> None:
    """A negation would change nothing there, or could not be put in."""
    assert changes.other_polarity(text) == []


def test_somebody_else_takes_the_place_of_who_is_named_first() -> None:
    """Where somebody is, and somebody else spoke."""
    assert changes.other_speaker("Ada met Ben.", NAMES, ["Ada", "Ben"], Random(0)) == [
        Changed("Ben met Ben.", 3)
    ]
    assert changes.other_speaker("They met.", NAMES, ["Ada", "Ben"], Random(0)) == []
    assert changes.other_speaker("Ada met Ben.", NAMES, ["Ada"], Random(0)) == []


def test_a_number_becomes_one_that_was_said_and_one_that_is_near() -> None:
    """Each of them."""
    found = list(changes.other_number("It costs 12 euros.", [12.0, 99.0], Random(0)))
    assert found[0] == Changed("It costs 99 euros.", 11)
    assert len(found) == 2
    assert all("12 euros" not in one.text for one in found)


def test_a_change_is_gone_with_what_stands_behind_it() -> None:
    """Or it survives."""
    (one,) = changes.invented("We use it.", "The case is red.")
    assert one.text == "We use it, and the case is red."
    assert one.survives_in(one.text)
    assert not one.survives_in("We use it.")


@given(st.text(max_size=60), st.integers(0, 9))
def test_every_change_changes(text: str, seed: int) -> None:
    """And ends within the sentence."""
    found = [
        *changes.other_polarity(text),
        *changes.other_number(text, [1.0, 2.0], Random(seed)),
        *changes.other_speaker(text, NAMES, ["Ada", "Ben"], Random(seed)),
    ]
    for one in found:
        assert one.text != text
        assert 0 <= one.end <= len(one.text)


def test_sentences_are_scored_by_kind() -> None:
    """True ones that are kept, false ones that are not."""
    segments = said(
        "Ada: " + "We decided to use plastic for the case, and it costs twelve euros. " * 20,
        "Ben: " + "I will send the drawings to Carla by Friday, whatever they say. " * 20,
    )
    one = Meeting("product", 0, Transcript("m", segments), ("",), (Query("", ((0, 0),)),), ())
    sentences = [
        evidence.Sentence("product-0", "Ada said that the plastic case will cost twelve euros."),
        evidence.Sentence("elsewhere", "The weather is bad in winter."),
    ]
    found = evidence.scores([one], sentences[:1], EvidencePolicy())
    assert {kind: (score.right, score.sentences) for kind, score in found.items()} == {
        "true": (1, 1),
        "other speaker": (1, 1),
        "negation": (1, 1),
        "number": (2, 2),
        "invented clause": (0, 0),
    }


def test_statements_name_their_meetings() -> None:
    """Of at least eight that were tuned on and eight that were not, each once."""
    written = evidence.written()
    assert len({one.text for one in written}) == len(written)
    for remainder in (0, 1):
        held = {one.meeting for one in written if int(one.meeting.split("-")[1]) % 2 == remainder}
        assert len(held) >= 8


@pytest.mark.skipif(not QMSUM.is_dir(), reason="QMSum is not here")
def test_the_check_reaches_its_aims_on_meetings_that_were_held_out() -> None:
    """At least 80 % of false sentences are rejected, and 75 % of true ones kept; 50 of each kind."""
    meetings = [one for one in read_meetings(QMSUM) if one.index % 2]
    names = {one.name for one in meetings}
    written = [one for one in evidence.written() if one.meeting in names]
    found = evidence.scores(meetings, written, EvidencePolicy())
    for kind, score in found.items():
        assert score.sentences >= 50, kind
        assert len(score.meetings) >= 8, kind
        assert score.right >= (0.75 if kind == "true" else 0.8) * score.sentences, kind
