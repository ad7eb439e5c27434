"""The scripted engines: costs, failures, and words that audio keeps through cuts and conversions."""

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.engines.scripted import (
    HIGHEST_NUMBER,
    WORD_SAMPLES,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    hear,
    silence,
    spoken,
)
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import DecodeOptions, Pcm16, Samples, Utterance

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


def heard(audio: Pcm16) -> list[int]:
    """The numbers that are heard in int16 audio."""
    return [block.number for block in hear(as_float(audio))]


def as_float(audio: Pcm16) -> Samples:
    """As the wire converts it."""
    return audio * np.float32(1 / 32_768)


def test_every_number_survives_the_conversion() -> None:
    """To float32 and back to int16, as rings do, and to float32 again."""
    numbers = [0, 1, 2, 1_000, 12_345, HIGHEST_NUMBER - 1, HIGHEST_NUMBER]
    audio = spoken(numbers)
    assert heard(audio) == numbers
    ring = np.rint(as_float(audio) * 32_768).astype(np.int16)
    assert np.array_equal(ring, audio)


def test_blocks_lie_where_they_were_spoken() -> None:
    """Pauses between them belong to none."""
    audio = np.concatenate([silence(700), spoken([5, 6], pause_samples=300)])
    blocks = hear(as_float(audio))
    assert [(b.number, b.start, b.end) for b in blocks] == [(5, 700, 4_700), (6, 5_000, 9_000)]


def test_silence_and_other_sounds_hold_no_words() -> None:
    """Nothing, quiet noise, and a square wave at full scale."""
    assert hear(np.zeros(0, np.float32)) == []
    assert heard(silence(9_000)) == []
    quiet = np.random.default_rng(0).normal(0, 0.002, 9_000).astype(np.float32)
    assert hear(quiet) == []
    assert hear(np.where(np.arange(9_000) // 40 % 2, 1.0, -1.0).astype(np.float32)) == []


def test_what_would_be_misheard_is_not_spoken() -> None:
    """The same word twice without a pause, numbers beyond the levels, words without a middle."""
    for words, samples in (([3, 3], 4_000), ([HIGHEST_NUMBER + 1], 4_000), ([-1], 9), ([1], 1)):
        with pytest.raises(ValueError, match="word"):
            spoken(words, word_samples=samples)
    assert heard(spoken([3, 3], pause_samples=1)) == [3, 3]
    assert len(spoken([])) == 0


def test_a_word_is_heard_by_the_side_that_holds_its_middle() -> None:
    """At least half of it, and never by both."""
    audio = spoken([7])
    middle = WORD_SAMPLES // 2
    assert (heard(audio[:middle]), heard(audio[middle:])) == ([], [7])
    assert (heard(audio[: middle + 1]), heard(audio[middle + 1 :])) == ([7], [])


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, HIGHEST_NUMBER), min_size=1, max_size=12, unique=True),
    st.integers(2, 60),
    st.integers(0, 20),
    st.lists(st.integers(0, 1_000), max_size=12),
)
def test_no_cut_loses_or_doubles_a_word(
    words: list[int], word_samples: int, pause_samples: int, cuts: list[int]
) -> None:
    """Whatever the pieces, together they hold each word once, in order, in its place."""
    audio = spoken(words, word_samples=word_samples, pause_samples=pause_samples)
    borders = sorted({0, len(audio), *(min(cut, len(audio)) for cut in cuts)})
    found = []
    for start, end in itertools.pairwise(borders):
        for block in hear(as_float(audio[start:end])):
            index = words.index(block.number)
            spoken_at = index * (word_samples + pause_samples)
            assert spoken_at <= start + block.start < start + block.end
            assert start + block.end <= spoken_at + word_samples
            found.append(block.number)
    assert found == words
