"""Each drill in short, on real processes; latencies are not judged, since machines may be busy."""

import asyncio
from argparse import Namespace
from pathlib import Path

import pytest

from scripts.drills.__main__ import main
from scripts.drills.faults import RESTARTED, kill_one, restart_all, run_poison
from scripts.drills.fleet import Plan, running_fleet
from scripts.drills.hostile import (
    RULES,
    Answer,
    Ending,
    attack_of,
    frame,
    read_answer,
    run_hostile,
)
from scripts.drills.meeting import judge_all
from scripts.drills.overload import run_overload
from scripts.drills.report import DrillReport

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
    assert sum(report.facts["named"].values()) > ATTACKS / 4


async def test_the_excess_is_refused_and_whoever_is_in_loses_no_word(tmp_path: Path) -> None:
    """Three times as many ask as find room."""
    report = DrillReport()
    await run_overload(tmp_path, report, Namespace(workers=1, seconds=3))
    assert report.facts["admitted"] >= 1
    assert missed(report, "p95", "p99") == [], report.text()


def test_an_attack_follows_from_its_seed_and_number() -> None:
    """So that a failure can be had again; and every rule has its turn."""
    for number in range(2 * len(RULES)):
        assert attack_of(3, number) == attack_of(3, number)
    assert {attack_of(3, number)[0] for number in range(len(RULES))} == {
        rule.__name__ for rule in RULES
    }


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
PROBLEM = (
    b"HTTP/1.1 503 Busy\r\nContent-Type: application/problem+json\r\n"
    b'Content-Length: 16\r\n\r\n{"code": "busy"}'
)


def server_frame(opcode: int, payload: bytes) -> bytes:
    """An unmasked frame of less than 64 KiB."""
    masked = frame(opcode, payload)
    head = 2 if len(payload) < 126 else 4
    return bytes([masked[0], masked[1] & 0x7F]) + masked[2:head] + payload


def close(code: int, reason: bytes) -> bytes:
    """A close frame."""
    return server_frame(8, code.to_bytes(2, "big") + reason)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (
            UPGRADED + server_frame(1, bytes(300)) + close(1002, b"bad_frame: x"),
            Answer(Ending.NAMED, "bad_frame", 1002),
        ),
        (UPGRADED + close(1002, b"bad_json: x"), Answer(Ending.UNNAMED, "bad_json", 1002)),
        (UPGRADED + close(1000, b"ended"), Answer(Ending.TAKEN, "ended", 1000)),
        (PROBLEM, Answer(Ending.NAMED, "busy", 503)),
        (
            b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy",
            Answer(Ending.UNNAMED, "", 400),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Answer(Ending.TAKEN, "", 200)),
    ],
)
async def test_an_answer_is_judged_by_its_code(content: bytes, answer: Answer) -> None:
    """A name without its code, or a code without its name, is none; nor is half an answer."""
    assert await read_answer(reader_of(content)) == answer
    with pytest.raises(EOFError):
        await read_answer(reader_of(content[:-1]))


def reader_of(content: bytes) -> asyncio.StreamReader:
    """A connection that ended after these bytes."""
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    return reader


def test_without_a_name_the_drills_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit status of what could not be run."""
    assert main([]) == 2
    assert "hostile" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["nothing"])
