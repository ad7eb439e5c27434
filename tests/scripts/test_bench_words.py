"""The report on words, and what it writes into the manifest."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.benchmark.reliability import reliability
from scripts.benchmark.word_truth import Scored
from scripts.benchmark.words import reliability_text, times, worthwhile, written
from wordloop_ml.weights import Calibration, parse_manifest

MANIFEST = (Path(__file__).parents[2] / "weights" / "manifest.toml").read_text(encoding="utf-8")
CURVE = reliability([Scored(0.95, right, None, None) for right in [True] * 19 + [False]])


def test_times_are_of_words_that_are_right() -> None:
    """In milliseconds; the shift keeps its sign."""
    found = times([-160, None, -160, -320, 1_600])
    assert (found.words, found.p50, found.p95, found.shift) == (4, 20.0, 100.0, -10.0)


@pytest.mark.parametrize("name", ["tiny.en-q8_0", "base.en-q8_0"])
def test_a_calibration_is_written_into_its_row_alone(name: str) -> None:
    """Twice is once, and without one the text is as before."""
    bare = written(MANIFEST, name, None)
    once = written(bare, name, Calibration(0.8, -0.1))
    assert written(once, name, Calibration(0.8, -0.1)) == once
    assert written(once, name, None) == bare
    entries = parse_manifest(once, Path()).entries
    assert [one for one in entries if entries[one].calibration != Calibration()] == [name]
    assert len(once.splitlines()) == len(bare.splitlines()) + 1


def test_a_row_that_is_not_there_is_refused() -> None:
    """Nothing is written anywhere else."""
    with pytest.raises(ValueError, match="no row"):
        written(MANIFEST, "large", Calibration(0.8, 0.0))


def test_a_calibration_is_worth_having_when_it_mends_something() -> None:
    """Sure words that were too often wrong, or a real gain; never when sure words become worse."""
    honest = replace(CURVE, sure_right=0.97, log_loss=0.30)
    too_sure = replace(CURVE, sure_right=0.90, log_loss=0.30)
    assert worthwhile(too_sure, honest)
    assert not worthwhile(honest, replace(honest, log_loss=0.299))
    assert worthwhile(honest, replace(honest, log_loss=0.25))
    assert not worthwhile(honest, replace(too_sure, log_loss=0.25))
    assert worthwhile(too_sure, replace(honest, sure_words=0, sure_right=None))


def test_the_curve_can_be_read() -> None:
    """A bin without words has an empty row."""
    text = reliability_text("All", CURVE)
    assert "| 0.90 to 0.95 | 20 | 0.95 | 95 % | ################### |" in text
    assert "| 0.00 to 0.30 | 0 | | | |" in text
    assert "over 0.9: 20 of 20 words, 95.0 % right" in text
