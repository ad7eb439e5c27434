"""Resident memory: of an idle process and its parts, of a further track, of a further worker."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psutil

from scripts.benchmark.aims import Judged
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.report import table
from scripts.benchmark.scenario import one_failure
from scripts.benchmark.server_process import base_url, running_server, server_environment
from scripts.benchmark.speaking import speak
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.subject import of_profile, of_twin
from scripts.benchmark.tracks import SHORTEST_PAUSE_S, Script, compose, sequence
from wordloop_ml.messages import SAMPLE_RATE

MEGABYTE = 1_000_000
IDLE_AFTER_S = 2.0
TRACK_S, WARM_S = 90.0, 20.0
FIRST_TRACKS, MORE_TRACKS = 3, 8
"""The first tracks talk for a while, the longest utterances first, so that every worker has grown
as it will; then so many more join them."""

LOOK_S, LOOKS = 2.0, 10
WORKERS_S = 8.0
FEW_WORKERS, MANY_WORKERS = 1, 4
IDLE_AT_MOST_MB, TRACK_AT_MOST_MB, WORKER_AT_MOST_MB = 350.0, 4.0, 60.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes.

    parts: what was loaded, step by step in a process of its own, and what was resident after it.
    idle: the server after readiness. few_tracks: after a while with the first. many_tracks:
        after 90 s with MORE_TRACKS besides. few_workers, many_workers: idle and after some talk, with the
        base.en twin.
    """

    parts: tuple[tuple[str, int], ...]
    idle: int
    few_tracks: int
    many_tracks: int
    few_workers: tuple[int, int]
    many_workers: tuple[int, int]

    @property
    def each_track(self) -> float:
        """Of a further track."""
        return (self.many_tracks - self.few_tracks) / MORE_TRACKS

    @property
    def each_worker(self) -> tuple[float, float]:
        """Of a further worker: idle, and after some talk."""
        more = MANY_WORKERS - FEW_WORKERS
        idle, talked = (
            (many - few) / more
            for few, many in zip(self.few_workers, self.many_workers, strict=True)
        )
        return idle, talked

    def judged(self) -> list[Judged]:
        """Against what must be reached, in millions of bytes."""
        return [
            Judged("idle, embedded profile", IDLE_AT_MOST_MB, "MB", self.idle / MEGABYTE),
            Judged(
                f"a further track after {TRACK_S:g} s",
                TRACK_AT_MOST_MB,
                "MB",
                self.each_track / MEGABYTE,
            ),
            Judged(
                "a further worker, base.en twin, after talk",
                WORKER_AT_MOST_MB,
                "MB",
                self.each_worker[1] / MEGABYTE,
            ),
        ]

    def markdown(self) -> str:
        """The parts, then the differences."""
        rows, before = [], 0
        for name, resident in self.parts:
            rows.append([name, _mib(resident - before), _mib(resident)])
            before = resident
        rows.append(
            ["event loop, application, allocator", _mib(self.idle - before), _mib(self.idle)]
        )
        idle, talked = self.each_worker
        rows += [
            [f"a further track after {TRACK_S:g} s of audio", _mib(self.each_track), ""],
            ["a further worker, base.en twin: idle", _mib(idle), ""],
            ["a further worker, base.en twin: after talk", _mib(talked), ""],
        ]
        return table(["resident memory, MiB", "adds", "in all"], rows)

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self) | {"each_track": self.each_track, "each_worker": self.each_worker}


def measure_memory(speech: Sequence[SpokenText], log: Path) -> Memory:
    """Takes some 130 s: a track's memory is that after 90 s. Raises ``BenchmarkFailed``."""
    random = np.random.default_rng(1)
    embedded = of_profile("embedded").settings
    parts = _parts(server_environment(embedded))
    talks = [(0.0, _longest_first(speech, WARM_S + TRACK_S, random)) for _ in range(FIRST_TRACKS)]
    talks += [(WARM_S, compose(speech, TRACK_S, random)) for _ in range(MORE_TRACKS)]
    looks_s = (WARM_S, WARM_S + TRACK_S)
    idle, few_tracks, many_tracks = asyncio.run(_watch(embedded, talks, looks_s, log))
    base = of_twin("base.en").settings
    talks = [(0.0, compose(speech, WORKERS_S, random)) for _ in range(MANY_WORKERS)]
    few, many = asyncio.run(_workers(base, talks, log))
    return Memory(parts, idle, few_tracks, many_tracks, few, many)


async def _workers(
    settings: Mapping[str, str], talks: Sequence[tuple[float, Script]], log: Path
) -> list[tuple[int, int]]:
    """With few workers and with many, side by side: idle, and after some talk."""
    looks = [
        _watch(
            {**settings, "WORDLOOP_WORKERS": str(number)},
            talks,
            (WORKERS_S,),
            log.with_suffix(f".{number}.log"),
        )
        for number in (FEW_WORKERS, MANY_WORKERS)
    ]
    return [(idle, talked) for idle, talked in await asyncio.gather(*looks)]


def _longest_first(
    speech: Sequence[SpokenText], seconds: float, rng: np.random.Generator
) -> Script:
    """At least so many seconds, the longest utterances first, again and again if need be."""
    ordered = sorted(speech, key=lambda one: len(one.samples), reverse=True)
    spoken: list[SpokenText] = []
    samples = 0.0
    while samples < seconds * SAMPLE_RATE:
        spoken.append(ordered[len(spoken) % len(ordered)])
        samples += len(spoken[-1].samples) + SHORTEST_PAUSE_S * SAMPLE_RATE
    return sequence(spoken, SHORTEST_PAUSE_S, rng)


def _parts(environment: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    command = [sys.executable, "-m", "scripts.benchmark.memory_parts"]
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"memory_parts exited with {done.returncode}: {done.stderr[-500:]}")
    return tuple((name, resident) for name, resident in json.loads(done.stdout))


async def _watch(
    settings: Mapping[str, str],
    talks: Sequence[tuple[float, Script]],
    looks_s: Sequence[float],
    log: Path,
) -> list[int]:
    """Resident when idle, and at each look.

    talks: when each track of one meeting begins, and what it says. Times in seconds from the
    first audio on; by the last look none may have ended.
    """
    loop = asyncio.get_running_loop()
    environment = server_environment(settings)
    async with (
        aiohttp.ClientSession() as http,
        running_server(environment, http, log) as process,
    ):
        server = psutil.Process(process.pid)
        await asyncio.sleep(IDLE_AFTER_S)
        found = [int(server.memory_info().rss)]
        url = f"{base_url(environment)}/v1/meetings/memory/audio"
        began_s = loop.time()
        async with one_failure(), asyncio.TaskGroup() as group:
            for index, (start_s, script) in enumerate(talks):
                group.create_task(_join(http, url, f"t{index}", script, began_s + start_s))
            for look_s in looks_s:
                await asyncio.sleep(began_s + look_s - LOOK_S - loop.time())
                found.append(await _least(server))
    return found


async def _least(server: psutil.Process) -> int:
    """The least of some readings: a decode that is tried again has a state for its own time."""
    readings = []
    for _ in range(LOOKS):
        readings.append(int(server.memory_info().rss))
        await asyncio.sleep(LOOK_S / LOOKS)
    return min(readings)


async def _join(
    http: aiohttp.ClientSession, url: str, track: str, script: Script, began_s: float
) -> None:
    """Connect when it is time, not before."""
    await asyncio.sleep(began_s - asyncio.get_running_loop().time())
    await speak(http, url, track, script, began_s)


def _mib(value: float) -> str:
    return f"{value / MEBIBYTE:.1f}"
