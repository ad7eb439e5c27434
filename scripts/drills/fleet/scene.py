"""What the fleet's drills share: processes behind a balancer, and meetings that come and go."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from scripts.benchmark.speech import read_speech
from scripts.drills.fleet.checker import Verdict, check_track
from scripts.drills.fleet.fault_proxy import FaultProxy
from scripts.drills.fleet.haproxy import Haproxy, running_haproxy
from scripts.drills.fleet.history import Breaks, breaks_noted
from scripts.drills.fleet.meeting import Meeting
from scripts.drills.fleet.processes import Fleet, free_ports
from scripts.drills.fleet.recorded import SPEECH, RecordedTalk
from scripts.drills.fleet.talk import Talk, word_ranges
from scripts.drills.service_process import DrillFailed
from wordloop_ml.settings import Settings

COMMITTED_WITHIN_S = 120.0

SETTINGS = {
    "scripted": {"WORDLOOP_WORKERS": "4", "WORDLOOP_GUARDS": "off"},
    "real": {"WORDLOOP_WORKERS": "1"},
}
"""By engine. Scripted jobs hold threads, not cores; and numbers in a row look to a guard like a
decoder that goes round in circles."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is set up.

    processes: started. spare: further slots, for a process that starts before another leaves.
    meetings: tracks at one time; apart_s: between the first words of two. calm_s: between
    faults, and before and after them. simple: no haproxy; connections go round the ports.
    engine: scripted, or real for the default profile and people's speech.
    """

    processes: int = 3
    spare: int = 0
    meetings: int = 20
    apart_s: float = 0.5
    calm_s: tuple[float, float] = (2.0, 6.0)
    seed: int = 1
    simple: bool = False
    engine: str = "scripted"
    settings: Mapping[str, str] = field(default_factory=dict)


class Scene:
    """The fleet, what stands before it, and every meeting that ever began."""

    def __init__(
        self,
        plan: Plan,
        fleet: Fleet,
        http: aiohttp.ClientSession,
        balancer: Haproxy | FaultProxy,
        breaks: Breaks,
    ) -> None:
        self.plan = plan
        self.fleet = fleet
        self.http = http
        self.balancer = balancer
        self.breaks = breaks
        self.random = Random(plan.seed)
        self.meetings: list[Meeting] = []
        self._ranges = word_ranges(max(plan.meetings, 1))
        self._speech = read_speech(SPEECH, Settings()) if plan.engine == "real" else []

    @property
    def haproxy(self) -> Haproxy | None:
        """Unless the balancer is the simple one."""
        return self.balancer if isinstance(self.balancer, Haproxy) else None

    async def begin(self, count: int, *, port: int | None = None) -> list[Meeting]:
        """Let so many more meetings begin, one after the other; each speaks words of its own.

        port: where they connect, if that is not the balancer.
        """
        url = f"http://127.0.0.1:{self.balancer.port if port is None else port}"
        begun: list[Meeting] = []
        for _ in range(count):
            index = len(self.meetings)
            meeting = Meeting(self.http, url, f"m{index}", self._talk(index))
            meeting.begin()
            self.meetings.append(meeting)
            begun.append(meeting)
            await asyncio.sleep(self.plan.apart_s)
        return begun

    def _talk(self, index: int) -> Talk | RecordedTalk:
        random = Random(f"{self.plan.seed}-{index}")
        if self.plan.engine == "real":
            return RecordedTalk(random, self._speech)
        return Talk(random, self._ranges[index % len(self._ranges)])

    async def calm(self) -> None:
        """Wait for a random while, in which nothing happens to anybody."""
        await asyncio.sleep(self.random.uniform(*self.plan.calm_s))

    async def finish(self, meetings: Sequence[Meeting] | None = None) -> list[str]:
        """Let them end, and wait until all is committed; what went wrong with that."""
        ending = self.meetings if meetings is None else meetings
        ended = await asyncio.gather(*(one.end(COMMITTED_WITHIN_S) for one in ending))
        return [
            f"{one.history.track}: not committed within {COMMITTED_WITHIN_S:g} s of its end"
            for one, in_time in zip(ending, ended, strict=True)
            if not in_time
        ]

    def verdict(self, meetings: Sequence[Meeting] | None = None) -> Verdict:
        """What became of every word of these meetings, or of all."""
        whole = Verdict()
        for one in self.meetings if meetings is None else meetings:
            history = one.history
            whole.add(check_track(one.talk.said, history.finals, history.notices))
        return whole

    def breaks_by_reason(self) -> dict[str, int]:
        """Why connections of all tracks broke, in the client's words, and how often."""
        return dict(
            Counter(each.why for one in self.meetings for each in self.breaks.of(one.history))
        )

    async def replace(self, slot: int) -> None:
        """A new process in the slot of one that is gone, seen by the balancer."""
        await self.fleet.start(slot)
        if self.haproxy is not None:
            await self.haproxy.wait_listed([slot])


@asynccontextmanager
async def scene(plan: Plan, folder: Path) -> AsyncIterator[Scene]:
    """Everything ready and listed; all of it is gone at the end. Raises ``DrillFailed``."""
    slots = plan.processes + plan.spare
    settings = {**SETTINGS[plan.engine], **plan.settings}
    fleet = Fleet(folder, slots, settings, engine=plan.engine)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(fleet.end)
        balancer: Haproxy | FaultProxy
        if plan.simple:
            balancer = await stack.enter_async_context(FaultProxy(_round_robin(fleet.ports)))
        else:
            [port] = free_ports(1)
            balancer = await stack.enter_async_context(running_haproxy(folder, port, fleet.ports))
        await asyncio.gather(*(fleet.start(slot) for slot in range(plan.processes)))
        if isinstance(balancer, Haproxy):
            await balancer.wait_listed(range(plan.processes))
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        breaks = stack.enter_context(breaks_noted())
        one = Scene(plan, fleet, http, balancer, breaks)
        stack.push_async_callback(_stop, one)
        yield one


async def _stop(one: Scene) -> None:
    """Whatever still speaks after a drill that failed."""
    tasks = [meeting._running for meeting in one.meetings if meeting._running is not None]
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise DrillFailed("a client stopped") from outcome


def _round_robin(ports: Sequence[int]) -> Callable[[], Sequence[int]]:
    """Each connection begins with the next port, and goes on to those after it."""
    turns = 0

    def order() -> Sequence[int]:
        nonlocal turns
        turns += 1
        at = turns % len(ports)
        return [*ports[at:], *ports[:at]]

    return order
