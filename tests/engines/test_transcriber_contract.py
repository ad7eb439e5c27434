"""What every transcriber promises, whatever is behind it."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.inference_server import InferenceServer, served_elsewhere, serving
from tests.speech import manifest, samples_of, talk, word_error_rate
from wordloop_ml.engines.remote_engines import RemoteTranscriber
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.engines.scripted import ScriptedTranscriber, spoken
from wordloop_ml.engines.served_models import Identity, ServedTranscriber
from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber
from wordloop_ml.engines.whisper_ctranslate2 import CTranslate2Transcriber
from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode
from wordloop_ml.messages import (
    SAMPLE_RATE,
    AudioContext,
    DecodeOptions,
    Hypothesis,
    Samples,
    Task,
    Utterance,
)
from wordloop_ml.ports import Transcriber, TranscriberWorker

START = 1_000_000
GREEDY = DecodeOptions()
BEAMS = DecodeOptions(beams=3)
SAMPLED = DecodeOptions(temperature=0.4)


@dataclass(frozen=True)
class Engine:
    """One engine under test.

    sound: audio of so many samples in which it has something to hear. says_from: how many
        seconds of it, and more, give words.
    """

    transcriber: Transcriber
    sound: Callable[[int], Samples]
    says_from: float = 0.3


def numbered(samples: int) -> Samples:
    """Scripted speech of just this length."""
    audio = spoken(range(samples // 4_000 + 1))[:samples]
    return (audio / np.float32(32_768)).astype(np.float32)


def noise(samples: int) -> Samples:
    """Noise, the same each time."""
    random = np.random.default_rng(samples)
    return random.normal(0, 0.05, samples).astype(np.float32)


def scripted(_: pytest.FixtureRequest) -> Engine:
    """What the drills run on."""
    return Engine(ScriptedTranscriber(), numbered)


def written(request: pytest.FixtureRequest) -> Engine:
    """whisper.cpp with a file that says two words, whatever it hears."""
    weights = request.getfixturevalue("written_whisper")(says=HELLO_WORLD)
    return Engine(WhisperCppTranscriber.open("written", weights), noise)


def multilingual(request: pytest.FixtureRequest) -> Engine:
    """whisper.cpp with a file whose words and language hang on every number in its state."""
    weights = request.getfixturevalue("written_whisper")(seed=4, vocabulary=51_865)
    return Engine(WhisperCppTranscriber.open("multilingual", weights), noise, math.inf)


def whisper_cpp_python(request: pytest.FixtureRequest) -> Engine:
    """The other binding, with a file that it can read: none that is quantised."""
    weights = request.getfixturevalue("written_whisper")(says=HELLO_WORLD, audio_layers=4)
    binding = request.getfixturevalue("whisper_cpp_python")
    return Engine(WhisperCppTranscriber.open("old", weights, binding=binding), noise)


def whisper_cpp(request: pytest.FixtureRequest) -> Engine:
    """whisper.cpp with real weights, which hears people."""
    weights = request.getfixturevalue("tiny_weights")
    return Engine(WhisperCppTranscriber.open("tiny.en-q8_0", weights), talk, says_from=1.0)


def whisper_cpp_python_with_people(request: pytest.FixtureRequest) -> Engine:
    """The other binding with the same weights in float16; a second of CPU for each decode."""
    binding = request.getfixturevalue("whisper_cpp_python")
    weights = request.getfixturevalue("tiny_f16_weights")
    return Engine(WhisperCppTranscriber.open("tiny.en", weights, binding=binding), talk)


def ctranslate2(request: pytest.FixtureRequest) -> Engine:
    """CTranslate2 with real weights."""
    files = request.getfixturevalue("tiny_ctranslate2_files")
    return Engine(CTranslate2Transcriber.open(*files), talk, says_from=1.0)


def _remotely(engine: Engine, request: pytest.FixtureRequest) -> Engine:
    """An engine behind the inference protocol, in a server of this process."""
    identity = Identity("transcriber", "served", "0" * 64)
    server = InferenceServer({"t": ServedTranscriber(engine.transcriber, identity)})
    stack = ExitStack()
    request.addfinalizer(stack.close)
    stack.callback(engine.transcriber.close)
    port = stack.enter_context(serving(server))
    model = RemoteModel(
        f"http://127.0.0.1:{port}/v2/models/t",
        role="transcriber",
        model=identity.model,
        digest=identity.digest,
        deadline_s=30.0,
    )
    return replace(engine, transcriber=RemoteTranscriber.open(model))


def remote_scripted(request: pytest.FixtureRequest) -> Engine:
    """The scripted engine elsewhere."""
    return _remotely(scripted(request), request)


def remote_ctranslate2(request: pytest.FixtureRequest) -> Engine:
    """CTranslate2 elsewhere."""
    return _remotely(ctranslate2(request), request)


def elsewhere(request: pytest.FixtureRequest) -> Engine:
    """What a model-serving layer serves by the profile embedded, where one is named (docs/serving.md)."""
    del request
    return Engine(RemoteTranscriber.open(served_elsewhere("transcriber")), talk, says_from=1.0)


HELLO_WORLD = [(50_363, None), (b" hello", 4), (b" world", 20), (50_256, None)]

ENGINES = (
    scripted,
    written,
    multilingual,
    whisper_cpp_python,
    whisper_cpp,
    ctranslate2,
    remote_scripted,
    remote_ctranslate2,
    elsewhere,
)

REAL = (whisper_cpp, ctranslate2, whisper_cpp_python_with_people)
"""Those that hear what people say."""


@pytest.fixture(params=ENGINES, ids=lambda opened: opened.__name__)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Every transcriber there is."""
    made: Engine = request.param(request)
    yield made
    made.transcriber.close()


