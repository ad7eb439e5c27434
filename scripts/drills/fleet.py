"""Several service processes behind one name, and meetings that come and go on them."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from scripts.benchmark.server_process import NO_ADMISSION, Server, free_ports
from scripts.benchmark.speech import read_speech
from scripts.drills.meeting import ClientLog, Meeting, client_log
from scripts.drills.service_process import COSTLY_COMMAND, scripted_service, service
from scripts.drills.talk import NumberedTalk, RecordedTalk, word_ranges
from wordloop_ml.settings import Settings

SPEECH = Path("scripts/speech")
COMMITTED_WITHIN_S = 120.0
RESTART_AFTER_S = 1.0
"""How soon a container that died is there again; Kubernetes is slower from the second time on."""

SCRIPTED = {"WORDLOOP_WORKERS": "4"}
"""Jobs hold threads, not cores."""

REAL = {"WORDLOOP_WORKERS": "1", **NO_ADMISSION}
"""All processes share the cores of one machine, which each takes for its own."""


class RoundRobin(AbstractResolver):
    """Resolves every name to all of its loopback ports, beginning with another each time."""

    def __init__(self) -> None:
        self.ports: deque[int] = deque()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """List the addresses in the order in which to try them."""
        del port, family
        self.ports.rotate(-1)
        one = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=0,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [{**one, "port": port} for port in self.ports]

    async def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is set up.

    processes: started. spare: further slots, for a process that starts before another leaves.
    meetings: tracks at one time; apart_s: between the first words of two. calm_s: between
    faults, and before and after them. real: the default profile, and recordings of people.
    """

    processes: int = 3
    spare: int = 0
    meetings: int = 20
    apart_s: float = 0.5
    calm_s: tuple[float, float] = (2.0, 6.0)
    seed: int = 1
    real: bool = False
    settings: dict[str, str] = field(default_factory=dict)


class Fleet:
    """Slots with a process each, most of the time, and every meeting so far.

    ports: of the slots. members: the last process of each slot. log: of all clients. random: of
    what is done to them.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        http: aiohttp.ClientSession,
        log: ClientLog,
        stack: AsyncExitStack,
    ) -> None:
        self.plan = plan
        self.ports = free_ports(plan.processes + plan.spare)
        self.members: dict[int, Server] = {}
        self.meetings: list[Meeting] = []
        self.log = log
        self.random = Random(plan.seed)
        self._folder = folder
        self._http = http
        self._stack = stack
        self._started = 0
        self._ranges = word_ranges(plan.meetings)
        self._speech = read_speech(SPEECH, Settings()) if plan.real else []

    @property
    def live(self) -> list[int]:
        """The slots whose process has not ended."""
        return [slot for slot, one in self.members.items() if one.child.returncode is None]

    async def start(self, slot: int) -> None:
        """Put a ready process into a slot that has none. Raises ``BenchmarkFailed``."""
        self._started += 1
        own = {
            "WORDLOOP_PORT": str(self.ports[slot]),
            "WORDLOOP_DRAIN_LISTEN_S": str(Settings().drain_listen_s),
        }
        folder = self._folder / f"{self._started}-slot-{slot}"
        if self.plan.real:
            running = service(folder, REAL | own | self.plan.settings)
        else:
            settings = SCRIPTED | own | self.plan.settings
            running = scripted_service(folder, settings, command=COSTLY_COMMAND)
        self.members[slot] = await self._stack.enter_async_context(running)

    async def replace_dead(self, statuses: list[int]) -> None:
        """Until cancelled, note the exit status of each that dies, and start another after 1 s."""

        async def keep(slot: int) -> None:
            while True:
                statuses.append(await self.members[slot].child.wait())
                await asyncio.sleep(RESTART_AFTER_S)
                await self.start(slot)

        async with asyncio.TaskGroup() as group:
            for slot in list(self.members):
                group.create_task(keep(slot))

    async def begin(self, count: int) -> None:
        """Let so many more meetings begin, one after the other; each speaks words of its own."""
        for _ in range(count):
            index = len(self.meetings)
            chance = Random(f"{self.plan.seed}-{index}")
            talk: NumberedTalk | RecordedTalk
            if self.plan.real:
                talk = RecordedTalk(chance, self._speech)
            else:
                talk = NumberedTalk(chance, self._ranges[index])
            self.meetings.append(Meeting(self._http, "http://fleet", f"m{index}", talk))
            self.meetings[-1].begin()
            await asyncio.sleep(self.plan.apart_s)

    async def calm(self) -> None:
        """Wait for a random while, in which nothing happens to anybody."""
        await asyncio.sleep(self.random.uniform(*self.plan.calm_s))

    async def finish(self) -> list[str]:
        """Let all meetings end, and wait until all is committed; return what went wrong."""
        ended = await asyncio.gather(*(one.end(COMMITTED_WITHIN_S) for one in self.meetings))
        return [
            f"{one.name}: not committed within {COMMITTED_WITHIN_S:g} s of its end"
            for one, in_time in zip(self.meetings, ended, strict=True)
            if not in_time
        ]

    async def hush(self) -> None:
        """Stop whoever still speaks."""
        tasks = [one.task for one in self.meetings if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def running_fleet(plan: Plan, folder: Path) -> AsyncIterator[Fleet]:
    """Have everything ready; all of it is gone at the end. Raises ``BenchmarkFailed``."""
    resolver = RoundRobin()
    connector = aiohttp.TCPConnector(
        limit=0, force_close=True, resolver=resolver, use_dns_cache=False
    )
    async with aiohttp.ClientSession(connector=connector) as http, AsyncExitStack() as stack:
        fleet = Fleet(plan, folder, http, stack.enter_context(client_log()), stack)
        stack.push_async_callback(fleet.hush)
        resolver.ports.extend(fleet.ports)
        async with asyncio.TaskGroup() as group:
            for slot in range(plan.processes):
                group.create_task(fleet.start(slot))
        yield fleet
