"""The drill away: the engine, in another process, is killed and comes back later; also one replica of two.

A service without weights for its transcriber stands before an engine that speaks the Open Inference
Protocol: the small server of the tests, or a real one, started by a command that is given a port.
"""

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp

from scripts.benchmark.engine_process import Engine
from scripts.benchmark.server_process import NO_ADMISSION, Server
from scripts.drills.meeting import Meeting, client_log, judge_all
from scripts.drills.report import DrillReport
from scripts.drills.service_process import scripted_service, write_scripted_weights
from scripts.drills.talk import NumberedTalk, word_ranges

COMMITTED_WITHIN_S = 120.0
BACK_WITHIN_S = 3.0
"""Once the engine is ready again, captions of what is said then come so soon: what waited comes first."""

CALM_S = 4.0


@asynccontextmanager
async def running(
    folder: Path, name: str, http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Server, Engine]]:
    """Run an engine, and a service before it."""
    weights = folder / "engine"
    write_scripted_weights(weights)
    two = {"WORDLOOP_WEIGHTS": str(weights), "INSTANCES": "2"}
    engine = Engine(name, weights / "engine.log", settings=two)
    try:
        await engine.start(http)
        settings = {"WORDLOOP_WORKERS": "8", "WORDLOOP_TRANSCRIBER_URL": engine.url()}
        async with scripted_service(folder, settings | NO_ADMISSION) as server:
            yield server, engine
    finally:
        await engine.kill()


async def run_away(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Take the engine away for each of the times, under live meetings; then a replica, if it has several."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        running(folder, options.engine, http) as (server, engine),
    ):
        with client_log() as log:
            meetings = begin(http, server.url, options.meetings, options.seed)
            for seconds in options.seconds:
                await asyncio.sleep(CALM_S)
                await take_away(engine, seconds, meetings, server, http, report)
            if len(engine.replicas) > 1:
                await asyncio.sleep(CALM_S)
                engine.replicas[0].kill()
                report.facts["replicas killed"] = 1
            await asyncio.sleep(CALM_S)
            ended = await asyncio.gather(*(one.end(COMMITTED_WITHIN_S) for one in meetings))
        report.must_be("meetings not committed in time", ended.count(False))
        verdict = judge_all(meetings)
        report.judge(verdict, "words")
        report.must_be("gaps named", verdict.gaps.total())
        report.must_be("promises broken", log.promises)
        report.facts["breaks"] = log.why()
        report.must_be("exit status", await server.stop())
        report.failures += server.bugs()


async def run_contract(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Run the contract suites over an engine with real weights."""
    roles = ("transcriber", "embedder")
    engine = Engine(options.engine, folder / "engine.log", roles=roles)
    suites = (f"tests/engines/test_{one}_contract.py" for one in ("transcriber", "embedder"))
    try:
        async with aiohttp.ClientSession() as http:
            await engine.start(http)
        served = {"SERVED_AT": engine.address}
        tests = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-k", "elsewhere", *suites),
            env={**os.environ, **served},
        )
        report.must_be("exit status of the contract suites", await tests.wait())
    finally:
        await engine.kill()


def begin(http: aiohttp.ClientSession, url: str, count: int, seed: int) -> list[Meeting]:
    """Let meetings begin, each with words of its own."""
    meetings = [
        Meeting(http, url, f"m{at}", NumberedTalk(Random(f"{seed}-{at}"), words))
        for at, words in enumerate(word_ranges(count))
    ]
    for one in meetings:
        one.begin()
    return meetings


async def take_away(
    engine: Engine,
    seconds: float,
    meetings: Sequence[Meeting],
    server: Server,
    http: aiohttp.ClientSession,
    report: DrillReport,
) -> None:
    """Kill the engine, start another after so many seconds, and see what the service says meanwhile."""
    killed_s = time.monotonic()
    await engine.kill()
    await asyncio.sleep(seconds - 1.0)
    async with http.get(f"{server.url}/readyz") as response:
        report.must_be(f"readiness after {seconds:g} s", response.status, 200)
    async with http.get(f"{server.url}/v1/meetings/late/audio") as response:
        problem = await response.json()
        report.must_be(f"new meetings after {seconds:g} s", response.status, 503)
        if problem["code"] != "engine_away":
            report.failures.append(f"a new meeting was refused with {problem['code']}")
    await asyncio.sleep(1.0)
    await engine.start(http)
    back_s = time.monotonic()
    report.facts[f"seconds until it was back, of {seconds:g}"] = round(back_s - killed_s, 1)
    await asyncio.sleep(CALM_S)
    delays = [one.after_s(back_s) for one in meetings]
    report.measure(f"caption after {seconds:g} s away", delays, 95, BACK_WITHIN_S)
