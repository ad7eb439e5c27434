"""``scripts/bench``: measure what was asked for, print the tables, write the JSON.

Without the name of a benchmark it measures captions.
"""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.benchmark import BenchmarkFailed, aims, results
from scripts.benchmark.embeddings import measure_embeddings
from scripts.benchmark.machine import describe_machine, machine_line
from scripts.benchmark.memory import TRACK_S, measure_memory
from scripts.benchmark.others import OTHERS, measure_other
from scripts.benchmark.report import Report, command_line, progress
from scripts.benchmark.results import Result, result_of
from scripts.benchmark.scenario import Plan, run, wordloop
from scripts.benchmark.server_process import server_environment
from scripts.benchmark.speech import KINDS, SpokenText, read_speech
from scripts.benchmark.starts import measure_starts
from scripts.benchmark.texts import measure_texts
from wordloop_ml.errors import WordloopError
from wordloop_ml.settings import Settings, read_settings

SPEECH = Path("scripts/speech")
STARTS, ROUNDS = 20, 4
MEETINGS, ALL_MEETINGS = (1, 4, 8), (1, 4, 8, 16)
TRACED = {"WORDLOOP_LOG_LEVEL": "debug", "WORDLOOP_LOG_FORMAT": "json"}
"""So that the server says where the time of each caption went."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0 when there are figures, whatever they are."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}):
        arguments = ["captions", *arguments]
    options = parser().parse_args(arguments)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        measure: Callable[[argparse.Namespace], Report] = options.measure
        report = measure(options)
        settings = read_settings(server_environment({"WORDLOOP_PROFILE": options.profile}))
        machine = describe_machine(settings)
        report.notes.append(machine_line(machine))
        report.document["machine"] = machine
        report.write(options.json, options.publish, command_line("scripts/bench", arguments))
    except (BenchmarkFailed, WordloopError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _captions(options: argparse.Namespace) -> Report:
    """A run for each number of meetings, each in turns with the other servers."""
    if options.against and options.model is None:
        raise BenchmarkFailed("--against needs --model")
    speech, found = _speech(options), []
    for meetings in options.meetings or (ALL_MEETINGS if options.all else MEETINGS):
        plan = Plan(meetings, options.seconds or seconds_of(meetings), options.seed)
        found.append(_ours(options, plan, speech))
        for name, folder in options.against or ():
            progress(f"{name}: {meetings} meetings, {plan.seconds:g} s and a bit")
            log = _log(options, f"{name}-{meetings}")
            done = measure_other(name, folder, options.model, plan, speech, log)
            found.append(result_of(name, options.model.name, done))
    for doubt in results.doubts(found):
        progress(f"WARNING: {doubt}")
    judged = aims.judge(found) + aims.compare(found)
    document = {"results": [one.as_json() for one in found]}
    tables, summary = results.tables(found), [results.summary(found)]
    report = Report(tables, judged, document, summary=summary)
    if options.all:
        starts, memory = _log(options, "starts"), _log(options, "memory")
        report.add(measure_starts(options.profile, STARTS, speech, starts))
        report.add(measure_memory(options.profile, speech, memory))
    return report


def _ours(options: argparse.Namespace, plan: Plan, speech: Sequence[SpokenText]) -> Result:
    """One run against a server of its own."""
    progress(f"{options.profile}: {plan.meetings} meetings, {plan.seconds:g} s and a bit")
    environment = server_environment({"WORDLOOP_PROFILE": options.profile, **TRACED})
    dialect = wordloop(None if options.language == "none" else options.language)
    log = _log(options, f"{options.profile}-{plan.meetings}")
    done = asyncio.run(run(plan, speech, environment, log, dialect=dialect))
    return result_of(aims.OURS, options.profile, done)


def _starts(options: argparse.Namespace) -> Report:
    log = _log(options, "starts")
    return measure_starts(options.profile, options.starts, _speech(options), log)


def _memory(options: argparse.Namespace) -> Report:
    log = _log(options, "memory")
    return measure_memory(options.profile, _speech(options), log, options.seconds)


def _texts(options: argparse.Namespace) -> Report:
    plan = Plan(options.meetings, options.seconds, options.seed)
    log = _log(options, "texts")
    return measure_texts(options.profile, plan, options.rounds, _speech(options), log)


def _embeddings(options: argparse.Namespace) -> Report:
    log = _log(options, "embeddings")
    return measure_embeddings(options.rounds, options.short_texts, log)


def _generation(options: argparse.Namespace) -> Report:
    # what it imports is in an extra
    generation = importlib.import_module("scripts.benchmark.generation")
    report: Report = generation.measure_generation(options.cancels)
    return report


def _speech(options: argparse.Namespace) -> list[SpokenText]:
    settings = read_settings(server_environment({"WORDLOOP_PROFILE": options.profile}))
    return read_speech(options.speech, settings, options.kinds)


def _log(options: argparse.Namespace, name: str) -> Path:
    log: Path = options.json.with_suffix(f".server-{name}.log")
    return log


def seconds_of(meetings: int) -> float:
    """Of talk on each track, so that some forty utterances are measured."""
    return max(60.0, 300.0 / meetings)


def counts(text: str) -> list[int]:
    """Whole numbers above 0, with commas between; ``ArgumentTypeError`` for anything else."""
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise argparse.ArgumentTypeError("must be whole numbers above 0, such as 1,8")
    return values


def other(text: str) -> tuple[str, Path]:
    """A server that can be spoken to, and its checkout; ``ArgumentTypeError`` for anything else."""
    name, _, folder = text.partition("=")
    if name not in OTHERS or not folder:
        raise argparse.ArgumentTypeError(f"must be {'=DIR or '.join(OTHERS)}=DIR")
    return name, Path(folder)


def parser() -> argparse.ArgumentParser:
    """All options; docs/benchmarks.md says what they measure."""
    root = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure the real service; docs/benchmarks.md defines the figures. Without the "
        "name of a benchmark: captions.",
        epilog="WORDLOOP_* settings are passed on to the server.",
    )
    commands = root.add_subparsers(required=True, metavar="BENCHMARK")

    def command(
        name: str, help_text: str, measure: Callable[[argparse.Namespace], Report]
    ) -> Callable[..., argparse.Action]:
        one = commands.add_parser(name, help=help_text, description=f"Measure {help_text}.")
        one.set_defaults(measure=measure)
        add = one.add_argument
        add(
            "--json", type=Path, default=Path("out/bench.json"), metavar="F", help="for all figures"
        )
        add("--publish", metavar="NAME", help="also write docs/measured/NAME.txt and its summary")
        return add

    def speaking(add: Callable[..., argparse.Action]) -> None:
        add("--profile", default="embedded", help="of weights (default: embedded)")
        add("--speech", type=Path, default=SPEECH, metavar="DIR", help="has a manifest.jsonl")
        kinds = f"of its English clips (default: {','.join(KINDS)})"
        add("--kinds", type=lambda text: text.split(","), default=KINDS, metavar="K,K", help=kinds)
        add("--seed", type=int, default=1, help="of speech, pauses and starts")

    add = command("captions", "how fast captions are right, at the pace of speech", _captions)
    speaking(add)
    add("--meetings", type=counts, metavar="N,N", help="a run for each (default: 1,4,8)")
    add("--seconds", type=float, metavar="S", help="of talk on each track (default: 300 to 60)")
    add("--language", default="en", help="told to the server; none leaves it to it (default: en)")
    against = (
        f"another server ({' or '.join(OTHERS)}) from its checkout, run by the .venv in it, in "
    )
    against += "turns with ours, with the same audio; may come twice. Needs --model"
    add("--against", type=other, action="append", metavar="NAME=DIR", help=against)
    add(
        "--model",
        type=Path,
        metavar="DIR",
        help="for --against: the same weights, for faster-whisper",
    )
    add("--all", action="store_true", help="1, 4, 8 and 16 meetings, process starts and memory")

    add = command("starts", "the first segment against the hundredth, over process starts", _starts)
    speaking(add)
    add("--starts", type=int, default=STARTS, metavar="N", help=f"(default: {STARTS})")

    add = command("memory", "memory of an idle process and its parts, of a further track", _memory)
    speaking(add)
    add(
        "--seconds",
        type=float,
        default=TRACK_S,
        metavar="S",
        help=f"of talk (default: {TRACK_S:g})",
    )

    add = command("texts", "captions with and without work on texts beside them", _texts)
    speaking(add)
    add("--rounds", type=int, default=ROUNDS, metavar="N", help=f"of two turns (default: {ROUNDS})")
    add("--meetings", type=int, default=2, metavar="N", help="(default: 2)")
    add("--seconds", type=float, default=30.0, metavar="S", help="of talk in a turn (default: 30)")

    add = command(
        "embeddings", "POST /v1/embeddings against a plain loop on its graph", _embeddings
    )
    add("--rounds", type=int, default=5, help="turns of service and loop (default: 5)")
    add("--short-texts", type=int, default=200, help="one by one (default: 200)")

    add = command("generation", "what a language model costs, and how soon it stops", _generation)
    add("--cancels", type=int, default=20, metavar="N", help="(default: 20)")
    root.set_defaults(profile=Settings().profile)
    return root


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
