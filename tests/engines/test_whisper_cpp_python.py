"""The binding over whisper-cpp-python: refused where it would end the process."""

from collections.abc import Callable
from contextlib import closing
from importlib import metadata

import pytest

from wordloop_ml.engines import whisper_cpp_python as old
from wordloop_ml.engines.ggml_file import read_header
from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber
from wordloop_ml.errors import ErrorCode, StartupFailed

Write = Callable[..., memoryview]


def missing(_name: str) -> metadata.Distribution:
    """As if nothing were installed."""
    raise metadata.PackageNotFoundError


def test_without_the_package_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the code of every engine that cannot be had."""
    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(StartupFailed, match="not installed") as caught:
        old.WhisperCppPython()
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


@pytest.mark.parametrize(
    "shape",
    [
        {"file_type": 7},
        {"vocabulary": 51_866},
        {"mels": 128},
        {"audio_layers": 1},
        {"width": 512, "heads": 8},
        {"text_layers": 5},
    ],
)
def test_weights_at_which_it_would_abort_are_refused(
    written_whisper: Write, shape: dict[str, int]
) -> None:
    """Quantised ones, those that came after it, and other shapes than it has memory for."""
    binding = object.__new__(old.WhisperCppPython)
    binding.check(read_header(written_whisper(audio_layers=4)))
    with pytest.raises(StartupFailed) as caught:
        binding.check(read_header(written_whisper(**{"audio_layers": 4} | shape)))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def test_it_says_what_it_is(
    whisper_cpp_python: old.WhisperCppPython, written_whisper: Write
) -> None:
    """Two text layers keep their timestamps: it knows no distilled models."""
    weights = written_whisper(audio_layers=4, text_layers=2)
    opened = WhisperCppTranscriber.open("x", weights, binding=whisper_cpp_python)
    with closing(opened) as transcriber:
        assert transcriber.capabilities.name == "whisper_cpp_python"
        assert transcriber.capabilities.word_times
