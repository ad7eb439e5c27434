"""``scripts/bench``: run what was asked for, print the tables, write the JSON."""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmark import aims, report
from scripts.benchmark.aims import Judged
from scripts.benchmark.beside_texts import measure_beside
from scripts.benchmark.encode_share import measure_encode_share
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.hot_path import measure_hot_path
from scripts.benchmark.machine import describe_machine
from scripts.benchmark.memory import measure_memory
from scripts.benchmark.native_cost import NativeCost, measure_native_cost
from scripts.benchmark.offline import offline_transcripts
from scripts.benchmark.options import AGAINST_MEETINGS, MEETINGS, STARTS, parser
from scripts.benchmark.realtimestt import NAME, Checkout, measure_other
from scripts.benchmark.results import Beside, Result, result_of
from scripts.benchmark.scenario import Plan, run
from scripts.benchmark.server_process import server_environment
from scripts.benchmark.speech import read_speech
from scripts.benchmark.stages import EncodeShare
from scripts.benchmark.starts import measure_starts
from scripts.benchmark.subject import Subject, of_profile, of_texts, of_twin
from wordloop_ml.engines.catalogue import open_engines
from wordloop_ml.errors import WordloopError
from wordloop_ml.settings import read_settings

MEETINGS_S, LONG_S, HOT_PATH_S = 120.0, 300.0, 30.0
LONG_TRACKS = 2
HOT_PATH_MEETINGS = 8
BESIDE_TWIN, BESIDE_MEETINGS, BESIDE_S = "tiny.en", 2, 12.0
AGAINST_TWIN, AGAINST_S = "tiny.en", 60.0
TRACED = {"WORDLOOP_LOG_LEVEL": "debug", "WORDLOOP_LOG_FORMAT": "json"}
"""So that the server says where the time of each caption went."""

ALL_RUNS = (
    ("", 1, 30.0),
    ("", 2, 20.0),
    ("", 4, 15.0),
    ("", 8, 12.0),
    ("", 16, 12.0),
    ("tiny.en", 1, 30.0),
    ("tiny.en", 4, 15.0),
    ("tiny.en", 8, 12.0),
    ("tiny.en", 12, 12.0),
    ("tiny.en", 16, 12.0),
    ("base.en", 1, 25.0),
    ("base.en", 3, 20.0),
    ("small.en", 1, 30.0),
)
"""What --all runs: a twin (or none), meetings, seconds."""


