"""Whether lines of a transcript deny what a claim affirms, or the reverse, by the stems that they share; pure."""

from collections.abc import Sequence
from itertools import pairwise

from wordloop_ml.synthesis.lines import Line

_DENIED = 0.4
"""A clause that affirms more of what is denied in the lines that are near is refused."""
_NEAR, _NEAREST = 0.6, 0.85
"""Lines with this share of what the best one has of a clause are near, and nearest, to it."""


def denied_in(lines: Sequence[Line], scope: set[str]) -> bool:
    """Whether any of these stems is denied in a line, or a line that has one is answered with no."""
    if any(line.denied & scope for line in lines):
        return True
    return any(
        line.stems & scope and other.answers_no
        for line, other in pairwise(lines)
        if line.voice != other.voice
    )


def all_deny_one(lines: Sequence[Line], weights: dict[str, float], *, undone: bool) -> bool:
    """Whether each line that has most of these stems has one of them right behind a negation.

    undone: or behind "refuse", "doubt".
    """
    nearest = [line for _, line in _nearest(lines, weights, _NEAREST)]
    return bool(nearest) and all(
        (line.negated_heads | (line.undone_heads if undone else frozenset())) & weights.keys()
        for line in nearest
    )


def affirmed_in(lines: Sequence[Line], weights: dict[str, float]) -> bool:
    """Whether the lines that have many of these stems deny little of what they have of them."""
    near = _nearest(lines, weights, _NEAR)
    against = sum(weights.get(stem, 0.0) for _, line in near for stem in line.negated)
    return against <= _DENIED * sum(share for share, _ in near)


def _nearest(
    lines: Sequence[Line], weights: dict[str, float], share: float
) -> list[tuple[float, Line]]:
    """Return the lines that have this share of what the best one has of the weights, with what they have."""
    has = [sum(weights.get(stem, 0.0) for stem in line.stems) for line in lines]
    least = share * max(has, default=0.0)
    return [(one, line) for one, line in zip(has, lines, strict=True) if one >= least and one > 0]
