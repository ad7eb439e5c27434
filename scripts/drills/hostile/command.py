"""``scripts/drill hostile``: thousands of attacks on one process, and a report of its answers."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import psutil

from scripts.drills.hostile.answers import Answer, Outcome
from scripts.drills.hostile.attack import TENANT, TOKEN
from scripts.drills.hostile.bystander import heard_in_order
from scripts.drills.hostile.grammar import attack_of
from scripts.drills.hostile.peer import dawdle, run_attack
from scripts.drills.service_process import DrillFailed, ServiceProcess, scripted_service
from wordloop_ml.errors import ErrorCode

ATTACKS = 10_000
AT_ONCE = 16
DAWDLERS = 5
BYSTANDER_EVERY = 500
JSON = Path("out/drill_hostile.json")

NEVER = (ErrorCode.INTERNAL, ErrorCode.BUSY)
"""Codes that say that something broke, or that an attack was not tried."""

BUGS = (
    "request_failed",
    "connection_failed",
    "delivery_failed",
    "track_failed",
    "meeting_failed",
    "library_log",
)
"""Events that only a bug of ours, or of a library, puts into the log."""


@dataclass(slots=True)
class Report:
    """What came of it.

    ends: how often each kind of attack ended how. codes: how often each error was named.
    failures: what must not happen, each with the number that makes it happen again.
    """

    seed: int
    attacks: int
    seconds: float = 0.0
    ends: dict[str, Counter[str]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    resident_mb: tuple[float, float] = (0.0, 0.0)
    files: tuple[int, int] = (0, 0)

    def as_json(self) -> dict[str, object]:
        """All of it, for machines."""
        ends = {kind: dict(counts) for kind, counts in sorted(self.ends.items())}
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**plain, "ends": ends, "codes": dict(self.codes)}

    def count(self, number: int, kind: str, answer: Answer) -> None:
        """One attack is over."""
        self.ends.setdefault(kind, Counter())[answer.outcome] += 1
        if answer.outcome is Outcome.NAMED:
            self.codes[answer.code] += 1
        if answer.outcome in {Outcome.UNNAMED, Outcome.STUCK} or answer.code in NEVER:
            self.failures.append(
                f"attack {number} ({kind}): {answer.outcome} {answer.status} {answer.code}"
            )


async def run_hostile(
    folder: Path, *, seed: int, numbers: Sequence[int], dawdlers: int = 0
) -> Report:
    """Attack a service of its own with these numbers of the grammar, some at a time.

    dawdlers: so many more connections send half a request, and wait until they are thrown out.
    """
    (folder / "tokens").write_text(f"{TENANT}: {TOKEN}\n", encoding="utf-8")
    settings = {
        "WORDLOOP_TOKENS_FILE": str(folder / "tokens"),
        "WORDLOOP_ALLOWED_ORIGINS": "https://good.example",
        "WORDLOOP_LOG_LEVEL": "info",
        # What is refused for want of room has not been tried: there is room for everything.
        "WORDLOOP_MAX_MEETINGS": "1000",
        "WORDLOOP_NEW_MEETING_LOAD": "1000",
        "WORDLOOP_RESUME_LOAD": "1000",
    }
    report = Report(seed, len(numbers))
    began_s = time.monotonic()
    async with scripted_service(folder, settings) as service:
        before = _resources(service)
        dawdling = [asyncio.create_task(dawdle(service.port)) for _ in range(dawdlers)]
        await _attack_all(service, report, numbers)
        if not all(await asyncio.gather(*dawdling)):
            report.failures.append("half a request was waited for without end")
        report.failures += await _still_serves(service)
        after = _resources(service)
        report.resident_mb, report.files = (before[0], after[0]), (before[1], after[1])
        if after[1] > before[1] + 2:
            report.failures.append(f"{after[1] - before[1]} files are left open")
        if (status := await service.stop()) != 0:
            report.failures.append(f"SIGTERM: exit status {status}")
        report.failures += _bugs(service)
    report.seconds = time.monotonic() - began_s
    return report


async def _attack_all(service: ServiceProcess, report: Report, numbers: Sequence[int]) -> None:
    waiting = list(reversed(numbers))
    done = 0

    async def work() -> None:
        nonlocal done
        while waiting and service.child.returncode is None:
            number = waiting.pop()
            attack = attack_of(report.seed, number)
            try:
                answer = await run_attack(service.port, f"h{number}", attack)
            except (OSError, TimeoutError) as error:
                answer = Answer(Outcome.UNNAMED, type(error).__name__)
            report.count(number, attack.kind, answer)
            done += 1
            if done % BYSTANDER_EVERY == 0:
                report.failures += await _still_serves(service)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    if service.child.returncode is not None:
        raise DrillFailed(f"the service died with {service.child.returncode}; see {service.log}")


async def _still_serves(service: ServiceProcess) -> list[str]:
    """A proper meeting beside the attacks hears every word."""
    return [] if await heard_in_order(service.port) else ["a proper meeting lost words"]


def _resources(service: ServiceProcess) -> tuple[float, int]:
    process = psutil.Process(service.child.pid)
    return process.memory_info().rss / 2**20, process.num_fds()


def _bugs(service: ServiceProcess) -> list[str]:
    """Every event of the log that must not be there; a traceback is no event, and raises."""
    return [f"log: {event}" for event in service.events() if event["event"] in BUGS]


def table(report: Report) -> str:
    """The report for people."""
    lines = [
        f"{report.attacks} attacks, seed {report.seed}, {report.seconds:.0f} s; resident "
        f"{report.resident_mb[0]:.0f} to {report.resident_mb[1]:.0f} MB, open files "
        f"{report.files[0]} to {report.files[1]}",
        "",
        f"| attack | {' | '.join(Outcome)} |",
        f"|---|{'---|' * len(Outcome)}",
    ]
    for kind, ends in sorted(report.ends.items()):
        lines.append(f"| {kind} | {' | '.join(str(ends[one]) for one in Outcome)} |")
    named = ", ".join(f"{code} {count}" for code, count in report.codes.most_common())
    lines += ["", f"named: {named}", "", f"failures: {len(report.failures)}"]
    return "\n".join([*lines, *report.failures[:50]])


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 0 when everything was named and nothing broke."""
    options = _parser().parse_args(arguments)
    numbers = range(options.attacks) if options.only is None else [options.only]
    with tempfile.TemporaryDirectory(prefix="wordloop-drill-") as folder:
        try:
            report = asyncio.run(
                run_hostile(Path(folder), seed=options.seed, numbers=numbers, dawdlers=DAWDLERS)
            )
        except DrillFailed as error:
            print(f"drill: {error}", file=sys.stderr)
            print((Path(folder) / "service.log").read_text()[-4_000:], file=sys.stderr)
            return 1
    print(table(report))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report.as_json(), indent=1), encoding="utf-8")
    return 1 if report.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/drill hostile",
        description="Attack the real service with generated mistakes: everything that can be "
        "answered must be refused by a code, and nothing may break.",
    )
    parser.add_argument("--attacks", type=int, default=ATTACKS, help=f"how many ({ATTACKS})")
    parser.add_argument("--seed", type=int, default=1, help="of the grammar (1)")
    parser.add_argument("--only", type=int, metavar="N", help="attack N of that seed alone")
    parser.add_argument("--json", type=Path, default=JSON, metavar="F", help=f"({JSON})")
    return parser
