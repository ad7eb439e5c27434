"""Which sentences stand for the meeting."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.summary import (
    NAMES,
    candidates,
    choose,
    features_of,
    summary_of,
)
from wordloop_ml.synthesis.extractive.withdrawals import Withdrawals
from wordloop_ml.synthesis.words import count_words

POLICY = ExtractivePolicy()
Said = Sequence[tuple[str, str]]
Read = Callable[[Said], Gathered]


def test_features_are_z_scores(read_meeting: Read, launch: Said) -> None:
    """Mean 0 and, where sentences differ, deviation 1."""
    meeting = read_meeting(launch)
    table = run_plan(features_of(meeting, candidates(meeting, POLICY), POLICY), None)
    assert table.shape == (len(candidates(meeting, POLICY)), len(NAMES))
    assert np.allclose(table.mean(axis=0), 0)
    assert all(np.isclose(spread, 0) or np.isclose(spread, 1) for spread in table.std(axis=0))


def test_what_is_said_often_tells_what_a_meeting_is_about(read_meeting: Read) -> None:
    """A word counts in whatever form; one that is said once counts for nothing."""
    meeting = read_meeting(
        [
            ("Ann", "The batteries of this remote are the subject of everything we do."),
            ("Bo", "Another battery costs more than the whole remote will bring us."),
            ("Ann", "Green posters hang in every city before the summer has begun."),
        ]
    )
    rows = candidates(meeting, POLICY)
    often = run_plan(features_of(meeting, rows, POLICY), None)[:, NAMES.index("term_frequency")]
    assert len(rows) == 3
    assert min(often[:2]) > 0 > often[2]


def test_the_summary_is_about_as_long_as_is_asked(read_meeting: Read, launch: Said) -> None:
    """It ends with the sentence that reaches it, and has all there is where there is less."""
    meeting = read_meeting(launch)
    short = run_plan(summary_of(meeting, 20, POLICY), None)
    words = [count_words(one.text) for one in short]
    assert sum(words) >= 20 > sum(words) - max(words)
    everything = run_plan(summary_of(meeting, 10_000, POLICY), None)
    assert len(everything) == len(candidates(meeting, POLICY))


def test_sentences_stand_in_the_order_of_the_meeting(read_meeting: Read, launch: Said) -> None:
    """However they were ranked."""
    summary = run_plan(summary_of(read_meeting(launch), 40, POLICY), None)
    order = [int(one.segments[0][1:]) for one in summary]
    assert order == sorted(order)


def test_what_was_chosen_is_not_chosen_again(read_meeting: Read) -> None:
    """The second best that says something else comes before the best said twice."""
    meeting = read_meeting(
        [
            ("Ann", "The price of the battery is the subject of the whole meeting today."),
            ("Bo", "The price of a battery depends on how many of them the factory buys."),
            ("Ann", "Marketing wants green posters in every city before the summer begins."),
        ]
    )
    rows = candidates(meeting, POLICY)
    scores = np.array([1.0, 0.9, 0.5])
    assert choose(meeting, rows, scores, 20, POLICY) == [0, 2]
    careless = replace(POLICY, repeated=0.0, alike=0.0)
    assert choose(meeting, rows, scores, 20, careless) == [0, 1]


def test_a_meeting_of_short_remarks_has_a_summary_all_the_same(read_meeting: Read) -> None:
    """Of what there is."""
    meeting = read_meeting([("Ann", "We have no more batteries."), ("Bo", "Oh no.")])
    assert [one.text for one in run_plan(summary_of(meeting, 50, POLICY), None)] == [
        "We have no more batteries."
    ]


def test_what_was_said_six_times_stands_once(read_meeting: Read) -> None:
    """It cites some of the places, and others are not crowded out."""
    often = "the login screen of the mobile app has to be fixed before the launch"
    said = [("Ann", often + "."), ("Bo", "So, " + often), ("Ann", often.upper() + "!")] * 2
    meeting = read_meeting(
        [*said, ("Bo", "Marketing wants green posters in every city by summer.")]
    )
    summary = run_plan(summary_of(meeting, 200, POLICY), None)
    assert len(summary) == 2
    assert len(summary[0].segments) == POLICY.repeat_citations


def test_what_was_taken_back_is_not_in_the_summary(read_meeting: Read, launch: Said) -> None:
    """Even where there is room for it."""
    meeting = read_meeting(launch)
    whole = run_plan(summary_of(meeting, 10_000, POLICY), None)
    gone = Withdrawals(frozenset(int(at) for at in candidates(meeting, POLICY)[:2]))
    rest = run_plan(summary_of(meeting, 10_000, POLICY, gone), None)
    assert list(rest) == list(whole[2:])


def test_short_sentences_stand_in_for_the_one_taken_back(read_meeting: Read) -> None:
    """A summary is not empty while something holds."""
    said = [
        ("Ann", "We decided to launch the mobile app for all customers in March."),
        ("Bo", "The supplier closes in summer."),
    ]
    meeting = read_meeting(said)
    (one,) = run_plan(summary_of(meeting, 50, POLICY, Withdrawals(frozenset({0}))), None)
    assert one.segments == ("s1",)
