"""The whisper.cpp engine against files that are written to say something known."""

import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordloop_ml.engines import whisper_cpp
from wordloop_ml.engines.whisper_cpp import (
    SHORTEST_SAMPLES,
    WhisperCppTranscriber,
    WhisperCppWorker,
    WhisperOptions,
    WhisperState,
)
from wordloop_ml.engines.whisper_cpp_library import MOST_BEAMS, ffi, find_library
from wordloop_ml.engines.whisper_tokens import calibrated
from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import SAMPLE_RATE, AudioContext, DecodeOptions, Hypothesis, Utterance
from wordloop_ml.weights.manifest import Calibration

Write = Callable[..., memoryview]

NOTHING = 50_363  # <|0.00|>, the first timestamp
END = 50_256
MULTILINGUAL = 1  # how far the special tokens move in a multilingual vocabulary


def noise(seconds: float, start: int = 0) -> Utterance:
    """Something to decode."""
    random = np.random.default_rng(0)
    samples = random.normal(0, 0.05, int(seconds * SAMPLE_RATE)).astype(np.float32)
    return Utterance(start, samples)


@pytest.fixture
def decode(written_whisper: Write) -> Iterator[Callable[..., Hypothesis]]:
    """Writes a model that says something, opens it, and decodes one utterance."""
    opened: list[WhisperCppTranscriber | WhisperCppWorker] = []

    def run(
        says: Sequence[tuple[bytes | int, int | None]],
        heard: Utterance,
        options: DecodeOptions | None = None,
        **file: object,
    ) -> Hypothesis:
        transcriber = WhisperCppTranscriber.open("written", written_whisper(says=says, **file))
        worker = transcriber.open_worker()
        opened.extend((transcriber, worker))
        return worker.transcribe(heard, options or DecodeOptions())

    yield run
    for one in opened:
        one.close()


Decode = Callable[..., Hypothesis]


def test_words_times_and_confidence_come_from_the_tokens(decode: Decode) -> None:
    """Times are absolute: the first timestamp, then what each word's first token hints at."""
    says = [
        (NOTHING + 10, None),
        (b" hello", 99),
        (b" world", 40),
        (b"!", None),
        (NOTHING + 60, None),
    ]
    hypothesis = decode([*says, (END, None)], noise(2.0, start=1_000))
    first, second = hypothesis.words
    assert (first.text, second.text) == ("hello", "world!")
    assert (first.start, first.end) == (1_000 + 3_200, 1_000 + 12_800)
    assert (second.start, second.end) == (1_000 + 12_800, 1_000 + 19_200)
    assert 0.9 < first.confidence <= 1.0
    assert -0.2 < hypothesis.average_log_probability < 0.0
    assert hypothesis.no_speech_probability < 0.01
    assert hypothesis.language == "en"


