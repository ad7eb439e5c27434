"""Captions alone, and with a synthesis and embeddings beside them: in one run, turn by turn.

Each round speaks the same audio twice, once with the load and once without, and the order changes
from round to round, so that what else the machine does falls on both alike.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from scripts.benchmark.aims import Judged
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.figures import Spread, UtteranceFigures, spread
from scripts.benchmark.meters import CpuUse, Meters
from scripts.benchmark.report import table
from scripts.benchmark.results import result_of
from scripts.benchmark.scenario import Conversation, Plan, Run, converse, wordloop
from scripts.benchmark.server_process import base_url, running_server, server_environment
from scripts.benchmark.speech import SpokenText

RATIO_AT_MOST = 1.2
LOADED_WITHIN_S = 60.0
SETTLED_S = 1.0
"""After the load has begun, or ended: so long until somebody speaks."""

ALONE, BESIDE = "alone", "beside texts"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The figures of one turn. done: what the load was given meanwhile, by kind."""

    mode: str
    each: tuple[UtteranceFigures, ...]
    cpu: CpuUse
    done: dict[str, int]


@dataclass(frozen=True, slots=True)
class BesideTexts:
    """Every turn."""

    profile: str
    meetings: int
    stretches: tuple[Stretch, ...]

    def first_caption(self, mode: str) -> Spread | None:
        """Of all turns of a mode together, in seconds."""
        return spread(one.first_s for one in self._each(mode))

    def final(self, mode: str) -> Spread | None:
        """Likewise: from the end of speech to its final text."""
        return spread(one.final_s for one in self._each(mode))

    def never_captioned(self, mode: str) -> int:
        """How many utterances nobody saw a caption of."""
        return sum(one.first_s is None for one in self._each(mode))

    @property
    def ratio(self) -> float | None:
        """Of the 95th percentiles of time to first caption, beside texts to alone."""
        alone, beside = self.first_caption(ALONE), self.first_caption(BESIDE)
        return None if alone is None or beside is None else beside.p95 / alone.p95

    @property
    def done(self) -> dict[str, int]:
        """What was done for the load in all turns."""
        total: Counter[str] = Counter()
        for one in self.stretches:
            total.update(one.done)
        return dict(total)

    def judged(self) -> list[Judged]:
        """The aim; nothing is reached where an utterance was left out."""
        where = f"{self.profile}, {self.meetings} meetings beside texts"
        return [
            Judged(f"{where}: first caption, p95 to alone", RATIO_AT_MOST, "", self.ratio),
            Judged(f"{where}: never captioned", 0, "", float(self.never_captioned(BESIDE))),
        ]

    def markdown(self) -> str:
        """The table of both modes, and what was done for the load."""
        rows = [
            [
                mode,
                *_milliseconds(self.first_caption(mode)),
                *_milliseconds(self.final(mode)),
                str(self.never_captioned(mode)),
                _cores([one.cpu for one in self.stretches if one.mode == mode]),
            ]
            for mode in (ALONE, BESIDE)
        ]
        heads = ["first caption, ms: p50", "p95", "of"]
        heads += ["final, ms: p50", "p95", "of", "never captioned", "server, cores"]
        ratio = "nothing" if self.ratio is None else f"{self.ratio:.2f}"
        done = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in self.done.items())
        return f"{table([self.profile, *heads], rows)}\np95 beside to alone: {ratio}; {done}\n"

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "profile": self.profile,
            "meetings": self.meetings,
            "ratio": self.ratio,
            "stretches": [asdict(one) for one in self.stretches],
        }

    def _each(self, mode: str) -> list[UtteranceFigures]:
        return [each for one in self.stretches if one.mode == mode for each in one.each]


def measure_beside(
    profile: str, plan: Plan, rounds: int, speech: Sequence[SpokenText], log: Path
) -> BesideTexts:
    """All rounds against one server. Raises ``BenchmarkFailed``.

    plan: of one turn; each round has a seed of its own.
    """
    environment = server_environment({"WORDLOOP_PROFILE": profile})
    turns = asyncio.run(_all_turns(plan, rounds, speech, environment, log))
    stretches = []
    for turn in turns:
        run = Run(turn.plan, wordloop(), turn.conversations, turn.cpu, 0, 0, 0, {})
        each = result_of("", profile, run).each
        stretches.append(Stretch(turn.mode, each, turn.cpu, turn.done))
    return BesideTexts(profile, plan.meetings, tuple(stretches))


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn as it was recorded."""

    mode: str
    plan: Plan
    conversations: tuple[Conversation, ...]
    cpu: CpuUse
    done: dict[str, int]


async def _all_turns(
    plan: Plan,
    rounds: int,
    speech: Sequence[SpokenText],
    environment: dict[str, str],
    log: Path,
) -> list[_Turn]:
    turns = []
    async with (
        aiohttp.ClientSession() as http,
        running_server(environment, http, log) as process,
    ):
        meters = Meters(process.pid)
        await asyncio.sleep(plan.settle_s)
        base = base_url(environment)
        for index in range(rounds):
            modes = (ALONE, BESIDE) if index % 2 == 0 else (BESIDE, ALONE)
            for mode in modes:
                own = replace(plan, seed=plan.seed + index, name=f"{mode[:5]}-{index}")
                turns.append(await _turn(http, base, mode, own, speech, meters))
    return turns


async def _turn(
    http: aiohttp.ClientSession,
    base: str,
    mode: str,
    plan: Plan,
    speech: Sequence[SpokenText],
    meters: Meters,
) -> _Turn:
    done: dict[str, int] = {}
    if mode == ALONE:
        await asyncio.sleep(SETTLED_S)
        conversations, cpu = await converse(http, base, plan, speech, meters, wordloop())
    else:
        async with _loaded(base, [one.text for one in speech], plan.seed, done):
            await asyncio.sleep(SETTLED_S)
            conversations, cpu = await converse(http, base, plan, speech, meters, wordloop())
    return _Turn(mode, plan, conversations, cpu, done)


@asynccontextmanager
async def _loaded(
    base: str, texts: Sequence[str], seed: int, done: dict[str, int]
) -> AsyncIterator[None]:
    """A process of its own keeps the server busy inside; ``done`` is filled at the end."""
    command = (sys.executable, "-m", "scripts.benchmark.text_load", base, str(seed))
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if child.stdin is None or child.stdout is None:
        raise BenchmarkFailed("the load has no output")
    child.stdin.write(json.dumps(texts).encode() + b"\n")
    try:
        async with asyncio.timeout(LOADED_WITHIN_S):
            if await child.stdout.readline() != b"loaded\n":
                raise BenchmarkFailed("the load did not begin")
        yield
        if child.returncode is not None:
            raise BenchmarkFailed("the load ended by itself")
        child.terminate()
        said, _ = await child.communicate()
        done.update(json.loads(said))
    except TimeoutError:
        raise BenchmarkFailed("the load did not begin in time") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _milliseconds(values: Spread | None) -> list[str]:
    if values is None:
        return ["-"] * 3
    return [f"{1000 * one:.0f}" for one in (values.p50, values.p95)] + [str(values.count)]


def _cores(uses: Sequence[CpuUse]) -> str:
    return f"{sum(one.server / one.seconds for one in uses) / len(uses):.2f}" if uses else "-"