@pytest.fixture
def worker(engine: Engine) -> Iterator[TranscriberWorker]:
    """A worker of the engine."""
    opened = engine.transcriber.open_worker()
    yield opened
    opened.close()


def utterance(engine: Engine, seconds: float) -> Utterance:
    """Something to hear."""
    return Utterance(START, engine.sound(int(seconds * SAMPLE_RATE)))


def assert_sound(hypothesis: Hypothesis, heard: Utterance) -> None:
    """A hypothesis keeps to its audio and its ranges."""
    assert (hypothesis.start, hypothesis.end) == (heard.start, heard.end)
    assert 0.0 <= hypothesis.no_speech_probability <= 1.0
    assert 0.0 <= hypothesis.language_probability <= 1.0
    assert np.isfinite(hypothesis.average_log_probability)
    assert hypothesis.average_log_probability <= 0.0
    at = heard.start
    for word in hypothesis.words:
        assert at <= word.start <= word.end <= heard.end
        assert 0.0 <= word.confidence <= 1.0
        assert word.text
        assert word.text == word.text.strip()
        at = word.end


def test_words_lie_inside_the_utterance_in_order(engine: Engine, worker: TranscriberWorker) -> None:
    """For several lengths, the shortest and odd ones among them."""
    shortest = engine.transcriber.capabilities.shortest_samples / SAMPLE_RATE
    for seconds in (shortest, 0.3, 0.5031, 1.0, 2.7, 6.4):
        heard = utterance(engine, seconds)
        hypothesis = worker.transcribe(heard, GREEDY)
        assert_sound(hypothesis, heard)
        if seconds >= engine.says_from:
            assert hypothesis.words


@pytest.mark.parametrize("engine", REAL, indirect=True)
@pytest.mark.parametrize("clip", ["en_read_ls1272_1", "en_noisy_ls61_1", "en_farfield_ls1272_1"])
def test_people_are_understood(clip: str, engine: Engine, worker: TranscriberWorker) -> None:
    """Two men, near, in noise and far away: all but two words, and where they stand in the audio."""
    heard = Utterance(START, samples_of(clip))
    hypothesis = worker.transcribe(heard, DecodeOptions(context=AudioContext.LONG))
    assert_sound(hypothesis, heard)
    assert word_error_rate(manifest()[clip]["text"], hypothesis.text) <= 0.12
    assert hypothesis.words[0].start <= START + SAMPLE_RATE
    assert hypothesis.words[-1].end >= heard.end - SAMPLE_RATE


