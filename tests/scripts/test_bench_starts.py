"""The first segment of a process against its hundredth."""

import numpy as np
import pytest

from scripts.benchmark.speaking import FRAME_SAMPLES
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.starts import LEAD_S, PAUSE_S, SEGMENTS, Start, Starts, border, hundred
from wordloop_ml.messages import SAMPLE_RATE


def start(first_s: float | None, hundredth_s: float | None) -> Start:
    return Start(2.0, 0.01, first_s, hundredth_s, 0.6, 0.6)


def test_a_hundred_utterances_end_with_the_first_again() -> None:
    """So that both are decoded from the same speech; borders lie where nobody speaks."""
    speech = [
        SpokenText(f"text {index}", "a voice", np.full(8_000, index, np.int16), 500, 7_500)
        for index in range(5)
    ]
    script = hundred(speech, np.random.default_rng(3))
    assert len(script.said) == SEGMENTS
    assert script.said[0].text == script.said[-1].text
    assert {one.text for one in script.said} == {one.text for one in speech}
    for before, after in zip(script.said, script.said[1:], strict=False):
        at = border(after) * FRAME_SAMPLES
        assert before.end + (PAUSE_S - LEAD_S) * SAMPLE_RATE <= at + FRAME_SAMPLES
        assert at < after.onset


def test_the_ratio_is_the_median_of_pairs_and_the_upgrade_counts_for_the_first() -> None:
    """Each pair comes from one process."""
    starts = Starts("embedded", (start(0.4, 0.4), start(0.6, 0.4), start(0.44, 0.4)))
    assert starts.ratio == pytest.approx(1.1)
    assert starts.first_p95_ms == pytest.approx(610)
    assert [one.reached for one in starts.judged()] == [True, True]


def test_a_first_segment_without_a_caption_is_no_success() -> None:
    """It has no time, so that no percentile hides it."""
    starts = Starts("embedded", (start(0.4, 0.4), start(None, 0.4)))
    assert starts.first_p95_ms is None
    assert [one.reached for one in starts.judged()] == [True, False]
    assert "| TTFS: first segment | 600 | 600 | 2 |" in starts.markdown()
