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

IDLE_AFTER_S = 2.0
TRACK_S, WARM_S = 90.0, 20.0
FIRST_TRACKS, MORE_TRACKS = 3, 8
"""The first tracks talk for a while, so that every worker has grown as it will; then so many more
join them."""

LOOK_S, LOOKS = 2.0, 10
IDLE_AT_MOST_MIB, TRACK_AT_MOST_MIB = 334.0, 3.8


def report(profile: str, idle: int, few_tracks: int, many_tracks: int, track_s: float) -> Report:
    """A table, and the aims.

    Resident bytes of the idle server, after a while with the first tracks, and after ``track_s``
    with ``MORE_TRACKS`` besides.
    """
    idle_mib = idle / MEBIBYTE
    track_mib = (many_tracks - few_tracks) / MORE_TRACKS / MEBIBYTE
    track = f"a further track after {track_s:g} s of audio"
    rows = [["idle", f"{idle_mib:.1f}"], [track, f"{track_mib:.1f}"]]
    return Report(
        [Table([f"resident memory, {profile}", "MiB"], rows)],
        [
            Aim(f"{profile}: idle", IDLE_AT_MOST_MIB, "MiB", idle_mib),
            Aim(f"{profile}: {track}", TRACK_AT_MOST_MIB, "MiB", track_mib),
        ],
        {"memory": {"idle": idle, "few_tracks": few_tracks, "many_tracks": many_tracks}},
    )


def measure_memory(profile: str, track_s: float, speech: Sequence[SpokenText], log: Path) -> Report:
    """Measure for some 20 s more than ``track_s``; blocking. Raises ``BenchmarkFailed``."""
    progress(f"memory: {WARM_S + track_s:g} s of audio on {FIRST_TRACKS + MORE_TRACKS} tracks")
    random = np.random.default_rng(1)
    talks = [(0.0, compose(speech, WARM_S + track_s, random)) for _ in range(FIRST_TRACKS)]
    talks += [(WARM_S, compose(speech, track_s, random)) for _ in range(MORE_TRACKS)]
    environment = server_environment({"WORDLOOP_PROFILE": profile})
    return report(profile, *asyncio.run(_watch(environment, talks, track_s, log)), track_s)


async def _watch(
    environment: Mapping[str, str],
    talks: Sequence[tuple[float, Script]],
    track_s: float,
    log: Path,
) -> tuple[int, int, int]:
    """Resident when idle, before the later tracks, and ``track_s`` after.

    talks: when each track of one meeting begins, in seconds from the first audio on, and what it
    says.
    """
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as http, running_server(environment, log) as server:
        meters = Meters(server.child.pid)
        await asyncio.sleep(IDLE_AFTER_S)
        idle = meters.rss_bytes()
        url, began_s = f"{server.url}/v1/meetings/memory/audio", loop.time()

        async def join(track: str, start_s: float, script: Script) -> None:
            await asyncio.sleep(began_s + start_s - loop.time())
            await speak(http, url, track, script.samples, began_s + start_s)

        async with asyncio.TaskGroup() as group:
            tracks = [group.create_task(join(f"t{at}", *one)) for at, one in enumerate(talks)]
            few = await _least(meters, began_s + WARM_S)
            many = await _least(meters, began_s + WARM_S + track_s)
            for track in tracks:
                track.cancel()
    return idle, few, many


async def _least(meters: Meters, until_s: float) -> int:
    """The least of some readings: a decode that is tried again has a state for its own time."""
    await asyncio.sleep(until_s - LOOK_S - asyncio.get_running_loop().time())
    readings = []
    for _ in range(LOOKS):
        readings.append(meters.rss_bytes())
        await asyncio.sleep(LOOK_S / LOOKS)
    return min(readings)
