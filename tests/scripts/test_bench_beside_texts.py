"""Captions with and without work on texts beside them: the figures, and the load."""

import json
import random
from dataclasses import replace

import pytest

from scripts.benchmark.beside_texts import ALONE, BESIDE, BesideTexts, Stretch
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.text_load import SEGMENTS, transcript
from tests.scripts.support import EACH
from wordloop_ml.wire.synthesis import parse_request

CPU = CpuUse(10.0, 1.2, 0.05, 0.0)


def stretch(mode: str, *first_s: float | None) -> Stretch:
    each = tuple(replace(EACH, first_s=one) for one in first_s)
    return Stretch(mode, each, CPU, {} if mode == ALONE else {"embedding_calls": 2})


def test_the_ratio_is_that_of_all_turns_together() -> None:
    """Of the 95th percentiles, by nearest rank."""
    beside = BesideTexts(
        "embedded",
        2,
        (stretch(ALONE, 0.4, 0.5), stretch(BESIDE, 0.3, 0.55), stretch(BESIDE, 0.2)),
    )
    assert beside.ratio == pytest.approx(1.1)
    assert [one.reached for one in beside.judged()] == [True, True]
    assert beside.done == {"embedding_calls": 4}
    assert "| beside texts | 300 | 550 | 3 |" in beside.markdown()
    assert "1.10" in beside.markdown()
    assert json.dumps(beside.as_json())


def test_an_utterance_that_was_never_captioned_is_no_success() -> None:
    """Nor is any percentile of times with it."""
    beside = BesideTexts("embedded", 2, (stretch(ALONE, 0.4), stretch(BESIDE, 0.4, None)))
    assert [one.reached for one in beside.judged()] == [False, False]
    nothing = BesideTexts("embedded", 2, (stretch(ALONE), stretch(BESIDE)))
    assert nothing.ratio is None
    assert [one.reached for one in nothing.judged()] == [False, True]


def test_the_load_asks_for_what_the_service_takes() -> None:
    """Another meeting each time."""
    randomness = random.Random(1)
    asked = [transcript(["Hello.", "Who comes?"], randomness) for _ in range(2)]
    for one in asked:
        assert len(parse_request(json.dumps(one).encode()).transcript.segments) == SEGMENTS
    assert asked[0]["segments"] != asked[1]["segments"]
