"""The drill away: the engine, in another process, is killed and comes back later; also one replica of two.

A service without weights for its transcriber stands before an engine that speaks the Open Inference
Protocol: the small server of the tests, or a real one, started by a command that is given a port.
"""

import asyncio
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp
import psutil

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.server_process import NO_ADMISSION, Server, free_ports
from scripts.drills.meeting import Meeting, client_log, judge_all
from scripts.drills.report import DrillReport
from scripts.drills.service_process import scripted_service
from scripts.drills.talk import NumberedTalk, word_ranges

ENGINES: dict[str, Sequence[str]] = {
    "tests": (sys.executable, "-m", "tests.inference_server"),
}
"""The command of each engine, to which the port is appended; it must serve ``transcriber``."""

REPLICAS: dict[str, str] = {}
"""What the processes of an engine's replicas are called, where it has several."""

READY_WITHIN_S, COMMITTED_WITHIN_S = 60.0, 120.0
BACK_WITHIN_S = 3.0
"""Once the engine is ready again, captions of what is said then come so soon: what waited comes first."""

CALM_S = 4.0


class Engine:
    """The process of an engine, and all that it has started. log: where its output goes."""

    def __init__(self, name: str, log: Path) -> None:
        self.port = free_ports(1)[0]
        self._name = name
        self._log = log
        self._child: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where its transcriber is."""
        return f"http://127.0.0.1:{self.port}/v2/models/transcriber"

    @property
    def replicas(self) -> list[psutil.Process]:
        """The processes of its replicas; none where it has only itself."""
        if self._child is None or self._name not in REPLICAS:
            return []
        children = psutil.Process(self._child.pid).children(recursive=True)
        return [one for one in children if REPLICAS[self._name].startswith(one.name())]

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start it, and wait until it is ready. Raises ``BenchmarkFailed``."""
        with self._log.open("ab") as stream:
            self._child = await asyncio.create_subprocess_exec(
                *ENGINES[self._name],
                str(self.port),
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        give_up_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < give_up_s and self._child.returncode is None:
            try:
                async with http.get(f"{self.url}/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # not listening yet
            await asyncio.sleep(0.05)
        raise BenchmarkFailed(f"the engine is not ready; see {self._log}")

    async def kill(self) -> None:
        """End it and all its processes at once; harmless when it has ended."""
        child, self._child = self._child, None
        if child is not None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


@asynccontextmanager
async def running(
    folder: Path, name: str, http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Server, Engine]]:
    """Run an engine, and a service before it."""
    engine = Engine(name, folder / "engine.log")
    try:
        await engine.start(http)
        settings = {"WORDLOOP_WORKERS": "8", "WORDLOOP_TRANSCRIBER_URL": engine.url}
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
    await asyncio.sleep(CALM_S)
    delays = [one.after_s(back_s) for one in meetings]
    report.measure(f"caption after {seconds:g} s away", delays, 95, BACK_WITHIN_S)
