"""What is counted of a synthesis."""

import pytest

pytest.importorskip("rouge_score", reason="the extra evaluation is not installed")

from scripts.evaluation import engines
from scripts.evaluation.meetings import Meeting
from tests.talk import said
from wordloop_ml.engines.catalogue import TextEngines
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Coverage,
    Draft,
    MadeBy,
    MeetingSynthesis,
    Statement,
    Transcript,
)

SEGMENTS = said(
    "Ada: We decided to use plastic for the case of the remote control.",
    "Ben: I will send the drawings to Carla by Friday.",
)
MEETING = Meeting(
    "product", 0, Transcript("m", SEGMENTS, "en"), ("They use plastic for the case.",), (), ()
)


def test_faults_of_form_are_counted() -> None:
    """Also what was dropped, and dues that nobody said."""
    draft = Draft(
        Statement("", ()),
        (
            Statement("They use plastic for the case.", ("s0",)),
            Statement("They use plastic for the case.", ("s0",)),
            Statement("Ada: okay.", ("s0",)),
            Statement("They use plastic for the", ("s0",)),
        ),
        action_items=(ActionItem("Send the drawings to Карла.", ("s1",), "Ben", "Monday"),),
    )
    coverage = Coverage(2, 2, 1, 0, unsupported=3, refused={"voice": 2})
    score = engines.Score()
    engines.add(
        score, MEETING, MeetingSynthesis("m", draft, coverage, MadeBy("k", "e", "m", "0" * 64))
    )
    assert score.form == {"repeated": 1, "cut": 1, "foreign_script": 1, "prefix": 1, "tiny": 2}
    assert (score.statements, score.dues, score.dropped, score.empty) == (5, 1, 3, 0)
    assert score.refused == {"voice": 2}
    assert score.rouge[0][0] > 40


def test_every_engine_has_a_column() -> None:
    """And one that is missing is named."""
    shown = engines.table([MEETING], TextEngines(ScriptedEmbedder(), None), {})
    assert "extractive" in shown
    assert "generative: skipped" in shown
    assert "content R-1" in shown
