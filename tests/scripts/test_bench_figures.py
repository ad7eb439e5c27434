"""The definitions of the published figures."""

from dataclasses import replace

import pytest

from scripts.benchmark.attribution import Attributed, Segment, attribute, segments_of
from scripts.benchmark.captions import Shown, ShownWord
from scripts.benchmark.figures import (
    Spread,
    interim_gaps_s,
    measure_utterance,
    revisions,
    spread,
    transcript_latencies_s,
)
from scripts.benchmark.stages import ServerTiming
from scripts.benchmark.tracks import Said

BEGAN_S = 100.0
SAID = Said("Hello there, Ada.", "a voice", 16_000, 48_000)
"""Spoken from second 1 to second 3 of a track that began at 100 s."""


def shown(
    at_s: float, text: str, *, segment: str = "a", end_ms: int = 3100, final: bool = False
) -> Shown:
    """A caption that came so long after the track began."""
    words = tuple(ShownWord(each.strip("*"), 1000, 2000, "*" in each) for each in text.split())
    return Shown(BEGAN_S + at_s, segment, 800, end_ms, words, final, final)


def attributed(*captions: Shown) -> Attributed:
    """The utterance with these captions."""
    [one] = attribute(segments_of(captions), [SAID])
    return one


def test_the_first_caption_counts_from_the_true_onset_and_the_final_from_the_true_end() -> None:
    """Both on the schedule by which the audio was spoken."""
    one = attributed(shown(1.4, "Hello"), shown(3.6, "Hello there, Ada.", final=True))
    figures = measure_utterance(one, BEGAN_S)
    assert figures.first_caption_s == pytest.approx(0.4)
    assert figures.first_right_s == pytest.approx(0.4)
    assert figures.first_wrong is False
    assert figures.final_s == pytest.approx(0.6)
    assert (figures.first_text, figures.final_text) == ("Hello", "Hello there, Ada.")


def test_a_caption_without_words_is_no_first_caption() -> None:
    """An empty caption shows nobody anything."""
    one = attributed(shown(1.2, ""), shown(1.5, "Hello"), shown(3.6, "Hello there.", final=True))
    assert measure_utterance(one, BEGAN_S).first_caption_s == pytest.approx(0.5)


def test_the_first_right_caption_has_the_first_word_of_the_final() -> None:
    """Case and punctuation do not make a word wrong; another word does."""
    one = attributed(
        shown(1.3, "Yellow"), shown(1.6, "hello"), shown(3.5, "Hello, there Ada.", final=True)
    )
    figures = measure_utterance(one, BEGAN_S)
    assert figures.first_wrong is True
    assert figures.first_caption_s == pytest.approx(0.3)
    assert figures.first_right_s == pytest.approx(0.6)


def test_a_final_that_is_the_first_caption_is_right() -> None:
    """It says what it says."""
    figures = measure_utterance(attributed(shown(3.5, "Hello Ada.", final=True)), BEGAN_S)
    assert figures.first_wrong is False
    assert figures.first_caption_s == figures.first_right_s == pytest.approx(2.5)


def test_a_first_caption_whose_segment_never_has_a_final_is_wrong() -> None:
    """It was shown and then taken back."""
    figures = measure_utterance(attributed(shown(1.3, "Hello")), BEGAN_S)
    assert figures.first_wrong is True
    assert figures.first_right_s is None
    assert figures.final_s is None


def test_an_utterance_without_captions_has_no_times() -> None:
    """It is counted as never captioned, and not as fast."""
    figures = measure_utterance(attributed(), BEGAN_S)
    assert figures.first_caption_s is None
    assert figures.first_wrong is None
    assert figures.final_s is None


def test_the_final_that_counts_covers_the_end_of_the_utterance() -> None:
    """One that stops in the middle came early for a reason."""
    early = shown(2.2, "Hello", end_ms=1900, final=True)
    late = shown(3.7, "there, Ada.", segment="b", final=True)
    assert measure_utterance(attributed(early), BEGAN_S).final_s is None
    assert measure_utterance(attributed(early, late), BEGAN_S).final_s == pytest.approx(0.7)


def test_gaps_are_between_interims_of_one_segment() -> None:
    """Neither the final nor another segment ends a gap."""
    segments = segments_of(
        [
            shown(1.0, "a"),
            shown(1.25, "a b"),
            shown(1.6, "c", segment="b"),
            shown(2.0, "a b", final=True),
        ]
    )
    assert interim_gaps_s(segments) == pytest.approx([0.25])


def test_a_stable_word_is_revised_when_the_final_has_another_in_its_place() -> None:
    """A word counts once for its place, however often it was shown."""
    segments = segments_of(
        [
            shown(1.0, "*the *plan is"),
            shown(1.3, "*The *plan *is"),
            shown(2.0, "The plane is", final=True),
        ]
    )
    assert revisions(segments) == (3, 1)


def test_stable_words_of_a_final_that_is_shorter_or_never_came_are_revised() -> None:
    """They were shown as certain and are gone."""
    shorter: list[Segment] = segments_of([shown(1.0, "*yes *sir"), shown(2.0, "yes", final=True)])
    assert revisions(shorter) == (2, 1)
    assert revisions(segments_of([shown(1.0, "*yes *sir")])) == (2, 2)


def test_percentiles_are_values_that_were_measured() -> None:
    """Nearest rank: nothing between two measurements is made up."""
    assert spread([4.0, None, 1.0, 3.0, 2.0]) == Spread(2.0, 4.0, 4.0, 4)
    assert spread(range(1, 101)) == Spread(50.0, 95.0, 99.0, 100)
    assert spread([None]) is None


def test_transcript_latency_is_what_was_spoken_and_is_not_transcribed_yet() -> None:
    """Of interims with words: a final is measured by its own delay."""
    segments = segments_of(
        [
            shown(1.5, "a", end_ms=1200),
            shown(1.9, "", end_ms=1700),
            shown(3.4, "a b", end_ms=3000, final=True),
        ]
    )
    assert transcript_latencies_s(segments, BEGAN_S) == pytest.approx([0.3])


def test_a_first_caption_knows_how_long_it_listened() -> None:
    """From the true onset to the end of the audio that it heard."""
    timing = ServerTiming("first_caption", 0.5, 0.001, 0.0, 0.05, 0.001, 0.001, 0.001)
    one = attributed(replace(shown(1.4, "Hello", end_ms=1320), timing=timing))
    delay = measure_utterance(one, BEGAN_S).first_delay
    assert delay is not None
    assert delay.timing is timing
    assert delay.listening_s == pytest.approx(0.32)
    assert delay.total_s == pytest.approx(0.4)
    assert measure_utterance(attributed(shown(1.4, "Hello")), BEGAN_S).first_delay is None
