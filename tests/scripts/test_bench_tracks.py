"""Composed tracks."""

from itertools import pairwise

import numpy as np

from scripts.benchmark.speaking import FRAME_SAMPLES, audio_frames
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.tracks import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, TAIL_S, compose
from wordloop_ml.messages import SAMPLE_RATE

SPEECH = [
    SpokenText(text, "a voice", np.full(length, 8_000, np.int16), 320, length - 480)
    for text, length in (("one", 16_000), ("two", 24_000), ("three", 9_001))
]


def test_the_speech_is_where_the_script_says() -> None:
    """Loud from onset to end, no louder than noise in the pauses."""
    script = compose(SPEECH, 20.0, np.random.default_rng(1))
    loud = np.abs(script.samples) > 4_000
    for one in script.said:
        assert loud[one.onset : one.end].all()
        assert not loud[one.onset - 320 - 1]
        assert not loud[one.end + 480]


def test_pauses_are_longer_than_the_endpoint_and_the_tail_is_silent() -> None:
    """An utterance is mostly a segment of its own, and the last one has its final in time."""
    script = compose(SPEECH, 20.0, np.random.default_rng(2))
    for before, after in pairwise(script.said):
        pause_s = (after.onset - 320 - before.end - 480) / SAMPLE_RATE
        assert SHORTEST_PAUSE_S - 0.001 <= pause_s <= LONGEST_PAUSE_S + 0.001
    assert len(script.samples) - script.said[-1].end - 480 == round(TAIL_S * SAMPLE_RATE)


def test_every_utterance_comes_once_before_any_comes_again() -> None:
    """The figures do not hang on one sentence."""
    script = compose(SPEECH, 20.0, np.random.default_rng(3))
    texts = [one.text for one in script.said]
    assert len(texts) >= 6
    assert set(texts[:3]) == set(texts[3:6]) == {"one", "two", "three"}


def test_the_same_seed_gives_the_same_track_and_another_another() -> None:
    """A run can be repeated."""
    first = compose(SPEECH, 20.0, np.random.default_rng(4))
    again = compose(SPEECH, 20.0, np.random.default_rng(4))
    other = compose(SPEECH, 20.0, np.random.default_rng(5))
    assert np.array_equal(first.samples, again.samples)
    assert first.said == again.said
    assert first.said != other.said


def test_frames_are_20_ms_and_hold_the_whole_track() -> None:
    """The last one is filled up with silence."""
    samples = np.arange(-500, 500, dtype=np.int16)
    frames = audio_frames(samples)
    assert {len(frame) for frame in frames} == {2 * FRAME_SAMPLES}
    whole = np.frombuffer(b"".join(frames), "<i2")
    assert np.array_equal(whole[:1000], samples)
    assert not whole[1000:].any()
