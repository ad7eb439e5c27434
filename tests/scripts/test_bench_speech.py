"""Where the voice is in a recording, and tracks composed of recordings."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmark.speaking import FRAME_SAMPLES, audio_frames
from scripts.benchmark.speech import (
    LONGEST_PAUSE_S,
    SHORTEST_PAUSE_S,
    TAIL_S,
    SpokenText,
    compose,
    voiced,
)
from wordloop_ml.messages import SAMPLE_RATE, Samples


def recording(onset_s: float, end_s: float, noise: float) -> Samples:
    """3 s of noise with a loud tone in it."""
    random = np.random.default_rng(1)
    samples = random.normal(0.0, noise, 3 * SAMPLE_RATE)
    onset, end = (round(one * SAMPLE_RATE) for one in (onset_s, end_s))
    samples[onset:end] += 0.3 * np.sin(np.arange(end - onset) * 0.2)
    return samples.astype(np.float32)


@given(
    onset=st.floats(0.2, 0.5),
    end=st.floats(2.0, 2.8),
    early=st.floats(-0.05, 0.3),
    late=st.floats(0.0, 0.15),
)
def test_the_level_decides_near_what_a_detector_hears(
    onset: float, end: float, early: float, late: float
) -> None:
    """A detector is late at both ends: by up to 90 ms at the onset, and by its hangover."""
    heard = round((onset + min(early, 0.09)) * SAMPLE_RATE), round((end + late) * SAMPLE_RATE)
    first, last = voiced(recording(onset, end, 0.001), heard)
    assert abs(first / SAMPLE_RATE - onset) <= 0.02
    assert abs(last / SAMPLE_RATE - end) <= 0.02


def test_a_recording_without_a_difference_in_level_is_as_the_detector_says() -> None:
    """Digital silence, for one."""
    heard = (4_000, 40_000)
    assert voiced(np.zeros(48_000, np.float32), heard) == heard


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
