"""``scripts/drill cut``: the network between clients and service is gone for a while."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from scripts.drills.fleet.command import parser, plan_of, run
from scripts.drills.fleet.delays import after_fault_s
from scripts.drills.fleet.fault_proxy import FaultProxy
from scripts.drills.fleet.meeting import Meeting
from scripts.drills.fleet.report import Report
from scripts.drills.fleet.scene import Plan, Scene, scene
from wordloop_ml.replay.policy import ReplayPolicy

CUTS_S = (10.0, 60.0, 150.0)
AFTER_S = 20.0
"""Longer than the longest wait between two tries to connect."""


@dataclass(frozen=True, slots=True)
class Line:
    """A network of its own: how long it will be cut, how, and who meets over it.

    silent: bytes vanish; otherwise connections are reset and new ones refused.
    """

    proxy: FaultProxy
    cut_s: float
    silent: bool
    meetings: Sequence[Meeting]


async def run_cut(folder: Path, report: Report, *, plan: Plan, cuts_s: Sequence[float]) -> Scene:
    """Cut all lines at the same moment, each for its own time and in one of two ways."""
    async with scene(plan, folder) as one, AsyncExitStack() as stack:
        lines: list[Line] = []
        each = max(1, plan.meetings // (2 * len(cuts_s)))
        for cut_s in cuts_s:
            for silent in (True, False):
                proxy = await stack.enter_async_context(FaultProxy(lambda: [one.balancer.port]))
                meetings = await one.begin(each, port=proxy.port)
                lines.append(Line(proxy, cut_s, silent, meetings))
        await one.calm()
        began_s = asyncio.get_running_loop().time()
        await asyncio.gather(*(_cut(line) for line in lines))
        await asyncio.sleep(AFTER_S)
        report.failures += await one.finish()
        for line in lines:
            judge(one, line, began_s, report)
        report.must_be("promises broken", one.breaks.promises())
        report.facts |= {"breaks": one.breaks_by_reason()}
        return one


def judge(one: Scene, line: Line, began_s: float, report: Report) -> None:
    """Within the replay buffer nothing is missing; beyond it, one hole for each track, named."""
    name = f"{line.cut_s:g} s {'silence' if line.silent else 'of refusals'}"
    verdict = one.verdict(line.meetings)
    report.judge_words(verdict, whose=name)
    gaps = len(line.meetings) if line.cut_s > ReplayPolicy().replay_s else 0
    report.must_be(f"{name}: holes named", verdict.holes["gap"], gaps)
    report.must_be(f"{name}: other notices", verdict.holes.total() - verdict.holes["gap"])
    back_s = began_s + line.cut_s
    delays = (
        after_fault_s(back_s, each.began_s, each.talk.said, each.history.shown)
        for each in line.meetings
    )
    report.delays[f"caught up after {name}"] = [value for value in delays if value is not None]


async def _cut(line: Line) -> None:
    if line.silent:
        line.proxy.stall()
    else:
        line.proxy.refusing = True
        line.proxy.reset()
    await asyncio.sleep(line.cut_s)
    line.proxy.refusing = False
    line.proxy.flow()


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    one = parser("cut", "Cut the network for some seconds, all cuts at once.", meetings=12)
    shown = ",".join(f"{cut:g}" for cut in CUTS_S)
    one.add_argument(
        "--cuts", default=shown, metavar="S,S", help=f"how many seconds, each ({shown})"
    )
    options = one.parse_args(arguments)
    cuts_s = [float(text) for text in options.cuts.split(",")]
    return run(
        options,
        lambda folder, into: run_cut(folder, into, plan=plan_of(options), cuts_s=cuts_s),
        Report("cut"),
    )
