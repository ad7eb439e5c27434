"""``scripts/drill NAME``: run one drill, print what it found, exit with 1 if an aim was missed."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.engine_process import ENGINES
from scripts.drills import faults
from scripts.drills.alerts import run_alerts
from scripts.drills.away import run_away, run_contract
from scripts.drills.hostile import run_hostile
from scripts.drills.overload import run_overload
from scripts.drills.report import DrillReport
from wordloop_ml.client.connection import NotConnectedError

Drill = Callable[[Path, DrillReport, argparse.Namespace], Coroutine[None, None, None]]

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
        one.set_defaults(run=run)
        json = Path(f"out/drill_{name}.json")
        one.add_argument("--json", type=Path, default=json, metavar="F", help=f"({json})")
        for option, default, meaning in (*options, ("--seed", 1, "of what is said and done")):
            one.add_argument(option, type=int, default=default, help=f"{meaning} ({default})")
        return one

    live = "live ones"
    summary = "SIGKILL one of three processes, again and again, under live meetings"
    parts = ("--kills", 50, "how often"), ("--meetings", 20, live)
    one = add("kill", faults.run_kill, summary, *parts)
    engine = "real: the default profile and people's speech (--meetings 2 --kills 12 on two cores)"
    one.add_argument("--engine", choices=["scripted", "real"], default="scripted", help=engine)
    summary = "restart all of three processes under live meetings"
    parts = ("--rounds", 1, "restarts of all"), ("--meetings", 20, live)
    add("rolling", faults.run_rolling, summary, *parts)
    summary = "say a word that ends the process which decodes it"
    add("poison", faults.run_poison, summary, ("--meetings", 12, live))
    summary = "malformed and hostile requests, frames, messages and audio"
    one = add("hostile", run_hostile, summary, ("--attacks", 10_000, "how many"))
    one.add_argument("--only", type=int, metavar="N", help="attack N of that seed alone")
    summary = "take the engine away that is in another process, twice, under live meetings"
    one = add("away", run_away, summary, ("--meetings", 8, live))
    one.add_argument("--seconds", type=float, nargs="+", default=[5.0, 30.0], help="(5 30)")
    engine = "the server of the tests, or one that is set up at its first run"
    one.add_argument("--engine", choices=list(ENGINES), default="tests", help=engine)
    summary = "run the contract suites over an engine in another process, with real weights"
    one = add("contract", run_contract, summary)
    one.add_argument("--engine", choices=list(ENGINES)[1:], required=True, help="which")
    summary = "three times the meetings that fit ask to come in"
    seconds = ("--seconds", 45, "how long latencies are measured, before and while others ask")
    add("overload", run_overload, summary, ("--workers", 6, "inference threads"), seconds)
    summary = (
        "a fault for each alert of deploy/, under a real Prometheus with the rules as they are"
    )
    add("alerts", run_alerts, summary, ("--seconds", 400, "how long; an alert waits for 5 minutes"))
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run a drill, print and write what came of it; 0 when everything was reached, else 1.

    The services' logs are kept beside the JSON when something was not.
    """
    parser = make_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    options = parser.parse_args(arguments)
    report = DrillReport()
    with tempfile.TemporaryDirectory(prefix="wordloop-drill-") as name:
        try:
            asyncio.run(options.run(Path(name), report, options))
        except (BenchmarkFailed, NotConnectedError, ExceptionGroup) as error:
            report.failures.append(f"the drill did not end: {error!r}")
        if not report.passed:
            kept = options.json.with_suffix(".logs")
            ignored = shutil.ignore_patterns("tokens")
            shutil.copytree(name, kept, dirs_exist_ok=True, ignore=ignored)
            print(f"the services' logs: {kept}", file=sys.stderr)
    asked = {name: value for name, value in vars(options).items() if name not in {"run", "json"}}
    report.complete(asked)
    report.write(options.json, None, "")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
