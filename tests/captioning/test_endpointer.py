"""Speech begins and ends where the probabilities say, one rule per test."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.endpointer import (
    Endpointer,
    EndpointerEvent,
    LevelNormaliser,
    SilenceBegan,
    SpeechBegan,
    SpeechDetector,
    SpeechEnded,
    SpeechResumed,
)
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Samples, SpeechStarted

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


TONE_SAMPLES = 512


def tone(amplitude: float) -> Samples:
    """A window of a tone."""
    wave: Samples = (np.sin(np.arange(TONE_SAMPLES) * 0.3) * amplitude).astype(np.float32)
    return wave


def rms(window: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(window))))


def test_quiet_speech_is_raised_to_be_heard() -> None:
    """Once the level of the track is known, to the level of normal speech."""
    level, quiet = LevelNormaliser(), tone(0.005)
    heard = [level.normalise(quiet) for _ in range(400)]
    assert rms(heard[0]) > rms(quiet) * 9
    assert rms(heard[-1]) == pytest.approx(0.05, rel=0.05)


def test_loud_speech_is_untouched() -> None:
    """Sample by sample, from the first window on."""
    level, loud = LevelNormaliser(), tone(0.3)
    assert np.array_equal(level.normalise(loud), loud)


def test_a_pause_between_sentences_moves_little() -> None:
    """Noise at rest is not raised to speech while somebody breathes."""
    level = LevelNormaliser()
    level.normalise(tone(0.3))
    noise = tone(0.001)
    for _ in range(30):  # about a second
        paused = level.normalise(noise)
    assert rms(paused) <= rms(noise) * 2


def test_nothing_is_raised_by_more_than_30_db() -> None:
    """However long it is as quiet as that."""
    level, faint = LevelNormaliser(), tone(0.00002)
    heard = [level.normalise(faint) for _ in range(2_000)]
    assert rms(heard[-1]) == pytest.approx(rms(faint) * 31.6, rel=0.01)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0, width=32), st.integers(0, 99)), max_size=30))
def test_output_is_bounded_and_follows_from_the_audio_alone(
    windows: list[tuple[float, int]],
) -> None:
    """In [-1, 1], never quieter than what came, and the same each time."""
    one, other = LevelNormaliser(), LevelNormaliser()
    for amplitude, seed in windows:
        noise = np.random.default_rng(seed).uniform(-1, 1, TONE_SAMPLES) * amplitude
        window = noise.astype(np.float32)
        before = window.copy()
        heard = one.normalise(window)
        assert np.array_equal(window, before)
        assert heard.dtype == np.float32
        assert heard.shape == window.shape
        assert np.abs(heard).max() <= 1.0
        assert np.all(np.abs(heard) >= np.abs(window))
        assert np.array_equal(heard, other.normalise(before))


DEFAULTS = CaptioningPolicy()
WINDOW = DEFAULTS.window_samples


class LoudnessVoice:
    """Loud is speech; fails when told to."""

    fails = False

    def probability(self, window: Samples) -> float:
        assert window.shape == (WINDOW,)
        if self.fails:
            raise EngineFailed("no probability")
        return 0.95 if np.abs(window).max() > 0.01 else 0.02


def loud(samples: int) -> Samples:
    """Speech to this detector."""
    return np.full(samples, 0.1, np.float32)


def test_windows_are_judged_one_by_one_and_the_rest_on_demand() -> None:
    """The part of a window that is left at the end is padded with silence."""
    detector = SpeechDetector(LoudnessVoice(), DEFAULTS, 1_000)
    detector.buffer.append(loud(2 * WINDOW + 100))
    assert detector.pending_samples == 2 * WINDOW + 100
    events = [
        detector.process_window(WINDOW),
        detector.process_window(WINDOW),
        detector.process_window(detector.pending_samples),
    ]
    assert [type(event) for event in events] == [type(None), SpeechBegan, type(None)]
    assert (detector.pending_samples, detector.endpointer.position, detector.buffer.end) == (
        0,
        1_000 + 2 * WINDOW + 100,
        detector.endpointer.position,
    )


def test_audio_comes_back_by_its_position_until_it_is_released() -> None:
    """And makes room again."""
    detector = SpeechDetector(LoudnessVoice(), DEFAULTS, 1_000)
    before = detector.buffer.room
    detector.buffer.append(loud(WINDOW))
    utterance = detector.audio(1_100, 1_300)
    assert (utterance.start, utterance.end) == (1_100, 1_300)
    detector.buffer.release_before(1_000 + WINDOW)
    assert detector.buffer.room == before


def test_a_border_from_outside_ends_speech_and_positions_go_on_after_a_gap() -> None:
    """Nothing that follows reaches behind it."""
    detector = SpeechDetector(LoudnessVoice(), DEFAULTS, 0)
    detector.buffer.append(loud(4 * WINDOW))
    while detector.pending_samples:
        detector.process_window(WINDOW)
    assert detector.close(last=True) == [SpeechEnded(4 * WINDOW)]
    detector.skip(5_000)
    assert (
        detector.endpointer.position
        == detector.buffer.end
        == detector.endpointer.proven_silence_until
        == 4 * WINDOW + 5_000
    )


def test_a_window_that_the_detector_fails_on_is_like_the_one_before() -> None:
    """A burst is confirmed by a window that nobody heard."""
    voice = LoudnessVoice()
    detector = SpeechDetector(voice, DEFAULTS, 0)
    detector.buffer.append(loud(2 * WINDOW))
    detector.process_window(WINDOW)
    voice.fails = True
    assert isinstance(detector.process_window(WINDOW), SpeechBegan)
    assert detector.failures == 1


SECOND = 16_000
QUIET_RMS, SOFT_RMS, LOUD_RMS = 0.00005, 0.0005, 0.1


class CountingVoice:
    """Hears speech in what is loud, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def probability(self, window: Samples) -> float:
        self.asked += 1
        return 0.95 if np.abs(window).max() > 0.01 else 0.02


def _fed(*levels: float) -> tuple[Track, CountingVoice, list[object]]:
    """A track that heard one second of each of these levels."""
    voice = CountingVoice()
    track = Track("ana", voice, CaptioningPolicy())
    out: list[object] = []
    for level in levels:
        out += track.feed(np.full(SECOND, level, np.float32))
    return track, voice, out


def test_silence_outside_speech_is_known_without_asking() -> None:
    """A muted participant costs no call, and is proven silent all the same."""
    track, voice, _ = _fed(QUIET_RMS, QUIET_RMS)
    assert voice.asked == 0
    assert track.committed > 0


def test_soft_sound_is_asked_about() -> None:
    """Only what no guard would let through is passed over."""
    _, voice, _ = _fed(SOFT_RMS)
    assert voice.asked == SECOND // 512


def test_silence_inside_speech_is_asked_about_until_the_segment_ends() -> None:
    """The end of speech is the detector's to tell; after it, silence is free again."""
    _, voice, out = _fed(LOUD_RMS, QUIET_RMS, QUIET_RMS)
    assert SECOND // 512 + 8_000 // 512 <= voice.asked < 2 * SECOND // 512
    assert [type(one) for one in out].count(SpeechStarted) == 1


def test_speech_after_silence_begins_where_it_begins() -> None:
    """Windows that nobody was asked about do not shift the onset."""
    _, _, out = _fed(QUIET_RMS, LOUD_RMS)
    (began,) = [one for one in out if isinstance(one, SpeechStarted)]
    assert SECOND - 1_024 <= began.at <= SECOND
