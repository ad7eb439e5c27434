"""The published Silero file, and files that are something else."""

import numpy as np
import pytest

from tests.speech import samples_of
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.errors import ErrorCode, StartupFailed


def test_it_tells_speech_from_silence(silero_weights: memoryview) -> None:
    """Human speech is heard, and a second of silence after it is not."""
    audio = samples_of("en_read_jfk_1")
    stream = SileroVoiceDetector.open(silero_weights).open_stream()
    windows = audio[: len(audio) // 512 * 512].reshape(-1, 512)
    speech = [stream.probability(window) for window in windows]
    silence = [stream.probability(np.zeros(512, np.float32)) for _ in range(32)]
    assert max(speech) > 0.9
    assert np.mean(np.array(speech) > 0.5) > 0.5
    assert max(silence[8:]) < 0.1


def test_noise_and_tones_are_no_speech(silero_weights: memoryview) -> None:
    """Hum and hiss stay below the threshold at which speech begins."""
    stream = SileroVoiceDetector.open(silero_weights).open_stream()
    time = np.arange(512 * 60) / 16_000
    hum = 0.2 * np.sin(2 * np.pi * 50 * time)
    hiss = np.random.default_rng(1).normal(0, 0.02, len(time))
    for sound in (hum, hiss):
        windows = sound.astype(np.float32).reshape(-1, 512)
        assert np.mean([stream.probability(window) for window in windows]) < 0.3


def test_files_that_are_something_else_are_refused(silero_weights: memoryview) -> None:
    """Nothing, text, and half of the file."""
    for content in (b"", b"no model", silero_weights[: len(silero_weights) // 2]):
        with pytest.raises(StartupFailed) as caught:
            SileroVoiceDetector.open(memoryview(content))
        assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def field(number: int, content: bytes) -> bytes:
    """One length-delimited protobuf field."""
    return bytes([number << 3 | 2, len(content)]) + content


def test_another_onnx_model_is_refused() -> None:
    """An identity function, written by hand: right format, wrong model."""
    tensor = field(2, field(1, b"\x08\x01"))  # a float tensor of any shape
    graph = (
        field(1, field(1, b"x") + field(2, b"y") + field(4, b"Identity"))
        + field(2, b"g")
        + field(11, field(1, b"x") + tensor)
        + field(12, field(1, b"y") + tensor)
    )
    model = b"\x08\x08" + field(7, graph) + field(8, b"\x10\x0d")
    with pytest.raises(StartupFailed, match="takes"):
        SileroVoiceDetector.open(memoryview(model))
