import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.audio.resampler import FILE_QUALITY, LIVE_QUALITY, StreamResampler
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import Positions


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> Samples:
    """A sine at this rate."""
    times = np.arange(round(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def resample(samples: Samples, rate: int, frame: int, quality: str = LIVE_QUALITY) -> Samples:
    """All of it, pushed frame by frame."""
    resampler = StreamResampler(rate, quality=quality)
    chunks = [resampler.push(samples[at : at + frame]) for at in range(0, len(samples), frame)]
    return np.concatenate([*chunks, resampler.flush()])


def level_db(samples: Samples) -> float:
    """Root mean square in decibels, away from the edges."""
    inner = samples[len(samples) // 4 : -len(samples) // 4]
    return float(20 * np.log10(np.sqrt(np.mean(np.square(inner, dtype=np.float64))) + 1e-12))


@settings(max_examples=100)
@given(
    st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]) | st.integers(8_000, 48_000),
    st.integers(0, 10**6),
    st.lists(st.integers(0, 3_000), max_size=8),
)
def test_counts_follow_from_positions(rate: int, first_sample: int, frames: list[int]) -> None:
    """Never ahead of the stream, and exact once flushed, whatever the frames."""
    positions = Positions(rate)
    begin = positions.to_service(first_sample)
    resampler = StreamResampler(rate, first_sample=first_sample)
    pushed = given = 0
    for frame in frames:
        given += len(resampler.push(np.zeros(frame, np.float32)))
        pushed += frame
        assert given <= positions.to_service(first_sample + pushed) - begin
    rest = resampler.flush()
    assert rest.dtype == np.float32
    assert given + len(rest) == positions.to_service(first_sample + pushed) - begin


@pytest.mark.parametrize("quality", [LIVE_QUALITY, FILE_QUALITY])
@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_stays_in_place_and_as_loud(rate: int, quality: str) -> None:
    """Aligned to the sample, so that word times stay true."""
    out = resample(tone(440, rate), rate, rate // 50, quality)
    expected = tone(440, SAMPLE_RATE)
    assert len(out) == len(expected)
    inner = slice(1_000, -1_000)
    assert np.max(np.abs(out[inner] - expected[inner])) < 0.005


def test_16_khz_passes_through_untouched() -> None:
    """The same array, with nothing held back."""
    resampler = StreamResampler(SAMPLE_RATE)
    samples = tone(440, SAMPLE_RATE, 0.02)
    assert resampler.push(samples) is samples
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_speech_is_kept_and_nothing_folds_into_it(rate: int) -> None:
    """Flat to 6 kHz, and what lies above 8.5 kHz is gone."""
    for hertz in (100, 1_000, 3_000, 6_000):
        assert level_db(resample(tone(hertz, rate), rate, 960)) == pytest.approx(-9, abs=0.5)
    for hertz in (8_500, 10_000, 15_000, 20_000):
        assert level_db(resample(tone(hertz, rate), rate, 960)) < -80


@pytest.mark.parametrize(("rate", "longest_ms"), [(8_000, 62), (44_100, 22), (48_000, 21)])
def test_what_is_held_back_is_bounded(rate: int, longest_ms: int) -> None:
    """It adds to the time to every caption of a stream that is not at 16 kHz."""
    resampler = StreamResampler(rate)
    given = 0
    frame = np.zeros(rate // 50, np.float32)
    for pushed in range(1, 200):
        given += len(resampler.push(frame))
        assert pushed * 20 - given / 16 <= longest_ms


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_flushing_twice_gives_nothing_more(rate: int) -> None:
    """A client may say stop twice."""
    resampler = StreamResampler(rate)
    first = [len(resampler.push(tone(440, rate, 0.1))), len(resampler.flush())]
    assert sum(first) == 1600
    assert len(resampler.flush()) == 0


def test_ringing_is_clipped() -> None:
    """A full-scale square wave comes out within full scale."""
    square = np.sign(tone(500, 48_000))
    out = resample(square, 48_000, 960)
    assert np.max(np.abs(out)) == 1


def test_read_only_views_are_taken() -> None:
    """What the wire hands over is a view of a frame's bytes."""
    view = np.frombuffer(tone(440, 48_000, 0.1).tobytes(), np.float32)
    assert len(resample(view, 48_000, 960)) == 1600