def test_audio_that_is_too_short_is_an_empty_hypothesis(
    engine: Engine, worker: TranscriberWorker
) -> None:
    """None at all, one sample, and one sample less than the shortest."""
    shortest = engine.transcriber.capabilities.shortest_samples
    for samples in {0, min(1, shortest - 1), shortest - 1}:
        heard = Utterance(START, engine.sound(samples))
        hypothesis = worker.transcribe(heard, GREEDY)
        assert hypothesis.words == ()
        assert (hypothesis.start, hypothesis.end) == (START, START + samples)


def test_the_longest_audio_is_decoded_and_longer_audio_refused(
    engine: Engine, worker: TranscriberWorker
) -> None:
    """The bound of the capabilities is exact, and a refusal harms nothing."""
    longest = engine.transcriber.capabilities.longest_samples
    heard = Utterance(START, engine.sound(longest))
    assert_sound(worker.transcribe(heard, GREEDY), heard)
    with pytest.raises(BadInput):
        worker.transcribe(Utterance(START, engine.sound(longest + 1)), GREEDY)
    worker.transcribe(utterance(engine, 1.0), GREEDY)


def test_silence_is_no_accident(worker: TranscriberWorker) -> None:
    """Digital silence decodes like anything else."""
    heard = Utterance(START, np.zeros(SAMPLE_RATE, np.float32))
    assert_sound(worker.transcribe(heard, GREEDY), heard)


