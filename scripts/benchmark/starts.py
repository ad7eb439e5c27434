"""The first segment of a process against its hundredth, over many process starts.

Both are the same utterance, spoken at the pace of speech in a meeting of its own; what lies between is
sent sixty times as fast, or as fast as the server takes it. The first is spoken from the moment at
which the client begins to connect, right after readiness: nothing is warm.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import numpy as np

from scripts.benchmark.captions import display
from scripts.benchmark.figures import UtteranceFigures, measure_track
from scripts.benchmark.report import Aim, Report, Table, milliseconds, percentile, progress, spread
from scripts.benchmark.scenario import undisturbed
from scripts.benchmark.server_process import FAST, running_server, server_environment
from scripts.benchmark.speaking import Recording, speak
from scripts.benchmark.speech import Script, SpokenText, script_of

BETWEEN = 98
"""Utterances between the first and the hundredth."""

SHORTEST = 10
"""Only so many of the shortest utterances are spoken, so that a hundred take little."""

LEAD_S, PAUSE_S = 0.3, 1.0
"""Before the first and the hundredth, and before each between them."""

SPEED = 60.0
"""How much faster than speech what lies between is sent, at most."""

RATIO_AT_MOST, FIRST_P95_MS_AT_MOST = 1.15, 1000.0


@dataclass(frozen=True, slots=True)
class Start:
    """One process start: seconds to readiness, and the figures of both segments."""

    ready_s: float
    first: UtteranceFigures
    hundredth: UtteranceFigures


ROWS: dict[str, Callable[[Start], float | None]] = {
    "process start to readiness": lambda s: s.ready_s,
    "first caption: first segment": lambda s: s.first.first_s,
    "first caption: hundredth segment": lambda s: s.hundredth.first_s,
    "final: first segment": lambda s: s.first.final_s,
    "final: hundredth segment": lambda s: s.hundredth.final_s,
}


def report(profile: str, starts: Sequence[Start]) -> Report:
    """The percentiles of all starts, and the aims; one start without a caption misses them."""
    pairs = [(one.first.first_s, one.hundredth.first_s) for one in starts]
    ratios = [first / hundredth for first, hundredth in pairs if first and hundredth]
    first = spread(one.first.first_s for one in starts)
    rows = [[name, *milliseconds(spread(of(one) for one in starts))] for name, of in ROWS.items()]
    where = f"{profile}, {len(starts)} process starts: "
    ratio = percentile(ratios, 50) if ratios else None
    first_ms = None if first is None else 1000 * first.p95
    return Report(
        [Table([f"{profile}, {len(starts)} starts, ms", "p50", "p95", "of"], rows)],
        [
            Aim(where + "first segment over the hundredth, p50", RATIO_AT_MOST, "", ratio),
            Aim(where + "first segment, p95", FIRST_P95_MS_AT_MOST, "ms", first_ms),
        ],
        {"starts": [asdict(one) for one in starts]},
    )


def measure_starts(profile: str, times: int, speech: Sequence[SpokenText], log: Path) -> Report:
    """Start a server so many times; blocking. Raises ``BenchmarkFailed``."""
    short = sorted(speech, key=lambda one: one.end - one.onset)[:SHORTEST]
    starts = []
    for index in range(times):
        starts.append(asyncio.run(_start(profile, short, np.random.default_rng(index), log)))
        progress(f"{index + 1} of {times} starts")
    return report(profile, starts)


async def _start(
    profile: str, speech: Sequence[SpokenText], rng: np.random.Generator, log: Path
) -> Start:
    """One process: an utterance, ``BETWEEN`` others of some, and the first again."""
    order = [int(index) for index in rng.integers(len(speech), size=BETWEEN + 1)]
    one = script_of([(LEAD_S, speech[order[0]])], rng)
    between = script_of([(PAUSE_S, speech[index]) for index in order[1:]], rng)
    environment = server_environment({"WORDLOOP_PROFILE": profile, **FAST})
    loop = asyncio.get_running_loop()
    launched_s = loop.time()
    async with aiohttp.ClientSession() as http, running_server(environment, log) as server:
        ready_s, url = loop.time() - launched_s, f"{server.url}/v1/meetings"
        with undisturbed():
            first = await speak(http, f"{url}/first/audio", "t0", one.samples, loop.time())
            path, samples = f"{url}/between/audio", between.samples
            await speak(http, path, "t0", samples, loop.time(), speed=SPEED)
            last = await speak(http, f"{url}/last/audio", "t0", one.samples, loop.time())
    return Start(ready_s, _figures(first, one), _figures(last, one))


def _figures(recording: Recording, script: Script) -> UtteranceFigures:
    track = measure_track(script.said, display(recording.frames), recording.began_s)
    return track.utterances[0]
