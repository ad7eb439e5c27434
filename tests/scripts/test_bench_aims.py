"""What must be reached, and whether it was."""

from dataclasses import replace

import pytest

from scripts.benchmark.aims import Judged, judge, markdown
from scripts.benchmark.figures import Spread
from tests.scripts.support import ONE


def test_each_run_is_held_to_its_own_aims() -> None:
    """By model and number of meetings; other runs have none."""
    twin = replace(
        ONE, subject="tiny.en twin", meetings=8, first_caption=Spread(0.5, 0.7999, 0.9, 9)
    )
    judged = {one.what: one for one in judge([twin, replace(twin, meetings=3)])}
    first = judged.pop("tiny.en twin, 8 meetings: time to first caption, p95")
    assert first.measured == pytest.approx(799.9)
    assert (first.at_most, first.reached) == (800, True)
    assert not [one for one in judged if "3 meetings" in one]


def test_what_was_not_measured_is_not_reached() -> None:
    """Nothing captioned is not fast."""
    judged = judge([replace(ONE, first_caption=None)])
    [first] = [one for one in judged if one.what.endswith("time to first caption, p95")]
    assert first.measured is None
    assert not first.reached


def test_talks_of_several_tracks_are_not_judged() -> None:
    """The aims are for meetings of one track."""
    assert judge([replace(ONE, tracks=2)]) == []


def test_the_table_says_what_was_missed() -> None:
    """With the unit, if there is one."""
    table = markdown([Judged("speed", 600, "ms", 601.26), Judged("ratio", 1.15, "", 1.0)])
    assert "| speed | 600 ms | 601.3 ms | **missed** |" in table
    assert "| ratio | 1.15 | 1 | reached |" in table
    assert markdown([]) == ""
