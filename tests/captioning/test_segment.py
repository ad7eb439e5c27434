"""What is decoded of a segment, when, and where it is cut when nobody pauses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.guards import AudioFacts
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import Cut, FinalJob, FinalText, Segment, choose_cut
from wordloop_ml.messages import DecodeOptions, JobClass, Utterance, Word

POLICY = CaptioningPolicy()
LONGEST = POLICY.longest_segment_samples


def spoken(start: int = 0, onset: int = 4_000) -> Segment:
    """A run of speech that has just begun."""
    return Segment(start, onset, POLICY)


def job(end: int, *, cut: bool = False) -> FinalJob:
    """A final that is being decoded over [0, end)."""
    utterance = Utterance(0, np.zeros(end, dtype=np.float32))
    return FinalJob(utterance, 0, AudioFacts(0, end, 0.1), DecodeOptions(), cut)


@pytest.mark.parametrize(
    ("end", "now", "silence", "due"),
    [
        pytest.param(None, 50_000, None, None, id="somebody speaks"),
        pytest.param(None, 50_000, 49_000, None, id="a silence that may be a consonant"),
        pytest.param(None, 51_560, 49_000, (51_560, False), id="a silence that may be a pause"),
        pytest.param(51_560, 60_000, None, (51_560, False), id="the endpoint"),
        pytest.param(None, LONGEST, None, (LONGEST, True), id="too long for one segment"),
        pytest.param(None, LONGEST, LONGEST - 512, None, id="too long, but it may end by itself"),
        pytest.param(None, LONGEST + 512, LONGEST, (LONGEST, True), id="too long, asked late"),
    ],
)
def test_a_final_is_due(
    end: int | None, now: int, silence: int | None, due: tuple[int, bool] | None
) -> None:
    """Where its audio ends, and whether that is a cut."""
    segment = spoken()
    segment.end = end
    assert segment.final_due(now, silence) == due
    segment.job = job(1_000)
    assert segment.final_due(now, silence) is None


@pytest.mark.parametrize(
    ("silence", "due"),
    [(LONGEST, (LONGEST, True)), (LONGEST - 512, (LONGEST + 2_048, False))],
)
def test_speech_that_has_ended_is_cut_where_it_would_have_been(
    silence: int, due: tuple[int, bool]
) -> None:
    """However late the cut before it came."""
    segment = spoken()
    segment.extend(silence + 512, silence)
    segment.close(silence + POLICY.speculate_samples, paused=True)
    assert segment.final_due(2 * LONGEST, None) == due


def test_a_first_caption_is_due_once_a_word_can_be_heard() -> None:
    """Counted from the onset, not from the pre-roll; then again after a little more audio."""
    segment = spoken()
    assert segment.interim_due(8_799, None, 1.0) is None
    assert segment.interim_due(8_800, None, 1.0) is JobClass.FIRST_CAPTION
    assert segment.interim_due(10_000, None, 1.0) is None
    assert segment.interim_due(10_080, None, 1.0) is JobClass.FIRST_CAPTION


def test_interims_wait_while_a_final_is_decoded() -> None:
    """It says all that an interim could."""
    segment = spoken()
    segment.job = job(8_000)
    assert segment.interim_due(20_000, None, 1.0) is None


def test_a_pause_needs_no_interim_when_something_is_shown() -> None:
    """The speculative final is about to say it."""
    segment = spoken()
    assert segment.interim_due(20_000, 19_500, 1.0) is JobClass.FIRST_CAPTION
    segment.agreement.add((Word("yes", 4_000, 8_000, 0.9),), 20_000)
    assert segment.interim_due(40_000, 39_500, 1.0) is None
    assert segment.interim_due(40_000, None, 1.0) is JobClass.INTERIM


def test_no_interim_is_longer_than_a_segment() -> None:
    """Every decode is one bounded native call, however late a cut came."""
    segment = spoken()
    assert segment.interim_due(LONGEST + 8_001, LONGEST + 8_000, 1.0) is None


def test_a_speculation_stays_when_it_covers_all_of_the_speech() -> None:
    """And goes when the speech ended elsewhere, or went on."""
    kept, elsewhere, resumed = spoken(), spoken(), spoken()
    for segment in (kept, elsewhere, resumed):
        segment.job = job(8_000)
    kept.close(8_000, paused=True)
    elsewhere.close(7_000, paused=False)
    resumed.resume()
    assert (kept.job is not None, elsewhere.job, resumed.job) == (True, None, None)


def test_a_cut_outlives_pauses() -> None:
    """Where the segment ends is decided by its decode alone."""
    segment = spoken()
    segment.job = job(LONGEST, cut=True)
    segment.resume()
    segment.close(LONGEST + 500, paused=True)
    assert segment.being_cut
    assert not segment.resolvable
    segment.job.outcome = FinalText((), "en")
    assert segment.resolvable


def test_only_a_final_that_ends_the_speech_takes_its_audio_over() -> None:
    """Until then the buffer has to keep it."""
    segment = spoken()
    segment.job = job(8_000)
    before = segment.handed_over
    segment.close(8_000, paused=True)
    assert (before, segment.handed_over) == (False, True)
    start = segment.start
    assert [segment.samples_before(at) for at in (start, start + 9, 9_000)] == [0, 9, 8_000 - start]


def test_after_a_cut_the_rest_is_a_new_segment() -> None:
    """With its own words, and an ordinary interim next."""
    segment = spoken()
    segment.agreement.add((Word("yes", 4_000, 8_000, 0.9),), 20_000)
    segment.job = job(LONGEST, cut=True)
    segment.go_on_from(LONGEST - 4_000)
    assert segment.start == LONGEST - 4_000
    assert segment.agreement.words == ()
    due = LONGEST + POLICY.interim_samples
    assert segment.interim_due(due - 1, None, 1.0) is None
    assert segment.interim_due(due, None, 1.0) is JobClass.INTERIM


CUT_POLICY = CaptioningPolicy(cut_margin_samples=100, cut_slack_samples=20)


def sound(start: int, end: int) -> Utterance:
    """Sound that is nowhere quieter than elsewhere."""
    return Utterance(start, np.full(end - start, 0.1, dtype=np.float32))


def heard(*words: tuple[str, int, int]) -> list[Word]:
    """Words of the decode that cuts."""
    return [Word(text, start, end, 0.9) for text, start, end in words]


def test_it_cuts_in_the_longest_gap_between_whole_words() -> None:
    """And the audio after it opens the next segment."""
    words = heard(("we", 0, 450), ("meet", 490, 600), ("on", 680, 700), ("Tues", 720, 950))
    assert choose_cut(words, sound(0, 1_000), CUT_POLICY) == Cut(words=2, at=640)


def test_of_gaps_that_hardly_differ_it_takes_the_last() -> None:
    """The more is final, the less is heard twice."""
    words = heard(("we", 0, 450), ("meet", 490, 600), ("on", 630, 700), ("Tues", 720, 950))
    assert choose_cut(words, sound(0, 1_000), CUT_POLICY) == Cut(words=3, at=710)


def test_a_word_near_the_end_may_not_be_whole() -> None:
    """What ends the audio may be cut off."""
    words = heard(("we", 0, 300), ("meet", 320, 600), ("Tues", 720, 950))
    assert choose_cut(words, sound(0, 1_000), CUT_POLICY) == Cut(words=2, at=660)


def test_a_long_gap_long_ago_is_not_worth_cutting_at() -> None:
    """Each cut takes at least half of the audio, so that speech cannot outrun its cuts."""
    words = heard(("we", 0, 100), ("meet", 300, 400), ("on", 520, 720), ("Tues", 740, 990))
    assert choose_cut(words, sound(0, 1_000), CUT_POLICY).at >= 500


def test_without_a_whole_word_before_the_later_half_everything_is_final() -> None:
    """Whatever the sound after the words is, it is covered."""
    words = heard(("we", 0, 10), ("meeeet", 450, 1_000))
    assert choose_cut(words, sound(0, 1_000), CUT_POLICY) == Cut(words=2, at=1_000)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(500, 1_500), max_size=24))
def test_a_cut_makes_progress_and_divides_no_word(times: list[int]) -> None:
    """Whatever was heard."""
    times.sort()
    pairs = zip(times[::2], times[1::2], strict=False)
    words = heard(*(("so", start, end) for start, end in pairs))
    cut = choose_cut(words, sound(500, 1_500), CUT_POLICY)
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
