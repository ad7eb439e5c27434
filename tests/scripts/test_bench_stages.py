"""Where the time of a caption went, from the server's log."""

import json
from dataclasses import replace

import pytest

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.captions import Shown
from scripts.benchmark.stages import STAGES, delays, mean_cells, read_timings
from tests.scripts.support import EACH


def line(**facts: object) -> str:
    """What the server logs of a caption."""
    row = {
        "event": "caption_sent",
        "meeting": "default/bench-0",
        "track": "t0",
        "heard_ms": 1.0,
        "queued_ms": 4.0,
        "ran_ms": 100.0,
        "returned_ms": 2.0,
        "stabilised_ms": 0.5,
        "send_ms": 0.25,
    }
    return json.dumps(row | facts)


def shown(at_s: float, *, final: bool = False) -> Shown:
    return Shown(at_s, "t0-0", 0, 1_300, (), final=final)


def test_lines_are_read_by_meeting_in_their_order() -> None:
    """A meeting under its tenant has the name that its client gave it; other lines say nothing."""
    short = json.loads(line(meeting="default/bench-1"))
    del short["heard_ms"], short["ran_ms"]
    lines = ['{"event": "ready"}', line(), "aiohttp: something", json.dumps(short), line()]
    timings = read_timings(lines)
    assert {name: len(found) for name, found in timings.items()} == {"bench-0": 2, "bench-1": 1}
    assert timings["bench-0"][0] == (0.001, 0.004, 0.1, 0.002, 0.0005, 0.00025)
    assert timings["bench-1"][0] == (0.0, 0.004, 0.0, 0.002, 0.0005, 0.00025)


def test_the_stages_of_a_first_caption_add_up_to_its_delay() -> None:
    """It is the caption that came at that moment; what nobody clocked is the rest."""
    timings = read_timings([line(), line(ran_ms=300.0)])["bench-0"]
    captions = [shown(11.4), shown(12.0, final=True)]
    found = delays(captions, timings, [EACH, replace(EACH, first_s=None)], 10.0)
    assert {kind: len(some) for kind, some in found.items()} == {
        "first captions": 1,
        "interims": 1,
        "finals": 1,
    }
    [first] = found["first captions"]
    assert dict(zip(STAGES, first, strict=True))["listening"] == pytest.approx(0.3)
    assert sum(first) == pytest.approx(EACH.first_s)
    assert mean_cells([*found["interims"], *found["finals"]])[3] == "200.0"


def test_the_nth_line_is_about_the_nth_caption() -> None:
    """A server that says nothing is no failure; one that says less than it sent is."""
    timings = read_timings([line()])["bench-0"]
    assert delays([shown(1.0)], (), [EACH], 0.0) == {}
    with pytest.raises(BenchmarkFailed, match="timed 1 captions, 2 came"):
        delays([shown(1.0), shown(2.0)], timings, [EACH], 0.0)
