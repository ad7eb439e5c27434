"""Percentiles, aims and tables: how every benchmark and evaluation states its figures.

Pure, but for ``Report.write``, ``publish`` and ``progress``.
"""

import json
import math
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark import BenchmarkFailed

DOCS = Path("docs")
PAGE, MEASURED = "benchmarks.md", "measured"
"""In ``DOCS``: the page with summaries, and the folder of the whole reports."""

_ELSEWHERE = re.compile(r"(^|(?<==))(/|\.\./|~).*")


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
    """An upper limit and what was measured: None, which misses it, when nothing was there.

    exact: the limit is the one right value.
    """

    what: str
    at_most: float
    unit: str
    measured: float | None
    exact: bool = False

    @property
    def reached(self) -> bool:
        """Whether the measured value is within the limit."""
        if self.exact:
            return self.measured == self.at_most
        return self.measured is not None and self.measured <= self.at_most


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text, each row as long as the header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table for a page."""
        head, *rows = [f"| {' | '.join(cells)} |" for cells in (self.header, *self.rows)]
        return "\n".join([head, "|---" * len(self.header) + "|", *rows])

    def text(self) -> str:
        """Return the table in columns of plain text."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        lines = [self.header, ["-" * width for width in widths], *self.rows]
        return "\n".join("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in lines)


@dataclass(slots=True)
class Report:
    """What a run found. tables: every figure. document: everything else, as JSON. notes: lines below
    the aims. summary: the tables for the page; without it, those of every figure."""

    tables: list[Table] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    summary: list[Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.summary = self.summary or list(self.tables)

    def text(self) -> str:
        """Return all tables, the aims and the notes as plain text."""
        tables = [*self.tables, *([aims_table(self.aims)] if self.aims else [])]
        return "\n\n".join([*(one.text() for one in tables), *self.notes])

    def markdown(self) -> str:
        """Return what the page shows: the summary, and how many aims were reached."""
        reached = sum(one.reached for one in self.aims)
        aims = [f"Aims reached: {reached} of {len(self.aims)}."] if self.aims else []
        return "\n\n".join([*(one.markdown() for one in self.summary), *aims])

    def write(self, json_file: Path, place: str | None, command: str) -> None:
        """Print everything, write the document to a file, and publish the rest in a place.

        Raises ``BenchmarkFailed`` where the page has no such place.
        """
        print(self.text())
        if place is not None:
            publish(place, f"{command}\n\n{self.text()}\n", self.markdown())
        json_file.parent.mkdir(parents=True, exist_ok=True)
        document = json.dumps(self.document, ensure_ascii=False, indent=1)
        json_file.write_text(document, encoding="utf-8")
        progress(f"everything is in {json_file}")


def publish(place: str, text: str, summary: str, docs: Path = DOCS) -> None:
    """Write a whole report to ``measured/PLACE.txt`` and its summary into the page.

    The summary replaces what stands between the comments ``begin PLACE`` and ``end PLACE``. Raises
    ``BenchmarkFailed`` where the page has no such place.
    """
    page, whole = docs / PAGE, f"{MEASURED}/{place}.txt"
    begin, end = f"<!-- begin {place} -->", f"<!-- end {place} -->"
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(before) is None:
        raise BenchmarkFailed(f"{page} has no place for {place}")
    shown = f"{summary}\n\n[All figures]({whole})"
    after = pattern.sub(lambda _: f"{begin}\n{shown}\n{end}", before)
    page.write_text(after, encoding="utf-8")
    (docs / MEASURED).mkdir(exist_ok=True)
    (docs / whole).write_text(text, encoding="utf-8")


def command_line(program: str, arguments: Sequence[str]) -> str:
    """Return a command for others to run: folders outside the checkout are ``DIR``."""
    return f"{program} {shlex.join(_ELSEWHERE.sub('DIR', one) for one in arguments)}".rstrip()


def progress(what: str) -> None:
    """Print a line to standard error."""
    print(f"measuring: {what}", file=sys.stderr, flush=True)


def aims_table(aims: Sequence[Aim]) -> Table:
    """Return a row for each aim."""
    rows = [
        [
            one.what,
            "exactly " * one.exact + _value(one.at_most, one.unit),
            "nothing" if one.measured is None else _value(one.measured, one.unit),
            "reached" if one.reached else "missed",
        ]
        for one in aims
    ]
    return Table(["what must be reached", "at most", "measured", ""], rows)


def _value(value: float, unit: str) -> str:
    if math.isinf(value):
        return f"never {unit}".rstrip()
    number = f"{value:.1f}" if unit == "ms" else f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
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
