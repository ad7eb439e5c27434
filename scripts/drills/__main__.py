"""``scripts/drill NAME``: run one drill, print what it found, exit with 1 if an aim was missed."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from scripts.drills import faults, haproxy
from scripts.drills.hostile import run_hostile
from scripts.drills.meeting import Meeting, write_records
from scripts.drills.overload import run_overload
from scripts.drills.report import Report, describe_run, table, write
from scripts.drills.service_process import DrillFailed
from wordloop_ml.client.connection import NotConnectedError

Drill = Callable[[Path, Report, argparse.Namespace], Coroutine[None, None, Sequence[Meeting]]]

Option = tuple[str, int, str]
"""A number: its name, its default and what it means."""


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all drills and their options."""
    parser = argparse.ArgumentParser(
        prog="scripts/drill", description="What the service must survive, done to real processes."
    )
    drills = parser.add_subparsers(dest="drill", required=True, metavar="NAME")

    def add(name: str, run: Drill, summary: str, *options: Option) -> argparse.ArgumentParser:
        one = drills.add_parser(name, help=summary, description=summary)
        one.set_defaults(run=run, balancer="simple")
        json = Path(f"out/drill_{name}.json")
        one.add_argument("--json", type=Path, default=json, metavar="F", help=f"({json})")
        for option, default, meaning in (*options, ("--seed", 1, "of what is said and done")):
            one.add_argument(option, type=int, default=default, help=f"{meaning} ({default})")
        return one

    def add_fleet(name: str, run: Drill, summary: str, meetings: int, *options: Option) -> None:
        one = add(name, run, summary, *options, ("--meetings", meetings, "live ones"))
        one.add_argument(
            "--balancer",
            choices=["haproxy", "simple"],
            default="haproxy",
            help="simple: a name that resolves to all processes in turn; needs no haproxy",
        )

    summary = "SIGKILL one of three processes, again and again, under live meetings"
    add_fleet("kill", faults.run_kill, summary, 20, ("--kills", 50, "how often"))
    summary = "restart all of three processes under live meetings"
    add_fleet("rolling", faults.run_rolling, summary, 20, ("--rounds", 1, "restarts of all"))
    summary = "say a word that ends the process which decodes it"
    add_fleet("poison", faults.run_poison, summary, 12, ("--times", 1, "in so many meetings"))
    summary = "malformed and hostile requests, frames, messages and audio"
    one = add("hostile", run_hostile, summary, ("--attacks", 10_000, "how many"))
    one.add_argument("--only", type=int, metavar="N", help="attack N of that seed alone")
    summary = "three times the meetings that fit ask to come in"
    parts = ("--seconds", 45, "how long latencies are measured, before and while others ask")
    add("overload", run_overload, summary, ("--workers", 6, "inference threads"), parts)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run a drill, print and write what came of it; 0 when everything was reached, else 1.

    The services' logs are kept beside the JSON when something was not. 2: it could not be run.
    """
    parser = make_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    options = parser.parse_args(arguments)
    if options.balancer == "haproxy" and not haproxy.installed():
        print(f"drill: {haproxy.MISSING}", file=sys.stderr)
        return 2
    report = Report(options.drill)
    kept = options.json.with_suffix(".logs")
    with tempfile.TemporaryDirectory(prefix="wordloop-drill-") as name:
        try:
            meetings = asyncio.run(options.run(Path(name), report, options))
            write_records(meetings, options.json.with_suffix(".records.jsonl"))
        except (DrillFailed, NotConnectedError, ExceptionGroup) as error:
            report.failures.append(f"the drill did not end: {error!r}")
        if not report.passed:
            ignored = shutil.ignore_patterns("*.sock", "tokens")
            shutil.copytree(name, kept, dirs_exist_ok=True, ignore=ignored)
            print(f"the services' logs: {kept}", file=sys.stderr)
    asked = {name: value for name, value in vars(options).items() if name not in {"run", "json"}}
    report.facts = describe_run({**asked, **report.facts})
    print(table(report))
    write(report, options.json)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
