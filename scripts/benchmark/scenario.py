"""One run: a fresh server, some meetings that talk at the same time, and what came of it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import numpy as np

from scripts.benchmark.captions import read_frames
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.meters import CpuUse, Meters, cpu_use
from scripts.benchmark.screens import Display
from scripts.benchmark.server_process import OURS, Launch, base_url, running_server
from scripts.benchmark.speaking import Recording, speak
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.stages import Timings, read_timings
from scripts.benchmark.tracks import Script, compose

LEAD_S = 0.5
"""Until the first meeting may begin: every task is waiting for its time by then."""

STARTS_WITHIN_S = 3.0
"""Meetings begin at random within so long."""


Speak = Callable[[aiohttp.ClientSession, str, str, Script, float], Awaitable[Recording]]
"""Speaks one track: the HTTP session, the URL of its WebSocket, its name, what is said, and when it
begins on the loop's clock."""


async def _nothing(http: aiohttp.ClientSession, base: str) -> None:
    del http, base


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server is spoken to. path: of a meeting's WebSocket, with ``{meeting}`` in it.

    display: what its frames show. ours: its frames are those of our protocol.
    warm: what a server needs before its first client, given the HTTP session and its URL.
    """

    path: str
    speak: Speak
    display: Display
    ours: bool = False
    warm: Callable[[aiohttp.ClientSession, str], Awaitable[None]] = _nothing


def wordloop(language: str | None = "en") -> Dialect:
    """Our own protocol. language: told to the server, or left to it."""
    return Dialect(
        "/v1/meetings/{meeting}/audio",
        partial(speak, language=language),
        lambda frames: read_frames(frames).screens,
        ours=True,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    meetings: how many talk at the same time. tracks: participants in each.
    seconds: of talk on each track, about. seed: of speech, pauses and starts.
    settle_s: between the server's readiness and the first audio. name: of its meetings.
    """

    meetings: int
    tracks: int
    seconds: float
    seed: int
    settle_s: float
    name: str = "bench"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One track of a run; meeting, track: what the server calls them."""

    meeting: str
    track: str
    script: Script
    recording: Recording


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a plan; memory in bytes. timings: of the captions, by meeting and track.

    cpu: from the first audio to the last.
    """

    plan: Plan
    dialect: Dialect
    conversations: tuple[Conversation, ...]
    cpu: CpuUse
    ready_rss: int
    peak_rss: int
    end_rss: int
    timings: Timings


async def run(
    plan: Plan,
    speech: Sequence[SpokenText],
    environment: Mapping[str, str],
    log: Path,
    launch: Launch = OURS,
    dialect: Dialect | None = None,
) -> Run:
    """Run a plan against a server of its own. Raises ``BenchmarkFailed``."""
    dialect = dialect or wordloop()
    async with (
        aiohttp.ClientSession() as http,
        running_server(environment, http, log, launch) as process,
    ):
        meters = Meters(process.pid)
        base = base_url(environment)
        await dialect.warm(http, base)
        await asyncio.sleep(plan.settle_s)
        ready_rss = meters.rss_bytes()
        watching = asyncio.create_task(meters.watch_memory(), name="watch-memory")
        conversations, cpu = await converse(http, base, plan, speech, meters, dialect)
        watching.cancel()
        end_rss = meters.rss_bytes()
    with log.open(encoding="utf-8", errors="replace") as lines:
        timings = read_timings(lines)
    return Run(
        plan, dialect, conversations, cpu, ready_rss, meters.peak_rss_bytes, end_rss, timings
    )


async def converse(
    http: aiohttp.ClientSession,
    base: str,
    plan: Plan,
    speech: Sequence[SpokenText],
    meters: Meters,
    dialect: Dialect,
) -> tuple[tuple[Conversation, ...], CpuUse]:
    """The plan's talk, with a server that runs. Raises ``BenchmarkFailed``."""
    random = np.random.default_rng(plan.seed)
    scripts = [compose(speech, plan.seconds, random) for _ in range(plan.meetings * plan.tracks)]
    starts_s = np.repeat(random.uniform(0.0, STARTS_WITHIN_S, plan.meetings), plan.tracks).tolist()
    with undisturbed():
        recordings, cpu = await _talk(http, base, plan, scripts, starts_s, meters, dialect)
    conversations = tuple(
        Conversation(*_names(plan, index), script, recording)
        for index, (script, recording) in enumerate(zip(scripts, recordings, strict=True))
    )
    return conversations, cpu


def _names(plan: Plan, index: int) -> tuple[str, str]:
    return f"{plan.name}-{index // plan.tracks}", f"t{index % plan.tracks}"


async def _talk(
    http: aiohttp.ClientSession,
    base: str,
    plan: Plan,
    scripts: Sequence[Script],
    starts_s: Sequence[float],
    meters: Meters,
    dialect: Dialect,
) -> tuple[list[Recording], CpuUse]:
    """All tracks at once."""
    loop = asyncio.get_running_loop()
    began_s = [loop.time() + LEAD_S + float(one) for one in starts_s]
    until_s = max(one + script.seconds for one, script in zip(began_s, scripts, strict=True))
    before = meters.cpu()
    async with one_failure(), asyncio.TaskGroup() as group:
        talks = [
            group.create_task(
                _speak(dialect, http, base, _names(plan, index), script, began_s[index]),
                name=f"speak-{index}",
            )
            for index, script in enumerate(scripts)
        ]
        await asyncio.sleep(until_s - loop.time())
        cpu = cpu_use(before, meters.cpu())
    return [talk.result() for talk in talks], cpu


async def _speak(
    dialect: Dialect,
    http: aiohttp.ClientSession,
    base: str,
    names: tuple[str, str],
    script: Script,
    began_s: float,
) -> Recording:
    meeting, track = names
    url = base + dialect.path.format(meeting=meeting)
    return await dialect.speak(http, url, track, script, began_s)


@asynccontextmanager
async def one_failure() -> AsyncIterator[None]:
    """The first thing that went wrong, out of the group that a task group makes of it."""
    try:
        yield
    except ExceptionGroup as group:
        failed = group.subgroup(BenchmarkFailed)
        if failed is None:
            raise
        raise failed.exceptions[0] from group


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection in the client: its pauses would be counted as the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
