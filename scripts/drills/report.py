"""What a drill found: aims and whether they were reached, as a table and as JSON."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmark.machine import processor
from scripts.benchmark.report import percentile
from scripts.drills.checker import Verdict


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

    facts: how it was run, and on what. delays: seconds, by what they measure. failures: what must
    not happen and is no number.
    """

    drill: str
    facts: dict[str, Any] = field(default_factory=dict)
    aims: list[Aim] = field(default_factory=list)
    delays: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every aim was reached, and nothing else went wrong."""
        return not self.failures and all(aim.reached for aim in self.aims)

    def must_be(self, name: str, measured: int, wanted: int = 0) -> None:
        """Judge a count that has one right value."""
        self.aims.append(Aim(name, str(measured), str(wanted), measured == wanted))

    def at_most(self, name: str, measured: float | None, limit: float, unit: str = "s") -> None:
        """Judge a number that has a bound; None, nothing to measure, is a failure."""
        shown = "none" if measured is None else f"{measured:.2f} {unit}".strip()
        reached = measured is not None and measured <= limit
        self.aims.append(Aim(name, shown, f"at most {limit:g} {unit}".strip(), reached))

    def percentile_at_most(self, name: str, percent: int, limit_s: float) -> None:
        """Judge a percentile of delays that were measured under this name, in seconds."""
        delays = self.delays[name]
        measured = percentile(delays, percent) if delays else None
        self.at_most(f"{name}, p{percent}", measured, limit_s)

    def judge_words(self, verdict: Verdict, *, whose: str = "words") -> None:
        """Judge whether each word was heard once, in order, or lies in a named gap."""
        self.facts[whose] = {
            "said": verdict.said,
            "heard": verdict.heard,
            "named": verdict.named,
            "gaps": dict(verdict.gaps),
        }
        shown = ", ".join(f"{count} {name}" for name, count in verdict.wrong.items())
        self.aims.append(Aim(whose, shown, "all 0", not any(verdict.wrong.values())))

    def measure(self, name: str, delays_s: Iterable[float | None]) -> None:
        """Add delays in seconds, without those that never ended."""
        self.delays[name] = [one for one in delays_s if one is not None]


def describe_run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Describe how and on what a drill was run."""
    return {
        **options,
        "CPU": processor(),
        "cores": os.cpu_count(),
        "load at the end": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
    }


def table(report: Report) -> str:
    """Render it for people, as Markdown."""
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
    lines = [f"drill {report.drill}: {'passed' if report.passed else 'FAILED'}", facts, ""]
    lines += ["| aim | measured | limit | |", "|---|---|---|---|"]
    for aim in report.aims:
        word = "reached" if aim.reached else "MISSED"
        lines.append(f"| {aim.name} | {aim.measured} | {aim.limit} | {word} |")
    if report.delays:
        lines += ["", "| delay, s | n | p50 | p95 | p99 | most |", "|---|---|---|---|---|---|"]
    for name, values in report.delays.items():
        percents = (50, 95, 99, 100)
        found = (f"{percentile(values, one):.3f}" if values else "-" for one in percents)
        shown = " | ".join(found)
        lines.append(f"| {name} | {len(values)} | {shown} |")
    return "\n".join([*lines, *(f"failure: {one}" for one in report.failures)])


def write(report: Report, path: Path) -> None:
    """Write it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = asdict(report) | {"passed": report.passed}
    path.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
