"""The compose file of a laptop: valid, closed to the network, and with the dashboard that production has."""

from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, program, run

FILE = DEPLOY / "compose" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_the_file_is_valid_by_the_specification() -> None:
    """Its JSON schema comes with the checker."""
    checker = program("check-jsonschema", package="the extra deploy")
    run(checker, "--builtin-schema", "vendor.compose-spec", FILE)


def test_prometheus_takes_its_configuration() -> None:
    """By its own tool."""
    promtool = program("promtool", package="Debian's prometheus")
    run(promtool, "check", "config", FILE.parent / "prometheus.yaml")


def test_files_that_are_mounted_are_there() -> None:
    """Relative to the compose file."""
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
    ]
    assert mounted
    for path in mounted:
        assert (FILE.parent / path).is_file(), path
    build = COMPOSE["services"]["wordloop-ml"]["build"]
    assert (FILE.parent / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_port_is_open_to_the_network(name: str) -> None:
    """Only to the laptop itself."""
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"][name]["ports"])


def test_prometheus_scrapes_the_port_that_the_service_is_told() -> None:
    """By the name of the service."""
    environment = COMPOSE["services"]["wordloop-ml"]["environment"]
    prometheus = yaml.safe_load((FILE.parent / "prometheus.yaml").read_text(encoding="utf-8"))
    (scraped,) = prometheus["scrape_configs"]
    (targets,) = scraped["static_configs"]
    assert scraped["job_name"] == "wordloop-ml"
    assert targets["targets"] == [f"wordloop-ml:{environment['WORDLOOP_METRICS_PORT']}"]
