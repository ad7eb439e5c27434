"""Tables of a run in docs/benchmarks.md, each in a place of its own."""

import re
from pathlib import Path

from scripts.benchmark.failures import BenchmarkFailed

PAGE = Path("docs/benchmarks.md")


def publish(name: str, text: str, page: Path = PAGE) -> None:
    """Put a text between the comments ``begin NAME`` and ``end NAME`` of a page.

    Raises ``BenchmarkFailed`` where the page has no such place.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before = page.read_text(encoding="utf-8")
    place = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if place.search(before) is None:
        raise BenchmarkFailed(f"{page} has no place for {name}")
    after = place.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", before)
    page.write_text(after, encoding="utf-8")
