"""The tables and the JSON of a result."""

import json
from dataclasses import replace

from scripts.benchmark.report import as_json, machine_line, markdown, stages_markdown
from tests.scripts.support import ONE

MACHINE = {"CPU": "a fast one", "cores": 2}


def test_the_table_has_a_column_for_each_result_and_a_cell_in_every_row() -> None:
    """It can be pasted into a Markdown page as it is."""
    lines = markdown([ONE, replace(ONE, meetings=8)]).splitlines()
    assert lines[0] == "|  | embedded, 1 meeting, 60 s | embedded, 8 meetings, 60 s |"
    assert {line.count("|") for line in lines} == {4}


def test_figures_are_percentiles_shares_and_counts() -> None:
    """What was never measured says so."""
    table = markdown([ONE])
    assert "| 400 / 444 / 450 |" in table
    assert "| transcript latency of interims, ms | 100 / 200 / 300 |" in table
    assert "| time to first right caption, ms | none |" in table
    assert "| 0.50 % of 200 |" in table
    assert "of one core, a meeting | not known |" in table
    assert "| 0.84 %, 0.41 % |" in table
    assert machine_line(MACHINE) == "CPU: a fast one · cores: 2"


def test_a_twin_has_no_figures_about_words() -> None:
    """What it says means nothing."""
    table = markdown([replace(ONE, has_words=False, word_error_rate=None)])
    for row in ("first right caption, ms", "were wrong", "contradicts", "word error rate"):
        assert f"{row} | no words |" in table
    assert "| 400 / 444 / 450 |" in table


def test_stages_are_told_in_milliseconds_that_add_up() -> None:
    """A row for each run and kind of caption that was timed."""
    lines = stages_markdown([ONE, replace(ONE, first_stages=None)]).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(
        "| embedded, 1 meeting, 60 s: 7 first captions | 300.0 | 1.0 | 2.0 |"
    )
    assert stages_markdown([replace(ONE, first_stages=None)]) == ""


def test_a_long_talk_is_held_against_offline_decoding() -> None:
    """In points, which may be negative."""
    table = markdown([replace(ONE, tracks=2, offline_word_error_rate=0.06)])
    assert "| live minus offline, points | -0.9 |" in table
    assert "embedded, 1 meeting of 2 tracks, 60 s" in table
    assert "offline" not in markdown([ONE])


def test_the_json_holds_every_utterance() -> None:
    """Enough to look for the one that was slow."""
    document = json.loads(json.dumps(as_json([ONE], MACHINE)))
    assert document["machine"]["cores"] == 2
    [result] = document["results"]
    assert result["first_caption"]["p95"] == 0.4444
    assert result["each"][0]["first_text"] == "Yellow"
