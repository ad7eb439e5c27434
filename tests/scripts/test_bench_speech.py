"""Where the voice is in a recording."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmark.speech import voiced
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
