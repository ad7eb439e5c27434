"""``scripts/drill kill``: SIGKILL one of three, again and again, while people speak."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.drills.fleet.checker import Verdict
from scripts.drills.fleet.command import parser, plan_of, run
from scripts.drills.fleet.delays import after_fault_s, nearest_rank
from scripts.drills.fleet.meeting import Meeting
from scripts.drills.fleet.recorded import RecordedTalk, check_recorded, same_words, undisturbed
from scripts.drills.fleet.report import Report
from scripts.drills.fleet.scene import Plan, Scene, scene

KILLS = 50
BROKEN_WITHIN_S = 2.0
"""A connection that breaks so soon after a kill broke because of it."""

COVERED_WITHIN_S = 3.0
DEAD_FOR_S = 1.0


@dataclass(frozen=True, slots=True)
class Kill:
    """One of them: when, and which meetings it hit."""

    at_s: float
    hit: Sequence[Meeting]


async def run_kill(folder: Path, report: Report, *, plan: Plan, kills: int) -> Scene:
    """Kill at random moments; a process that was killed is replaced after a second."""
    async with scene(plan, folder) as one:
        await one.begin(plan.meetings)
        done: list[Kill] = []
        for _ in range(kills):
            await one.calm()
            done.append(await kill_one(one))
        await asyncio.sleep(BROKEN_WITHIN_S)
        report.failures += await one.finish()
        if plan.engine == "real":
            await judge_recorded(one, report)
        else:
            report.judge_words(one.verdict())
        judge(one, done, report)
        return one


async def kill_one(one: Scene) -> Kill:
    """Kill a process at random, see whose connections break, and put a new one in its place."""
    slot = one.random.choice(one.fleet.live)
    at_s = await one.fleet.kill(slot)
    await asyncio.sleep(DEAD_FOR_S)
    await one.replace(slot)
    await asyncio.sleep(max(0.0, at_s + BROKEN_WITHIN_S - asyncio.get_running_loop().time()))
    return Kill(at_s, [meeting for meeting in one.meetings if _broke(meeting, at_s)])


def judge(one: Scene, kills: Sequence[Kill], report: Report) -> None:
    """How soon captions came back."""
    delays = [
        (
            meeting,
            after_fault_s(kill.at_s, meeting.began_s, meeting.talk.said, meeting.history.shown),
        )
        for kill in kills
        for meeting in kill.hit
    ]
    report.delays["first caption after a kill"] = [
        value for _, value in delays if value is not None
    ]
    covered = nearest_rank(report.delays["first caption after a kill"], 0.95)
    report.at_most("first caption after a kill, p95", covered, COVERED_WITHIN_S)
    report.must_be("promises broken", one.breaks.promises())
    report.facts |= {
        "kills": len(kills),
        "connections lost": len(delays),
        "breaks": one.breaks_by_reason(),
    }


async def judge_recorded(one: Scene, report: Report) -> None:
    """The utterances, against the same audio sent again when nobody is killed."""
    whole, same, words = Verdict(), 0, 0
    for meeting in one.meetings:
        if isinstance(meeting.talk, RecordedTalk):
            calm = await undisturbed(one.http, meeting.route, meeting.talk)
            whole.add(check_recorded(meeting.talk, meeting.history, calm))
            found, wanted = same_words(meeting.history, calm)
            same, words = same + found, words + wanted
    report.judge_words(whole, whose="utterances")
    report.facts |= {"words as if undisturbed": f"{same} of {words}"}


def _broke(meeting: Meeting, at_s: float) -> bool:
    return any(at_s <= one <= at_s + BROKEN_WITHIN_S for one in meeting.history.forgotten_s)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    one = parser("kill", "SIGKILL one of three processes under live meetings.", meetings=20)
    one.add_argument("--kills", type=int, default=KILLS, help=f"how many ({KILLS})")
    one.add_argument(
        "--engine",
        choices=["scripted", "real"],
        default="scripted",
        help="real: the default profile and people's speech (--meetings 4 --kills 10 on two cores)",
    )
    options = one.parse_args(arguments)
    plan = plan_of(options, engine=options.engine)
    report = Report("kill")
    return run(
        options,
        lambda folder, into: run_kill(folder, into, plan=plan, kills=options.kills),
        report,
    )
