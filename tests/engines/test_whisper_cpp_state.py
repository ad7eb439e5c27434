"""What a sampled token was worth before the temperature."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber, WhisperCppWorker
from wordloop_ml.engines.whisper_cpp_library import MOST_BEAMS, ffi
from wordloop_ml.engines.whisper_cpp_state import WhisperState
from wordloop_ml.errors import BadInput, EngineFailed
from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Utterance

Write = Callable[..., memoryview]

HELLO = [(50_363, None), (b" hello", 4), (b" world", 20), (50_256, None)]


def noise(seconds: float) -> Utterance:
    """Something to decode."""
    random = np.random.default_rng(0)
    samples = random.normal(0, 0.05, int(seconds * SAMPLE_RATE)).astype(np.float32)
    return Utterance(0, samples)


@pytest.fixture(params=[1.0])
def worker(request: pytest.FixtureRequest, written_whisper: Write) -> Iterator[WhisperCppWorker]:
    """A worker of a model that says two words; the parameter is how sure it is of them."""
    weights = written_whisper(says=HELLO, strength=request.param)
    with (
        closing(WhisperCppTranscriber.open("x", weights)) as transcriber,
        closing(transcriber.open_worker()) as opened,
    ):
        yield opened


@pytest.mark.parametrize("worker", [0.7], indirect=True)
def test_a_sampled_word_is_no_surer_than_the_model(worker: WhisperCppWorker) -> None:
    """whisper.cpp's own probabilities rise as it gets colder: one in two becomes a certainty."""
    greedy = worker.transcribe(noise(1.0), DecodeOptions())
    sampled = worker.transcribe(noise(1.0), DecodeOptions(temperature=0.25))
    assert (greedy.text, sampled.text) == ("hello world", "hello world")
    for one, other in zip(greedy.words, sampled.words, strict=True):
        assert 0.4 < one.confidence < 0.8
        assert other.confidence == pytest.approx(one.confidence, rel=0.01)
        assert (other.start, other.end) == (one.start, one.end)
    likelihood = greedy.average_log_probability
    assert sampled.average_log_probability == pytest.approx(likelihood, rel=0.01)


def test_beams_find_what_is_there(worker: WhisperCppWorker) -> None:
    """As many as the library has; more is a bug of the caller."""
    for beams in (2, MOST_BEAMS):
        assert worker.transcribe(noise(1.0), DecodeOptions(beams=beams)).text == "hello world"
    for beams in (0, MOST_BEAMS + 1):
        with pytest.raises(BadInput):
            worker.transcribe(noise(1.0), DecodeOptions(beams=beams))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_beams_give_their_memory_back(worker: WhisperCppWorker) -> None:
    """Their keys and values are several times those of one decode, and go with the state."""

    def resident_bytes() -> int:
        for _ in range(5):
            worker.transcribe(noise(0.5), DecodeOptions(beams=MOST_BEAMS))
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4_096

    resident_bytes()  # the allocator settles
    before = resident_bytes()
    assert resident_bytes() - before < 8_000_000


class FullLibrary:
    """Has no room for beams at first, and frees the state as whisper.cpp does."""

    def __init__(self) -> None:
        self.memory = ffi.new("char[]", 1)
        self.opened = 0
        self.freed: list[bool] = []

    def whisper_init_state(self, _context: Any) -> Any:
        self.opened += 1
        return self.memory

    def whisper_full_with_state(self, *_: Any) -> int:
        return -7 if self.opened == 1 else 0

    def whisper_free_state(self, handle: Any) -> None:
        self.freed.append(handle == ffi.NULL)


def test_a_state_that_the_library_has_freed_is_opened_again_and_not_freed_twice() -> None:
    """Twice would end the process."""
    library = FullLibrary()
    state = WhisperState(library, ffi.NULL, 100)
    with pytest.raises(EngineFailed, match="-7"):
        state.run([None], ffi.new("float[]", 1))
    state.close()
    assert library.freed == [True]
    state.prepare()
    state.run([None], ffi.new("float[]", 1))
    state.prepare()
    assert library.opened == 2
    state.prepare(as_new=True)
    assert (library.opened, library.freed) == (3, [True, False])
