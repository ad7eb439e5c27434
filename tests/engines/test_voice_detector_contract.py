"""What every voice detector promises, whatever is behind it."""

from collections.abc import Iterator

import numpy as np
import pytest

from wordloop_ml.engines.scripted import ScriptedVoiceDetector
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Samples
from wordloop_ml.ports import VoiceDetector


@pytest.fixture(params=["scripted", "silero_vad"])
def detector(request: pytest.FixtureRequest) -> Iterator[VoiceDetector]:
    """Every voice detector there is."""
    made: VoiceDetector
    if request.param == "scripted":
        made = ScriptedVoiceDetector()
    else:
        made = SileroVoiceDetector.open(request.getfixturevalue("silero_weights"))
    yield made
    made.close()


def windows(detector: VoiceDetector, count: int) -> list[Samples]:
    """Noise that swells, in windows."""
    random = np.random.default_rng(1)
    shape = (count, detector.window_samples)
    noise = random.normal(0, 1, shape) * np.linspace(0, 0.3, count)[:, None]
    return list(noise.astype(np.float32))


def test_probabilities_are_probabilities(detector: VoiceDetector) -> None:
    """For silence, noise and a square wave at full scale."""
    stream = detector.open_stream()
    square = np.where(np.arange(detector.window_samples) // 40 % 2, 1.0, -1.0).astype(np.float32)
    for window in [*windows(detector, 40), square, square]:
        probability = stream.probability(window)
        assert isinstance(probability, float)
        assert 0.0 <= probability <= 1.0


def test_silence_is_no_speech(detector: VoiceDetector) -> None:
    """A second of zeros stays well below the threshold at which speech goes on."""
    stream = detector.open_stream()
    silence = np.zeros(detector.window_samples, np.float32)
    assert max(stream.probability(silence) for _ in range(32)) < 0.1


def test_streams_do_not_hear_each_other(detector: VoiceDetector) -> None:
    """Two tracks fed in turns give what each gives alone."""
    loud, quiet = windows(detector, 30), windows(detector, 30)[::-1]
    alone = [
        [stream.probability(w) for w in track]
        for stream, track in ((detector.open_stream(), loud), (detector.open_stream(), quiet))
    ]
    first, second = detector.open_stream(), detector.open_stream()
    turns = [
        (first.probability(a), second.probability(b)) for a, b in zip(loud, quiet, strict=True)
    ]
    assert [list(one) for one in zip(*turns, strict=True)] == alone


def test_a_window_is_not_kept(detector: VoiceDetector) -> None:
    """The caller may fill the same array again, or hand over one that cannot be written."""
    expected = [detector.open_stream().probability(w) for w in windows(detector, 1)]
    stream, other = detector.open_stream(), detector.open_stream()
    buffer = np.empty(detector.window_samples, np.float32)
    for window in windows(detector, 20):
        buffer[:] = window
        probability = stream.probability(buffer)
        buffer[:] = 0.0
        window.flags.writeable = False
        assert other.probability(window) == probability
    assert expected == [detector.open_stream().probability(windows(detector, 1)[0])]


def test_a_window_of_another_length_is_refused(detector: VoiceDetector) -> None:
    """A bug in the caller must not become a wrong probability."""
    stream = detector.open_stream()
    for samples in (0, detector.window_samples - 1, detector.window_samples + 1):
        with pytest.raises(EngineFailed):
            stream.probability(np.zeros(samples, np.float32))


def test_a_window_that_holds_no_number_spoils_nothing_after_it(detector: VoiceDetector) -> None:
    """It fails by itself, and the stream goes on as if new."""
    stream = detector.open_stream()
    broken = np.zeros(detector.window_samples, np.float32)
    broken[3] = np.nan
    with pytest.raises(EngineFailed):
        stream.probability(broken)
    fresh = detector.open_stream()
    for window in windows(detector, 5):
        assert stream.probability(window) == fresh.probability(window)


def test_closing_twice_is_harmless_and_streams_live_on(detector: VoiceDetector) -> None:
    """A track that is still open when the engines close finishes in peace."""
    stream = detector.open_stream()
    detector.close()
    detector.close()
    assert 0.0 <= stream.probability(np.zeros(detector.window_samples, np.float32)) <= 1.0
    with pytest.raises(EngineFailed):
        detector.open_stream()
