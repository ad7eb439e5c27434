"""What captions must reach, alone and beside another server; pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.report import Aim, Spread, share
from scripts.benchmark.results import Result

OURS = "wordloop-ml"
POINTS = 0.5
"""How many more of a hundred words may be wrong than another server has wrong."""

_TIMES: Mapping[str, Callable[[Result], Spread | None]] = {
    "first caption": lambda r: r.first,
    "first right caption": lambda r: r.right,
    "final": lambda r: r.final,
}
_SHARES: Sequence[tuple[str, Callable[[Result], float | None], float]] = (
    ("first captions that begin with a wrong word", lambda r: r.first_wrong, 10.0),
    ("interims without a word of their utterance", lambda r: share(r.wordless, r.interims), 1.0),
    ("stable words that their final revises", lambda r: share(r.revised, r.stable), 1.0),
)
"""In percent, of every run of ours."""

_AIMS: Mapping[str, Mapping[int, Mapping[str, float]]] = {
    "embedded": {
        1: {"first caption, p50": 400, "first caption, p95": 600,
            "first right caption, p95": 900, "final, p95": 650},
        4: {"first caption, p50": 430, "first caption, p95": 700,
            "first right caption, p95": 1200, "final, p95": 700},
        8: {"first caption, p50": 480, "first caption, p95": 800,
            "first right caption, p95": 1500, "final, p95": 800},
        16: {"first caption, p95": 1000},
    },
    "multilingual": {
        1: {"first caption, p95": 700, "final, p95": 750},
        4: {"first caption, p95": 900, "final, p95": 950},
    },
}  # fmt: skip
"""Milliseconds, by profile whatever its engine, and by meetings."""


_Row = tuple[str, float, str, float | None]
"""The fields of an aim."""


def times_ms(result: Result) -> dict[str, float | None]:
    """The percentiles of a run, by name."""
    found: dict[str, float | None] = {}
    for name, of in _TIMES.items():
        values = of(result)
        found[f"{name}, p50"] = None if values is None else 1000 * values.p50
        found[f"{name}, p95"] = None if values is None else 1000 * values.p95
    return found


def judge(results: Iterable[Result]) -> list[Aim]:
    """Every aim that these runs of ours say something about."""
    aims = []
    for result in (one for one in results if one.server == OURS):
        limits = _AIMS.get(result.profile.removesuffix("-whisper-cpp"), {})
        times = times_ms(result)
        rows: list[_Row] = [
            (what, at_most, "ms", times[what])
            for what, at_most in limits.get(result.meetings, {}).items()
        ]
        rows += [(what, at_most, "%", _percent(of(result))) for what, of, at_most in _SHARES]
        rows.append(("utterances lost", 0, "", result.lost))
        if result.meetings == 1:
            rows.append(("still seconds", 5, "%", _percent(result.still)))
            rows.append(("CPU per second of audio", 0.2, "s", result.cpu_per_audio_s))
        aims += _aims(result.title, rows)
    return aims


def compare(results: Sequence[Result]) -> list[Aim]:
    """Ours against each other server with as many meetings in the same run."""
    return [
        aim
        for ours in results
        for other in results
        if ours.server == OURS != other.server and ours.meetings == other.meetings
        for aim in _against(ours, other)
    ]


def _against(ours: Result, other: Result) -> list[Aim]:
    theirs = times_ms(other)
    rows: list[_Row] = [
        (what, theirs[what] or math.inf, "ms", measured)
        for what, measured in times_ms(ours).items()
    ]
    rows += [
        ("CPU per second of audio", other.cpu_per_audio_s, "s", ours.cpu_per_audio_s),
        ("memory at most", other.rss[1] / MEBIBYTE, "MiB", ours.rss[1] / MEBIBYTE),
        ("utterances lost", other.lost, "", ours.lost),
    ]
    if other.errors.rate is not None:
        most = 100 * other.errors.rate + POINTS
        rows.append(("words wrong", most, "%", _percent(ours.errors.rate)))
    return _aims(f"{ours.meetings} meetings, against {other.server}", rows)


def _aims(where: str, rows: Sequence[_Row]) -> list[Aim]:
    return [
        Aim(f"{where}: {what}", at_most, unit, measured) for what, at_most, unit, measured in rows
    ]


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else 100 * ratio
