"""Tables, aims, warnings and the command line of the benchmark."""

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.benchmark import BenchmarkFailed, aims, results
from scripts.benchmark.__main__ import counts, main, other, parser, seconds_of
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.report import (
    Aim,
    Report,
    Spread,
    Table,
    aims_table,
    command_line,
    publish,
    spread,
)
from tests.scripts.support import ONE


def test_a_run_is_a_row_with_what_never_came_beside_the_times() -> None:
    """An infinite time is one that never came."""
    table, stages = (one.markdown() for one in results.tables([ONE]))
    row = table.splitlines()[2]
    assert "| wordloop-ml, embedded | 1 | 1 | 400 / 400 | 500 / 500 | never / never |" in row
    assert "| 5.0 % | 0, 0, 1 | 0 | 100.0 % | 0.5 % | 0.5 % | 0.125 | 150 | 170 |" in row
    assert "| wordloop-ml, embedded, 1: 9 first | 300.0 |" in stages
    assert results.summary([ONE]).rows[0][-3:] == ["0", "0.125", "170"]
    assert json.dumps(ONE.as_json())


def test_a_machine_that_others_use_is_warned_of() -> None:
    """As is a client that cannot keep up."""
    busy = replace(ONE, cpu=CpuUse(10.0, 1.0, 0.1, 6.1), late=Spread(0.0, 0.1, 9))
    servers = [row[0] for row in results.summary([ONE, busy]).rows]
    assert servers == [servers[0], f"{servers[0]} (not quiet) (late client)"]


def test_a_run_is_held_to_the_aims_of_its_model_and_meetings() -> None:
    """Whatever the engine; what never came is not reached."""
    judged = {one.what: one for one in aims.judge([replace(ONE, profile="embedded-whisper-cpp")])}
    where = "wordloop-ml, embedded-whisper-cpp, 1"
    assert judged[f"{where}: first caption, p95"].reached
    assert not judged[f"{where}: final, p95"].reached
    assert not judged[f"{where}: first begins wrong"].reached
    assert judged[f"{where}: CPU per second of audio"].measured == 0.125
    assert "| never ms | missed |" in aims_table([*judged.values()]).markdown()
    assert not [one for one in aims.judge([replace(ONE, meetings=4)]) if "CPU" in one.what]


def test_percentiles_are_values_that_were_measured_and_what_never_came_is_late() -> None:
    """By nearest rank: the 95th of twenty is the nineteenth."""
    assert spread([]) is None
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 3.0, 3)
    assert spread([1.0, None]) == Spread(1.0, math.inf, 2)
    assert spread([float(one) for one in range(1, 21)]) == Spread(10.0, 19.0, 20)


def test_columns_of_text_stand_below_each_other() -> None:
    """Without blanks at the end of a line."""
    table = Table(["kind", "words"], [["conversation", "1"], ["all", "1310"]])
    assert table.text().splitlines() == [
        "kind          words",
        "------------  -----",
        "conversation  1",
        "all           1310",
    ]


def test_the_page_has_the_summary_and_the_count_of_the_aims() -> None:
    """Without a summary it has every table; the whole report has the aims themselves."""
    table, short = Table(["a", "b"], [["1", "2"]]), Table(["a"], [["1"]])
    aims = [Aim("time", 5.0, "ms", 4.0), Aim("size", 2000, "MiB", 3000)]
    report = Report([table], aims, notes=["here"], summary=[short])
    assert report.markdown() == f"{short.markdown()}\n\nAims reached: 1 of 2."
    assert "size                  2000 MiB  3000 MiB  missed" in report.text()
    assert report.text().endswith("\n\nhere")


def test_the_whole_report_is_a_file_and_its_summary_in_its_place(tmp_path: Path) -> None:
    """And nowhere else."""
    page = tmp_path / "benchmarks.md"
    page.write_text(
        "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n"
    )
    publish("x", "all\n", "new \\1", tmp_path)
    assert page.read_text(encoding="utf-8") == (
        "a\n<!-- begin x -->\nnew \\1\n\n[All figures](measured/x.txt)\n<!-- end x -->\n"
        "b\n<!-- begin y -->\n<!-- end y -->\n"
    )
    assert (tmp_path / "measured" / "x.txt").read_text(encoding="utf-8") == "all\n"
    with pytest.raises(BenchmarkFailed, match="no place for z"):
        publish("z", "all", "new", tmp_path)


def test_a_published_command_names_no_folder_of_the_machine() -> None:
    """Those of the checkout stay."""
    given = [
        "--speech",
        "/data/people",
        "--against",
        "whisperlive=../other",
        "--json",
        "out/x.json",
    ]
    said = command_line("scripts/bench", given)
    assert said == "scripts/bench --speech DIR --against whisperlive=DIR --json out/x.json"


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
    assert (seconds_of(1), seconds_of(16)) == (300.0, 60.0)


def test_without_the_name_of_a_benchmark_captions_are_measured(tmp_path: Path) -> None:
    """Each other benchmark has its name and its options."""
    empty = tmp_path / "speech"
    empty.mkdir()
    for first in ([], ["captions"]):
        options = ["--speech", str(empty), "--json", str(tmp_path / "out.json")]
        assert main([*first, *options]) == 1
    profiles = {"starts": "embedded", "memory": "embedded", "generation": "generative"}
    for name, profile in profiles.items():
        assert parser().parse_args([name]).profile == profile
