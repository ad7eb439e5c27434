"""What must be reached, and whether it was; pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scripts.benchmark.figures import Spread
from scripts.benchmark.results import Result


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


def _p95_ms(of: Callable[[Result], Spread | None]) -> Callable[[Result], float | None]:
    def measure(result: Result) -> float | None:
        values = of(result)
        return None if values is None else 1000 * values.p95

    return measure


def _percent(of: Callable[[Result], float | None]) -> Callable[[Result], float | None]:
    def measure(result: Result) -> float | None:
        ratio = of(result)
        return None if ratio is None else 100 * ratio

    return measure


_FIRST = ("time to first caption, p95", "ms", _p95_ms(lambda r: r.first_caption))
_RIGHT = ("time to first right caption, p95", "ms", _p95_ms(lambda r: r.first_right))
_TTFS = ("TTFS, p95", "ms", _p95_ms(lambda r: r.final))
_NEVER = ("utterances never captioned", "", lambda r: float(r.never_captioned))
_AROUND = ("around whisper.cpp, a meeting", "%", _percent(lambda r: r.around_native))
_WRONG = ("first captions that were wrong", "%", _percent(lambda r: r.first_wrong_share))
_WORDS = ("word error rate", "%", _percent(lambda r: r.word_error_rate))

_Figure = tuple[str, str, Callable[[Result], float | None]]

_AIMS: Sequence[tuple[str, int, _Figure, float]] = (
    ("tiny.en twin", 1, _FIRST, 600),
    ("tiny.en twin", 8, _FIRST, 800),
    ("tiny.en twin", 12, _FIRST, 1000),
    ("tiny.en twin", 16, _FIRST, 1000),
    ("tiny.en twin", 1, _NEVER, 0),
    ("tiny.en twin", 8, _NEVER, 0),
    ("tiny.en twin", 12, _NEVER, 0),
    ("tiny.en twin", 16, _NEVER, 0),
    ("tiny.en twin", 1, _TTFS, 700),
    ("tiny.en twin", 8, _TTFS, 1000),
    ("base.en twin", 1, _FIRST, 1000),
    ("base.en twin", 3, _FIRST, 1000),
    ("small.en twin", 1, _FIRST, 1500),
    ("embedded", 1, _FIRST, 400),
    ("embedded", 8, _FIRST, 600),
    ("embedded", 16, _FIRST, 1000),
    ("embedded", 1, _RIGHT, 800),
    ("embedded", 1, _WRONG, 25),
    ("embedded", 1, _TTFS, 700),
    ("embedded", 1, _WORDS, 5),
    ("embedded", 1, _AROUND, 2),
    ("embedded", 8, _AROUND, 2),
)


def judge(results: Iterable[Result]) -> list[Judged]:
    """Every aim that these runs of one track a meeting say something about."""
    by_run = {(one.subject, one.meetings): one for one in results if one.tracks == 1}
    judged = []
    for subject, meetings, (what, unit, measure), at_most in _AIMS:
        result = by_run.get((subject, meetings))
        if result is not None:
            where = f"{subject}, {meetings} meeting{'s' * (meetings > 1)}: {what}"
            judged.append(Judged(where, at_most, unit, measure(result)))
    return judged


def markdown(judged: Sequence[Judged]) -> str:
    """The aims as a table; empty without any."""
    if not judged:
        return ""
    lines = ["| what must be reached | at most | measured | |", "|---|---|---|---|"]
    for one in judged:
        unit = f" {one.unit}" if one.unit else ""
        measured = "nothing" if one.measured is None else f"{one.measured:.4g}{unit}"
        verdict = "reached" if one.reached else "**missed**"
        lines.append(f"| {one.what} | {one.at_most:g}{unit} | {measured} | {verdict} |")
    return "\n".join(lines) + "\n"
