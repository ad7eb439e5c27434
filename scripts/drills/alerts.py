"""The drill alerts: a real Prometheus over one fleet for each fault, and one without; who is woken, and for what.

Each fleet has a namespace of its own, by which the rules of ``deploy/`` tell fleets apart. They run beside each
other: each has to fire its own alerts, and no other. Rules and intervals are those of ``deploy/``.
"""

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
import psutil
from aiohttp import TCPConnector, web

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.engine_process import Engine
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.server_process import NO_ADMISSION, Server, free_ports
from scripts.drills.meeting import Meeting, client_log
from scripts.drills.prometheus import CALM, Prometheus, panels, read_yaml, running_prometheus
from scripts.drills.report import DrillReport
from scripts.drills.service_process import scripted_service
from scripts.drills.talk import NumberedTalk, word_ranges
from wordloop_ml.client.connection import Connection, NotConnectedError

SERVICE = (sys.executable, "-m", "scripts.drills.faulty_service")
LIMIT_BYTES = 1024 * MEBIBYTE
_RANGES = word_ranges(26)

COLD_MEETINGS = 24
"""A few more than the alert of cold segments wants to see."""

FULL = dict.fromkeys(("STRETCH_LOAD", "DROP_LOAD", "NEW_MEETING_LOAD", "RESUME_LOAD"), "0.2")
"""Two meetings fill it."""

LOOKS = 6
"""Rates take two scrapes, and captions as long as people speak."""

LATE_DRAIN_S = 55
"""The listener stays open for so long: a drain that Kubernetes would not wait for."""

Alert = tuple[str, str]
"""Its name, and what tells it from others of that name: severity, reason, or whom it refuses."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A fleet and what is done to it.

    fires: the alerts that it must fire; no other may. processes: how many, of which the first has the fault.
    act: what else is done, by the fleet, in so many seconds. near_limit: its containers use 95 % of their memory.
    """

    name: str
    fires: Set[Alert] = frozenset()
    processes: int = 1
    fault: str = ""
    meetings: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    act: "Callable[[FaultyFleet, float], Awaitable[None]] | None" = None
    near_limit: bool = False


