"""``scripts/drill network``: slow, stalled, reset, half-closed and truncated connections, in turn."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from scripts.drills.fleet.command import parser, plan_of, run
from scripts.drills.fleet.delays import after_fault_s
from scripts.drills.fleet.fault_proxy import FaultProxy
from scripts.drills.fleet.report import Report
from scripts.drills.fleet.scene import Plan, Scene, scene

FAULTS = 20
DELAY_S = (0.05, 0.4)
LASTS_S = (1.0, 8.0)
LONGEST_TAIL_BYTES = 3_000
"""A caption has some hundred bytes for each of its words: cuts fall into frames and between them."""

AFTER_S = 10.0
FREEZE_S = (3.0, 40.0)
"""Short of what a client waits for a sign of life, and beyond it (``client.connection.SILENCE_S``)."""


async def run_network(folder: Path, report: Report, *, plan: Plan, faults: int) -> Scene:
    """Every kind of fault of the proxy, again and again; nothing may be missing or named."""
    async with scene(plan, folder) as one, FaultProxy(lambda: [one.balancer.port]) as proxy:
        await one.begin(plan.meetings, port=proxy.port)
        kinds: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("delays", lambda: _delay(one, proxy)),
            ("stalls", lambda: _stall(one, proxy)),
            ("resets", lambda: _at_once(proxy.reset)),
            ("half closes", lambda: _at_once(proxy.half_close)),
            ("truncations", lambda: _truncate(one, proxy)),
        )
        done: Counter[str] = Counter()
        times_s: list[float] = []
        for number in range(faults):
            await one.calm()
            name, fault = kinds[number % len(kinds)]
            times_s.append(asyncio.get_running_loop().time())
            await fault()
            done[name] += 1
        await asyncio.sleep(AFTER_S)
        report.failures += await one.finish()
        judge(one, report, times_s)
        report.facts |= {"faults": dict(done)}
        return one


async def run_freeze(folder: Path, report: Report, *, plan: Plan) -> Scene:
    """SIGSTOP one process for a while and a longer while; it wakes up among those who moved on."""
    async with scene(plan, folder) as one:
        await one.begin(plan.meetings)
        times_s: list[float] = []
        for freeze_s in FREEZE_S:
            await one.calm()
            slot = one.random.choice(one.fleet.live)
            times_s.append(asyncio.get_running_loop().time())
            one.fleet.freeze(slot)
            await asyncio.sleep(freeze_s)
            one.fleet.thaw(slot)
        await asyncio.sleep(AFTER_S)
        report.failures += await one.finish()
        judge(one, report, times_s)
        return one


def judge(one: Scene, report: Report, times_s: Sequence[float]) -> None:
    """Every word once, no hole at all."""
    verdict = one.verdict()
    report.judge_words(verdict)
    report.must_be("holes named", verdict.holes.total())
    report.must_be("promises broken", one.breaks.promises())
    delays = (
        after_fault_s(at_s, meeting.began_s, meeting.talk.said, meeting.history.shown)
        for at_s in times_s
        for meeting in one.meetings
    )
    report.delays["first caption after a fault"] = [d for d in delays if d is not None]
    report.facts |= {"breaks": one.breaks_by_reason()}


async def _delay(one: Scene, proxy: FaultProxy) -> None:
    proxy.delay_s = one.random.uniform(*DELAY_S)
    await asyncio.sleep(one.random.uniform(*LASTS_S))
    proxy.delay_s = 0.0


async def _stall(one: Scene, proxy: FaultProxy) -> None:
    proxy.stall()
    await asyncio.sleep(one.random.uniform(*LASTS_S))
    proxy.flow()


async def _truncate(one: Scene, proxy: FaultProxy) -> None:
    proxy.truncate(one.random.randrange(LONGEST_TAIL_BYTES))


async def _at_once(fault: Callable[[], None]) -> None:
    fault()


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    one = parser(
        "network", "Delay, stall, reset, half-close and truncate connections.", meetings=12
    )
    one.add_argument("--faults", type=int, default=FAULTS, help=f"how many ({FAULTS})")
    options = one.parse_args(arguments)
    return run(
        options,
        lambda folder, into: run_network(
            folder, into, plan=plan_of(options), faults=options.faults
        ),
        Report("network"),
    )


def main_freeze(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    summary = "SIGSTOP one of three processes for some seconds, and for longer than clients wait."
    options = parser("freeze", summary, meetings=12).parse_args(arguments)
    return run(
        options,
        lambda folder, into: run_freeze(folder, into, plan=plan_of(options)),
        Report("freeze"),
    )
