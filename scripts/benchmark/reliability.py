"""What confidences are worth: a reliability curve, and the calibration that straightens it; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scripts.benchmark.word_truth import Scored
from wordloop_ml.engines.confidence import calibrated
from wordloop_ml.weights import Calibration

Floats = npt.NDArray[np.float64]

EDGES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
SURE = 0.9

_EDGE = 1e-4
_PRIOR = 1.0
"""How strongly the fit holds on to "as it is" where there are few words: like one more word that
is wrong about as often as it says."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Words whose confidence lies in (low, high], or is 0 in the first bin.

    mean: of their confidences. right: the share that was said; None without words.
    """

    low: float
    high: float
    words: int
    mean: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidences can be taken at their word.

    sure_words, sure_right: words with a confidence over 0.9, and the share of them that is right.
    calibration_error: the mean distance between confidence and share right, by words.
    log_loss: of the confidences as probabilities of being right; less is better.
    """

    words: int
    bins: tuple[Bin, ...]
    sure_words: int
    sure_right: float | None
    calibration_error: float
    log_loss: float


def reliability(scored: Sequence[Scored], calibration: Calibration | None = None) -> Reliability:
    """The curve of some words; with a calibration, of what it makes of them."""
    given = [word.confidence for word in scored]
    values = np.array([calibrated(one, calibration or Calibration()) for one in given])
    right = np.array([word.right for word in scored], bool)
    bins = tuple(_bin(values, right, low, high) for low, high in pairwise(EDGES))
    sure = values > SURE
    inside = np.clip(values, _EDGE, 1 - _EDGE)
    distances = [
        one.words * abs(one.mean - one.right)
        for one in bins
        if one.mean is not None and one.right is not None
    ]
    return Reliability(
        words=len(scored),
        bins=bins,
        sure_words=int(sure.sum()),
        sure_right=float(right[sure].mean()) if sure.any() else None,
        calibration_error=sum(distances) / max(1, len(scored)),
        log_loss=float(-np.where(right, np.log(inside), np.log1p(-inside)).mean())
        if given
        else 0.0,
    )


def _bin(values: Floats, right: npt.NDArray[np.bool_], low: float, high: float) -> Bin:
    inside = (values > low) & (values <= high)
    if low == 0.0:
        inside |= values == 0.0
    count = int(inside.sum())
    if not count:
        return Bin(low, high, 0, None, None)
    return Bin(low, high, count, float(values[inside].mean()), float(right[inside].mean()))


def raw(scored: Sequence[Scored], calibration: Calibration) -> list[Scored]:
    """The same words with the confidences that they had before a calibration."""
    if calibration == Calibration():
        return list(scored)
    back = Calibration(1 / calibration.slope, -calibration.offset / calibration.slope)
    return [replace(word, confidence=calibrated(word.confidence, back)) for word in scored]


def fit(scored: Sequence[Scored], steps: int = 50) -> Calibration:
    """Platt's scaling by Newton's method, with a weak pull towards leaving all as it is.

    The words' confidences must be raw. ValueError without a single word.
    """
    if not scored:
        raise ValueError("there is no word to fit to")
    given = np.clip([word.confidence for word in scored], _EDGE, 1 - _EDGE)
    inputs = np.stack([np.log(given / (1 - given)), np.ones(len(given))], axis=1)
    right = np.array([word.right for word in scored], float)
    start = np.array([1.0, 0.0])
    weights = start.copy()
    for _ in range(steps):
        found = 0.5 + 0.5 * np.tanh(inputs @ weights / 2)
        slope = inputs.T @ (found - right) + _PRIOR * (weights - start)
        curvature = (inputs * (found * (1 - found))[:, None]).T @ inputs + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        weights -= step
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(round(float(max(weights[0], 0.01)), 3), round(float(weights[1]), 3))
