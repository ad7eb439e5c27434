"""What a multilingual model is told, what it detects, and what it makes of a task."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
import pytest

from tests.speech import manifest, samples_of, word_error_rate
from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber, WhisperCppWorker
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import (
    SAMPLE_RATE,
    AudioContext,
    DecodeOptions,
    Hypothesis,
    Task,
    Utterance,
)

Write = Callable[..., memoryview]
Open = Callable[..., WhisperCppWorker]

HELLO = [(50_364, None), (b" hello", 3), (50_257, None)]  # a multilingual <|0.00|>, its end
ENGLISH, GERMAN, TRANSLATE = 50_259, 50_261, 50_358


def noise(seconds: float) -> Utterance:
    """Something to decode."""
    random = np.random.default_rng(int(seconds * 100))
    samples = random.normal(0, 0.05, int(seconds * SAMPLE_RATE)).astype(np.float32)
    return Utterance(0, samples)


@pytest.fixture
def opened(written_whisper: Write) -> Iterator[Open]:
    """Opens a worker of a multilingual model; takes the fields of ``WhisperFile``."""
    with ExitStack() as stack:

        def make(**fields: Any) -> WhisperCppWorker:
            weights = written_whisper(**{"says": HELLO, "vocabulary": 51_865} | fields)
            transcriber = stack.enter_context(closing(WhisperCppTranscriber.open("x", weights)))
            return stack.enter_context(closing(transcriber.open_worker()))

        yield make


def test_a_language_that_is_given_is_not_detected(opened: Open) -> None:
    """The model would say English."""
    hypothesis = opened(languages={ENGLISH: 1.0}).transcribe(
        noise(1.0), DecodeOptions(language="de")
    )
    assert (hypothesis.text, hypothesis.language) == ("hello", "de")
    assert hypothesis.language_probability == 1.0


@pytest.mark.parametrize(("strength", "low", "high"), [(1.0, 0.99, 1.0), (0.3, 0.1, 0.9)])
def test_a_language_is_detected_with_its_probability(
    opened: Open, strength: float, low: float, high: float
) -> None:
    """Sure, or not so sure."""
    hypothesis = opened(languages={GERMAN: strength}).transcribe(noise(1.0), DecodeOptions())
    assert (hypothesis.text, hypothesis.language) == ("hello", "de")
    assert low <= hypothesis.language_probability <= high


def test_what_was_spoken_before_stands_where_the_model_is_unsure(opened: Open) -> None:
    """Where it is sure it is believed, and a language that it has no token for never stands."""
    options = DecodeOptions(expected_language="en")
    unsure = opened(languages={GERMAN: 0.05})
    hypothesis = unsure.transcribe(noise(1.0), options)
    assert (hypothesis.language, hypothesis.language_probability) == ("en", 0.0)
    strange = unsure.transcribe(noise(1.0), DecodeOptions(expected_language="xx"))
    assert strange == unsure.transcribe(noise(1.0), DecodeOptions())
    assert opened(languages={GERMAN: 1.0}).transcribe(noise(1.0), options).language == "de"


def test_a_task_is_no_language(opened: Open) -> None:
    """whisper.cpp takes the token after the last of 99 languages, translate, for Cantonese."""
    worker = opened(languages={TRANSLATE: 1.0, GERMAN: 0.3})
    assert worker.transcribe(noise(1.0), DecodeOptions()).language == "de"


def test_detection_hears_what_the_decode_hears(opened: Open) -> None:
    """In whisper.cpp's own, the audio context is that of the job before."""
    worker = opened(says=(), seed=5, audio_layers=2)
    heard = noise(6.0)

    def detected() -> Hypothesis:
        return worker.transcribe(heard, DecodeOptions())

    first = detected()
    for before in (noise(0.3), noise(20.0)):
        worker.transcribe(before, DecodeOptions(language="en"))
        assert detected() == first


def test_translation_is_another_task_of_the_same_model(opened: Open) -> None:
    """The language stays what was spoken."""
    worker = opened(translates=b" world", languages={GERMAN: 1.0})
    plain, english = (worker.transcribe(noise(1.0), DecodeOptions(task=task)) for task in Task)
    assert (plain.text, plain.language) == ("hello", "de")
    assert english.text.startswith("world")
    assert english.language == "de"
    assert worker.transcribe(noise(1.0), DecodeOptions()) == plain


def test_an_english_model_does_not_translate(opened: Open) -> None:
    """It has no token for it, and would take the one of another thing."""
    worker = opened(vocabulary=51_864)
    with pytest.raises(BadInput) as caught:
        worker.transcribe(noise(1.0), DecodeOptions(task=Task.TRANSLATE))
    assert caught.value.code is ErrorCode.UNSUPPORTED_TASK
    assert worker.transcribe(noise(1.0), DecodeOptions(language="en")).language == "en"


@pytest.mark.parametrize(
    ("clip", "language"), [("de_read_mls_1", "de"), ("es_read_veneno_1", "es")]
)
def test_people_are_understood_in_a_language_that_nobody_named(
    clip: str, language: str, base_weights: memoryview
) -> None:
    """A man in German, and one in Spanish."""
    opened = WhisperCppTranscriber.open("base-q8_0", base_weights)
    with closing(opened) as transcriber, closing(transcriber.open_worker()) as worker:
        hypothesis = worker.transcribe(
            Utterance(0, samples_of(clip)), DecodeOptions(context=AudioContext.LONG)
        )
    assert hypothesis.language == language
    assert hypothesis.language_probability > 0.5
    assert word_error_rate(manifest()[clip]["text"], hypothesis.text) <= 0.2
