"""``scripts/drill rolling``: a new process comes, an old one goes, until all are new."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from scripts.drills.fleet.command import parser, plan_of, run
from scripts.drills.fleet.delays import caption_gap_s, nearest_rank
from scripts.drills.fleet.processes import Exit
from scripts.drills.fleet.report import Report
from scripts.drills.fleet.scene import Plan, Scene, scene

GAP_S, EXIT_S = 2.0, 30.0
_RESTART = "it closed with code 1012"
_REFUSED = re.compile(r"it answered with status 503")
"""Asked again at once, elsewhere: a balancer sends connections to a draining process until its
next probe."""


async def run_rolling(folder: Path, report: Report, *, plan: Plan, rounds: int) -> Scene:
    """Restart all as deploy/deployment.yaml does: one more first, then one less."""
    async with scene(plan, folder) as one:
        await one.begin(plan.meetings)
        await one.calm()
        exits: list[Exit] = []
        for _ in range(rounds):
            exits += await restart_all(one)
        await one.calm()
        report.failures += await one.finish()
        report.judge_words(one.verdict())
        judge(one, exits, report)
        return one


async def restart_all(one: Scene) -> list[Exit]:
    """Once around: into the free slot comes a new process, and then an old one goes."""
    exits: list[Exit] = []
    for slot in list(one.fleet.live):
        [free] = set(range(one.plan.processes + one.plan.spare)) - set(one.fleet.live)
        await one.replace(free)
        exits.append(await one.fleet.drain(slot))
    return exits


def judge(one: Scene, exits: Sequence[Exit], report: Report) -> None:
    """How each connection and each process ended, and how captions flowed on."""
    broke = [(meeting, each) for meeting in one.meetings for each in one.breaks.of(meeting.history)]
    ends = Counter(each.why for _, each in broke)
    refused = sum(count for why, count in ends.items() if _REFUSED.fullmatch(why))
    report.must_be("closes other than 1012", ends.total() - refused - ends[_RESTART])
    gaps = [
        caption_gap_s(each.at_s, meeting.began_s, meeting.talk.said, meeting.history.shown)
        for meeting, each in broke
        if each.why == _RESTART
    ]
    report.delays["captions stood still"] = [value for value in gaps if value is not None]
    most = nearest_rank(report.delays["captions stood still"], 0.99)
    report.at_most("captions stood still, p99", most, GAP_S)
    report.at_most("a process took to leave", max(each.seconds for each in exits), EXIT_S)
    report.must_be("exit statuses other than 0", sum(each.status != 0 for each in exits))
    if one.haproxy is not None:
        report.must_be("probes refused while listed", one.haproxy.refused_probes())
    report.must_be("promises broken", one.breaks.promises())
    report.facts |= {"restarts": len(exits), "breaks": dict(ends)}


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    one = parser("rolling", "Restart all of three processes under live meetings.", meetings=20)
    one.add_argument("--rounds", type=int, default=1, help="restarts of all of them (1)")
    options = one.parse_args(arguments)
    plan = plan_of(options, spare=1)
    return run(
        options,
        lambda folder, into: run_rolling(folder, into, plan=plan, rounds=options.rounds),
        Report("rolling"),
    )
