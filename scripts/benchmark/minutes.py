"""``scripts/bench minutes``: the synthesis of a meeting that has just ended, with notes taken in it and without.

Two people take turns on two tracks, at the pace of speech; then the finals are posted. The same talk
comes without notes and with them, to a server of its own each.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.captions import captions_of, display
from scripts.benchmark.figures import measure_track
from scripts.benchmark.report import Aim, Report, Spread, Table, milliseconds, progress, spread
from scripts.benchmark.scenario import LEAD_S, SETTLE_S, undisturbed
from scripts.benchmark.server_process import running_server, server_environment
from scripts.benchmark.speaking import Recording, speak
from scripts.benchmark.speech import Script, SpokenText, compose
from wordloop_ml.messages import SAMPLE_RATE

MEETING, TRACKS = "minutes", ("ana", "ben")
AFTER_S_AT_MOST, RATIO_AT_MOST = 30.0, 1.15
LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Minutes:
    """What came of one meeting. first: seconds from an onset to its first caption. after_s: from the
    end of the last word to the synthesis. coverage: of that."""

    notes: bool
    words: int
    first: Spread
    after_s: float
    coverage: dict[str, Any]


def measure_minutes(
    profile: str, minutes: float, speech: Sequence[SpokenText], log: Path
) -> Report:
    """Hold the meeting without notes, then with them; blocking. Raises ``BenchmarkFailed``."""
    scripts = take_turns(compose(speech, 60 * minutes, np.random.default_rng(1)))
    found = []
    for notes in (False, True):
        progress(f"{profile}: {minutes:g} minutes {'with' if notes else 'without'} notes")
        found.append(asyncio.run(_meet(profile, scripts, log, notes=notes)))
    return report(profile, minutes, *found)


def take_turns(script: Script) -> list[Script]:
    """Deal the utterances of a track to two, of the same length; pure."""
    samples = [np.zeros_like(script.samples) for _ in TRACKS]
    middles = [(a.end + b.onset) // 2 for a, b in pairwise(script.said)]
    borders = [0, *middles, len(script.samples)]
    for at, (begin, end) in enumerate(pairwise(borders)):
        samples[at % len(TRACKS)][begin:end] = script.samples[begin:end]
    return [Script(one, script.said[at :: len(TRACKS)]) for at, one in enumerate(samples)]


def report(profile: str, minutes: float, without: Minutes, noted: Minutes) -> Report:
    """A row for each meeting, and the aims of the one with notes."""
    header = ["notes", "words", "first caption", "last word to synthesis", "noted"]
    rows = [
        [
            "yes" if one.notes else "no",
            str(one.words),
            " / ".join(milliseconds(one.first)[:2]),
            f"{one.after_s:.1f} s",
            f"{one.coverage['cached']} of {one.coverage['chunks']}",
        ]
        for one in (without, noted)
    ]
    where = f"{profile}, {minutes:g} minutes: "
    over = "first caption with notes over without, "
    aims = [
        Aim(where + "last word to synthesis", AFTER_S_AT_MOST, "s", noted.after_s),
        Aim(where + over + "p50", RATIO_AT_MOST, "", noted.first.p50 / without.first.p50),
        Aim(where + over + "p95", RATIO_AT_MOST, "", noted.first.p95 / without.first.p95),
    ]
    return Report([Table(header, rows)], aims, {"minutes": [asdict(without), asdict(noted)]})


async def _meet(profile: str, scripts: Sequence[Script], log: Path, *, notes: bool) -> Minutes:
    """Hold the meeting, and ask for its synthesis."""
    environment = server_environment({"WORDLOOP_PROFILE": profile})
    async with (
        running_server(environment, log) as server,
        aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout()) as http,
    ):
        await asyncio.sleep(SETTLE_S)
        loop = asyncio.get_running_loop()
        began_s, url = loop.time() + LEAD_S, f"/v1/meetings/{MEETING}/audio"
        with undisturbed():
            async with asyncio.TaskGroup() as group:
                talks = [
                    group.create_task(
                        speak(http, url, track, script.samples, began_s, LANGUAGE, notes=notes)
                    )
                    for track, script in zip(TRACKS, scripts, strict=True)
                ]
            recordings = [talk.result() for talk in talks]
            async with http.post("/v1/synthesis", json=request(recordings)) as answer:
                made = json.loads(await answer.read())
            done_s = loop.time()
    if not answer.ok:
        raise BenchmarkFailed(f"synthesis: {made['code']}")
    tracks = zip(scripts, recordings, strict=True)
    told = [measure_track(one.said, display(that.frames), that.began_s) for one, that in tracks]
    first = spread(one.first_s for track in told for one in track.utterances)
    if first is None:
        raise BenchmarkFailed("nothing was said")
    last_word_s = began_s + max(one.said[-1].end for one in scripts) / SAMPLE_RATE
    words = sum(len(said.text.split()) for script in scripts for said in script.said)
    return Minutes(notes, words, first, done_s - last_word_s, made["coverage"])


def request(recordings: Sequence[Recording]) -> dict[str, Any]:
    """The request for a synthesis of all finals, as core makes it; pure."""
    segments = [
        {
            "id": one.segment,
            **{name: getattr(one, name) for name in ("track", "start", "end", "text")},
        }
        for recording in recordings
        for one in captions_of(recording.frames)
        if one.final
    ]
    return {"meeting_id": MEETING, "segments": segments, "language": LANGUAGE}
