"""Where the time of a caption went, from the server's log."""

import json

import pytest

from scripts.benchmark.captions import Shown, timed
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.stages import (
    Delay,
    ServerTiming,
    mean_stages,
    read_timings,
    stage_names,
)


def line(**facts: object) -> str:
    """What the server logs of a caption."""
    row = {
        "event": "caption_sent",
        "meeting": "default/bench-0",
        "track": "t0",
        "decoded_for": "interim",
        "audio_ms": 2000,
        "heard_ms": 1.0,
        "queued_ms": 4.0,
        "ran_ms": 100.0,
        "returned_ms": 2.0,
        "stabilised_ms": 0.5,
        "send_ms": 0.25,
    }
    return json.dumps(row | facts)


def shown() -> Shown:
    return Shown(1.0, "t0-0", 0, 100, (), final=False, speech_final=False)


def test_lines_are_read_by_meeting_and_track_in_their_order() -> None:
    """A meeting under its tenant has the name that its client gave it; other lines say nothing."""
    timings = read_timings(
        [
            '{"event": "ready"}',
            line(),
            "aiohttp: something",
            line(track="t1"),
            line(decoded_for="final"),
        ]
    )
    assert set(timings) == {("bench-0", "t0"), ("bench-0", "t1")}
    first, second = timings["bench-0", "t0"]
    assert first == ServerTiming(0.001, 0.004, 0.1, 0.002, 0.0005, 0.00025)
    assert second == first


def test_a_caption_that_no_decode_let_out_waited_for_none() -> None:
    """The audio did: there is nothing but its own step."""
    row = json.loads(line(decoded_for="none", audio_ms=0))
    for name in ("heard_ms", "queued_ms", "ran_ms"):
        del row[name]
    [timing] = read_timings([json.dumps(row)])["bench-0", "t0"]
    assert (timing.heard_s, timing.queued_s, timing.ran_s) == (0.0, 0.0, 0.0)


def test_the_stages_of_a_first_caption_add_up_to_its_delay() -> None:
    """What nobody clocked is the rest."""
    [timing] = read_timings([line()])["bench-0", "t0"]
    stages = mean_stages([Delay(timing, 0.3, 0.42)])
    assert stages is not None
    assert stages.ran == pytest.approx(0.1)
    assert sum(getattr(stages, name) for name in stage_names()) == pytest.approx(0.42)


def test_stages_are_averages_and_unknown_without_captions() -> None:
    """Of as many captions as there were."""
    slow, fast = (read_timings([line(ran_ms=ms)])["bench-0", "t0"][0] for ms in (300.0, 100.0))
    stages = mean_stages([Delay(slow), Delay(fast)])
    assert stages is not None
    assert stages.count == 2
    assert stages.ran == pytest.approx(0.2)
    assert stages.rest == 0.0
    assert mean_stages([]) is None


def test_the_nth_line_is_about_the_nth_caption() -> None:
    """A server that says nothing is no failure; one that says less than it sent is."""
    timings = read_timings([line(), line(decoded_for="final")])["bench-0", "t0"]
    first, second = timed([shown(), shown()], timings)
    assert first.timing is timings[0]
    assert second.timing is timings[1]
    assert timed([shown()], ())[0].timing is None
    with pytest.raises(BenchmarkFailed, match="timed 2 captions, 1 came"):
        timed([shown()], timings)
