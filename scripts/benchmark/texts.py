"""Captions alone, and with a synthesis and embeddings beside them: in one run, turn by turn.

Each round speaks the same audio twice, once with the load and once without, and the order changes
from round to round, so that what else the machine does falls on both alike.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import aiohttp

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.report import Aim, Report, Table, milliseconds, progress, spread
from scripts.benchmark.results import Result, result_of
from scripts.benchmark.scenario import SETTLE_S, Plan, Run, converse, wordloop
from scripts.benchmark.server_process import Meters, base_url, running_server, server_environment
from scripts.benchmark.speech import SpokenText

RATIO_AT_MOST = 1.2
LOADED_WITHIN_S = 60.0
SETTLED_S = 1.0
"""After the load has begun, or ended: so long until somebody speaks."""

ALONE, BESIDE = "alone", "beside texts"


@dataclass(frozen=True, slots=True)
class Turn:
    """The figures of one turn: ``ALONE`` or ``BESIDE``."""

    mode: str
    result: Result


def report(profile: str, meetings: int, turns: Sequence[Turn]) -> Report:
    """All turns of a mode together, and the aim, which an utterance without a caption misses."""
    rows, never = [], {}
    first = {}
    for mode in (ALONE, BESIDE):
        results = [one.result for one in turns if one.mode == mode]
        each = [utterance for result in results for utterance in result.each]
        first[mode] = spread(one.first_s for one in each)
        never[mode] = sum(one.first_s is None for one in each)
        cores = [one.cpu.server / one.cpu.seconds for one in results]
        rows.append(
            [
                mode,
                *milliseconds(first[mode]),
                *milliseconds(spread(one.final_s for one in each)),
                str(never[mode]),
                f"{sum(cores) / len(cores):.2f}" if cores else "-",
            ]
        )
    heads = ["first caption, ms: p50", "p95", "of", "final, ms: p50", "p95", "of"]
    heads += ["never captioned", "server, cores"]
    alone, beside = first[ALONE], first[BESIDE]
    ratio = None if alone is None or beside is None else beside.p95 / alone.p95
    where = f"{profile}, {meetings} meetings beside texts"
    return Report(
        [Table([profile, *heads], rows)],
        [
            Aim(f"{where}: first caption, p95 to alone", RATIO_AT_MOST, "", ratio),
            Aim(f"{where}: never captioned", 0, "", never[BESIDE]),
        ],
        {"texts": [asdict(one) for one in turns]},
    )


def measure_texts(
    profile: str, plan: Plan, rounds: int, speech: Sequence[SpokenText], log: Path
) -> Report:
    """Measure all rounds against one server; blocking. Raises ``BenchmarkFailed``.

    plan: of one turn; each round has a seed of its own.
    """
    progress(f"{profile}: {plan.meetings} meetings alone and beside texts, {rounds} rounds")
    turns = asyncio.run(_all_turns(profile, plan, rounds, speech, log))
    return report(profile, plan.meetings, turns)


async def _all_turns(
    profile: str, plan: Plan, rounds: int, speech: Sequence[SpokenText], log: Path
) -> list[Turn]:
    environment = server_environment({"WORDLOOP_PROFILE": profile})
    base = base_url(environment)
    dialect, turns = wordloop(), []
    async with (
        aiohttp.ClientSession() as http,
        running_server(environment, http, log) as process,
    ):
        meters = Meters(process.pid)
        await asyncio.sleep(SETTLE_S)
        for index in range(rounds):
            for mode in (ALONE, BESIDE) if index % 2 == 0 else (BESIDE, ALONE):
                own = replace(plan, seed=plan.seed + index, name=f"{mode[:5]}-{index}")
                async with _loaded(base, speech, own.seed) if mode == BESIDE else nullcontext():
                    await asyncio.sleep(SETTLED_S)
                    talks, cpu = await converse(http, base, own, speech, meters, dialect)
                run = Run(own, dialect, talks, cpu, (0, 0, 0), {})
                turns.append(Turn(mode, result_of("", profile, run)))
    return turns


@asynccontextmanager
async def _loaded(base: str, speech: Sequence[SpokenText], seed: int) -> AsyncIterator[None]:
    """Let a process of its own keep the server busy inside. Raises ``BenchmarkFailed``."""
    command = (sys.executable, "-m", "scripts.benchmark.text_load", base, str(seed))
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    texts = json.dumps([one.text for one in speech]).encode() + b"\n"
    try:
        async with asyncio.timeout(LOADED_WITHIN_S):
            if child.stdin is not None and child.stdout is not None:
                child.stdin.write(texts)
                if await child.stdout.readline() != b"loaded\n":
                    raise BenchmarkFailed("the load did not begin")
        yield
        if child.returncode is not None:
            raise BenchmarkFailed("the load ended by itself")
    except TimeoutError:
        raise BenchmarkFailed("the load did not begin in time") from None
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