def test_a_wide_model_uses_the_cores_of_idle_workers_for_the_same_words(
    decode: Decode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More workers are idle than a decode will be divided among."""
    says = [(NOTHING, None), (b" hello", 40), (b" world", None), (END, None)]
    alone = decode(says, noise(1.0))
    monkeypatch.setattr(whisper_cpp, "HELPED_FROM_WIDTH", 1)
    helped = decode(says, noise(1.0), DecodeOptions(spare_workers=64))
    assert helped.text == alone.text == "hello world"


def test_a_character_that_spans_tokens_is_put_together(decode: Decode) -> None:
    """BPE splits UTF-8 where it likes."""
    says = [(b" caf", 5), (b"\xc3", 6), (b"\xa9", 7), (b" ", 20), (b"\xf0", 20)]
    hypothesis = decode([*says, (END, None)], noise(1.0))
    assert hypothesis.text == "café \N{REPLACEMENT CHARACTER}"


def test_a_model_that_says_nothing_gives_no_words(decode: Decode) -> None:
    """A timestamp and the end: what a model may say to silence."""
    hypothesis = decode([(NOTHING, None), (END, None)], noise(1.0))
    assert hypothesis.words == ()
    assert hypothesis.no_speech_probability == 1.0
    assert hypothesis.average_log_probability == 0.0


def test_a_timestamp_near_the_end_of_short_audio_does_not_end_the_decode(decode: Decode) -> None:
    """whisper.cpp stops at a timestamp within 100 ms of the end: the first one is kept away."""
    says = [(NOTHING + 14, None), (b" hello", None), (END, None)]
    assert decode(says, noise(0.35)).text == "hello"


def test_a_loop_is_bounded_by_the_length_of_the_audio(decode: Decode) -> None:
    """A model that never ends: its text comes out, and soon, for the guards to judge."""
    loop = [(b" again", None)] * 60
    for seconds in (0.5, 2.0, 4.0):
        looped = decode(loop, noise(seconds), width=128)
        assert 4 <= len(looped.words) <= 20 + 14 * seconds
        assert looped.unfinished
    ended = [(b" again", 0), (END, None)]
    assert not decode(ended, noise(0.5), width=128).unfinished


def test_a_short_text_context_drops_no_text(decode: Decode) -> None:
    """whisper.cpp drops everything when its own loop ends first: the limit keeps below it."""
    words = decode([(b" again", None)] * 60, noise(20.0), text_context=64, width=128).words
    assert 20 <= len(words) <= 28


def test_what_the_library_takes_for_silence_is_not_dropped(decode: Decode) -> None:
    """Text beside a no-speech token: the guards see both and decide."""
    no_speech = 50_361
    says = [(b" hello", None), (END, None)]
    plain = decode(says, noise(1.0))
    both = decode([(no_speech, None), *says], noise(1.0))
    assert plain.text == "hello"
    assert both.no_speech_probability > 0.9
    assert both.words


def test_two_text_layers_switch_timestamps_off(written_whisper: Write) -> None:
    """whisper.cpp takes such a model for a distilled one; the capabilities say so."""
    for layers, times in ((1, True), (2, False), (3, True)):
        weights = written_whisper(text_layers=layers)
        transcriber = WhisperCppTranscriber.open("written", weights)
        assert transcriber.capabilities.word_times is times
        transcriber.close()


def test_languages_are_those_that_the_vocabulary_has_tokens_for(written_whisper: Write) -> None:
    """Cantonese came late; without its token it would be read as a task."""
    for vocabulary, count in ((51_864, 1), (51_865, 99), (51_866, 100)):
        transcriber = WhisperCppTranscriber.open("x", written_whisper(vocabulary=vocabulary))
        assert len(transcriber.capabilities.languages) == count
        assert ("yue" in transcriber.capabilities.languages) == (count == 100)
        transcriber.close()


def test_the_audio_context_follows_the_audio(written_whisper: Write) -> None:
    """A floor, the audio and its margin, the model's end; or all of it."""
    transcriber = WhisperCppTranscriber.open("x", written_whisper())
    worker = transcriber.open_worker()

    def positions(context: AudioContext, *samples: int) -> list[int]:
        return [worker._audio_context(one, context) for one in samples]

    assert positions(AudioContext.SHORT, 1, 192 * 320, 192 * 320 + 1) == [256, 256, 257]
    assert positions(AudioContext.LONG, 1, 256 * 320, 256 * 320 + 1) == [512, 512, 513]
    assert positions(AudioContext.LONG, 480_000) == [1_500]
    assert positions(AudioContext.FULL, 1, 480_000) == [1_500, 1_500]
    worker.close()
    transcriber.close()


def test_confidences_are_calibrated_as_the_manifest_says(written_whisper: Write) -> None:
    """The words are the same; a sure one is believed less."""
    heard = []
    for calibration in (Calibration(), Calibration(0.5, -1.0)):
        transcriber = WhisperCppTranscriber.open(
            "x",
            written_whisper(says=[(b" hello", 0), (END, None)]),
            WhisperOptions(calibration=calibration),
        )
        worker = transcriber.open_worker()
        heard.append(worker.transcribe(noise(1.0), DecodeOptions()).words[0])
        worker.close()
        transcriber.close()
    raw, worth = heard
    assert (raw.text, raw.start, raw.end) == (worth.text, worth.start, worth.end)
    assert worth.confidence == calibrated(raw.confidence, Calibration(0.5, -1.0))
    assert worth.confidence < raw.confidence


def test_every_length_around_the_minimum_is_safe(decode: Decode, written_whisper: Write) -> None:
    """The library reads 200 samples ahead without asking; below the minimum it is not called."""
    says = [(b" hello", 0), (END, None)]
    assert decode(says, noise(SHORTEST_SAMPLES / SAMPLE_RATE)).text == "hello"
    transcriber = WhisperCppTranscriber.open("x", written_whisper(says=says))
    worker = transcriber.open_worker()
    for samples in (1, 199, 200, 201, 1_639, 1_640, SHORTEST_SAMPLES - 1):
        heard = Utterance(0, np.ones(samples, np.float32) * np.float32(0.1))
        assert worker.transcribe(heard, DecodeOptions()).words == ()
    worker.close()
    transcriber.close()


def test_more_native_threads_hear_the_same(written_whisper: Write) -> None:
    """Threads divide the work, not the result."""
    texts = []
    for threads in (1, 2):
        weights = written_whisper(seed=3, text_layers=3)
        transcriber = WhisperCppTranscriber.open("x", weights, WhisperOptions(threads=threads))
        worker = transcriber.open_worker()
        texts.append(worker.transcribe(noise(1.0), DecodeOptions()).text)
        worker.close()
        transcriber.close()
    assert texts[0] == texts[1]


def test_a_failing_library_call_fails_the_job_alone(written_whisper: Write) -> None:
    """An audio context beyond the model's is an error code of the library's own."""
    weights = written_whisper(says=[(b" hello", 0), (END, None)])
    transcriber = WhisperCppTranscriber.open("x", weights)
    worker = transcriber.open_worker()
    worker._full_context = 4_000
    with pytest.raises(EngineFailed, match="status -5"):
        worker.transcribe(noise(1.0), DecodeOptions(context=AudioContext.FULL))
    worker._full_context = 1_500
    assert worker.transcribe(noise(1.0), DecodeOptions()).text == "hello"
    worker.close()
    transcriber.close()


def test_wrong_weights_versions_and_libraries_are_refused(
    written_whisper: Write, tmp_path: Path
) -> None:
    """Each with the code that operators see, before anything native is asked."""
    weights = written_whisper()

    def refused(content: memoryview, **keywords: Any) -> None:
        with pytest.raises(StartupFailed) as caught:
            WhisperCppTranscriber.open("x", content, **keywords)
        assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE

    refused(memoryview(b"wrong"))
    refused(weights[: len(weights) // 2])
    refused(weights, expected_version="1.7.0")
    refused(weights, library=tmp_path / "libwhisper.so")


def test_what_only_the_library_finds_wrong_is_refused(written_whisper: Write) -> None:
    """A tensor with a name of its own passes the check of the file, not the loader's."""
    wrong = bytes(written_whisper()).replace(b"decoder.ln.bias", b"decoder.ln.bios")
    with pytest.raises(StartupFailed, match="cannot load"):
        WhisperCppTranscriber.open("x", memoryview(wrong))


def test_another_library_of_the_same_version_may_be_named(written_whisper: Write) -> None:
    """A container builds one for its CPU."""
    transcriber = WhisperCppTranscriber.open("x", written_whisper(), library=find_library())
    transcriber.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_share_the_weights_and_give_their_memory_back(written_whisper: Write) -> None:
    """Opening and closing a hundred leaves nothing; the buffer may go after loading."""
    weights = bytearray(written_whisper(says=[(b" hello", 0), (END, None)]))
    transcriber = WhisperCppTranscriber.open("x", memoryview(weights))
    weights.clear()  # raises BufferError if anything still looked at it

    def resident_pages() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])

    def use_ten() -> int:
        for _ in range(10):
            worker = transcriber.open_worker()
            assert worker.transcribe(noise(0.5), DecodeOptions()).text == "hello"
            worker.close()
        return resident_pages() * 4_096

    before = use_ten()
    after = [use_ten() for _ in range(4)][-1]
    assert after - before < 8_000_000
    transcriber.close()


def test_a_worker_keeps_its_context_alive(written_whisper: Write) -> None:
    """Whatever the order of closing, the context goes last."""
    transcriber = WhisperCppTranscriber.open("x", written_whisper(says=[(b" hello", 0)]))
    context = weakref.ref(transcriber._context)
    worker = transcriber.open_worker()
    transcriber.close()
    assert context() is not None
    assert worker.transcribe(noise(0.5), DecodeOptions()).words
    worker.close()
    assert context() is None


def test_prompts_become_tokens_without_the_library(written_whisper: Write) -> None:
    """Its own tokeniser overflows the stack on a long prompt, and takes its time on a short one."""
    transcriber = WhisperCppTranscriber.open("x", written_whisper(text_context=64))
    vocabulary = transcriber._vocabulary
    hello, again, a = (vocabulary._pieces.index(piece) for piece in (b" hello", b" again", b"a"))
    assert vocabulary.tokens_of("") == []
    assert vocabulary.tokens_of("a hello again") == [a, hello, again]
    assert vocabulary.tokens_of("é") == [0xC3, 0xA9]
    assert vocabulary.tokens_of("\0") == []
    assert vocabulary.tokens_of(" hello" * 10_000) == [hello] * 31
    worker = transcriber.open_worker()
    for prompt in (
        "a" * 9_000,
        "\N{GRINNING FACE}" * 9_000,
        "\ud800!",
        " \n\t_'s" * 900,
        "1" * 9_000,
    ):
        worker.transcribe(noise(0.3), DecodeOptions(prompt=prompt))
    worker.close()
    transcriber.close()


def test_too_many_dimensions_are_refused(written_whisper: Write) -> None:
    """Two channels are a bug of the caller."""
    transcriber = WhisperCppTranscriber.open("x", written_whisper())
    worker = transcriber.open_worker()
    with pytest.raises(BadInput):
        worker.transcribe(Utterance(0, np.zeros((16_000, 2), np.float32)), DecodeOptions())
    worker.close()
    transcriber.close()


HELLO = [(50_363, None), (b" hello", 4), (b" world", 20), (50_256, None)]


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
