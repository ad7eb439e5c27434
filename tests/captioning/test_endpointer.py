"""Speech begins and ends where the probabilities say, one rule per test."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.endpointer import (
    Endpointer,
    EndpointerEvent,
    SilenceBegan,
    SpeechBegan,
    SpeechEnded,
    SpeechResumed,
)
from wordloop_ml.captioning.policy import CaptioningPolicy

POLICY = CaptioningPolicy(
    window_samples=10,
    onset_lead_samples=10,
    pre_roll_samples=30,
    min_silence_samples=50,
    speculate_samples=20,
)
LOUD, SOFT, QUIET = 0.9, 0.4, 0.1


def heard(endpointer: Endpointer, *probabilities: float) -> list[EndpointerEvent]:
    """What the endpointer makes of these windows."""
    events = (endpointer.step(probability, 10) for probability in probabilities)
    return [event for event in events if event is not None]


def test_speech_begins_with_a_pre_roll_before_its_onset() -> None:
    """The first window counts, although the second had to confirm it."""
    endpointer = Endpointer(POLICY, 0)
    assert heard(endpointer, *[QUIET] * 10, LOUD, LOUD) == [SpeechBegan(start=60, onset=90)]


def test_a_pre_roll_stops_at_the_first_sample() -> None:
    """There is nothing before the audio."""
    assert heard(Endpointer(POLICY, 1_000), LOUD, LOUD) == [SpeechBegan(1_000, 1_000)]


def test_a_pre_roll_stops_at_the_end_of_the_segment_before() -> None:
    """No sample belongs to two segments."""
    endpointer = Endpointer(POLICY, 0)
    *_, ended = heard(endpointer, LOUD, LOUD, *[QUIET] * 5)
    assert ended == SpeechEnded(40)
    assert heard(endpointer, LOUD, LOUD) == [SpeechBegan(start=40, onset=60)]


def test_one_loud_window_is_no_speech() -> None:
    """A click costs nothing: no segment, no decode, no caption."""
    assert heard(Endpointer(POLICY, 0), QUIET, LOUD, *[QUIET] * 20) == []


def test_a_burst_is_confirmed_within_the_pre_roll() -> None:
    """A word that begins haltingly loses nothing: its segment reaches back from the burst."""
    endpointer = Endpointer(POLICY, 0)
    assert heard(endpointer, *[QUIET] * 10, LOUD, QUIET, QUIET, SOFT) == [SpeechBegan(60, 90)]


def test_a_burst_that_came_too_early_confirms_nothing() -> None:
    """After the pre-roll it could not be reached any more, so it was silence."""
    endpointer = Endpointer(POLICY, 0)
    assert heard(endpointer, *[QUIET] * 10, LOUD, QUIET, QUIET, QUIET, LOUD) == []
    assert heard(endpointer, LOUD) == [SpeechBegan(100, 130)]


def test_soft_windows_hold_speech_but_do_not_start_it() -> None:
    """Hysteresis: 0.4 is not enough to begin with, and enough to go on."""
    assert heard(Endpointer(POLICY, 0), *[SOFT] * 9) == []
    assert heard(Endpointer(POLICY, 0), LOUD, LOUD, *[SOFT] * 90) == [SpeechBegan(0, 0)]


def test_speech_ends_after_the_endpoint_and_shortly_after_its_last_window() -> None:
    """The segment's end is where the speculative decode ended, so that decode can be the final."""
    events = heard(Endpointer(POLICY, 0), LOUD, LOUD, LOUD, *[QUIET] * 5)
    assert events == [SpeechBegan(0, 0), SilenceBegan(30), SpeechEnded(50)]


def test_a_breath_does_not_end_speech() -> None:
    """The endpoint counts from the last silence only."""
    events = heard(Endpointer(POLICY, 0), LOUD, LOUD, *[QUIET] * 4, LOUD, *[QUIET] * 4)
    assert events == [SpeechBegan(0, 0), SilenceBegan(20), SpeechResumed(), SilenceBegan(70)]


def test_soft_windows_do_not_bring_speech_back() -> None:
    """What could not begin a segment cannot hold an ending one open."""
    events = heard(Endpointer(POLICY, 0), LOUD, LOUD, QUIET, *[SOFT] * 4)
    assert events == [SpeechBegan(0, 0), SilenceBegan(20), SpeechEnded(40)]


def test_silence_is_proven_when_no_pre_roll_can_reach_it() -> None:
    """It trails by the pre-roll and the detector's lag, and waits for a burst's confirmation."""
    endpointer = Endpointer(POLICY, 0)
    heard(endpointer, *[QUIET] * 10)
    assert endpointer.proven_silence_until == 60
    heard(endpointer, LOUD, QUIET, QUIET)
    assert endpointer.proven_silence_until == 60
    heard(endpointer, QUIET, QUIET)
    assert endpointer.proven_silence_until == 110


def test_a_border_from_outside_closes_what_is_open() -> None:
    """At the border, or where the speaker stopped before it."""
    speaking, pausing = Endpointer(POLICY, 0), Endpointer(POLICY, 0)
    heard(speaking, LOUD, LOUD, LOUD)
    heard(pausing, LOUD, LOUD, LOUD, QUIET, QUIET, QUIET)
    assert speaking.close(33, last=False) == [SpeechEnded(33)]
    assert pausing.close(63, last=False) == [SpeechEnded(50)]


def test_a_burst_at_the_very_end_counts_as_speech() -> None:
    """Nothing can confirm it any more, so it is decoded rather than lost."""
    endpointer = Endpointer(POLICY, 0)
    heard(endpointer, *[QUIET] * 10, LOUD)
    assert endpointer.close(110, last=False) == []
    assert endpointer.close(110, last=True) == [SpeechBegan(60, 90), SpeechEnded(110)]


def test_after_a_jump_nothing_reaches_behind_it() -> None:
    """Audio on both sides of a gap never meets in one segment."""
    endpointer = Endpointer(POLICY, 0)
    heard(endpointer, *[QUIET] * 10)
    endpointer.jump(500)
    assert endpointer.proven_silence_until == 500
    assert heard(endpointer, LOUD, LOUD) == [SpeechBegan(500, 500)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.34, 0.36, 0.49, 0.5, 1.0]), max_size=120))
def test_proven_silence_never_moves_back_and_no_segment_begins_behind_it(
    probabilities: Sequence[float],
) -> None:
    """Whatever the probabilities; and segments are in order, apart, and not empty."""
    endpointer, proven, last_end, start = Endpointer(POLICY, 3), 3, 3, None
    for probability in probabilities:
        match endpointer.step(probability, 10):
            case SpeechBegan(begins, onset):
                assert max(proven, last_end) <= begins <= onset < endpointer.position
                start = begins
            case SpeechEnded(end):
                assert start is not None
                assert start < end <= endpointer.position
                last_end, start = end, None
        if start is None:
            assert proven <= endpointer.proven_silence_until <= endpointer.position
            proven = endpointer.proven_silence_until
