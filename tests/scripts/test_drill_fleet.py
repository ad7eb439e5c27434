"""The fleet's drills in short: one of two processes is killed, then both are restarted."""

from pathlib import Path

import pytest
from aiohttp import web

from scripts.drills.fleet.haproxy import installed, running_haproxy
from scripts.drills.fleet.kill import kill_one
from scripts.drills.fleet.processes import free_ports
from scripts.drills.fleet.report import Report, table
from scripts.drills.fleet.rolling import restart_all
from scripts.drills.fleet.scene import Plan, scene
from wordloop_ml.wire.close_codes import CloseCode

PLAN = Plan(
    processes=2,
    spare=1,
    meetings=4,
    apart_s=0.1,
    calm_s=(1.5, 2.0),
    simple=True,
    settings={
        "WORDLOOP_DRAIN_LISTEN_S": "0.3",
        # machines that run tests may be busy with other ones
        "WORDLOOP_NEW_MEETING_LOAD": "1000",
        "WORDLOOP_RESUME_LOAD": "1000",
    },
)


async def test_a_kill_and_a_rolling_restart_cost_no_word(tmp_path: Path) -> None:
    """Four meetings; latencies are not judged, since this machine may be busy."""
    report = Report("short")
    async with scene(PLAN, tmp_path) as one:
        meetings = await one.begin(PLAN.meetings)
        await one.calm()
        kill = await kill_one(one)
        await one.calm()
        exits = await restart_all(one)
        report.failures += await one.finish()
        report.judge_words(one.verdict())
        whys = one.breaks_by_reason()
    assert report.passed, table(report)
    assert kill.hit
    assert report.facts["words"]["said"] > 20
    assert [end.status for end in exits] == [0, 0]
    assert whys["the connection was lost"] == len(kill.hit)
    closed = {why for why in whys if why.startswith("it closed")}
    assert closed == {f"it closed with code {CloseCode.RESTART:d}"}
    # each was on one of the two that went, if not on both
    assert all(len(meeting.history.forgotten_s) >= 1 for meeting in meetings)


@pytest.mark.skipif(not installed(), reason="haproxy is not installed")
async def test_haproxy_lists_what_answers_readyz(tmp_path: Path) -> None:
    """And what answers nothing it does not list, nor take for a refusal of a listed process."""
    first, second, front = free_ports(3)
    application = web.Application()
    application.router.add_get("/readyz", _ready)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", first).start()
        async with running_haproxy(tmp_path, front, [first, second]) as haproxy:
            await haproxy.wait_listed([0], without=[1])
            assert await haproxy.listed() == [True, False]
    finally:
        await runner.cleanup()


async def _ready(request: web.Request) -> web.Response:
    del request
    return web.Response()
