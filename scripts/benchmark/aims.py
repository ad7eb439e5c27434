"""What captions must reach, alone and beside another server; pure."""

import math
from collections.abc import Callable, Iterable, Sequence

from scripts.benchmark.report import Aim, Spread, share
from scripts.benchmark.results import Result
from scripts.benchmark.server_process import MEBIBYTE

OURS = "wordloop-ml"
POINTS = 0.5
"""How many more of a hundred words may be wrong than another server has wrong."""

_TIMES: Sequence[tuple[str, Callable[[Result], Spread | None]]] = (
    ("first caption", lambda r: r.first),
    ("first right caption", lambda r: r.right),
    ("final", lambda r: r.final),
)
_SHARES: Sequence[tuple[str, Callable[[Result], float | None], float]] = (
    ("first captions that begin with a wrong word", lambda r: r.first_wrong, 10.0),
    ("interims without a word of their utterance", lambda r: share(r.wordless, r.interims), 1.0),
    ("stable words that their final revises", lambda r: share(r.revised, r.stable), 1.0),
)
"""In percent, of every run of ours."""

_AIMS: Sequence[tuple[str, int, str, float]] = (
    ("embedded", 1, "first caption, p50", 400),
    ("embedded", 1, "first caption, p95", 600),
    ("embedded", 4, "first caption, p50", 430),
    ("embedded", 4, "first caption, p95", 700),
    ("embedded", 8, "first caption, p50", 480),
    ("embedded", 8, "first caption, p95", 800),
    ("embedded", 16, "first caption, p95", 1000),
    ("embedded", 1, "first right caption, p95", 900),
    ("embedded", 4, "first right caption, p95", 1200),
    ("embedded", 8, "first right caption, p95", 1500),
    ("embedded", 1, "final, p95", 650),
    ("embedded", 4, "final, p95", 700),
    ("embedded", 8, "final, p95", 800),
    ("multilingual", 1, "first caption, p95", 700),
    ("multilingual", 4, "first caption, p95", 900),
    ("multilingual", 1, "final, p95", 750),
    ("multilingual", 4, "final, p95", 950),
)
"""A profile whatever its engine, meetings, what, and milliseconds."""


def times_ms(result: Result) -> dict[str, float | None]:
    """The percentiles of a run, by name."""
    found: dict[str, float | None] = {}
    for name, of in _TIMES:
        values = of(result)
        found[f"{name}, p50"] = None if values is None else 1000 * values.p50
        found[f"{name}, p95"] = None if values is None else 1000 * values.p95
    return found


def judge(results: Iterable[Result]) -> list[Aim]:
    """Every aim that these runs of ours say something about."""
    aims = []
    for result in (one for one in results if one.server == OURS):
        model, times = result.profile.removesuffix("-whisper-cpp"), times_ms(result)
        for profile, meetings, what, at_most in _AIMS:
            if (profile, meetings) == (model, result.meetings):
                aims.append(Aim(f"{result.title}: {what}", at_most, "ms", times[what]))
        for what, of, at_most in _SHARES:
            aims.append(Aim(f"{result.title}: {what}", at_most, "%", _percent(of(result))))
        aims.append(Aim(f"{result.title}: utterances lost", 0, "", result.lost))
        if result.meetings == 1:
            cpu = "CPU per second of audio"
            aims.append(Aim(f"{result.title}: still seconds", 5, "%", _percent(result.still)))
            aims.append(Aim(f"{result.title}: {cpu}", 0.2, "s", result.cpu_per_audio_s))
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
    where = f"{ours.meetings} meetings, against {other.server}"
    mine, theirs = times_ms(ours), times_ms(other)
    aims = [
        Aim(f"{where}: {what}", theirs[what] or math.inf, "ms", measured)
        for what, measured in mine.items()
    ]
    cpu, mib = (ours.cpu_per_audio_s, other.cpu_per_audio_s), (ours.rss[1], other.rss[1])
    aims += [
        Aim(f"{where}: CPU per second of audio", cpu[1], "s", cpu[0]),
        Aim(f"{where}: memory at most", mib[1] / MEBIBYTE, "MiB", mib[0] / MEBIBYTE),
        Aim(f"{where}: utterances lost", other.lost, "", ours.lost),
    ]
    if ours.errors.rate is not None and other.errors.rate is not None:
        most = 100 * other.errors.rate + POINTS
        aims.append(Aim(f"{where}: words wrong", most, "%", 100 * ours.errors.rate))
    return aims


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else 100 * ratio
