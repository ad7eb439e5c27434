"""What captions must reach; pure."""

from collections.abc import Iterable, Mapping

from scripts.benchmark.report import Aim
from scripts.benchmark.results import Result

OURS = "wordloop-ml"
_SHARES_AT_MOST = {
    "first begins wrong": 10.0,
    "interims without a word of theirs": 1.0,
    "stable words revised": 1.0,
}
"""In percent, of every run of ours."""

_AIMS: Mapping[str, Mapping[int, Mapping[str, float]]] = {
    "embedded": {
        1: {"first caption, p50": 400, "first caption, p95": 600,
            "first right one, p95": 900, "final, p95": 650},
        4: {"first caption, p50": 430, "first caption, p95": 700,
            "first right one, p95": 1200, "final, p95": 700},
        8: {"first caption, p50": 480, "first caption, p95": 800,
            "first right one, p95": 1500, "final, p95": 800},
        16: {"first caption, p95": 1000},
    },
    "multilingual": {
        1: {"first caption, p95": 700, "final, p95": 750},
        4: {"first caption, p95": 900, "final, p95": 950},
    },
}  # fmt: skip
"""Milliseconds, by profile whatever its engine, and by meetings."""


def judge(results: Iterable[Result]) -> list[Aim]:
    """Every aim that these runs of ours say something about."""
    aims = []
    for result in (one for one in results if one.server == OURS):
        limits = _AIMS.get(result.profile.removesuffix("-whisper-cpp"), {})
        times = _times_ms(result)
        aims += [
            Aim(f"{result.title}: {what}", at_most, "ms", times[what])
            for what, at_most in limits.get(result.meetings, {}).items()
        ]
        aims += [
            Aim(f"{result.title}: {what}", at_most, "%", _percent(result.shares[what]))
            for what, at_most in _SHARES_AT_MOST.items()
        ]
        aims.append(Aim(f"{result.title}: utterances lost", 0, "", result.lost))
        if result.meetings == 1:
            used = result.cpu_per_audio_s
            aims.append(Aim(f"{result.title}: CPU per second of audio", 0.2, "s", used))
    return aims


def _times_ms(result: Result) -> dict[str, float | None]:
    """The percentiles of a run, by name."""
    found: dict[str, float | None] = {}
    for name, values in result.times.items():
        found[f"{name}, p50"] = None if values is None else 1000 * values.p50
        found[f"{name}, p95"] = None if values is None else 1000 * values.p95
    return found


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else 100 * ratio
