"""Each drill in short, on real processes; latencies are not judged, since machines may be busy."""

from argparse import Namespace
from pathlib import Path

import pytest

from scripts.drills.__main__ import main
from scripts.drills.alerts import SCENES, TOO_LONG, alerts_of_rules, run_scenes
from scripts.drills.away import run_away
from scripts.drills.faults import RESTARTED, kill_one, restart_all, run_poison
from scripts.drills.fleet import Plan, running_fleet
from scripts.drills.hostile import RULES, attack_of, judge, run_hostile
from scripts.drills.meeting import judge_all
from scripts.drills.overload import run_overload
from scripts.drills.prometheus import CALM
from scripts.drills.report import DrillReport
from tests.deploy.tools import program

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
ATTACKS = 12 * len(RULES)


def missed(report: DrillReport, *timed: str) -> list[str]:
    """What was not reached, but for the aims with these words in their names."""
    aims = [one.what for one in report.aims if not one.reached]
    return [one for one in report.failures + aims if not any(word in one for word in timed)]


async def test_a_kill_and_a_rolling_restart_cost_no_word(tmp_path: Path) -> None:
    """Of four meetings on two processes."""
    report = DrillReport()
    async with running_fleet(PLAN, tmp_path) as fleet:
        await fleet.begin(PLAN.meetings)
        await fleet.calm()
        kill = await kill_one(fleet)
        await fleet.calm()
        exits = await restart_all(fleet)
        report.failures += await fleet.finish()
        report.judge(judge_all(fleet.meetings), "words")
        whys = fleet.log.why()
    assert report.passed, report.text()
    assert kill.hit
    assert report.facts["words"]["said"] > 20
    assert [status for status, _ in exits] == [0, 0]
    assert whys["the connection was lost"] == len(kill.hit)
    assert {why for why in whys if why.startswith("it closed")} == {RESTARTED}
    # each was on one of the two that went, if not on both
    assert all(fleet.log.broke[meeting.name] for meeting in fleet.meetings)


async def test_a_poisoned_word_costs_one_gap(tmp_path: Path) -> None:
    """And two processes at most."""
    report = DrillReport()
    await run_poison(tmp_path, report, Namespace(meetings=4, seed=1))
    assert missed(report) == [], report.text()


async def test_attacks_are_refused_by_name_and_break_nothing(tmp_path: Path) -> None:
    """No crash, no traceback, no bug in the log; a meeting beside them loses no word."""
    report = DrillReport()
    await run_hostile(tmp_path, report, Namespace(attacks=ATTACKS, seed=7, only=None))
    assert missed(report) == [], report.text()
    assert sum(report.facts["ends"].values()) == ATTACKS
    refused = sum(count for how, count in report.facts["ends"].items() if "refused" in how)
    assert refused > ATTACKS / 2


async def test_an_engine_that_goes_and_comes_back_costs_no_word(tmp_path: Path) -> None:
    """It is in another process; nobody new comes in meanwhile."""
    report = DrillReport()
    options = Namespace(engine="tests", meetings=3, seconds=[1.5], seed=1)
    await run_away(tmp_path, report, options)
    assert missed(report, "p95") == [], report.text()
    assert report.facts["words"]["said"] > 20


async def test_the_excess_is_refused_and_whoever_is_in_loses_no_word(tmp_path: Path) -> None:
    """Three times as many ask as find room."""
    report = DrillReport()
    await run_overload(tmp_path, report, Namespace(workers=1, seconds=3))
    assert report.facts["admitted"] >= 1
    assert missed(report, "p95", "p99") == [], report.text()


def test_every_alert_has_its_fault() -> None:
    """But for those that look back for longer than a drill; promtool proves these."""
    assert {one for scene in SCENES for one in scene.fires} | TOO_LONG == alerts_of_rules()


async def test_a_fault_fires_its_alert_and_a_calm_fleet_none(tmp_path: Path) -> None:
    """One fault that shows at once; every panel has data of the calm fleet."""
    program("prometheus", package="Debian's prometheus")
    report = DrillReport()
    calm, twice = (next(one for one in SCENES if one.name == name) for name in (CALM, "twice"))
    await run_scenes(tmp_path, report, [calm, twice], seconds=40)
    assert missed(report) == [], report.text()


def test_an_attack_follows_from_its_seed_and_number() -> None:
    """So that a failure can be had again; and every rule has its turn."""
    for number in range(2 * len(RULES)):
        assert attack_of(3, number) == attack_of(3, number)
    assert {attack_of(3, number)[0] for number in range(len(RULES))} == {
        rule.__name__ for rule in RULES
    }


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
PROBLEM = b"HTTP/1.1 503 Busy\r\nContent-Type: application/problem+json\r\n\r\n"


def close(code: int, reason: bytes) -> bytes:
    """A server's close frame."""
    return bytes([0x88, 2 + len(reason)]) + code.to_bytes(2, "big") + reason


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (b"", "left"),
        (UPGRADED + b"\x81\x02{}", "taken"),
        (UPGRADED + b"\x81\x02{}" + close(1002, b"bad_frame: x"), "refused, bad_frame"),
        (close(1002, b"bad_json: x"), "wrong, 1002 bad_json"),
        (close(1000, b"ended"), "taken"),
        (PROBLEM + b'{"code": "not_found"}', "refused, not_found"),
        (
            PROBLEM.replace(b"1.1", b"1.0") + b'{"code": "idle", "detail": "HTTP/1.1 "}',
            "refused, idle",
        ),
        (PROBLEM + b'{"code": "busy"}', "wrong, 503 busy"),
        (b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n\r\nbusy", "wrong, 400 "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "taken"),
    ],
)
def test_an_answer_is_judged_by_its_code(answer: bytes, ending: str) -> None:
    """A code without its status, or a status without its code, is wrong."""
    assert judge(answer) == ending


def test_without_a_name_the_drills_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit status of what could not be run."""
    assert main([]) == 2
    assert "hostile" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["nothing"])
