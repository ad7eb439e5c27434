"""Tables, aims, warnings and the command line of the benchmark."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.benchmark import aims, report
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.figures import Spread
from scripts.benchmark.options import counts, other, parser, seconds_of
from scripts.benchmark.publish import publish
from tests.scripts.support import ONE


def test_a_run_is_a_row_with_what_never_came_beside_the_times() -> None:
    """An infinite time is one that never came."""
    row = report.markdown([ONE]).splitlines()[2]
    assert "| wordloop-ml, embedded | 1 | 1 | 400 / 444 | 500 / 600 | 600 / never |" in row
    assert "| 0, 0, 1; 0 | 100.0 % | 0.5 % | 25.0 % | 0.5 % | 5.0 % | 0.125 |" in row
    assert "150, 170, 160" in row
    assert "| wordloop-ml, embedded, 1: 7 first captions | 300.0 |" in report.stages_markdown([ONE])
    assert json.dumps(report.as_json([ONE], {}))


def test_a_machine_that_others_use_is_warned_of() -> None:
    """As is a client that cannot keep up."""
    assert report.warnings([ONE]) == []
    busy = replace(ONE, elsewhere=0.5, late=Spread(0.0, 0.1, 9))
    assert [("50.0 %" in one, "100 ms late" in one) for one in report.warnings([busy])] == [
        (True, False),
        (False, True),
    ]
    assert "(not quiet)" in report.markdown([busy])


def test_a_run_is_held_to_the_aims_of_its_model_and_meetings() -> None:
    """Whatever the engine; what never came is not reached."""
    judged = {one.what: one for one in aims.judge([replace(ONE, profile="embedded-whisper-cpp")])}
    where = "wordloop-ml, embedded-whisper-cpp, 1"
    assert judged[f"{where}: first caption, p95"].reached
    assert not judged[f"{where}: final, p95"].reached
    assert not judged[f"{where}: first captions that begin with a wrong word"].reached
    assert judged[f"{where}: CPU per second of audio"].measured == 0.125
    assert "| never ms | **missed** |" in aims.markdown([*judged.values()])
    assert not [one for one in aims.judge([replace(ONE, meetings=4)]) if "CPU" in one.what]


def test_ours_is_compared_with_others_of_as_many_meetings() -> None:
    """Below theirs in each figure; words may be half a point worse."""
    theirs = replace(ONE, server="another", peak_rss=2**20 * 160)
    judged = {one.what: one.reached for one in aims.compare([ONE, theirs])}
    assert judged["1 meetings, against another: words wrong"]
    assert not judged["1 meetings, against another: memory at most"]
    assert aims.compare([ONE, replace(theirs, meetings=4)]) == []


def test_tables_go_into_their_place_of_the_page(tmp_path: Path) -> None:
    """And nowhere else."""
    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n"
    )
    publish("x", "new \\1\n", page)
    text = page.read_text(encoding="utf-8")
    assert text == (
        "a\n<!-- begin x -->\nnew \\1\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n"
    )
    with pytest.raises(BenchmarkFailed, match="no place for z"):
        publish("z", "new", page)


def test_options_are_checked() -> None:
    """Numbers of meetings, other servers, one mode at a time."""
    assert counts("1,2,16") == [1, 2, 16]
    for text in ("", "0", "1,-2", "two"):
        with pytest.raises(argparse.ArgumentTypeError, match="such as 1,8"):
            counts(text)
    assert other("whisperlive=there") == ("whisperlive", Path("there"))
    for text in ("whisperlive", "nobody=there", "whisperlive="):
        with pytest.raises(argparse.ArgumentTypeError, match="=DIR"):
            other(text)
    with pytest.raises(SystemExit):
        parser().parse_args(["--memory", "--all"])
    assert (seconds_of(1), seconds_of(16)) == (300.0, 60.0)
