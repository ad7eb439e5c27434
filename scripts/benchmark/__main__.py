"""``scripts/bench``: run what was asked for, print the tables, write the JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmark import aims, report
from scripts.benchmark.aims import OURS, Judged
from scripts.benchmark.beside_texts import measure_beside
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.machine import describe_machine
from scripts.benchmark.memory import measure_memory
from scripts.benchmark.options import ALL_MEETINGS, MEETINGS, STARTS, parser, seconds_of
from scripts.benchmark.others import measure_other
from scripts.benchmark.publish import publish
from scripts.benchmark.results import Result, result_of
from scripts.benchmark.scenario import Plan, run, wordloop
from scripts.benchmark.server_process import server_environment
from scripts.benchmark.speech import SpokenText, read_speech
from scripts.benchmark.starts import measure_starts
from wordloop_ml.errors import WordloopError
from wordloop_ml.settings import Settings, read_settings

SETTLE_S = 2.0
"""Between a server's readiness and the first audio."""

BESIDE_MEETINGS, BESIDE_S = 2, 30.0
TRACED = {"WORDLOOP_LOG_LEVEL": "debug", "WORDLOOP_LOG_FORMAT": "json"}
"""So that the server says where the time of each caption went."""


def main() -> int:
    """Returns the exit status: 0 when there are figures, whatever they are."""
    arguments = parser().parse_args()
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        settings = read_settings(server_environment({"WORDLOOP_PROFILE": arguments.profile}))
        speech = read_speech(arguments.speech, settings, arguments.kinds)
        Bench(arguments, settings, speech).run()
    except (BenchmarkFailed, WordloopError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


@dataclass(slots=True)
class Bench:
    """What was asked for, and what has been measured so far."""

    arguments: argparse.Namespace
    settings: Settings
    speech: Sequence[SpokenText]
    results: list[Result] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Everything that was asked for. Raises ``BenchmarkFailed``."""
        arguments = self.arguments
        if arguments.starts is not None:
            self._measure_starts(arguments.starts)
        elif arguments.memory:
            self._measure_memory()
        elif arguments.beside is not None:
            self._measure_beside(arguments.beside)
        else:
            for meetings in arguments.meetings or (ALL_MEETINGS if arguments.all else MEETINGS):
                self._measure(meetings)
                for name, folder in arguments.against or ():
                    self._measure_other(name, folder, meetings)
            if arguments.all:
                self._measure_starts(STARTS)
                self._measure_memory()
        self._finish()

    def _plan(self, meetings: int) -> Plan:
        seconds = self.arguments.seconds or seconds_of(meetings)
        return Plan(meetings, 1, seconds, self.arguments.seed, SETTLE_S)

    def _measure(self, meetings: int) -> None:
        """One run against a server of its own."""
        profile, plan = self.arguments.profile, self._plan(meetings)
        _progress(f"{OURS}, {profile}: {meetings} meetings, {plan.seconds:g} s and a bit")
        environment = server_environment({"WORDLOOP_PROFILE": profile, **TRACED})
        language = None if self.arguments.language == "none" else self.arguments.language
        log = self._log(f"{profile}-{meetings}")
        done = asyncio.run(run(plan, self.speech, environment, log, dialect=wordloop(language)))
        self.results.append(result_of(OURS, profile, done))

    def _measure_other(self, name: str, folder: Path, meetings: int) -> None:
        plan = self._plan(meetings)
        if self.arguments.model is None:
            raise BenchmarkFailed("--against needs --model")
        _progress(f"{name}: {meetings} meetings, {plan.seconds:g} s and a bit")
        log = self._log(f"{name}-{meetings}")
        done = measure_other(name, folder, self.arguments.model, plan, self.speech, log)
        self.results.append(result_of(name, self.arguments.model.name, done))

    def _measure_starts(self, times: int) -> None:
        profile = self.arguments.profile
        _progress(f"{profile}: {times} process starts, 100 segments each")
        starts = measure_starts(profile, times, self.speech, self._log("starts"), _progress)
        self.tables.append(starts.markdown())
        self.judged += starts.judged()
        self.document["starts"] = starts.as_json()

    def _measure_memory(self) -> None:
        _progress("memory: 110 s of audio on eleven tracks")
        memory = measure_memory(self.arguments.profile, self.speech, self._log("memory"))
        self.tables.append(memory.markdown())
        self.judged += memory.judged()
        self.document["memory"] = memory.as_json()

    def _measure_beside(self, rounds: int) -> None:
        arguments = self.arguments
        meetings = (arguments.meetings or [BESIDE_MEETINGS])[0]
        _progress(
            f"{arguments.profile}: {meetings} meetings alone and beside texts, {rounds} rounds"
        )
        plan = Plan(meetings, 1, arguments.seconds or BESIDE_S, arguments.seed, SETTLE_S)
        log = self._log("beside")
        beside = measure_beside(arguments.profile, plan, rounds, self.speech, log)
        self.tables.append(beside.markdown())
        self.judged += beside.judged()
        self.document["beside"] = beside.as_json()

    def _finish(self) -> None:
        """The tables of all runs, the aims, and the JSON."""
        arguments, results = self.arguments, self.results
        machine = describe_machine(self.settings)
        judged = aims.judge(results) + aims.compare(results) + self.judged
        if results:
            self.tables = [report.markdown(results), report.stages_markdown(results), *self.tables]
        text = "\n".join([*self.tables, aims.markdown(judged), report.machine_line(machine)])
        print(text)
        if arguments.publish is not None:
            publish(arguments.publish, text)
        document = {**report.as_json(results, machine), **self.document}
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
        print(f"bench: all figures are in {arguments.json}", file=sys.stderr)
        for warning in report.warnings(results):
            print(f"bench: WARNING: {warning}", file=sys.stderr)

    def _log(self, name: str) -> Path:
        log: Path = self.arguments.json.with_suffix(f".server-{name}.log")
        return log


def _progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
