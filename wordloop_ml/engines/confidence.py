"""From a model's own probabilities to confidences that can be taken at their word; pure.

A model may be surer than it is right, or less sure. Platt's scaling (Platt 1999; Guo et al., "On
Calibration of Modern Neural Networks", ICML 2017) moves its probabilities by two numbers, which
stand beside the model in the manifest: they belong to its training, not to this code.
"""

import math
from dataclasses import replace

from wordloop_ml.messages import Word
from wordloop_ml.weights import Calibration

_EDGE = 1e-4
"""A probability so near to 0 or 1 has no finite logit that means anything."""


def calibrated(confidence: float, calibration: Calibration) -> float:
    """What a raw confidence in [0, 1] is worth, in [0, 1]; higher for a higher one."""
    if calibration == Calibration():
        return confidence
    inside = min(max(confidence, _EDGE), 1.0 - _EDGE)
    logit = calibration.slope * math.log(inside / (1.0 - inside)) + calibration.offset
    return 0.5 + 0.5 * math.tanh(logit / 2.0)  # the sigmoid, which as 1 / (1 + exp(-x)) overflows


def with_calibration(words: tuple[Word, ...], calibration: Calibration) -> tuple[Word, ...]:
    """The same words with calibrated confidences."""
    if calibration == Calibration():
        return words
    return tuple(
        replace(word, confidence=calibrated(word.confidence, calibration)) for word in words
    )
