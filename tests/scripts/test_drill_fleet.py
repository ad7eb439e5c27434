"""The fleet's drills in short: a kill and a rolling restart, with and without haproxy."""

from pathlib import Path

import pytest

from scripts.drills.fleet.haproxy import installed
from scripts.drills.fleet.kill import run_kill
from scripts.drills.fleet.report import Report, table
from scripts.drills.fleet.rolling import run_rolling
from scripts.drills.fleet.scene import Plan

BALANCERS = [
    pytest.param(True, id="simple"),
    pytest.param(
        False,
        id="haproxy",
        marks=pytest.mark.skipif(not installed(), reason="haproxy is not installed"),
    ),
]
COUNTS = ("lost", "doubled", "out of order", "unexpected")
PLAN = Plan(
    processes=2,
    spare=1,
    meetings=4,
    apart_s=0.1,
    calm_s=(1.5, 2.0),
    settings={
        "WORDLOOP_DRAIN_LISTEN_S": "0.3",
        # machines that run tests may be busy with other ones
        "WORDLOOP_NEW_MEETING_LOAD": "1000",
        "WORDLOOP_RESUME_LOAD": "1000",
    },
)


def plan(*, simple: bool) -> Plan:
    settings = dict(PLAN.settings)
    if not simple:
        settings["WORDLOOP_DRAIN_LISTEN_S"] = "5"  # until haproxy has noticed
    return Plan(2, 1, 4, 0.1, PLAN.calm_s, simple=simple, settings=settings)


def assert_words_whole(report: Report) -> None:
    """Latencies are not judged: this machine may be busy."""
    aims = {aim.name: aim for aim in report.aims}
    assert report.failures == []
    for count in COUNTS:
        assert aims[f"words {count}"].reached, table(report)
    assert aims["promises broken"].reached
    assert report.facts["words"]["said"] > 20


async def test_a_kill_costs_no_word(tmp_path: Path) -> None:
    """One of two processes, four meetings."""
    report = Report("kill")
    await run_kill(tmp_path, report, plan=plan(simple=True), kills=1)
    assert_words_whole(report)
    assert report.facts["breaks"]["the connection was lost"] > 0
    assert len(report.delays["first caption after a kill"]) > 0


@pytest.mark.parametrize("simple", BALANCERS)
async def test_a_rolling_restart_costs_no_word(tmp_path: Path, simple: bool) -> None:
    """Two processes, one after the other, each leaving with 1012 and exit status 0."""
    report = Report("rolling")
    await run_rolling(tmp_path, report, plan=plan(simple=simple), rounds=1)
    assert_words_whole(report)
    aims = {aim.name: aim for aim in report.aims}
    for name in ("closes other than 1012", "exit statuses other than 0", "a process took to leave"):
        assert aims[name].reached, table(report)
    if not simple:
        assert aims["probes refused while listed"].reached
