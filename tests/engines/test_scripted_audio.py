"""Audio that carries its own transcript keeps it through cuts and conversions."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.engines.scripted_audio import (
    HIGHEST_NUMBER,
    WORD_SAMPLES,
    hear,
    silence,
    spoken,
)
from wordloop_ml.messages import Pcm16, Samples


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
