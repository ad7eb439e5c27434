"""The drill hostile: attacks on one process, beside a meeting that must lose no word."""

import asyncio
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import aiohttp

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.meters import MEBIBYTE, Meters
from scripts.benchmark.server_process import NO_ADMISSION, Server
from scripts.drills.attacks import HALF_REQUEST, TENANT, TOKEN, attack_of
from scripts.drills.fleet import SCRIPTED
from scripts.drills.meeting import Meeting, client_log
from scripts.drills.peer import Answer, Ending, run_attack
from scripts.drills.report import DrillReport
from scripts.drills.service_process import scripted_service
from scripts.drills.talk import HIGHEST_WORD, NumberedTalk
from wordloop_ml.errors import ErrorCode

AT_ONCE = 16
DAWDLERS = 5
COMMITTED_WITHIN_S = 60.0
FILES = 2
NEVER = (ErrorCode.INTERNAL, ErrorCode.BUSY)
"""Codes that say that something broke, or that an attack was not tried."""

ROOM = {"WORDLOOP_MAX_MEETINGS": "1000", **NO_ADMISSION}
"""What is refused for want of room has not been tried."""


async def run_hostile(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Attack a service of its own, some attacks at a time; it must end with status 0.

    Some more connections send half a request, and wait until they are thrown out.
    """
    numbers = range(options.attacks) if options.only is None else [options.only]
    (folder / "tokens").write_text(f"{TENANT}: {TOKEN}\n", encoding="utf-8")
    own = {"WORDLOOP_TOKENS_FILE": str(folder / "tokens"), "WORDLOOP_LOG_LEVEL": "info"}
    async with scripted_service(folder, SCRIPTED | ROOM | own) as server:
        meters = Meters(server.child.pid)
        before_bytes, files = meters.rss_bytes(), meters.files()
        async with aiohttp.ClientSession() as http:
            talk = NumberedTalk(Random(1), range(HIGHEST_WORD))
            bystander = Meeting(http, server.url, "bystander", talk, token=TOKEN)
            with client_log() as log:
                bystander.begin()
                halves = (run_attack(server.port, "m", HALF_REQUEST) for _ in range(DAWDLERS))
                attacks = attack_all(server, report, options.seed, numbers)
                _, *waited = await asyncio.gather(attacks, *halves)
                if not await bystander.end(COMMITTED_WITHIN_S):
                    report.failures.append("the bystander's words were not committed in time")
        stuck = sum(one is not None and one.ending is Ending.STUCK for one in waited)
        report.must_be("half requests waited for without end", stuck)
        resident = (f"{one / MEBIBYTE:.0f}" for one in (before_bytes, meters.rss_bytes()))
        report.facts["resident, MiB"] = " to ".join(resident)
        report.at_most("files left", meters.files() - files, FILES, "")
        report.judge(bystander.verdict(), "bystander's words")
        report.must_be("bystander's connections broken", sum(log.why().values()))
        report.must_be("exit status", await server.stop())
        report.failures += server.bugs()


async def attack_all(
    server: Server, report: DrillReport, seed: int, numbers: Sequence[int]
) -> None:
    """Make these attacks and count how they end. Raises ``BenchmarkFailed`` if the service dies."""
    waiting = list(reversed(numbers))
    ends: Counter[str] = Counter()
    codes: Counter[str] = Counter()

    async def work() -> None:
        while waiting and server.child.returncode is None:
            number = waiting.pop()
            attack = attack_of(seed, number)
            try:
                answer = await run_attack(server.port, f"h{number}", attack)
            except (OSError, TimeoutError) as error:
                answer = Answer(Ending.UNNAMED, type(error).__name__)
            ends[f"{attack.kind} {answer.ending}"] += 1
            if answer.ending is Ending.NAMED:
                codes[answer.code] += 1
            if answer.ending in {Ending.UNNAMED, Ending.STUCK} or answer.code in NEVER:
                what = f"{answer.ending} {answer.status} {answer.code}"
                report.failures.append(f"attack {number} ({attack.kind}): {what}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    if server.child.returncode is not None:
        raise BenchmarkFailed(f"the service died with {server.child.returncode}; see {server.log}")
    report.facts |= {"attacks": len(numbers), "ends": dict(ends), "named": dict(codes)}
