"""The drills of a fleet: kill, rolling and poison.

Each takes a folder for logs and its options, and puts what it finds into the report. It raises
``BenchmarkFailed`` when it cannot be run.
"""

import asyncio
import re
import signal
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.drills.costly_service import POISON
from scripts.drills.fleet import RESTART_AFTER_S, Fleet, Plan, running_fleet
from scripts.drills.meeting import Meeting, judge_all
from scripts.drills.report import DrillReport
from scripts.drills.talk import NumberedTalk

BROKEN_WITHIN_S = 2.0
"""A connection that breaks so soon after a kill broke because of it."""

COVERED_WITHIN_S = 3.0

RESTARTED = "it closed with code 1012"
_REFUSED = re.compile(r"it answered with status 503")
"""A draining process goes on listening until balancers have seen it; its clients go elsewhere."""

RESUMED_S, EXIT_S = 2.0, 30.0

NAMED_WITHIN_S = 120.0
MOST_DEATHS = 2


# -- kill ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill: when, and which meetings it hit."""

    at_s: float
    hit: Sequence[Meeting]


async def run_kill(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Kill at random moments; a process that was killed is replaced after a second."""
    real = options.engine == "real"
    plan = Plan(meetings=options.meetings, seed=options.seed, real=real)
    async with running_fleet(plan, folder) as fleet:
        await fleet.begin(options.meetings)
        kills: list[Kill] = []
        for _ in range(options.kills):
            await fleet.calm()
            kills.append(await kill_one(fleet))
        report.failures += await fleet.finish()
    hits = [(kill, meeting) for kill in kills for meeting in kill.hit]
    delays = (meeting.after_s(kill.at_s) for kill, meeting in hits)
    report.measure("first caption after a kill", delays, 95, COVERED_WITHIN_S)
    report.facts["connections lost"] = len(hits)
    _judge(fleet, report, whose="utterances" if real else "words")


async def kill_one(fleet: Fleet) -> Kill:
    """Kill a process at random, see whose connections break, and put a new one in its place."""
    slot = fleet.random.choice(fleet.live)
    at_s = time.monotonic()
    fleet.members[slot].child.kill()
    await fleet.members[slot].child.wait()
    await asyncio.sleep(RESTART_AFTER_S)
    await fleet.start(slot)
    until_s = at_s + BROKEN_WITHIN_S
    await asyncio.sleep(max(0.0, until_s - time.monotonic()))
    broke = fleet.log.broke
    hit = [m for m in fleet.meetings if any(at_s <= one.at_s <= until_s for one in broke[m.name])]
    return Kill(at_s, hit)


# -- rolling -------------------------------------------------------------------------------------


async def run_rolling(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Restart all as deploy/base/deployment.yaml does: one more first, then one less."""
    plan = Plan(meetings=options.meetings, seed=options.seed, spare=1)
    async with running_fleet(plan, folder) as fleet:
        await fleet.begin(options.meetings)
        await fleet.calm()
        exits: list[tuple[int, float]] = []
        for _ in range(options.rounds):
            exits += await restart_all(fleet)
        await fleet.calm()
        report.failures += await fleet.finish()
    ends = Counter(fleet.log.why())
    refused = sum(count for why, count in ends.items() if _REFUSED.fullmatch(why))
    report.must_be("closes other than 1012", ends.total() - refused - ends[RESTARTED])
    delays = (
        meeting.after_s(each.at_s)
        for meeting in fleet.meetings
        for each in fleet.log.broke[meeting.name]
        if each.why == RESTARTED
    )
    report.measure("first caption after a close", delays, 99, RESUMED_S)
    report.at_most("a process took to leave", max(seconds for _, seconds in exits), EXIT_S)
    report.must_be("exit statuses other than 0", sum(status != 0 for status, _ in exits))
    _judge(fleet, report)


async def restart_all(fleet: Fleet) -> list[tuple[int, float]]:
    """Go round once: a new process comes into the free slot, and then an old one goes.

    Returns the exit status of each, and how many seconds it took from the signal on.
    """
    exits: list[tuple[int, float]] = []
    for slot in fleet.live:
        [free] = set(range(len(fleet.ports))) - set(fleet.live)
        await fleet.start(free)
        began_s = time.monotonic()
        status = await fleet.members[slot].stop()
        exits.append((status, time.monotonic() - began_s))
    return exits


# -- poison --------------------------------------------------------------------------------------


async def run_poison(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Say a word that ends whatever process decodes it, until a gap is named."""
    async with running_fleet(Plan(meetings=options.meetings, seed=options.seed), folder) as fleet:
        await fleet.begin(options.meetings)
        poisoned, *others = fleet.meetings
        statuses: list[int] = []
        async with asyncio.TaskGroup() as group:
            replacing = group.create_task(fleet.replace_dead(statuses), name="replacing")
            await fleet.calm()
            if isinstance(poisoned.talk, NumberedTalk):
                poisoned.talk.say_next(POISON)
            async with asyncio.timeout(NAMED_WITHIN_S):
                while not poisoned.notices:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            report.failures += await fleet.finish()
            replacing.cancel()
    aborted = sum(status == -signal.SIGABRT for status in statuses)
    report.at_most("processes that died", aborted, MOST_DEATHS, "")
    report.must_be("processes that died otherwise", len(statuses) - aborted)
    report.must_be("gaps named to the poisoned meeting", poisoned.verdict().gaps.total(), 1)
    report.must_be("gaps named to others", judge_all(others).gaps.total())
    delays = (one.after_s(each.at_s) for one in others for each in fleet.log.broke[one.name])
    found = [one for one in delays if one is not None]
    report.delays["others' first caption after a break"] = found
    _judge(fleet, report)


def _judge(fleet: Fleet, report: DrillReport, *, whose: str = "words") -> None:
    """Judge what was said in all meetings, and count why connections broke."""
    report.judge(judge_all(fleet.meetings), whose)
    report.must_be("promises broken", fleet.log.promises)
    report.facts["breaks"] = fleet.log.why()
