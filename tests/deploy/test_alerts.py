"""The rules of Prometheus: each alert fires on its fault in promtool's own tests, and has its chapter."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import HERE, ROOT, program, rules, run

ALERTS = [rule for group in rules()["groups"] for rule in group["rules"] if "alert" in rule]
NAMES = sorted({alert["alert"] for alert in ALERTS})
SCENARIOS = sorted(HERE.glob("alerts*.yaml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the rules and their tests, as promtool wants them."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()), encoding="utf-8")
    for scenario in SCENARIOS:
        shutil.copy(scenario, tmp_path)
    return tmp_path


def test_the_rules_are_valid(folder: Path) -> None:
    """By promtool, which also finds duplicates."""
    run(
        program("promtool", package="Debian's prometheus"),
        "check",
        "rules",
        "--lint-fatal",
        folder / "rules.yaml",
    )


@pytest.mark.parametrize("scenario", [path.name for path in SCENARIOS])
def test_each_alert_fires_on_its_fault_alone(scenario: str, folder: Path) -> None:
    """And none in a quiet hour."""
    program_ = program("promtool", package="Debian's prometheus")
    run(program_, "test", "rules", scenario, cwd=folder)


def test_every_alert_is_seen_firing() -> None:
    """With each of its severities, in one of the scenarios."""
    fired: set[tuple[str, str]] = set()
    for path in SCENARIOS:
        for scenario in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for check in scenario.get("alert_rule_test", []):
                fired |= {
                    (check["alertname"], one["exp_labels"]["severity"])
                    for one in check["exp_alerts"]
                }
    assert fired == {(alert["alert"], alert["labels"]["severity"]) for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_who_has_to_act_and_where_it_is_explained(alert: dict[str, Any]) -> None:
    """A page wakes somebody, a ticket waits for the morning."""
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"
    assert alert["annotations"]["summary"]


def test_every_alert_has_its_first_three_steps() -> None:
    """In the runbook, under its name; and no chapter is left over."""
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    chapters = text.split("\n## Alerts\n")[1].split("\n## ")[0].split("\n### ")[1:]
    steps = {
        chapter.splitlines()[0]: re.findall(r"^(\d)\. ", chapter, re.MULTILINE)
        for chapter in chapters
    }
    assert steps == {name: ["1", "2", "3"] for name in NAMES}
