"""What the commands of the fleet's drills have in common: options, a run, a report."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from scripts.drills.fleet.haproxy import MISSING, installed
from scripts.drills.fleet.history import write_histories
from scripts.drills.fleet.report import Report, describe, table, write
from scripts.drills.fleet.scene import Plan, Scene
from scripts.drills.service_process import DrillFailed

OUT = Path("out")

Drill = Callable[[Path, Report], Coroutine[None, None, Scene]]


def parser(drill: str, summary: str, *, meetings: int) -> argparse.ArgumentParser:
    """The options that every drill of the fleet has."""
    one = argparse.ArgumentParser(prog=f"scripts/drill {drill}", description=summary)
    one.add_argument("--meetings", type=int, default=meetings, help=f"live ones ({meetings})")
    one.add_argument("--seed", type=int, default=1, help="of what is said, and of the faults (1)")
    one.add_argument(
        "--balancer",
        choices=["haproxy", "simple"],
        default="haproxy",
        help="simple: connections go round the ports; needs no haproxy",
    )
    json = OUT / f"drill_{drill}.json"
    one.add_argument("--json", type=Path, default=json, metavar="F", help=f"({json})")
    return one


def plan_of(options: argparse.Namespace, *, spare: int = 0, engine: str = "scripted") -> Plan:
    """The plan that these options ask for."""
    simple = options.balancer == "simple"
    return Plan(
        meetings=options.meetings, seed=options.seed, simple=simple, spare=spare, engine=engine
    )


def run(options: argparse.Namespace, drill: Drill, report: Report) -> int:
    """Run it, print and write what came of it; 0 when everything was reached, else 1.

    The services' logs are kept beside the JSON when something was not.
    """
    if options.balancer == "haproxy" and not installed():
        print(f"drill: {MISSING}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="wordloop-drill-") as name:
        folder = Path(name)
        try:
            scene = asyncio.run(drill(folder, report))
            history = options.json.with_suffix(".history.jsonl")
            write_histories([one.history for one in scene.meetings], history)
        except (DrillFailed, ExceptionGroup) as error:
            report.failures.append(f"the drill did not end: {error!r}")
        report.facts = describe({**_facts(options), **report.facts})
        print(table(report))
        for path in write(report, options.json):
            print(path, file=sys.stderr)
        if not report.passed:
            kept = options.json.with_suffix(".logs")
            shutil.copytree(folder, kept, dirs_exist_ok=True, ignore=_sockets)
            print(f"the services' logs: {kept}", file=sys.stderr)
    return 0 if report.passed else 1


def _facts(options: argparse.Namespace) -> dict[str, object]:
    return {name: value for name, value in vars(options).items() if name != "json"}


def _sockets(folder: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket()]
