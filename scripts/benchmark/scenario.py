"""One run: a fresh server, some meetings that talk at the same time, and what came of it."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from scripts.benchmark import captions
from scripts.benchmark.captions import Display
from scripts.benchmark.meters import CpuUse, Meters
from scripts.benchmark.server_process import OURS, Launch, running_server
from scripts.benchmark.speaking import Recording, speak
from scripts.benchmark.speech import Script, SpokenText, compose
from scripts.benchmark.stages import Stages, read_stages
from wordloop_ml.messages import Pcm16

LEAD_S = 0.5
"""Until the first meeting may begin: every task is waiting for its time by then."""

STARTS_WITHIN_S = 3.0
"""Meetings begin at random within so long."""

SETTLE_S = 2.0
"""Between a server's readiness and the first audio."""

Speak = Callable[[aiohttp.ClientSession, str, str, Pcm16, float], Coroutine[Any, Any, Recording]]
"""Speaks one track: the HTTP session, the URL of its WebSocket, its name, its samples, and when it
begins on the loop's clock."""


async def _nothing(http: aiohttp.ClientSession, url: str) -> None:
    del http, url


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
    path, say = "/v1/meetings/{meeting}/audio", partial(speak, language=language)
    return Dialect(path, say, captions.display, ours=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    meetings: how many talk at the same time, on a track each. seconds: of talk on each, about.
    seed: of speech, pauses and starts.
    """

    meetings: int
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """One meeting of a run: what was said, and what came back."""

    script: Script
    recording: Recording


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a plan. cpu: from the first audio to the last. rss: resident bytes before the
    first audio, and at most. stages: of our captions."""

    plan: Plan
    dialect: Dialect
    conversations: tuple[Conversation, ...]
    cpu: CpuUse
    rss: tuple[int, int]
    stages: Stages


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
        running_server(environment, log, launch) as server,
    ):
        meters = Meters(server.child.pid)
        await dialect.warm(http, server.url)
        await asyncio.sleep(SETTLE_S)
        ready_rss = meters.rss_bytes()
        watching = asyncio.create_task(meters.watch_memory(), name="watch-memory")
        url = server.url + dialect.path
        conversations, cpu = await _converse(http, url, plan, speech, meters, dialect)
        watching.cancel()
        rss = (ready_rss, meters.peak_rss_bytes)
    with log.open(encoding="utf-8", errors="replace") as lines:
        return Run(plan, dialect, conversations, cpu, rss, read_stages(lines))


async def _converse(
    http: aiohttp.ClientSession,
    url: str,
    plan: Plan,
    speech: Sequence[SpokenText],
    meters: Meters,
    dialect: Dialect,
) -> tuple[tuple[Conversation, ...], CpuUse]:
    """Hold the plan's talk, all meetings at once. Raises ``BenchmarkFailed``."""
    random = np.random.default_rng(plan.seed)
    scripts = [compose(speech, plan.seconds, random) for _ in range(plan.meetings)]
    starts_s = random.uniform(0.0, STARTS_WITHIN_S, plan.meetings)
    loop = asyncio.get_running_loop()
    with undisturbed():
        began_s = [loop.time() + LEAD_S + float(one) for one in starts_s]
        until_s = max(one + script.seconds for one, script in zip(began_s, scripts, strict=True))
        before = meters.cpu()
        async with asyncio.TaskGroup() as group:
            talks = []
            for at, (script, start_s) in enumerate(zip(scripts, began_s, strict=True)):
                meeting = url.format(meeting=f"bench-{at}")
                talk = dialect.speak(http, meeting, "t0", script.samples, start_s)
                talks.append(group.create_task(talk, name=f"speak-{at}"))
            await asyncio.sleep(until_s - loop.time())
            cpu = meters.cpu() - before
    pairs = zip(scripts, talks, strict=True)
    return tuple(Conversation(script, talk.result()) for script, talk in pairs), cpu


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect no garbage in the client: its pauses would be counted as the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
