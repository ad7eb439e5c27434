"""What a drill found: the report of a measurement, with facts, delays and failures."""

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.benchmark.machine import processor
from scripts.benchmark.report import Aim, Report, Table, percentile
from scripts.drills.checker import Verdict


@dataclass(slots=True)
class DrillReport(Report):
    """facts: how it was run, on what, and what was counted. delays: seconds, by what they measure.
    failures: what must not happen and is no number."""

    facts: dict[str, Any] = field(default_factory=dict)
    delays: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every aim was reached, and nothing else went wrong."""
        return not self.failures and all(aim.reached for aim in self.aims)

    def must_be(self, name: str, measured: int, wanted: int = 0) -> None:
        """Judge a count that has one right value."""
        self.aims.append(Aim(name, wanted, "", measured, exact=True))

    def at_most(self, name: str, measured: float | None, limit: float, unit: str = "s") -> None:
        """Judge a number that has a bound; None, nothing to measure, is a failure."""
        self.aims.append(Aim(name, limit, unit, measured))

    def measure(
        self, name: str, delays_s: Iterable[float | None], percent: int, limit_s: float
    ) -> None:
        """Keep delays in seconds, without those that never ended, and judge a percentile of them."""
        found = [one for one in delays_s if one is not None]
        self.delays[name] = found
        measured = percentile(found, percent) if found else None
        self.at_most(f"{name}, p{percent}", measured, limit_s)

    def judge(self, verdict: Verdict, whose: str) -> None:
        """Judge whether each word, or utterance, was heard once, in order, or lies in a named gap."""
        self.facts[whose] = {
            "said": verdict.said,
            "heard": verdict.heard,
            **verdict.wrong,
            "named": verdict.named,
            "gaps": dict(verdict.gaps),
        }
        self.must_be(f"{whose} lost, doubled, misplaced", sum(verdict.wrong.values()))

    def complete(self, options: Mapping[str, Any]) -> None:
        """Put the delays into a table, and all into the document; nothing is added after it."""
        self.facts = {
            **options,
            **self.facts,
            "CPU": processor(),
            "cores": os.cpu_count(),
            "load at the end": round(os.getloadavg()[0], 2),
            "Python": platform.python_version(),
        }
        rows = [
            [name, str(len(found)), *(f"{percentile(found, one):.3f}" for one in (50, 95, 99, 100))]
            for name, found in self.delays.items()
            if found
        ]
        if rows:
            self.tables.append(Table(["delay, s", "n", "p50", "p95", "p99", "most"], rows))
        self.notes.append(", ".join(f"{name} {value}" for name, value in self.facts.items()))
        self.notes += [f"failure: {one}" for one in self.failures]
        self.notes.append("passed" if self.passed else "FAILED")
        self.document |= {
            "facts": self.facts,
            "delays": self.delays,
            "failures": self.failures,
            "aims": [[one.what, one.at_most, one.measured, one.reached] for one in self.aims],
            "passed": self.passed,
        }
