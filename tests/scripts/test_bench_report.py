"""The table and the JSON of a result."""

import json
from dataclasses import replace

from scripts.benchmark.figures import Spread, UtteranceFigures
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.native_cost import NativeCost
from scripts.benchmark.report import as_json, markdown
from scripts.benchmark.results import Result

MACHINE = {"CPU": "a fast one", "cores": 2}
EACH = UtteranceFigures(1.0, "a voice", 0.4, 0.5, True, 0.6, 1, "Hello.", "Yellow", "Hello.")
ONE = Result(
    meetings=1,
    tracks=1,
    seconds=60.0,
    talk_share=0.61,
    utterances=1,
    never_captioned=0,
    without_final=0,
    merged_or_split=0,
    first_caption=Spread(0.4, 0.4444, 0.45, 1),
    first_right=None,
    first_wrong_share=0.25,
    final=Spread(0.6, 0.6, 0.6, 1),
    interim_gap=None,
    stable=200,
    revised=1,
    segments_over_nothing=0,
    word_error_rate=0.0512,
    offline_word_error_rate=None,
    cpu=CpuUse(60.0, 0.1, 0.3, 0.05, 0.01),
    native_cost=NativeCost(0.0084, 0.0041, 0.02, 0.015),
    around_native=None,
    ready_rss=2**20 * 150,
    peak_rss=2**20 * 170,
    end_rss=2**20 * 160,
    send_lateness=Spread(0.0, 0.001, 0.0021, 3_000),
    messages={"caption": 9},
    each=(EACH,),
)


def test_the_table_has_a_column_for_each_result_and_a_cell_in_every_row() -> None:
    """It can be pasted into a Markdown page as it is."""
    lines = markdown([ONE, replace(ONE, meetings=8)], MACHINE).split("\n\n")[0].splitlines()
    assert lines[0] == "|  | 1 meeting, 60 s | 8 meetings, 60 s |"
    assert {line.count("|") for line in lines} == {4}


def test_figures_stand_beside_what_they_must_reach() -> None:
    """Targets differ with the number of meetings; what was never measured says so."""
    table = markdown([ONE, replace(ONE, meetings=8)], MACHINE)
    assert "| 400 / 444 / 450 (at most p95 450) | 400 / 444 / 450 (at most p95 730) |" in table
    assert "| none (at most p95 800) | none |" in table
    assert "| 0.50 % of 200 |" in table
    assert "not known (at most 2 %)" in table
    assert "| 0.84 %, 0.41 % |" in table
    assert table.endswith("CPU: a fast one · cores: 2\n")


def test_a_long_talk_is_held_against_offline_decoding() -> None:
    """In points, which may be negative."""
    table = markdown([replace(ONE, tracks=2, offline_word_error_rate=0.06)], MACHINE)
    assert "| live minus offline, points | -0.9 (at most 2) |" in table
    assert "p95 450" not in table
    assert "offline" not in markdown([ONE], MACHINE)


def test_the_json_holds_every_utterance() -> None:
    """Enough to look for the one that was slow."""
    document = json.loads(json.dumps(as_json([ONE], MACHINE)))
    assert document["machine"]["cores"] == 2
    [result] = document["results"]
    assert result["first_caption"]["p95"] == 0.4444
    assert result["each"][0]["first_text"] == "Yellow"
