"""``scripts/bench``: run the plans, print the table, write the JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.machine import describe_machine
from scripts.benchmark.native_cost import measure_native_cost
from scripts.benchmark.offline import offline_transcripts
from scripts.benchmark.report import as_json, markdown
from scripts.benchmark.results import Result, result_of
from scripts.benchmark.scenario import Plan, run
from scripts.benchmark.server_process import server_environment
from scripts.benchmark.speech import SpokenText, read_speech
from wordloop_ml.engines.catalogue import open_engines
from wordloop_ml.errors import WordloopError
from wordloop_ml.settings import read_settings

SPEECH = Path(__file__).resolve().parent.parent / "bench_speech"
JSON = Path("out/bench.json")
MEETINGS_S, LONG_S = 120.0, 300.0
LONG_TRACKS = 2


def main() -> int:
    """Returns the exit status: 0 when there are figures, whatever they are."""
    arguments = _parser().parse_args()
    try:
        speech = read_speech(arguments.speech)
        results = [_measure(plan, speech, arguments) for plan in _plans(arguments)]
        machine = describe_machine(read_settings(server_environment(arguments.profile)))
    except (BenchmarkFailed, WordloopError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(markdown(results, machine))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(as_json(results, machine), indent=1), encoding="utf-8")
    print(f"bench: every utterance is in {arguments.json}", file=sys.stderr)
    return 0


def _measure(plan: Plan, speech: Sequence[SpokenText], arguments: argparse.Namespace) -> Result:
    """One plan against a server of its own; what needs the engines comes when that is gone."""
    print(
        f"bench: {plan.meetings} x {plan.tracks} tracks, {plan.seconds:g} s and a bit",
        file=sys.stderr,
    )
    environment = server_environment(arguments.profile)
    log = arguments.json.with_suffix(f".server-{plan.meetings}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    done = asyncio.run(run(plan, speech, environment, log))
    engines = open_engines(read_settings(environment))
    try:
        scripts = [one.script for one in done.conversations]
        cost = measure_native_cost(engines, scripts[0])
        offline = offline_transcripts(engines, scripts) if arguments.long else None
    finally:
        engines.close()
    return result_of(done, cost, offline)


def _plans(arguments: argparse.Namespace) -> list[Plan]:
    if arguments.long:
        meetings, tracks, seconds = [1], LONG_TRACKS, arguments.seconds or LONG_S
    else:
        meetings, tracks, seconds = arguments.meetings, 1, arguments.seconds or MEETINGS_S
    return [Plan(one, tracks, seconds, arguments.seed, arguments.settle) for one in meetings]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Drive the real server with paced speech; docs/benchmarks.md explains the "
        "figures. WORDLOOP_* settings are passed on to the server.",
    )
    parser.add_argument(
        "--meetings",
        type=_counts,
        default=[1, 8],
        metavar="N,N",
        help="a run for each number of meetings (default: 1,8)",
    )
    parser.add_argument(
        "--long",
        action="store_true",
        help="instead: one meeting of two tracks, and the same audio decoded offline",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help=f"of talk on each track (default: {MEETINGS_S:g}, with --long {LONG_S:g})",
    )
    parser.add_argument("--profile", default="embedded", help="of weights (default: embedded)")
    parser.add_argument("--seed", type=int, default=1, help="of speech, pauses and starts")
    parser.add_argument(
        "--settle",
        type=float,
        default=2.0,
        metavar="S",
        help="between the server's readiness and the first audio (default: 2)",
    )
    parser.add_argument(
        "--speech", type=Path, default=SPEECH, metavar="DIR", help="FLAC files and index.json"
    )
    parser.add_argument(
        "--json", type=Path, default=JSON, metavar="F", help=f"where all figures go ({JSON})"
    )
    return parser


def _counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",")]
    if not counts or min(counts) < 1:
        raise argparse.ArgumentTypeError("must be whole numbers above 0, such as 1,8")
    return counts


if __name__ == "__main__":
    sys.exit(main())
