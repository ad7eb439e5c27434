"""``scripts/drill poison``: one person says what ends the process that hears it."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from scripts.drills.costly_service import POISON
from scripts.drills.fleet.command import parser, plan_of, run
from scripts.drills.fleet.delays import after_fault_s
from scripts.drills.fleet.processes import Exit
from scripts.drills.fleet.report import Report
from scripts.drills.fleet.scene import Plan, Scene, scene

AFTER_S = 15.0
MOST_DEATHS = 2


async def run_poison(folder: Path, report: Report, *, plan: Plan, times: int) -> Scene:
    """Poison a meeting, and another later; what died is replaced after a second."""
    async with scene(plan, folder) as one:
        meetings = await one.begin(plan.meetings)
        deaths: list[Exit] = []
        replacing = asyncio.create_task(one.fleet.replace_the_dead(deaths), name="replacing")
        try:
            for number in range(times):
                await one.calm()
                meetings[number].talk.say_next(POISON)
                await asyncio.sleep(AFTER_S)
            report.failures += await one.finish()
        finally:
            replacing.cancel()
            await asyncio.wait({replacing})
        judge(one, times, deaths, report)
        return one


def judge(one: Scene, times: int, deaths: Sequence[Exit], report: Report) -> None:
    """One hole in the meeting that asked for it, and nothing at all in the others."""
    poisoned, others = one.meetings[:times], one.meetings[times:]
    aborted = sum(death.status == -signal.SIGABRT for death in deaths)
    report.at_most("processes that died, each time", aborted / times, MOST_DEATHS, "")
    report.must_be("processes that died otherwise", len(deaths) - aborted)
    verdict = one.verdict(others)
    report.judge_words(verdict, whose="others' words")
    report.must_be("holes named to others", verdict.holes.total())
    verdict = one.verdict(poisoned)
    report.judge_words(verdict, whose="poisoned meetings' words")
    report.must_be("holes named to poisoned meetings", verdict.holes.total(), times)
    report.must_be("promises broken", one.breaks.promises())
    breaks = [(meeting, at_s) for meeting in others for at_s in meeting.history.forgotten_s]
    delays = (
        after_fault_s(at_s, meeting.began_s, meeting.talk.said, meeting.history.shown)
        for meeting, at_s in breaks
    )
    report.delays["others' first caption after a break"] = [d for d in delays if d is not None]
    report.facts |= {"deaths": len(deaths), "breaks": one.breaks_by_reason()}


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    one = parser("poison", "Say a word that ends the process which decodes it.", meetings=12)
    one.add_argument("--times", type=int, default=1, help="in so many meetings (1)")
    options = one.parse_args(arguments)
    return run(
        options,
        lambda folder, into: run_poison(folder, into, plan=plan_of(options), times=options.times),
        Report("poison"),
    )
