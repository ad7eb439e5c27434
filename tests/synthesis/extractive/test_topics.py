"""Topics: where they begin."""

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.synthesis.extractive.notes import Floats, Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.topics import divide, stretches

POLICY = ExtractivePolicy()


def blocks(*runs: tuple[int, int]) -> Floats:
    """(direction, how many) of each run of equal blocks, less their mean."""
    rows = np.concatenate([np.tile(np.eye(8)[direction], (many, 1)) for direction, many in runs])
    return np.asarray(rows - rows.mean(axis=0), np.float64)


def test_a_change_of_subject_is_a_border() -> None:
    """Each run of equal blocks is a topic."""
    assert run_plan(divide(blocks((0, 10), (1, 12), (2, 8)), POLICY), None) == [10, 22]


def test_a_subject_that_comes_back_is_a_new_topic() -> None:
    """Topics are stretches of time."""
    assert run_plan(divide(blocks((0, 10), (1, 10), (0, 10)), POLICY), None) == [10, 20]


def test_one_subject_is_one_topic() -> None:
    """Nothing is gained by a border."""
    assert run_plan(divide(blocks((0, 30)), POLICY), None) == []


def test_no_topic_is_shorter_than_the_policy_has_it() -> None:
    """A remark in between is no topic."""
    cuts = run_plan(divide(blocks((0, 10), (1, 2), (0, 10)), POLICY), None)
    assert all(
        after - before >= POLICY.topic_blocks
        for before, after in zip([0, *cuts], [*cuts, 22], strict=True)
    )


@settings(max_examples=60)
@given(st.integers(1, 80), st.integers(0, 5))
def test_borders_are_in_order_whatever_the_blocks(count: int, seed: int) -> None:
    """Inside the meeting, at most as many as the policy has topics."""
    rows = np.random.default_rng(seed).normal(size=(count, 8))
    cuts = run_plan(divide(rows / np.linalg.norm(rows, axis=1, keepdims=True), POLICY), None)
    assert cuts == sorted(set(cuts))
    assert all(0 < cut < count for cut in cuts)
    assert len(cuts) < POLICY.most_topics


def test_stretches_are_the_whole_meeting(
    read_meeting: Callable[[Sequence[tuple[str, str]]], Gathered], launch: Sequence[tuple[str, str]]
) -> None:
    """Every sentence is in exactly one."""
    meeting = read_meeting(launch)
    parts = run_plan(stretches(meeting, POLICY), None)
    assert [at for part in parts for at in range(*part)] == list(range(len(meeting.sentences)))
