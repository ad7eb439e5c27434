"""What confidences are worth."""

import numpy as np
import pytest

from scripts.benchmark.reliability import fit, raw, reliability
from scripts.benchmark.word_truth import Scored
from wordloop_ml.engines.confidence import calibrated
from wordloop_ml.weights import Calibration


def words(count: int, truth: Calibration, seed: int = 1) -> list[Scored]:
    """Words that are right as often as this calibration of their confidence says."""
    rng = np.random.default_rng(seed)
    said = rng.beta(2.0, 1.0, count)
    return [
        Scored(float(one), bool(rng.random() < calibrated(float(one), truth)), None, None)
        for one in said
    ]


def test_honest_words_lie_on_the_diagonal() -> None:
    """In every bin, and over 0.9."""
    curve = reliability(words(20_000, Calibration()))
    assert sum(one.words for one in curve.bins) == curve.words == 20_000
    assert curve.calibration_error < 0.02
    assert curve.sure_right == pytest.approx(0.95, abs=0.02)


def test_a_fit_finds_how_over_confident_a_model_is() -> None:
    """And what it makes of other words lies on the diagonal again."""
    found = fit(words(20_000, Calibration(0.5, -0.4)))
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.offset == pytest.approx(-0.4, abs=0.05)
    others = words(20_000, Calibration(0.5, -0.4), seed=2)
    before, after = reliability(others), reliability(others, found)
    assert after.calibration_error < 0.02 < before.calibration_error
    assert after.log_loss < before.log_loss


def test_few_words_move_nothing_far() -> None:
    """Three right words do not make a model infallible."""
    found = fit([Scored(0.6, True, None, None)] * 3)
    assert 0.5 < calibrated(0.6, found) < 0.9
    with pytest.raises(ValueError, match="no word"):
        fit([])


def test_raw_confidences_come_back() -> None:
    """So that a fit starts from what the model says, whatever the manifest has."""
    calibration = Calibration(0.7, -0.3)
    before = words(100, calibration)
    shipped = [
        Scored(calibrated(one.confidence, calibration), one.right, None, None) for one in before
    ]
    for one, back in zip(before, raw(shipped, calibration), strict=True):
        assert back.confidence == pytest.approx(min(max(one.confidence, 1e-4), 0.9999), abs=1e-6)
    assert raw(shipped, Calibration()) == shipped


def test_no_words_have_no_curve() -> None:
    """And no division by zero."""
    curve = reliability([])
    assert (curve.words, curve.sure_words, curve.sure_right) == (0, 0, None)
