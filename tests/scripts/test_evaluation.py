"""What measures syntheses on QMSum, on small examples; the meetings themselves where they are there."""

from pathlib import Path

import pytest

from scripts.evaluation import rules
from scripts.evaluation.meetings import DOMAINS, read_meetings, spoken
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy

QMSUM = Path(__file__).parents[2].parent / "shared/data/qmsum"


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("I 'm sure it 's {disfmarker} fine .", "I'm sure it's fine."),
        ("the L_C_D_ is on", "the LCD is on"),
        ("don 't they ?", "don't they?"),
        ("a far - field mike", "a far-field mike"),
    ],
)
def test_turns_read_like_captions(tokens: str, text: str) -> None:
    """No tags, no blanks before punctuation."""
    assert spoken(tokens) == text


def test_precision_and_recall_are_those_of_the_lines() -> None:
    """Found and labelled, over found, and over labelled."""
    labels = [rules.Label("m", at, "none", "D" if at < 4 else "") for at in range(10)]
    score = rules.score(labels, {"m": {"D": {2, 3, 4, 99}}}, "D")
    assert (score.labelled, score.found, score.both) == (4, 3, 2)
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == 0.5


def test_the_labels_are_whole() -> None:
    """Known letters, known domains, enough lines, no line of the read pools twice."""
    labels = rules.read_labels()
    read = [one for one in labels if not one.sampled.startswith("found")]
    assert len(read) >= 60
    assert len({(one.meeting, one.turn) for one in read}) == len(read)
    assert set("".join(one.labels for one in labels)) == set("DAQO")
    assert {one.meeting.split("-")[0] for one in labels} == set(DOMAINS)


@pytest.mark.skipif(not QMSUM.is_dir(), reason="QMSum is not here")
def test_the_labels_are_turns_of_qmsum() -> None:
    """And the rules find what the page says on some of them."""
    meetings = {one.name: one for one in read_meetings(QMSUM)}
    labels = [one for one in rules.read_labels() if one.meeting.startswith("product")]
    for one in labels:
        assert meetings[one.meeting].transcript.segments[one.turn].text
    names = {one.meeting for one in labels}
    found = {name: rules.found_in(meetings[name], ExtractivePolicy()) for name in names}
    read = [one for one in labels if not one.sampled.startswith("found")]
    assert rules.score(read, found, "D").recall >= 0.4
    assert rules.score(read, found, "Q").precision >= 0.6
