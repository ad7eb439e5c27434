"""``scripts/drill soak``: meetings come, break and go for minutes; memory must stay."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from scripts.drills.fleet.command import parser, plan_of, run
from scripts.drills.fleet.fault_proxy import FaultProxy
from scripts.drills.fleet.report import Report
from scripts.drills.fleet.scene import Plan, Scene, scene

SECONDS = 900.0
LOOK_EVERY_S = 5.0
LEAVE_EVERY_S = 15.0
BREAK_EVERY_S = 40.0
WARM_SHARE = 1 / 3
"""Five minutes of fifteen: every worker has grown, and every kind of end has been seen."""

GROWTH_MB = 4.0
"""What the mean of a process may rise by, from the middle third to the last."""

FILES = 8


async def run_soak(folder: Path, report: Report, *, plan: Plan, seconds: float) -> Scene:
    """One meeting after the other ends and is followed by a new one; all break at times."""
    async with scene(plan, folder) as one, FaultProxy(lambda: [one.balancer.port]) as proxy:
        live = await one.begin(plan.meetings, port=proxy.port)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        files = one.fleet.files()
        leave_s, break_s = LEAVE_EVERY_S, BREAK_EVERY_S
        while (now_s := loop.time() - began_s) < seconds:
            for slot, resident in one.fleet.resident_mb().items():
                points = report.series.setdefault(f"process {slot}, MiB resident", [])
                points.append((now_s, resident))
            if now_s >= leave_s:
                leave_s += LEAVE_EVERY_S
                leaving = live.pop(0)
                report.failures += await one.finish([leaving])
                live += await one.begin(1, port=proxy.port)
            if now_s >= break_s:
                break_s += BREAK_EVERY_S
                proxy.reset()
            await asyncio.sleep(LOOK_EVERY_S)
        report.failures += await one.finish(live)
        await asyncio.sleep(LOOK_EVERY_S)
        judge(one, report, files)
        return one


def judge(one: Scene, report: Report, files: dict[int, int]) -> None:
    """The words, and what each process has grown by."""
    report.judge_words(one.verdict())
    for name, points in report.series.items():
        memory = [value for _, value in points][round(WARM_SHARE * len(points)) :]
        half = len(memory) // 2
        growth = _mean(memory[half:]) - _mean(memory[:half])
        report.at_most(f"growth of {name}", growth, GROWTH_MB, "MiB")
    for slot, after in one.fleet.files().items():
        left = after - files[slot]
        report.at_most(f"files left open by process {slot}", left, FILES, "")
    report.must_be("promises broken", one.breaks.promises())
    report.facts |= {"meetings in all": len(one.meetings), "breaks": one.breaks_by_reason()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    one = parser("soak", "Minutes of meetings with churn; memory must stay flat.", meetings=10)
    one.add_argument("--seconds", type=float, default=SECONDS, help=f"how long ({SECONDS:g})")
    options = one.parse_args(arguments)
    return run(
        options,
        lambda folder, into: run_soak(folder, into, plan=plan_of(options), seconds=options.seconds),
        Report("soak"),
    )
