"""What must be reached, and whether it was; pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scripts.benchmark.figures import Spread
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.report import table
from scripts.benchmark.results import Result, share

OURS = "wordloop-ml"
POINTS = 0.5
"""How many more of a hundred words may be wrong than another server has wrong."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One aim. measured: None when nothing was there to be measured, which is no success."""

    what: str
    at_most: float
    unit: str
    measured: float | None

    @property
    def reached(self) -> bool:
        """Whether it was."""
        return self.measured is not None and self.measured <= self.at_most


Measure = Callable[[Result], float | None]


def _ms(of: Callable[[Result], Spread | None], percentile: str) -> Measure:
    def measure(result: Result) -> float | None:
        values = of(result)
        return None if values is None else 1000 * float(getattr(values, percentile))

    return measure


def _percent(part: Callable[[Result], int], whole: Callable[[Result], int]) -> Measure:
    def measure(result: Result) -> float | None:
        ratio = share(part(result), whole(result))
        return None if ratio is None else 100 * ratio

    return measure


_TIMES: Sequence[tuple[str, Measure]] = tuple(
    (f"{name}, {percentile}", _ms(of, percentile))
    for name, of in (
        ("first caption", lambda r: r.first),
        ("first right caption", lambda r: r.right),
        ("final", lambda r: r.final),
    )
    for percentile in ("p50", "p95")
)
_TIME = dict(_TIMES)

_SHARES: Sequence[tuple[str, Measure, float]] = (
    (
        "first captions that begin with a wrong word",
        _percent(lambda r: r.first_wrong, lambda r: r.utterances),
        10.0,
    ),
    (
        "interims without a word of their utterance",
        _percent(lambda r: r.wordless, lambda r: r.interims),
        1.0,
    ),
    (
        "stable words that their final revises",
        _percent(lambda r: r.revised, lambda r: r.stable),
        1.0,
    ),
)
"""In percent, of every run of ours."""

_STILL = _percent(lambda r: r.still_s, lambda r: r.spoken_s)

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
"""A profile, meetings, what, and milliseconds."""


def judge(results: Iterable[Result]) -> list[Judged]:
    """Every aim that these runs of ours say something about."""
    judged = []
    for result in (one for one in results if one.server == OURS):
        for profile, meetings, what, at_most in _AIMS:
            if (profile, meetings) == (_model(result), result.meetings):
                judged.append(Judged(f"{result.title}: {what}", at_most, "ms", _TIME[what](result)))
        for what, measure, at_most in _SHARES:
            judged.append(Judged(f"{result.title}: {what}", at_most, "%", measure(result)))
        judged.append(Judged(f"{result.title}: utterances lost", 0, "", result.lost))
        if result.meetings == 1:
            still = Judged(f"{result.title}: still seconds", 5, "%", _STILL(result))
            cpu = Judged(
                f"{result.title}: CPU per second of audio", 0.2, "s", result.cpu_per_audio_s
            )
            judged += [still, cpu]
    return judged


def _model(result: Result) -> str:
    """The profile whatever its engine."""
    return result.profile.removesuffix("-whisper-cpp")


def compare(results: Iterable[Result]) -> list[Judged]:
    """Ours against each other server with as many meetings in the same run."""
    there = list(results)
    judged = []
    for ours in (one for one in there if one.server == OURS):
        for other in there:
            if other.server != OURS and other.meetings == ours.meetings:
                judged += _against(ours, other)
    return judged


def _against(ours: Result, other: Result) -> list[Judged]:
    where = f"{ours.meetings} meetings, against {other.server}"
    judged = [
        Judged(f"{where}: {what}", measure(other) or math.inf, "ms", measure(ours))
        for what, measure in _TIMES
    ]
    judged += [
        Judged(
            f"{where}: CPU per second of audio", other.cpu_per_audio_s, "s", ours.cpu_per_audio_s
        ),
        Judged(
            f"{where}: memory at most",
            other.peak_rss / MEBIBYTE,
            "MiB",
            ours.peak_rss / MEBIBYTE,
        ),
        Judged(f"{where}: utterances lost", other.lost, "", ours.lost),
    ]
    if ours.errors.rate is not None and other.errors.rate is not None:
        most = 100 * other.errors.rate + POINTS
        judged.append(Judged(f"{where}: words wrong", most, "%", 100 * ours.errors.rate))
    return judged


def markdown(judged: Sequence[Judged]) -> str:
    """The aims as a table; empty without any."""
    if not judged:
        return ""
    rows = [
        [
            one.what,
            _value(one.at_most, one.unit),
            "nothing" if one.measured is None else _value(one.measured, one.unit),
            "reached" if one.reached else "**missed**",
        ]
        for one in judged
    ]
    return table(["what must be reached", "at most", "measured", ""], rows)


def _value(value: float, unit: str) -> str:
    number = "never" if math.isinf(value) else f"{value:.1f}" if unit == "ms" else f"{value:.3g}"
    return f"{number} {unit}".rstrip()