def test_full_scale_audio_is_no_accident(worker: TranscriberWorker) -> None:
    """Neither does a square wave at full scale."""
    square = np.where(np.arange(SAMPLE_RATE) // 40 % 2, 1.0, -1.0).astype(np.float32)
    heard = Utterance(START, square)
    assert_sound(worker.transcribe(heard, GREEDY), heard)


def test_the_same_audio_gives_the_same_hypothesis_whatever_came_before(
    engine: Engine, worker: TranscriberWorker
) -> None:
    """A state that heard other speakers, at other lengths, remembers nothing of them."""
    heard = utterance(engine, 1.3)
    first = worker.transcribe(heard, GREEDY)
    for seconds in (7.0, 0.4, 3.0):
        worker.transcribe(utterance(engine, seconds), GREEDY)
        assert worker.transcribe(heard, GREEDY) == first
    worker.transcribe(utterance(engine, 0.5), DecodeOptions(context=AudioContext.FULL))
    worker.transcribe(utterance(engine, 0.5), BEAMS)
    assert worker.transcribe(heard, GREEDY) == first


@pytest.mark.parametrize("options", [BEAMS, SAMPLED])
def test_what_is_drawn_at_random_is_drawn_again(
    engine: Engine, worker: TranscriberWorker, options: DecodeOptions
) -> None:
    """Beams and temperatures change what is heard, and always to the same."""
    heard = utterance(engine, 1.3)
    first = worker.transcribe(heard, options)
    assert_sound(first, heard)
    worker.transcribe(utterance(engine, 2.0), options)
    worker.transcribe(utterance(engine, 0.7), GREEDY)
    assert worker.transcribe(heard, options) == first


def test_the_position_of_an_utterance_only_moves_its_times(
    engine: Engine, worker: TranscriberWorker
) -> None:
    """Times are absolute; nothing else depends on where the audio lies."""
    samples = engine.sound(20_000)
    here = worker.transcribe(Utterance(0, samples), GREEDY)
    there = worker.transcribe(Utterance(2**40, samples), GREEDY)
    moved = [(word.text, word.start + 2**40, word.end + 2**40) for word in here.words]
    assert [(word.text, word.start, word.end) for word in there.words] == moved


def test_two_workers_at_once_hear_what_one_hears(engine: Engine, worker: TranscriberWorker) -> None:
    """Two threads, two workers, one model: no word crosses over."""
    heard = [utterance(engine, seconds) for seconds in (0.7, 2.2, 0.9, 1.6)]
    alone = [worker.transcribe(one, GREEDY) for one in heard]
    workers = [engine.transcriber.open_worker() for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as threads:
            together = list(
                threads.map(lambda one: [one.transcribe(h, GREEDY) for h in heard * 2], workers)
            )
    finally:
        for one in workers:
            one.close()
    assert together == [alone * 2, alone * 2]


def test_spare_workers_change_nothing_but_the_time(
    engine: Engine, worker: TranscriberWorker
) -> None:
    """Their cores are used or not: the words and what they are worth stay."""
    heard = utterance(engine, 1.5)
    alone = worker.transcribe(heard, GREEDY)
    helped = worker.transcribe(heard, DecodeOptions(spare_workers=1))
    assert [word.text for word in helped.words] == [word.text for word in alone.words]
    assert_sound(helped, heard)
    assert worker.transcribe(heard, GREEDY) == alone


@pytest.mark.parametrize("context", AudioContext)
def test_each_context_keeps_the_same_promises(
    engine: Engine, worker: TranscriberWorker, context: AudioContext
) -> None:
    """It may change words, not the contract."""
    heard, options = utterance(engine, 1.5), DecodeOptions(context=context)
    hypothesis = worker.transcribe(heard, options)
    assert_sound(hypothesis, heard)
    assert worker.transcribe(heard, options) == hypothesis


def test_options_keep_the_same_promises(engine: Engine, worker: TranscriberWorker) -> None:
    """A prompt, a temperature, a language: none breaks a decode."""
    heard = utterance(engine, 1.0)
    for options in (
        DecodeOptions(prompt="Grüße, \0 Zoë! " * 500),
        DecodeOptions(temperature=0.4, beams=8, context=AudioContext.FULL),
        DecodeOptions(language="en"),
    ):
        assert_sound(worker.transcribe(heard, options), heard)


def test_a_language_that_the_model_does_not_know_is_refused(worker: TranscriberWorker) -> None:
    """It would be heard as something else."""
    with pytest.raises(BadInput) as caught:
        worker.transcribe(
            Utterance(START, np.zeros(SAMPLE_RATE, np.float32)), DecodeOptions(language="xx")
        )
    assert caught.value.code is ErrorCode.UNSUPPORTED_LANGUAGE


def test_who_cannot_translate_says_so(engine: Engine, worker: TranscriberWorker) -> None:
    """In the capabilities, and to each job; whoever can keeps the promises."""
    heard, translate = utterance(engine, 1.0), DecodeOptions(task=Task.TRANSLATE)
    if engine.transcriber.capabilities.translates:
        assert_sound(worker.transcribe(heard, translate), heard)
        return
    with pytest.raises(BadInput) as caught:
        worker.transcribe(heard, translate)
    assert caught.value.code is ErrorCode.UNSUPPORTED_TASK


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_fail_the_job_alone(
    engine: Engine, worker: TranscriberWorker, value: float
) -> None:
    """The job is lost; the worker is not."""
    heard = utterance(engine, 1.0)
    before = worker.transcribe(heard, GREEDY)
    samples = heard.samples.copy()
    samples[7_000] = value
    with pytest.raises(EngineFailed):
        worker.transcribe(Utterance(START, samples), GREEDY)
    assert worker.transcribe(heard, GREEDY) == before


def test_samples_may_be_read_only_or_strided(engine: Engine, worker: TranscriberWorker) -> None:
    """The engine neither writes them nor minds their layout."""
    samples = engine.sound(20_000)
    expected = worker.transcribe(Utterance(START, samples), GREEDY)
    wide = np.repeat(samples, 2)[::2]
    wide.flags.writeable = False
    assert worker.transcribe(Utterance(START, wide), GREEDY) == expected


def test_a_closed_worker_refuses(engine: Engine) -> None:
    """Closing twice is harmless; the other worker goes on."""
    closed, other = engine.transcriber.open_worker(), engine.transcriber.open_worker()
    closed.close()
    closed.close()
    with pytest.raises(EngineFailed):
        closed.transcribe(utterance(engine, 1.0), GREEDY)
    assert_sound(other.transcribe(utterance(engine, 1.0), GREEDY), utterance(engine, 1.0))
    other.close()


def test_a_closed_transcriber_opens_no_worker(engine: Engine) -> None:
    """Closing twice is harmless, and so is a worker that is closed after its transcriber."""
    late = engine.transcriber.open_worker()
    engine.transcriber.close()
    engine.transcriber.close()
    with pytest.raises(EngineFailed):
        engine.transcriber.open_worker()
    late.close()


def test_capabilities_can_be_relied_on(engine: Engine) -> None:
    """Names, languages and bounds make sense."""
    capabilities = engine.transcriber.capabilities
    assert capabilities.name
    assert capabilities.model
    assert "en" in capabilities.languages
    assert 0 < capabilities.shortest_samples < capabilities.longest_samples
