"""``scripts/bench``: measure what was asked for, print the tables, write the JSON.

Without the name of a benchmark it measures captions.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.benchmark import BenchmarkFailed, aims, results
from scripts.benchmark.engine_process import ENGINES
from scripts.benchmark.generation import measure_generation
from scripts.benchmark.machine import run_tool, settings_of
from scripts.benchmark.memory import TRACK_S, measure_memory
from scripts.benchmark.minutes import measure_minutes
from scripts.benchmark.others import OTHERS, measure_other
from scripts.benchmark.overhead import measure_overhead
from scripts.benchmark.report import Report, progress
from scripts.benchmark.results import result_of
from scripts.benchmark.scenario import Plan, run, wordloop
from scripts.benchmark.server_process import server_environment
from scripts.benchmark.serving import measure_serving
from scripts.benchmark.speech import KINDS, SpokenText, read_speech
from scripts.benchmark.starts import measure_starts
from wordloop_ml.settings import Settings

SPEECH = Path("scripts/speech")
TRACED = {"WORDLOOP_LOG_LEVEL": "debug", "WORDLOOP_LOG_FORMAT": "json"}
"""So that the server says where the time of each caption went."""

Add = Callable[..., argparse.Action]
Measure = Callable[[str, Any, Sequence[SpokenText], Path], Report]
"""A profile, the number of the benchmark's option, speech, and where the server's log goes."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0 when there are figures, whatever they are."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}):
        arguments = ["captions", *arguments]
    options = parser().parse_args(arguments)
    return run_tool("scripts/bench", arguments, options, options.measure)


def _captions(options: argparse.Namespace) -> Report:
    """A run for each number of meetings, each in turns with the other servers."""
    if options.against and options.model is None:
        raise BenchmarkFailed("--against needs --model")
    speech, profile, found = _speech(options), options.profile, []
    dialect = wordloop(None if options.language == "none" else options.language)
    for meetings in options.meetings:
        plan = Plan(meetings, options.seconds or seconds_of(meetings), options.seed)
        progress(f"{profile}: {meetings} meetings, {plan.seconds:g} s and a bit")
        environment = server_environment({"WORDLOOP_PROFILE": profile, **TRACED})
        log = _log(options, f"{profile}-{meetings}")
        done = asyncio.run(run(plan, speech, environment, log, dialect=dialect))
        found.append(result_of(aims.OURS, profile, done))
        for name, folder in options.against:
            progress(f"{name}: {meetings} meetings")
            log = _log(options, f"{name}-{meetings}")
            done = measure_other(name, folder, options.model, plan, speech, log)
            found.append(result_of(name, options.model.name, done))
    document = {"results": [one.as_json() for one in found]}
    return Report(
        results.tables(found), aims.judge(found), document, summary=[results.summary(found)]
    )


def _page(options: argparse.Namespace) -> Report:
    from tests.page.measure import measure_page  # noqa: PLC0415 - with the browser of the tests

    return measure_page(_speech(options))


def _speech(options: argparse.Namespace) -> list[SpokenText]:
    return read_speech(options.speech, settings_of(options.profile), options.kinds)


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
        "name of a benchmark: captions. WORDLOOP_* settings are passed on to the server.",
    )
    root.set_defaults(profile=Settings().profile)
    commands = root.add_subparsers(required=True, metavar="BENCHMARK")

    def command(name: str, what: str, measure: Callable[[argparse.Namespace], Report]) -> Add:
        one = commands.add_parser(
            name,
            help=what,
            description=f"Measure {what}.",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        one.set_defaults(measure=measure)
        add: Add = one.add_argument
        add("--json", type=Path, default=Path("out/bench.json"), metavar="F", help="all figures")
        add("--publish", metavar="NAME", help="also write docs/measured/NAME.txt and its summary")
        return add

    def speaking(name: str, what: str, measure: Callable[[argparse.Namespace], Report]) -> Add:
        add = command(name, what, measure)
        add("--profile", default="embedded", help="of weights")
        add("--speech", type=Path, default=SPEECH, metavar="DIR", help="has a manifest.jsonl")
        add("--kinds", type=_names, default=KINDS, metavar="K,K", help="of its English clips")
        return add

    def counting(
        name: str, what: str, measure: Measure, option: str, default: float, unit: str
    ) -> None:
        def run_it(options: argparse.Namespace) -> Report:
            number = vars(options)[option]
            return measure(options.profile, number, _speech(options), _log(options, name))

        add = speaking(name, what, run_it)
        add(f"--{option}", type=type(default), default=default, metavar="N", help=unit)

    add = speaking("captions", "how fast captions are right, at the pace of speech", _captions)
    add("--seed", type=int, default=1, help="of speech, pauses and starts")
    add("--meetings", type=counts, default=[1, 4, 8], metavar="N,N", help="a run for each")
    add("--seconds", type=float, metavar="S", help="of talk on each track; 300 to 60 without")
    add("--language", default="en", help="told to the server; none leaves it to it")
    against = f"{' or '.join(OTHERS)}, from its checkout, in turns with ours; may come twice"
    add("--against", type=other, action="append", default=[], metavar="NAME=DIR", help=against)
    weights = "for --against: the same weights, for faster-whisper"
    add("--model", type=Path, metavar="DIR", help=weights)

    what = "the first segment against the hundredth, over process starts"
    counting("starts", what, measure_starts, "starts", 20, "how many")
    what = "memory of an idle process, and of a further track"
    counting("memory", what, measure_memory, "seconds", TRACK_S, "of talk")
    what = "what metrics and logs cost"
    counting("overhead", what, measure_overhead, "seconds", 60.0, "of talk on each track")
    what = "a synthesis right after a meeting, with notes and without"
    counting("minutes", what, measure_minutes, "minutes", 30.0, "of talk, by two in turns")

    what = "what it costs that an engine is in another process"
    add = speaking(
        "serving",
        what,
        lambda one: measure_serving(
            one.profile, one.engine, one.decodes, _speech(one), _log(one, "engine")
        ),
    )
    add("--engine", choices=list(ENGINES)[1:], default="triton", help="which")
    add("--decodes", type=int, default=200, metavar="N", help="how many")

    speaking("page", "what readers of the page see, in a browser", _page)

    what = "what a language model costs, and how soon it stops"
    add = command(
        "generation", what, lambda one: measure_generation(settings_of(one.profile), one.cancels)
    )
    add("--profile", default="generative", metavar="P", help="of weights")
    add("--cancels", type=int, default=20, metavar="N", help="how many")
    return root


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