class FaultyFleet:
    """The processes of a scene, and the meetings on them."""

    def __init__(
        self, scene: Scene, folder: Path, http: aiohttp.ClientSession, stack: AsyncExitStack
    ) -> None:
        self.scene = scene
        self.http = http
        self.members: list[Server] = []
        self.meetings: list[Meeting] = []
        self.ports = [tuple(free_ports(2)) for _ in range(scene.processes)]
        self.engine = Engine("tests", folder / "engine.log")
        self._folder = folder
        self._stack = stack
        self._started = 0

    async def start(self, index: int) -> Server:
        """Start a process, ready, on its ports. Raises ``BenchmarkFailed``."""
        self._started += 1
        if self.scene.fault == "away":
            await self.engine.start(self.http)
            self._stack.push_async_callback(self.engine.kill)
        port, metrics_port = self.ports[index]
        own = {
            "WORDLOOP_PORT": str(port),
            "WORDLOOP_METRICS_PORT": str(metrics_port),
            "WORDLOOP_WORKERS": "4",
            "WORDLOOP_MAX_MEETINGS": "100",
            "WORDLOOP_TRANSCRIBER_URL": self.engine.url() if self.scene.fault == "away" else "",
            "DRILL_FAULT": self.scene.fault if index == 0 else "",
        }
        folder = self._folder / f"{self.scene.name}-{self._started}"
        running = scripted_service(folder, own | dict(self.scene.settings), command=SERVICE)
        return await self._stack.enter_async_context(running)

    async def run(self, seconds: float) -> None:
        """Let the meetings begin, one after the other, and do to it what its scene says."""
        ends_s = time.monotonic() + seconds
        for _ in range(self.scene.meetings):
            self.begin()
            await asyncio.sleep(0.5)
        if self.scene.act is not None:
            await self.scene.act(self, seconds)
        await asyncio.sleep(ends_s - time.monotonic())

    def begin(self) -> Meeting:
        """Let one more meeting begin, on the process whose turn it is."""
        index = len(self.meetings)
        talk = NumberedTalk(Random(index), _RANGES[index], long_share=0.0)
        url = self.members[index % len(self.members)].url
        self.meetings.append(Meeting(self.http, url, f"{self.scene.name}{index}", talk))
        self.meetings[-1].begin()
        return self.meetings[-1]

    async def hush(self) -> None:
        """Stop whoever still speaks."""
        tasks = [one.task for one in self.meetings if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def targets(self) -> list[tuple[str, Mapping[str, str]]]:
        """Return what Prometheus scrapes, with the labels that Kubernetes would give it."""
        return [
            (
                f"127.0.0.1:{port}",
                {"namespace": self.scene.name, "pod": f"{self.scene.name}-{index}"},
            )
            for index, (_, port) in enumerate(self.ports)
        ]

    def memory(self) -> list[str]:
        """Return what cAdvisor would say of the containers, as text for Prometheus."""
        lines = []
        for index, one in enumerate(self.members):
            if one.child.returncode is None:
                used = psutil.Process(one.child.pid).memory_info().rss
                limit = round(used / 0.95) if self.scene.near_limit else LIMIT_BYTES
                labels = f'{{container="wordloop-ml",namespace="{self.scene.name}",pod="{self.scene.name}-{index}"}}'
                lines.append(f"container_memory_working_set_bytes{labels} {used}")
                lines.append(f"container_spec_memory_limit_bytes{labels} {limit}")
        return lines


# -- what is done ----------------------------------------------------------------------------------


async def _ask_for_texts(fleet: FaultyFleet, seconds: float) -> None:
    """Post a transcript and texts, as core does at the end of a meeting, until the panels have been read."""
    segment = {"id": "s1", "track": "a", "start": 0, "end": 1_000, "text": "We decided to go."}
    bodies = {
        "synthesis": {"meeting_id": "m", "segments": [segment]},
        "embeddings": {"input": ["a text"]},
    }
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for one in fleet.members:
            for route, body in bodies.items():
                async with fleet.http.post(f"{one.url}/v1/{route}", json=body) as answer:
                    if answer.status not in {200, 503}:  # it may be busy
                        raise BenchmarkFailed(f"/v1/{route}: {await answer.text()}")
        await asyncio.sleep(5)


async def _come_and_go(fleet: FaultyFleet, seconds: float) -> None:
    """Let meetings of some utterances begin one after the other: what is cold is each one's first."""
    for _ in range(COLD_MEETINGS):
        meeting = fleet.begin()
        await asyncio.sleep(seconds / 3 / COLD_MEETINGS)
        meeting.talk.end()


async def _insist(fleet: FaultyFleet, seconds: float) -> None:
    """Ask a full process for room, for new meetings and for one that goes on, as clients do."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for resumes in (False, True):
            url = f"{fleet.members[0].url}/v1/meetings/other/audio"
            try:
                connection = await Connection.open(fleet.http, url, resumes=resumes)
            except NotConnectedError:
                continue
            await connection.close()
        await asyncio.sleep(2)


async def _take_engine(fleet: FaultyFleet, seconds: float) -> None:
    """Kill the process of the engine, which nobody replaces."""
    del seconds
    await fleet.engine.kill()


async def _kill(fleet: FaultyFleet, seconds: float) -> None:
    """Kill the first process, which nobody replaces."""
    del seconds
    fleet.members[0].child.kill()
    await fleet.members[0].child.wait()


async def _kill_again(fleet: FaultyFleet, seconds: float) -> None:
    """Kill and replace the process five times, and let each be scraped between."""
    for _ in range(5):
        await asyncio.sleep(seconds / 24)
        await _kill(fleet, seconds)
        fleet.members[0] = await fleet.start(0)


async def _drain(fleet: FaultyFleet, seconds: float) -> None:
    """Ask the process to leave, late enough that it is not missed before the drill ends."""
    await asyncio.sleep(seconds - LATE_DRAIN_S - 20)
    fleet.members[0].child.terminate()


SLOW = {
    ("ColdSegmentsSlow", "ticket"),
    ("CaptionsSlowFast", "page"),
    ("CaptionsSlow", "page"),
    ("CaptionsSlow", "ticket"),
}
"""Where all first captions of a fleet are slow from its first minute on, they are so over every window."""

SCENES = (
    Scene(CALM, processes=3, meetings=6, act=_ask_for_texts),
    Scene(
        "slow",
        SLOW,
        fault="slow",
        settings=NO_ADMISSION,
        act=_come_and_go,
    ),
    Scene(
        "lost",
        {("WordsLost", "page"), ("WordsLost", "ticket")},
        fault="failing",
        meetings=4,
    ),
    Scene(
        "full",
        {("NoCapacity", "new"), ("NoCapacity", "resumed")},
        meetings=2,
        settings={f"WORDLOOP_{name}": load for name, load in FULL.items()}
        | {"WORDLOOP_WORKERS": "1"},
        act=_insist,
    ),
    Scene("down", {("InstancesDown", "page")}, processes=2, act=_kill),
    Scene("crashing", {("CrashLoop", "page")}, act=_kill_again),
    Scene(
        "stuck",
        {("StuckThread", "page")},
        fault="stuck",
        meetings=1,
        settings=NO_ADMISSION | {"WORDLOOP_WORKERS": "1"},
    ),
    Scene("away", {("EngineAway", "page")}, fault="away", meetings=1, act=_take_engine),
    Scene("late", {("LoopLag", "page")}, fault="late"),
    Scene(
        "overrun",
        {("DrainOverran", "ticket")},
        settings={"WORDLOOP_DRAIN_LISTEN_S": str(LATE_DRAIN_S)},
        act=_drain,
    ),
    Scene("twice", {("ModelLoadedTwice", "ticket")}, fault="twice"),
    Scene("heavy", {("MemoryNearLimit", "ticket")}, near_limit=True),
)

TOO_LONG = {("StableWordsRevised", "ticket")}
"""Alerts that look back for an hour and then wait; tests/deploy proves them by promtool."""


def alerts_of_rules() -> set[Alert]:
    """Return every alert of ``deploy/``."""
    groups = read_yaml("prometheusrule.yaml")["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {_key({"alertname": rule["alert"], **rule["labels"]}) for rule in rules}


def _key(labels: Mapping[str, str]) -> Alert:
    return labels["alertname"], labels.get("refused") or labels["severity"]


async def run_alerts(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Run every scene, all at the same time."""
    await run_scenes(folder, report, SCENES, options.seconds)


async def run_scenes(
    folder: Path, report: DrillReport, scenes: Sequence[Scene], seconds: float
) -> None:
    """Start the fleets and Prometheus, do what the scenes say, and compare what fired with it."""
    async with AsyncExitStack() as stack:
        stack.enter_context(client_log())
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=TCPConnector(limit=0))
        )
        fleets = [FaultyFleet(scene, folder, http, stack) for scene in scenes]
        for fleet in fleets:  # in turn, so that no event loop is late for the others' start
            for index in range(fleet.scene.processes):
                fleet.members.append(await fleet.start(index))
        kubelet = await stack.enter_async_context(_kubelet(fleets))
        targets = [one for fleet in fleets for one in fleet.targets()]
        prometheus = await stack.enter_async_context(
            running_prometheus(http, folder, targets, kubelet)
        )
        await prometheus.wait_for(f"sum(up) == {len(targets) + 1}")
        try:
            async with asyncio.TaskGroup() as acting:
                for fleet in fleets:
                    acting.create_task(fleet.run(seconds), name=fleet.scene.name)
            await _judge_panels(prometheus, report)
            await _judge_alerts(prometheus, report, scenes)
        finally:
            await asyncio.gather(*(fleet.hush() for fleet in fleets))


