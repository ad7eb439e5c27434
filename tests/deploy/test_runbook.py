"""The runbook says what is there: measured numbers, panels, and settings of the deployment."""

import json
import re

import pytest

from tests.deploy.tools import MONITORING, ROOT
from wordloop_ml.errors import ErrorCode

RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
CAPACITY = re.findall(
    r"^\| `([\w-]+)` \| (\d+) \| (.+) \| (.+) \| (\d+) \|$", RUNBOOK, re.MULTILINE
)


def test_the_table_of_capacity_has_rows() -> None:
    """Of the default profile at least."""
    assert "embedded" in {profile for profile, *_ in CAPACITY}


@pytest.mark.parametrize("row", CAPACITY, ids=lambda row: f"{row[0]}, {row[1]}")
def test_capacity_is_what_was_measured(row: tuple[str, ...]) -> None:
    """Each row stands in the published benchmark."""
    profile, meetings, *measured = row
    lines = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8").splitlines()
    published = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if re.match(rf"\| wordloop-ml, {profile}( \(not quiet\))? \| {meetings} \|", line)
    ]
    assert any(set(measured) <= set(cells) for cells in published)


def test_panels_that_are_named_are_on_the_dashboard() -> None:
    """In italics, each a title or the beginning of one."""
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    titles = [panel["title"].lower() for panel in dashboard["panels"]] + [dashboard["title"]]
    named = set(re.findall(r"(?<![*\w])\*([A-Za-z][^*\n]+)\*(?![*\w])", RUNBOOK))
    severities = {"page", "ticket"}
    assert named > severities
    for name in named - severities:
        assert any(name.lower() in title for title in titles), name


def test_events_and_codes_that_are_named_are_in_the_logs() -> None:
    """By the guide to the logs, and the errors."""
    guide = (ROOT / "docs/logs.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", RUNBOOK))
    metrics = {name for name in named if name.startswith("wordloop_")}
    events = set(re.findall(r"`(\w+)`", guide))
    assert named - metrics - set(ErrorCode) <= events
