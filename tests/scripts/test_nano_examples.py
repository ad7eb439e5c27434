"""What a training example says was heard."""

import numpy as np

from scripts.nano.examples import STEP, Alphabet, Example, heard
from scripts.nano.voices import Word

SECOND = 16_000
WORDS = (
    Word("Okay,", 0, SECOND // 2),
    Word("let's", SECOND, SECOND * 5 // 4),
    Word("start.", SECOND * 5 // 4, SECOND * 7 // 4),
)


def _texts(cut_s: float) -> list[str]:
    return [word.text for word in heard(WORDS, int(cut_s * SECOND))]


def test_a_word_counts_when_most_of_it_sounded() -> None:
    """Half of it is not enough; two thirds are."""
    assert _texts(0.25) == []
    assert _texts(0.34) == ["Okay"]
    assert _texts(1.1) == ["Okay,"]
    assert _texts(1.17) == ["Okay,", "let's"]


def test_marks_count_when_the_pause_after_them_was_heard() -> None:
    """Nobody can tell the end of a sentence from the middle of its last word."""
    assert _texts(0.55) == ["Okay"]
    assert _texts(0.7) == ["Okay,"]
    assert _texts(1.75) == ["Okay,", "let's", "start"]
    assert _texts(2.0) == ["Okay,", "let's", "start."]


def test_no_word_lasts_longer_than_the_sound() -> None:
    """The end of a word that was cut is the cut."""
    assert heard(WORDS, int(0.4 * SECOND))[-1].end == int(0.4 * SECOND)


def test_the_encoder_is_told_what_sounds_when() -> None:
    """Sounds stand where they were made; behind the end of the sound there are none."""
    one = Example(
        np.zeros(8 * STEP, np.float32),
        (Word("go.", 2 * STEP, 6 * STEP),),
        (Word("go.", 2 * STEP, 6 * STEP),),
        ((2 * STEP, 5), (4 * STEP, 7), (6 * STEP, 0)),
        None,
    )
    words, sounds = Alphabet().tracks(one, 10)
    assert sounds.tolist() == [0, 0, 5, 5, 7, 7, 0, 0, 0, 0]
    assert [bool(word) for word in words] == [False, True, True, False, False]