@asynccontextmanager
async def _kubelet(fleets: Sequence[FaultyFleet]) -> AsyncIterator[str]:
    """Serve what cAdvisor would say of the containers; yields the address."""

    async def metrics(request: web.Request) -> web.Response:
        del request
        return web.Response(text="\n".join(line for one in fleets for line in one.memory()) + "\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    [port] = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def _judge_panels(prometheus: Prometheus, report: DrillReport) -> None:
    """Judge whether each query of each panel finds numbers of the calm fleet."""
    report.must_be(
        "instances scraped", len(await prometheus.ask(f'up{{namespace="{CALM}"}} == 1')), 3
    )
    for _ in range(LOOKS):
        empty = {
            title
            for title, asked in panels().items()
            for one in asked
            if not await prometheus.ask(one)
        }
        if not empty:
            break
        await asyncio.sleep(5)
    report.facts["panels"] = len(panels())
    report.must_be("panels without data", len(empty))
    report.failures += [f"no data: {one}" for one in sorted(empty)]


async def _judge_alerts(
    prometheus: Prometheus, report: DrillReport, scenes: Sequence[Scene]
) -> None:
    """Judge whether each fleet fired its alerts, at any time, and no other."""
    fired = await prometheus.ask('max_over_time(ALERTS{alertstate="firing"}[1h])')
    wrong = 0
    for scene in scenes:
        found = {_key(labels) for labels, _ in fired if labels.get("namespace") == scene.name}
        wrong += len(found ^ scene.fires)
        report.failures += [f"{scene.name} did not fire {one}" for one in scene.fires - found]
        report.failures += [f"{scene.name} fired {one}" for one in found - scene.fires]
    report.facts["alerts"] = sum(len(scene.fires) for scene in scenes)
    report.must_be("alerts that did not fire, or should not have", wrong)
    nobodys = [labels for labels, _ in fired if "namespace" not in labels]
    report.must_be("alerts of no fleet", len(nobodys))
