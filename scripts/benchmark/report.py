"""Percentiles, aims and tables: how every benchmark and evaluation states its figures.

Pure, but for ``Report.write`` and ``publish``.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark import BenchmarkFailed

PAGE = Path("docs/benchmarks.md")


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the least measured value that ``percent`` of all do not exceed."""
    return float(np.percentile(values, percent, method="inverted_cdf"))


@dataclass(frozen=True, slots=True)
class Spread:
    """Nearest-rank percentiles of ``count`` values; what never came counts as infinitely late."""

    p50: float
    p95: float
    count: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """The percentiles, where None stands for what never came; None without any value."""
    there = [math.inf if value is None else value for value in values]
    if not there:
        return None
    return Spread(percentile(there, 50), percentile(there, 95), len(there))


def share(part: int, whole: int) -> float | None:
    """The ratio of two counts; None of nothing."""
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Aim:
    """An upper limit and what was measured: None, which misses it, when nothing was there."""

    what: str
    at_most: float
    unit: str
    measured: float | None

    @property
    def reached(self) -> bool:
        """Whether the measured value is within the limit."""
        return self.measured is not None and self.measured <= self.at_most


@dataclass(slots=True)
class Report:
    """Markdown tables, aims and everything else as JSON. notes: lines below the aims."""

    tables: list[str] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Append another report."""
        self.tables += other.tables
        self.aims += other.aims
        self.document |= other.document
        self.notes += other.notes

    def markdown(self) -> str:
        """Return all tables, the aims and the notes."""
        return "\n".join(
            [*self.tables, *([aims_table(self.aims)] if self.aims else []), *self.notes]
        )

    def write(self, json_file: Path, place: str | None) -> None:
        """Print the tables, and write the document to a file and the tables into a place of the page.

        Raises ``BenchmarkFailed`` where the page has no such place.
        """
        print(self.markdown())
        if place is not None:
            publish(place, self.markdown())
        json_file.parent.mkdir(parents=True, exist_ok=True)
        document = json.dumps(self.document, ensure_ascii=False, indent=1)
        json_file.write_text(document, encoding="utf-8")
        progress(f"everything is in {json_file}")


def publish(place: str, text: str, page: Path = PAGE) -> None:
    """Replace what stands between the comments ``begin PLACE`` and ``end PLACE`` of a page.

    Raises ``BenchmarkFailed`` where the page has no such place.
    """
    begin, end = f"<!-- begin {place} -->", f"<!-- end {place} -->"
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(before) is None:
        raise BenchmarkFailed(f"{page} has no place for {place}")
    after = pattern.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", before)
    page.write_text(after, encoding="utf-8")


def progress(what: str) -> None:
    """Print a line to standard error."""
    print(f"measuring: {what}", file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def aims_table(aims: Sequence[Aim]) -> str:
    """Return the aims as a Markdown table."""
    rows = [
        [
            one.what,
            _value(one.at_most, one.unit),
            "nothing" if one.measured is None else _value(one.measured, one.unit),
            "reached" if one.reached else "**missed**",
        ]
        for one in aims
    ]
    return table(["what must be reached", "at most", "measured", ""], rows)


def _value(value: float, unit: str) -> str:
    number = "never" if math.isinf(value) else f"{value:.1f}" if unit == "ms" else f"{value:.3g}"
    return f"{number} {unit}".rstrip()


def milliseconds(values: Spread | None) -> list[str]:
    """Return p50 and p95 of seconds as cells in milliseconds, and of how many they are."""
    if values is None:
        return ["-", "-", "0"]
    cells = [
        "never" if math.isinf(one) else f"{1000 * one:.0f}" for one in (values.p50, values.p95)
    ]
    return [*cells, str(values.count)]


def percent(ratio: float | None) -> str:
    """Return a ratio in percent."""
    return "-" if ratio is None else f"{100 * ratio:.1f} %"
