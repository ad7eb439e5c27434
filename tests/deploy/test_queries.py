"""Every query in ``deploy/`` runs in a real Prometheus, and each panel of the dashboard finds data."""

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.series import NAMES, exposition
from tests.deploy.tools import DEPLOY, MONITORING, ROOT, program, rules, run

DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in rules()["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ADAPTER = yaml.safe_load((DEPLOY / "prometheus-adapter.yaml").read_text(encoding="utf-8"))

QUERIES = {f"panel: {panel['title']}": panel["targets"] for panel in PANELS}
METRIC = re.compile(r"\b(?:up|(?:wordloop|process|container)[_:][\w:]+)(?![\w:=~])")

Query = Callable[[str], list[Any]]


def filled_in(expression: str) -> str:
    """Fill in the variables, as Grafana and the adapter do."""
    for variable, value in {
        "$namespace": ".*",
        "$__rate_interval": "1m",
        "<<.GroupBy>>": "pod",
        "<<.LabelMatchers>>": 'namespace="live",pod=~"wordloop-ml-1"',
    }.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    assert "<<" not in expression
    return expression


def expressions() -> dict[str, str]:
    """Return every query, by where it stands."""
    found = {
        f"{where}, {target['refId']}": filled_in(target["expr"])
        for where, targets in QUERIES.items()
        for target in targets
    }
    for number, rule in enumerate(RULES):
        found[f"rule {number}: {rule.get('alert') or rule['record']}"] = rule["expr"]
    for rule in ADAPTER["rules"]["custom"]:
        found[f"adapter: {rule['name']['as']}"] = filled_in(rule["metricsQuery"])
        found["adapter: series"] = filled_in(rule["seriesQuery"])
    for one in DASHBOARD["annotations"]["list"]:
        found[f"annotation: {one['name']}"] = one["expr"]
    return found


EXPRESSIONS = expressions()


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """A Prometheus that holds the generated series; called with a query, it returns the result."""
    promtool = program("promtool", package="Debian's prometheus")
    prometheus = program("prometheus", package="Debian's prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    end_s = int(time.time())
    series = folder / "series"
    series.write_text("\n".join(exposition(end_s, RECORDED)) + "\n", encoding="utf-8")
    run(promtool, "tsdb", "create-blocks-from", "openmetrics", series, folder / "data")
    (folder / "prometheus.yaml").write_text("{}", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [
            prometheus,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert any("ready to receive web requests" in line for line in process.stderr)

            def ask(expression: str) -> list[Any]:
                asked = urllib.parse.urlencode({"query": expression, "time": end_s})
                url = f"http://127.0.0.1:{port}/api/v1/query?{asked}"
                with urllib.request.urlopen(url, timeout=30) as answer:
                    result: list[Any] = json.load(answer)["data"]["result"]
                return result

            yield ask
        finally:
            process.terminate()
            process.communicate(timeout=30)


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_a_query_runs(where: str, query: Query) -> None:
    """A panel, a recording rule and the autoscaler's metric find something; alerts may be quiet."""
    result = query(EXPRESSIONS[where])
    if not where.startswith(("rule", "annotation")) or ":first_captions_slow" in where:
        assert result
        assert all(one["value"][1] != "NaN" for one in result)


def test_every_selector_finds_series(query: Query) -> None:
    """Also those of alerts: their labels have values that the service gives them."""
    selectors = {
        f"{name}{{{labels}}}"
        for expression in EXPRESSIONS.values()
        for name, labels in re.findall(r"\b([a-z][\w:]+)\{([^}]*)\}", expression)
    }
    assert [one for one in sorted(selectors) if not query(one)] == []


def test_the_metric_of_the_autoscaler_is_demand_over_the_limit(query: Query) -> None:
    """One number for each container."""
    (one,) = query(EXPRESSIONS["adapter: wordloop_demand_over_limit"])
    assert one["metric"] == {"pod": "wordloop-ml-1"}
    assert float(one["value"][1]) == 1.0


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_a_query_asks_for_series_that_are_made_here(where: str) -> None:
    """With the names that the service gives them; otherwise it would run and find nothing."""
    names = set(METRIC.findall(EXPRESSIONS[where]))
    assert names <= NAMES | RECORDED
    assert names or "ALERTS" in EXPRESSIONS[where]


def test_every_metric_is_documented() -> None:
    """Those of the service, by name."""
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    named = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for expression in EXPRESSIONS.values()
        for name in METRIC.findall(expression)
        if name.startswith("wordloop_")
    }
    assert [name for name in sorted(named) if f"`{name}`" not in text] == []


def test_the_dashboard_fits_together() -> None:
    """Each panel has an id of its own, a place of its own, and the chosen data source."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & covered, panel["title"]
        cells |= covered
    assert {one["name"] for one in DASHBOARD["templating"]["list"]} == {"datasource", "namespace"}
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]


def test_the_dashboard_marks_every_alert() -> None:
    """In its annotations."""
    (marks,) = DASHBOARD["annotations"]["list"]
    named = re.search(r'alertname=~"([^"]+)"', marks["expr"])
    assert named is not None
    assert set(named[1].split("|")) == {rule["alert"] for rule in RULES if "alert" in rule}
