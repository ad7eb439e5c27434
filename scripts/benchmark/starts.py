"""The first segment of a process against its hundredth, over many process starts.

Both are the same utterance, spoken at the speed of speech; what lies between is sent sixty times as
fast, or as fast as the server takes it. The first is spoken from the moment at which the client begins to connect, right
after readiness: nothing is warm.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import numpy as np

from scripts.benchmark.aims import Judged
from scripts.benchmark.captions import read_frames
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.figures import UtteranceFigures, measure_track, spread
from scripts.benchmark.report import table
from scripts.benchmark.scenario import undisturbed
from scripts.benchmark.server_process import base_url, running_server, server_environment
from scripts.benchmark.speaking import (
    ENDED_WITHIN_S,
    FRAME_SAMPLES,
    Recording,
    audio_frames,
    ending,
    listen,
    send_paced,
    start_message,
)
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.tracks import Said, Script, sequence
from wordloop_ml.messages import SAMPLE_RATE

SEGMENTS = 100
SHORTEST = 10
"""Only so many of the shortest utterances are spoken, so that a hundred take little."""

END_SLACK_MS = 300.0
"""A final covers the end of an utterance that it stops short of by at most so much."""

PAUSE_S, LEAD_S = 1.0, 0.3
"""Before each utterance; so long before the first and the last, the pace is that of speech. The
rest of the pause ends the segment before."""

SPEED, PIECE_S = 60, 0.1
FAST = {"WORDLOOP_REALTIME_FACTOR": "100", "WORDLOOP_AUDIO_FRAMES_PER_S": "1000"}
"""Between the first and the last: so many seconds of audio in a second, in messages of this length."""

HEARD_WITHIN_S = 60.0
"""How long the segments between the first and the last may take."""

RATIO_AT_MOST, FIRST_P95_MS_AT_MOST = 1.15, 1000.0


@dataclass(frozen=True, slots=True)
class Start:
    """One process start; seconds, None for what never came.

    ready_s: from the process's start to readiness. upgrade_s: from the first byte of the connection
    to the open WebSocket. first_s, hundredth_s: time to first caption of each.
    first_final_s, hundredth_final_s: TTFS of each.
    """

    ready_s: float
    upgrade_s: float
    first_s: float | None
    hundredth_s: float | None
    first_final_s: float | None
    hundredth_final_s: float | None

    @property
    def first_with_upgrade_s(self) -> float | None:
        """As if the person had begun to speak when the client began to connect."""
        return None if self.first_s is None else self.upgrade_s + self.first_s


@dataclass(frozen=True, slots=True)
class Starts:
    """All of them."""

    profile: str
    starts: tuple[Start, ...]

    @property
    def ratio(self) -> float | None:
        """The median of first over hundredth, each pair in the same process."""
        ratios = [
            one.first_s / one.hundredth_s
            for one in self.starts
            if one.first_s is not None and one.hundredth_s
        ]
        return median(ratios) if ratios else None

    @property
    def first_p95_ms(self) -> float | None:
        """Of the first, its upgrade added; None when one was never captioned."""
        if any(one.first_s is None for one in self.starts):
            return None
        values = spread(one.first_with_upgrade_s for one in self.starts)
        return None if values is None else 1000 * values.p95

    def judged(self) -> list[Judged]:
        """Against what must be reached."""
        where = f"{self.profile}, {len(self.starts)} process starts: "
        ratio = "first segment over the hundredth, median"
        first = "first segment with its upgrade, p95"
        return [
            Judged(where + ratio, RATIO_AT_MOST, "", self.ratio),
            Judged(where + first, FIRST_P95_MS_AT_MOST, "ms", self.first_p95_ms),
        ]

    def markdown(self) -> str:
        """Median and p95 of everything."""
        names = {
            "process start to readiness": "ready_s",
            "WebSocket upgrade": "upgrade_s",
            "time to first caption: first segment": "first_s",
            "time to first caption: first segment, upgrade added": "first_with_upgrade_s",
            "time to first caption: hundredth segment": "hundredth_s",
            "TTFS: first segment": "first_final_s",
            "TTFS: hundredth segment": "hundredth_final_s",
        }
        rows = []
        for name, attribute_name in names.items():
            values = spread(getattr(one, attribute_name) for one in self.starts)
            cells = ["none", "none", "0"]
            if values is not None:
                cells = [f"{1000 * values.p50:.0f}", f"{1000 * values.p95:.0f}", f"{values.count}"]
            rows.append([name, *cells])
        return table([f"{self.profile}, {len(self.starts)} starts, ms", "p50", "p95", "of"], rows)

    def as_json(self) -> dict[str, Any]:
        """Every start."""
        return asdict(self) | {"ratio": self.ratio, "first_p95_ms": self.first_p95_ms}


def measure_starts(
    profile: str,
    times: int,
    speech: Sequence[SpokenText],
    log: Path,
    progress: Callable[[str], None],
) -> Starts:
    """Start a server so many times. Raises ``BenchmarkFailed``."""
    short = sorted(speech, key=lambda one: one.end - one.onset)[:SHORTEST]
    starts = []
    for index in range(times):
        script = hundred(short, np.random.default_rng(index))
        starts.append(asyncio.run(_start(profile, script, log)))
        if (index + 1) % 5 == 0:
            progress(f"{index + 1} of {times} starts")
    return Starts(profile, tuple(starts))


def hundred(speech: Sequence[SpokenText], rng: np.random.Generator) -> Script:
    """A hundred utterances, of which the last is the first again."""
    order = [int(index) for index in rng.integers(len(speech), size=SEGMENTS - 1)]
    return sequence([speech[index] for index in (*order, order[0])], PAUSE_S, rng)


def border(said: Said) -> int:
    """The frame shortly before an utterance: nobody speaks there, and what was said before is over."""
    return int(said.onset - LEAD_S * SAMPLE_RATE) // FRAME_SAMPLES


async def _start(profile: str, script: Script, log: Path) -> Start:
    environment = server_environment({"WORDLOOP_PROFILE": profile, **FAST})
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as http:
        launched_s = loop.time()
        async with running_server(environment, http, log):
            ready_s = loop.time() - launched_s
            url = f"{base_url(environment)}/v1/meetings/first/audio"
            with undisturbed():
                recording, upgrade_s, last_began_s = await _talk(http, url, script)
    first = _figures(recording, script.said[0], recording.began_s)
    last = _figures(recording, script.said[-1], last_began_s)
    return Start(
        ready_s=ready_s,
        upgrade_s=upgrade_s,
        first_s=first.first_s,
        hundredth_s=last.first_s,
        first_final_s=first.final_s,
        hundredth_final_s=last.final_s,
    )


async def _talk(
    http: aiohttp.ClientSession, url: str, script: Script
) -> tuple[Recording, float, float]:
    """What came, how long the upgrade took, and when sample 0 would have been spoken for the last."""
    loop = asyncio.get_running_loop()
    frames = audio_frames(script.samples)
    second, last = border(script.said[1]), border(script.said[-1])
    recording = Recording(loop.time())
    async with http.ws_connect(url, compress=0, max_msg_size=0) as socket:
        upgrade_s = loop.time() - recording.began_s
        listening = asyncio.create_task(listen(socket, recording), name="listen-starts")
        try:
            await socket.send_str(start_message("t0"))
            await send_paced(socket, frames[:second], recording.began_s, recording.late_s)
            await _send_fast(socket, b"".join(frames[second:last]))
            await _until_heard(recording, script.said[-2])
            resumed_s = loop.time()
            await send_paced(socket, frames[last:], resumed_s, recording.late_s)
            await socket.send_str('{"type":"stop"}')
            await asyncio.wait_for(listening, ENDED_WITHIN_S)
        except (ConnectionError, TimeoutError) as error:
            raise BenchmarkFailed(f"{type(error).__name__}: {ending(socket)}") from error
        finally:
            listening.cancel()
    return recording, upgrade_s, resumed_s - last * FRAME_SAMPLES / SAMPLE_RATE


async def _send_fast(socket: aiohttp.ClientWebSocketResponse, audio: bytes) -> None:
    loop = asyncio.get_running_loop()
    size = 2 * round(PIECE_S * SAMPLE_RATE)
    began_s = loop.time()
    for index, at in enumerate(range(0, len(audio), size)):
        await asyncio.sleep(max(0.0, began_s + index * PIECE_S / SPEED - loop.time()))
        await socket.send_bytes(audio[at : at + size])


async def _until_heard(recording: Recording, said: Said) -> None:
    """Until this utterance has its final or a notice why it has none, or was taken for silence."""
    wanted_ms = said.end * 1000 / SAMPLE_RATE - END_SLACK_MS
    seen = 0
    async with asyncio.timeout(HEARD_WITHIN_S):
        while True:
            for _, text in recording.frames[seen:]:
                seen += 1
                message = json.loads(text)
                settled = message.get("final") or message["type"] == "notice"
                if settled and (message.get("end") or 0) >= wanted_ms:
                    return
                if (message.get("committed") or 0) >= said.end:
                    return
            await asyncio.sleep(0.05)


def _figures(recording: Recording, said: Said, began_s: float) -> UtteranceFigures:
    """Of one utterance, from what was displayed of its segments alone."""
    onset_ms, end_ms = (one * 1000 / SAMPLE_RATE for one in (said.onset, said.end))
    captions = read_frames(recording.frames).captions
    own = {one.segment for one in captions if one.start < end_ms and one.end > onset_ms}
    frames = [
        (at_s, text) for at_s, text in recording.frames if json.loads(text).get("segment") in own
    ]
    track = measure_track([said], read_frames(frames).screens, began_s)
    return track.utterances[0]
