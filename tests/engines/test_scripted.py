"""The scripted engines' own features: costs, failures, and words from the samples."""

import threading
import time

import numpy as np
import pytest

from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import DecodeOptions, Pcm16, Utterance

GREEDY = DecodeOptions()


def utterance(audio: Pcm16, start: int = 0) -> Utterance:
    """Audio as a job carries it."""
    return Utterance(start, audio * np.float32(1 / 32_768))


def test_words_are_the_numbers_in_the_samples() -> None:
    """With their times, wherever the utterance lies."""
    worker = ScriptedTranscriber().open_worker()
    audio = np.concatenate([silence(160), spoken([3, 4, 12])])
    hypothesis = worker.transcribe(utterance(audio, 48_000), GREEDY)
    assert hypothesis.text == "w3 w4 w12"
    assert next((word.start, word.end) for word in hypothesis.words) == (48_160, 52_160)


def test_a_job_fails_when_the_script_says_so() -> None:
    """The error is the script's own; the next job is not touched."""
    transcriber = ScriptedTranscriber(
        fail=lambda heard: EngineFailed("scripted") if heard.start == 7 else None
    )
    worker = transcriber.open_worker()
    with pytest.raises(EngineFailed, match="scripted"):
        worker.transcribe(utterance(spoken([1]), 7), GREEDY)
    assert worker.transcribe(utterance(spoken([1]), 8), GREEDY).text == "w1"


def test_a_job_costs_the_cpu_time_that_the_script_says() -> None:
    """It is asked per job, and the time is really spent on this thread."""
    transcriber = ScriptedTranscriber(cost=lambda heard: len(heard.samples) / 400_000)
    worker = transcriber.open_worker()
    before = time.thread_time()
    worker.transcribe(utterance(spoken([1, 2])), GREEDY)
    spent = time.thread_time() - before
    assert 0.02 <= spent < 0.2


def test_a_busy_job_leaves_the_interpreter_to_others() -> None:
    """Like a native call: another thread runs Python meanwhile."""
    worker = ScriptedTranscriber(cost=lambda _heard: 0.2).open_worker()
    job = threading.Thread(target=worker.transcribe, args=(utterance(spoken([1])), GREEDY))
    job.start()
    turns = 0
    while job.is_alive():
        turns += 1
    job.join()
    assert turns > 1_000


def test_the_detector_hears_any_sample_of_a_word() -> None:
    """One sample of speech makes a window of speech; zeros are silence."""
    stream = ScriptedVoiceDetector().open_stream()
    assert stream.probability(np.zeros(512, np.float32)) == 0.0
    window = np.concatenate([silence(511), spoken([1])[:1]]) * np.float32(1 / 32_768)
    assert stream.probability(window) == 1.0
