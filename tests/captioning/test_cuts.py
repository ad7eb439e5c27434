"""Speech without a pause is divided in the longest gap between two words."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import Cut, choose_cut
from wordloop_ml.messages import Utterance, Word

POLICY = CaptioningPolicy(cut_margin_samples=100, cut_slack_samples=20)


def sound(start: int, end: int) -> Utterance:
    """Sound that is nowhere quieter than elsewhere."""
    return Utterance(start, np.full(end - start, 0.1, dtype=np.float32))


def heard(*words: tuple[str, int, int]) -> list[Word]:
    """Words of the decode that cuts."""
    return [Word(text, start, end, 0.9) for text, start, end in words]


def test_it_cuts_in_the_longest_gap_between_whole_words() -> None:
    """And the audio after it opens the next segment."""
    words = heard(("we", 0, 450), ("meet", 490, 600), ("on", 680, 700), ("Tues", 720, 950))
    assert choose_cut(words, sound(0, 1_000), POLICY) == Cut(words=2, at=640)


def test_of_gaps_that_hardly_differ_it_takes_the_last() -> None:
    """The more is final, the less is heard twice."""
    words = heard(("we", 0, 450), ("meet", 490, 600), ("on", 630, 700), ("Tues", 720, 950))
    assert choose_cut(words, sound(0, 1_000), POLICY) == Cut(words=3, at=710)


def test_a_word_near_the_end_may_not_be_whole() -> None:
    """What ends the audio may be cut off."""
    words = heard(("we", 0, 300), ("meet", 320, 600), ("Tues", 720, 950))
    assert choose_cut(words, sound(0, 1_000), POLICY) == Cut(words=2, at=660)


def test_a_long_gap_long_ago_is_not_worth_cutting_at() -> None:
    """Each cut takes at least half of the audio, so that speech cannot outrun its cuts."""
    words = heard(("we", 0, 100), ("meet", 300, 400), ("on", 520, 720), ("Tues", 740, 990))
    assert choose_cut(words, sound(0, 1_000), POLICY).at >= 500


def test_without_a_whole_word_before_the_later_half_everything_is_final() -> None:
    """Whatever the sound after the words is, it is covered."""
    words = heard(("we", 0, 10), ("meeeet", 450, 1_000))
    assert choose_cut(words, sound(0, 1_000), POLICY) == Cut(words=2, at=1_000)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(500, 1_500), max_size=24))
def test_a_cut_makes_progress_and_divides_no_word(times: list[int]) -> None:
    """Whatever was heard."""
    times.sort()
    pairs = zip(times[::2], times[1::2], strict=False)
    words = heard(*(("so", start, end) for start, end in pairs))
    cut = choose_cut(words, sound(500, 1_500), POLICY)
    assert 1_000 <= cut.at <= 1_500
    assert all(word.end <= cut.at + 20 for word in words[: cut.words])
    assert all(word.start >= cut.at - 20 for word in words[cut.words :])


def test_a_cut_looks_for_the_quietest_place_around_the_gap() -> None:
    """Word times are heuristic, and often leave no gap at all; the sound knows better."""
    words = heard(("we", 0, 9_000), ("meet", 9_000, 12_000), ("on", 12_000, 15_000))
    audio = sound(0, 16_000)
    policy = CaptioningPolicy(cut_margin_samples=3_900, cut_slack_samples=800)
    assert choose_cut(words, audio, policy) == Cut(words=2, at=12_000)
    audio.samples[11_700:12_100] = 0.001
    cut = choose_cut(words, audio, policy)
    assert cut.words == 2
    assert cut.at >= 11_700 + 160
    assert cut.at <= 12_100 - 160
