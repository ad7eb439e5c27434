"""The figures of a track, from what was displayed when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmark.captions import Part, Screen
from scripts.benchmark.figures import (
    Attribution,
    TrackFigures,
    UtteranceFigures,
    measure_track,
    revisions,
)
from scripts.benchmark.speech import Said
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.wire.server_messages import CaptionMessage, CaptionMessageWord

BEGAN_S = 100.0


def said(text: str, onset_s: float, end_s: float) -> Said:
    return Said(text, "somebody", round(onset_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))


def screens(*shown: tuple[float, str]) -> list[Screen]:
    """At a second of the track: parts with blanks around ``|`` between them, final with a stop."""
    return [
        Screen(
            BEGAN_S + at_s,
            tuple(
                Part(str(key), one.strip(), one.strip().endswith("."))
                for key, one in enumerate(text.split("|"))
            ),
        )
        for at_s, text in shown
    ]


FOX = said("the quick brown fox jumps", 1.0, 5.0)
DOG = said("over the lazy dog", 7.0, 9.0)


def measured(*shown: tuple[float, str]) -> UtteranceFigures:
    """Of the first utterance alone."""
    return measure_track([FOX], screens(*shown), BEGAN_S).utterances[0]


def test_times_count_from_the_onset_and_from_the_end() -> None:
    """First: a word of it. Right: the first word as in the end. Final: the last one."""
    one = measured(
        (1.5, "Thank you"),
        (2.0, "A quick"),
        (2.5, "The quick brown"),
        (5.5, "The quick brown fox."),
        (6.0, "The quick brown fox.|jumps."),
    )
    assert (one.first_s, one.right_s) == pytest.approx((1.0, 1.5))
    assert one.final_s == pytest.approx(1.0)
    assert one.first_wrong
    assert (one.share_right, one.lost) == (1.0, False)
    assert (one.first_text, one.text) == ("thank you", "the quick brown fox jumps")


def test_an_utterance_that_shows_nothing_has_no_times_and_is_lost() -> None:
    """It is counted, not dropped."""
    one = measured()
    assert (one.first_s, one.right_s, one.final_s) == (None,) * 3
    assert one.lost


def test_what_is_taken_back_was_never_right() -> None:
    """In the end nothing is there to be as."""
    one = measured((2.0, "The quick"), (4.0, ""))
    assert one.first_s == pytest.approx(1.0)
    assert one.right_s is None
    assert one.first_wrong
    assert one.lost


def test_a_misheard_first_word_is_right_when_it_stays() -> None:
    """Right is as in the end, and then it is a word of its utterance too."""
    one = measured((2.0, "A quack"), (6.0, "A quack brown fox jumps."))
    assert (one.first_s, one.right_s) == pytest.approx((1.0, 1.0))
    assert one.share_right == pytest.approx(3 / 5)


def test_words_belong_to_the_utterance_that_says_them() -> None:
    """Not to one that has not begun; wrong ones go with the next right one of their part."""
    track = measure_track(
        [FOX, DOG],
        screens(
            (2.0, "The quick"),
            (6.0, "The quick brown fox jumps."),
            (7.5, "The quick brown fox jumps.|All right"),
            (8.0, "The quick brown fox jumps.|Overt the lazy"),
            (9.5, "The quick brown fox jumps.|Over the lazy dog."),
        ),
        BEGAN_S,
    )
    fox, dog = track.utterances
    assert fox.text == "the quick brown fox jumps"
    assert fox.final_s == pytest.approx(1.0)
    assert (dog.first_text, dog.text) == ("all right", "over the lazy dog")
    assert (dog.first_s, dog.right_s) == pytest.approx((1.0, 2.5))
    assert (track.interims, track.wordless) == (3, 1)
    assert track.errors.wrong == 0


def test_a_part_over_two_utterances_belongs_to_both() -> None:
    """Servers cut as they like."""
    track = measure_track(
        [FOX, DOG], screens((9.5, "The quick brown fox jumps over the lazy dog.")), BEGAN_S
    )
    assert [one.text for one in track.utterances] == [
        "the quick brown fox jumps",
        "over the lazy dog",
    ]
    assert [one.final_s for one in track.utterances] == pytest.approx([4.5, 0.5])


def test_words_before_anybody_speaks_are_nobodys() -> None:
    """They are wrong, and an interim with nothing else says no word of its utterance."""
    track = measure_track([FOX], screens((0.5, "Thank you")), BEGAN_S)
    assert track.utterances[0].first_s is None
    assert (track.interims, track.wordless, track.errors.inserted) == (1, 1, 0)


TEXTS = st.lists(st.sampled_from(["the", "quick", "lazy", "fox", "dog", "all"]), max_size=6)


@given(st.lists(st.tuples(st.floats(0.0, 12.0), TEXTS), max_size=8), TEXTS)
def test_figures_hold_together_whatever_is_displayed(
    shown: list[tuple[float, list[str]]], last: list[str]
) -> None:
    """No figure comes before what it follows from, and no word is nobody's while somebody speaks."""
    ordered = sorted([*((at_s, " ".join(words)) for at_s, words in shown), (12.5, " ".join(last))])
    track: TrackFigures = measure_track([FOX, DOG], screens(*ordered), BEGAN_S)
    for one in track.utterances:
        if one.right_s is not None:
            assert one.first_s is not None
            assert 0 <= one.first_s <= one.right_s
        assert 0 <= one.share_right <= 1
    assert track.wordless <= track.interims
    attribution = Attribution([FOX, DOG], BEGAN_S)
    for screen in screens(*ordered):
        for placed in attribution.place(screen):
            begun = sum(BEGAN_S + s <= screen.at_s for s in (1.0, 7.0))
            assert all((one.utterance or 0) < max(1, begun) for one in placed)


def shown(*words: str, final: bool = False, segment: str = "s0") -> CaptionMessage:
    """A caption; words with a star are stable."""
    told = tuple(
        CaptionMessageWord(one.strip("*"), 0, 1, 0.9, stable=one.endswith("*")) for one in words
    )
    return CaptionMessage(segment, 0, "t0", 0, 1, "", told, final, final, False, "en")


def test_a_stable_word_is_revised_when_its_final_does_not_keep_it() -> None:
    """A word put in before it revises nothing; a segment without a final keeps nothing."""
    captions = [
        shown("The*", "quick*", "brawn*", "fox"),
        shown("The*", "quick*", "brawn*", "fox*"),
        shown("So", "the", "quick", "brown", "fox.", final=True),
        shown("Thank*", "you*", segment="s1"),
    ]
    assert revisions(captions) == (6, 3)
