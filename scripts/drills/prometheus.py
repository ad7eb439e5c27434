"""Debian's Prometheus over the services of a drill, with the rules and the dashboard of ``deploy/`` as they are."""

import asyncio
import json
import math
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.server_process import Launch, free_ports, running_server

MONITORING = Path("deploy/monitoring")
CALM = "calm"
"""The fleet of which nothing is asked but to serve."""

WAIT_S = 60.0

RATE_INTERVAL = "1m"
"""Grafana's own would be 40 s, four scrapes."""


def read_yaml(name: str) -> Any:
    """Read the ``spec`` of an object of ``deploy/monitoring``."""
    return yaml.safe_load((MONITORING / name).read_text(encoding="utf-8"))["spec"]


def panels() -> dict[str, list[str]]:
    """Return the queries of each panel of the dashboard, by its title, as Grafana fills them in for the fleet ``CALM``."""
    text = (MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8")
    return {
        panel["title"]: [
            one["expr"].replace("$namespace", CALM).replace("$__rate_interval", RATE_INTERVAL)
            for one in panel["targets"]
        ]
        for panel in json.loads(text)["panels"]
        if panel["type"] != "row"
    }


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs."""

    http: aiohttp.ClientSession
    url: str

    async def wait_for(self, expression: str) -> None:
        """Wait until a query finds something. Raises ``BenchmarkFailed`` when it takes too long."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not await self.ask(expression):  # noqa: ASYNC110
                    await asyncio.sleep(1)
        except TimeoutError:
            raise BenchmarkFailed(f"Prometheus did not see {expression}") from None

    async def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the series of a query of now that are numbers: labels and value."""
        async with self.http.get(f"{self.url}/api/v1/query", params={"query": expression}) as got:
            result = (await got.json())["data"]["result"]
        found = [(one["metric"], float(one["value"][1])) for one in result]
        return [(labels, value) for labels, value in found if not math.isnan(value)]


@asynccontextmanager
async def running_prometheus(
    http: aiohttp.ClientSession,
    folder: Path,
    targets: Sequence[tuple[str, Mapping[str, str]]],
    kubelet: str,
) -> AsyncIterator[Prometheus]:
    """Run one over these targets, each with its labels, as the ServiceMonitor has it. Raises ``BenchmarkFailed``.

    kubelet: the target that stands in for cAdvisor.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise BenchmarkFailed("no prometheus: install Debian's package of that name")
    [endpoint] = read_yaml("servicemonitor.yaml")["endpoints"]
    jobs = {"wordloop-ml": targets, "kubelet": [(kubelet, {})]}
    (folder / "rules.yaml").write_text(json.dumps(read_yaml("prometheusrule.yaml")), "utf-8")
    configuration = {
        "global": {"scrape_interval": endpoint["interval"]},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": True,
                "static_configs": [{"targets": [one], "labels": dict(its)} for one, its in these],
            }
            for job, these in jobs.items()
        ],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(configuration), encoding="utf-8")
    [port] = free_ports(1)
    launch = Launch(
        [
            program,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        ready="/-/ready",
    )
    async with running_server(
        {"WORDLOOP_PORT": str(port)}, folder / "prometheus.log", launch
    ) as server:
        yield Prometheus(http, server.url)
