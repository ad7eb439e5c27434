"""How long captions stood still around a fault; pure."""

import math
from collections.abc import Sequence

from scripts.drills.fleet.history import Shown
from scripts.drills.fleet.talk import SaidWord
from wordloop_ml.messages import SAMPLE_RATE

_ROUNDING = SAMPLE_RATE // 100
"""Times of captions are whole milliseconds, rounded down on the way more than once."""


def after_fault_s(
    fault_s: float, began_s: float, said: Sequence[SaidWord], shown: Sequence[Shown]
) -> float | None:
    """Until the first caption that covers audio later than the fault; None if none came.

    From the fault or, where nobody spoke then, from the next word on. began_s: when the track's
    sample 0 was spoken, on the clock of ``shown``.
    """
    position = (fault_s - began_s) * SAMPLE_RATE
    word = next((one for one in said if one.end > position), None)
    if word is None:
        return None
    there_s = max(fault_s, began_s + word.start / SAMPLE_RATE)
    came = (one.at_s for one in shown if one.at_s > fault_s and _samples(one) > position)
    at_s = next(came, None)
    return None if at_s is None else at_s - there_s


def caption_gap_s(
    fault_s: float, began_s: float, said: Sequence[SaidWord], shown: Sequence[Shown]
) -> float | None:
    """How long there was something new to show, and nothing new was shown; None if none came.

    From the last caption before the fault or, if later, the next word after what it covered, to
    the first caption after the fault that covers more.
    """
    before = [one for one in shown if one.at_s <= fault_s]
    covered = max((_samples(one) for one in before), default=0)
    word = next((one for one in said if one.end > covered + _ROUNDING), None)
    came = (one.at_s for one in shown if one.at_s > fault_s and _samples(one) > covered)
    at_s = next(came, None)
    if word is None or at_s is None:
        return None
    there_s = began_s + word.start / SAMPLE_RATE
    return at_s - max(before[-1].at_s, there_s) if before else at_s - there_s


def nearest_rank(values: Sequence[float], share: float) -> float | None:
    """A percentile that was measured; None without any."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _samples(shown: Shown) -> int:
    return shown.end_ms * SAMPLE_RATE // 1_000