def main() -> int:
    """Returns the exit status: 0 when there are figures, whatever they are."""
    arguments = parser().parse_args()
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        Bench(arguments).run()
    except (BenchmarkFailed, WordloopError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


@dataclass(slots=True)
class Bench:
    """What was asked for, and what has been measured so far."""

    arguments: argparse.Namespace
    results: list[Result] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    costs: dict[str, tuple[NativeCost | None, EncodeShare | None]] = field(default_factory=dict)

    def run(self) -> None:
        """Everything that was asked for. Raises ``BenchmarkFailed``."""
        arguments = self.arguments
        if arguments.hot_path:
            self._measure_hot_path()
        elif arguments.starts is not None:
            self._measure_starts(arguments.starts)
        elif arguments.memory:
            self._measure_memory()
        elif arguments.beside is not None:
            self._measure_beside(arguments.beside)
        elif arguments.against is not None:
            self._measure_against(arguments.against)
        elif arguments.all:
            for twin, meetings, seconds in ALL_RUNS:
                subject = of_twin(twin) if twin else of_profile(arguments.profile)
                self._measure(subject, meetings, 1, arguments.seconds or seconds)
            self._measure_starts(STARTS)
            self._measure_memory()
        elif arguments.long:
            self._measure(self._subject(), 1, LONG_TRACKS, arguments.seconds or LONG_S)
        else:
            for meetings in arguments.meetings or MEETINGS:
                self._measure(self._subject(), meetings, 1, arguments.seconds or MEETINGS_S)
        self._finish()

    def _subject(self) -> Subject:
        arguments = self.arguments
        return of_twin(arguments.twin) if arguments.twin else of_profile(arguments.profile)

    def _measure(self, subject: Subject, meetings: int, tracks: int, seconds: float) -> None:
        """One run against a server of its own; what needs the engines comes when that is gone."""
        arguments = self.arguments
        _progress(f"{subject.name}: {meetings} x {tracks} tracks, {seconds:g} s and a bit")
        speech = read_speech(arguments.speech)
        plan = Plan(meetings, tracks, seconds, arguments.seed, arguments.settle)
        environment = server_environment({**subject.settings, **TRACED})
        log = self._log(f"{subject.name.replace(' ', '-')}-{meetings}")
        done = asyncio.run(run(plan, speech, environment, log))
        settings = read_settings(environment)
        scripts = [one.script for one in done.conversations]
        offline = None
        if subject.name not in self.costs or arguments.long:
            engines = open_engines(settings)
            try:
                # a twin's jobs are long, and what Python does around them is lost in them
                self.costs[subject.name] = (
                    measure_native_cost(engines, scripts[0]) if subject.has_words else None,
                    measure_encode_share(engines, scripts[0], settings.threads),
                )
                offline = offline_transcripts(engines, scripts) if arguments.long else None
            finally:
                engines.close()
        cost, encode = self.costs[subject.name]
        self.results.append(result_of(subject, done, Beside(cost, encode, offline)))

    def _measure_starts(self, times: int) -> None:
        subject = self._subject()
        _progress(f"{subject.name}: {times} process starts, 100 segments each")
        starts = measure_starts(
            subject, times, read_speech(self.arguments.speech), self._log("starts"), _progress
        )
        print(starts.markdown())
        self.judged += starts.judged()
        self.document["starts"] = starts.as_json()

    def _measure_memory(self) -> None:
        _progress("memory: 110 s of audio on eleven tracks; then base.en with more workers")
        memory = measure_memory(read_speech(self.arguments.speech), self._log("memory"))
        print(memory.markdown())
        self.judged += memory.judged()
        self.document["memory"] = memory.as_json()

    def _measure_beside(self, rounds: int) -> None:
        arguments = self.arguments
        meetings = (arguments.meetings or [BESIDE_MEETINGS])[0]
        seconds = arguments.seconds or BESIDE_S
        subject = of_texts(arguments.twin or BESIDE_TWIN)
        _progress(f"{subject.name}: {meetings} meetings alone and beside texts, {rounds} rounds")
        plan = Plan(meetings, 1, seconds, arguments.seed, arguments.settle)
        beside = measure_beside(subject, plan, rounds, arguments.speech, self._log("beside"))
        print(beside.markdown())
        self.judged += beside.judged()
        self.document["beside"] = beside.as_json()

    def _measure_against(self, folder: Path) -> None:
        """Ours and the other server in turns, each time with the same talk."""
        arguments, name = self.arguments, self.arguments.twin or AGAINST_TWIN
        subject = of_twin(name)
        other = Checkout(folder, arguments.against_python or folder / ".venv" / "bin" / "python")
        speech = read_speech(arguments.speech)
        for meetings in arguments.meetings or AGAINST_MEETINGS:
            seconds = arguments.seconds or AGAINST_S
            self._measure(subject, meetings, 1, seconds)
            _progress(f"{NAME}, {subject.name}: {meetings} tracks, {seconds:g} s and a bit")
            plan = Plan(meetings, 1, seconds, arguments.seed, arguments.settle)
            log = self._log(f"{NAME}-{meetings}")
            self.results.append(measure_other(other, subject, plan, speech, log))

    def _measure_hot_path(self) -> None:
        arguments, subject = self.arguments, self._subject()
        meetings = (arguments.meetings or [HOT_PATH_MEETINGS])[0]
        seconds = arguments.seconds or HOT_PATH_S
        plan = Plan(meetings, 1, seconds, arguments.seed, arguments.settle)
        _progress(f"{subject.name}: the hot path under {meetings} meetings, {seconds:g} s")
        hot = measure_hot_path(subject, plan, read_speech(arguments.speech), self._log("hot-path"))
        print(hot.markdown())
        self.document["hot_path"] = hot.as_json()

    def _finish(self) -> None:
        """The tables of all runs, the aims, the JSON and the plots."""
        arguments = self.arguments
        machine = describe_machine(read_settings(server_environment(self._subject().settings)))
        if self.results:
            print(report.markdown(self.results))
            print(report.stages_markdown(self.results))
        print(aims.markdown(aims.judge(self.results) + self.judged))
        print(report.machine_line(machine))
        document = {**report.as_json(self.results, machine), **self.document}
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
        print(f"bench: all figures are in {arguments.json}", file=sys.stderr)
        if arguments.plots and self.results:
            from scripts.benchmark.plots import draw  # noqa: PLC0415 - matplotlib is an extra

            for path in draw(self.results, arguments.json.with_suffix("")):
                print(f"bench: {path}", file=sys.stderr)

    def _log(self, name: str) -> Path:
        log: Path = self.arguments.json.with_suffix(f".server-{name}.log")
        return log


def _progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
