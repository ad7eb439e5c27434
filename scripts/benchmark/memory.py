"""Resident memory: of an idle process, and of a further track."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import numpy as np

from scripts.benchmark.meters import MEBIBYTE, Meters
from scripts.benchmark.report import Aim, Report, Table, progress
from scripts.benchmark.server_process import running_server, server_environment
from scripts.benchmark.speaking import speak
from scripts.benchmark.speech import Script, SpokenText, compose

MEGABYTE = 1_000_000
IDLE_AFTER_S = 2.0
TRACK_S, WARM_S = 90.0, 20.0
FIRST_TRACKS, MORE_TRACKS = 3, 8
"""The first tracks talk for a while, so that every worker has grown as it will; then so many more
join them."""

LOOK_S, LOOKS = 2.0, 10
IDLE_AT_MOST_MB, TRACK_AT_MOST_MB = 350.0, 4.0


def report(profile: str, idle: int, few_tracks: int, many_tracks: int, track_s: float) -> Report:
    """A table, and the aims in millions of bytes.

    Resident bytes of the idle server, after a while with the first tracks, and after ``track_s``
    with ``MORE_TRACKS`` besides.
    """
    each_track = (many_tracks - few_tracks) / MORE_TRACKS
    track = f"a further track after {track_s:g} s of audio"
    rows = [["idle", f"{idle / MEBIBYTE:.1f}"], [track, f"{each_track / MEBIBYTE:.1f}"]]
    return Report(
        [Table([f"resident memory, {profile}", "MiB"], rows)],
        [
            Aim(f"{profile}: idle", IDLE_AT_MOST_MB, "MB", idle / MEGABYTE),
            Aim(f"{profile}: {track}", TRACK_AT_MOST_MB, "MB", each_track / MEGABYTE),
        ],
        {"memory": {"idle": idle, "few_tracks": few_tracks, "many_tracks": many_tracks}},
    )


def measure_memory(
    profile: str, speech: Sequence[SpokenText], log: Path, track_s: float = TRACK_S
) -> Report:
    """Measure for some 20 s more than ``track_s``; blocking. Raises ``BenchmarkFailed``."""
    progress(f"memory: {WARM_S + track_s:g} s of audio on {FIRST_TRACKS + MORE_TRACKS} tracks")
    random = np.random.default_rng(1)
    talks = [(0.0, compose(speech, WARM_S + track_s, random)) for _ in range(FIRST_TRACKS)]
    talks += [(WARM_S, compose(speech, track_s, random)) for _ in range(MORE_TRACKS)]
    looks_s = (WARM_S, WARM_S + track_s)
    environment = server_environment({"WORDLOOP_PROFILE": profile})
    idle, few, many = asyncio.run(_watch(environment, talks, looks_s, log))
    return report(profile, idle, few, many, track_s)


async def _watch(
    environment: Mapping[str, str],
    talks: Sequence[tuple[float, Script]],
    looks_s: Sequence[float],
    log: Path,
) -> list[int]:
    """Resident when idle, and at each look.

    talks: when each track of one meeting begins, and what it says. Times in seconds from the
    first audio on; by the last look none may have ended.
    """
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as http, running_server(environment, log) as server:
        meters = Meters(server.child.pid)
        await asyncio.sleep(IDLE_AFTER_S)
        found = [meters.rss_bytes()]
        url = f"{server.url}/v1/meetings/memory/audio"
        began_s = loop.time()
        tracks = [
            asyncio.create_task(_join(http, url, f"t{index}", script, began_s + start_s))
            for index, (start_s, script) in enumerate(talks)
        ]
        for look_s in looks_s:
            await asyncio.sleep(began_s + look_s - LOOK_S - loop.time())
            found.append(await _least(meters))
        for track in tracks:
            if track.done():
                track.result()  # no talk ends before the last look unless something is wrong
            track.cancel()
        await asyncio.gather(*tracks, return_exceptions=True)
    return found


async def _least(meters: Meters) -> int:
    """The least of some readings: a decode that is tried again has a state for its own time."""
    readings = []
    for _ in range(LOOKS):
        readings.append(meters.rss_bytes())
        await asyncio.sleep(LOOK_S / LOOKS)
    return min(readings)


async def _join(
    http: aiohttp.ClientSession, url: str, track: str, script: Script, began_s: float
) -> None:
    """Connect when it is time, not before."""
    await asyncio.sleep(began_s - asyncio.get_running_loop().time())
    await speak(http, url, track, script.samples, began_s)
