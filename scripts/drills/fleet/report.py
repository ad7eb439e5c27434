"""What a drill found: aims and whether they were reached, as a table, as JSON and as a plot."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scripts.benchmark.machine import processor
from scripts.drills.fleet.checker import Verdict
from scripts.drills.fleet.delays import nearest_rank


@dataclass(frozen=True, slots=True)
class Aim:
    """What must be reached: measured, and the limit in words."""

    name: str
    measured: str
    limit: str
    reached: bool


@dataclass(slots=True)
class Report:
    """One drill.

    facts: how it was run. delays: seconds, by what they measure. series: [(seconds, value)], by
    what they measure. failures: what must not happen and is no number.
    """

    drill: str
    facts: dict[str, Any] = field(default_factory=dict)
    aims: list[Aim] = field(default_factory=list)
    delays: dict[str, list[float]] = field(default_factory=dict)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every aim was reached, and nothing else went wrong."""
        return not self.failures and all(aim.reached for aim in self.aims)

    def must_be(self, name: str, measured: int, wanted: int = 0) -> None:
        """A count that has one right value."""
        self.aims.append(Aim(name, str(measured), str(wanted), measured == wanted))

    def at_most(self, name: str, measured: float | None, limit: float, unit: str = "s") -> None:
        """A number with a bound; None, nothing to measure, is a failure."""
        shown = "none" if measured is None else f"{measured:.2f} {unit}"
        reached = measured is not None and measured <= limit
        self.aims.append(Aim(name, shown, f"at most {limit:g} {unit}", reached))

    def judge_words(self, verdict: Verdict, *, whose: str = "words") -> None:
        """Every word of these once, in order, in a final or in a named hole."""
        self.facts[whose] = {
            "said": verdict.said,
            "heard": verdict.heard,
            "named": verdict.named,
            "holes": dict(verdict.holes),
        }
        counts = {
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "out of order": verdict.out_of_order,
            "unexpected": verdict.unexpected,
            "misnumbered": verdict.misnumbered,
        }
        shown = ", ".join(f"{count} {name}" for name, count in counts.items())
        self.aims.append(Aim(whose, shown, "all 0", verdict.wrong == 0))


def describe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """How and on what a drill was run."""
    return {
        **settings,
        "CPU": processor(),
        "cores": os.cpu_count(),
        "load at the end": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
    }


def table(report: Report) -> str:
    """For people."""
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
    lines = [f"drill {report.drill}: {'passed' if report.passed else 'FAILED'}", facts, ""]
    lines += ["| aim | measured | limit | |", "|---|---|---|---|"]
    for aim in report.aims:
        word = "reached" if aim.reached else "MISSED"
        lines.append(f"| {aim.name} | {aim.measured} | {aim.limit} | {word} |")
    if report.delays:
        lines += ["", "| delay, s | n | p50 | p95 | p99 | most |", "|---|---|---|---|---|---|"]
    for name, values in report.delays.items():
        shown = " | ".join(_seconds(values, share) for share in (0.5, 0.95, 0.99, 1.0))
        lines.append(f"| {name} | {len(values)} | {shown} |")
    return "\n".join([*lines, *(f"failure: {one}" for one in report.failures)])


def write(report: Report, path: Path) -> list[Path]:
    """The JSON and, where matplotlib is installed, a plot beside it; returns what was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = asdict(report) | {"passed": report.passed}
    path.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    if find_spec("matplotlib") is None or not (report.delays or report.series):
        return [path]
    from scripts.drills.fleet.plots import draw  # noqa: PLC0415 - an extra

    return [path, draw(report, path.with_suffix(".png"))]


def _seconds(values: Sequence[float], share: float) -> str:
    value = nearest_rank(values, share)
    return "-" if value is None else f"{value:.2f}"
