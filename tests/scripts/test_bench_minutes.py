"""The meeting of ``scripts/bench minutes``: who says what, what is posted, and what is aimed at."""

import numpy as np

from scripts.benchmark.minutes import TRACKS, Minutes, report, request, take_turns
from scripts.benchmark.report import Spread
from scripts.benchmark.speaking import Recording
from scripts.benchmark.speech import Said, Script
from wordloop_ml.wire.server_messages import CaptionMessage, encode


def caption(seq: int, *, final: bool) -> CaptionMessage:
    return CaptionMessage(
        segment=f"ana-{seq}",
        epoch=0,
        track="ana",
        start=seq,
        end=seq + 1,
        text="Good.",
        words=(),
        final=final,
        speech_final=final,
        replay=False,
        language="en",
    )


def test_two_people_take_turns_at_what_one_script_says() -> None:
    """Every utterance is on one track, at its time; the other is silent."""
    said = tuple(Said("so", "v", onset, onset + 10) for onset in (5, 25, 45))
    script = Script(np.arange(1, 61, dtype=np.int16), said)
    scripts = take_turns(script)
    assert [one.said for one in scripts] == [said[::2], said[1::2]]
    assert len(scripts) == len(TRACKS)
    ana, ben = (one.samples for one in scripts)
    assert np.array_equal(ana + ben, script.samples)
    assert not (ana * ben).any()
    assert ben[25:35].all()


def test_the_finals_are_posted_as_they_came() -> None:
    """And nothing that was replaced."""
    frames = [(0.0, encode(caption(1, final=False))), (0.1, encode(caption(1, final=True)))]
    assert request([Recording(0.0, frames=frames)])["segments"] == [
        {"id": "ana-1", "track": "ana", "start": 1, "end": 2, "text": "Good."}
    ]


def test_captions_beside_notes_are_compared_with_those_without() -> None:
    """And the synthesis after notes has its time."""
    coverage = {"cached": 0, "chunks": 3}
    without = Minutes(False, 100, Spread(0.5, 0.8, 10), 40.0, coverage)
    noted = Minutes(True, 100, Spread(0.5, 1.0, 10), 3.0, {**coverage, "cached": 3})
    made = report("embedded", 2.0, without, noted)
    assert [one.reached for one in made.aims] == [True, True, False]
    assert [row[-1] for row in made.tables[0].rows] == ["0 of 3", "3 of 3"]
