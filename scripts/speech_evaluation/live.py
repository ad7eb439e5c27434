"""Clips through a live server: each one in a meeting of its own, over its WebSocket."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from scripts.benchmark.captions import read_frames
from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.server_process import base_url, running_server, server_environment
from scripts.benchmark.speaking import (
    FRAME_S,
    Recording,
    audio_frames,
    ending,
    listen,
    send_paced,
    start_message,
)
from scripts.benchmark.speech import as_pcm
from scripts.speech_evaluation.clips import Clip, read_samples
from scripts.speech_evaluation.heard import Heard

ENDED_WITHIN_S = 120.0
FAST = {"WORDLOOP_REALTIME_FACTOR": "100", "WORDLOOP_AUDIO_FRAMES_PER_S": "1000"}
"""What lets a client send faster than people speak."""

SPEED, JOINED = 40, 5
"""At most so much faster; so many frames then travel as one message."""


@dataclass(frozen=True, slots=True)
class Live:
    """A server that runs, and how it is spoken to. realtime: at the pace of speech, else as fast
    as the server takes it, up to ``SPEED``."""

    http: aiohttp.ClientSession
    base: str
    realtime: bool

    async def hear(self, clip: Clip, meeting: str) -> Heard:
        """One clip, alone in a meeting of this name, without a word on its language.

        Raises ``BenchmarkFailed`` unless the connection ends with 1000.
        """
        samples = await asyncio.to_thread(read_samples, clip.path)
        frames, frame_s = audio_frames(as_pcm(samples)), FRAME_S
        if not self.realtime:
            frames = [b"".join(frames[at : at + JOINED]) for at in range(0, len(frames), JOINED)]
            frame_s = JOINED * FRAME_S / SPEED
        recording = Recording(asyncio.get_running_loop().time())
        url = f"{self.base}/v1/meetings/{meeting}/audio"
        async with self.http.ws_connect(url, compress=0, max_msg_size=0) as socket:
            listening = asyncio.create_task(listen(socket, recording), name=f"listen-{meeting}")
            try:
                await socket.send_str(start_message("t0", language=None))
                began_s = asyncio.get_running_loop().time()
                await send_paced(socket, frames, began_s, recording.late_s, frame_s)
                await socket.send_str('{"type":"stop"}')
                await asyncio.wait_for(listening, ENDED_WITHIN_S)
            except (ConnectionError, TimeoutError) as error:
                raise BenchmarkFailed(f"{clip.name}: {ending(socket)}") from error
            finally:
                listening.cancel()
            if socket.close_code != aiohttp.WSCloseCode.OK:
                raise BenchmarkFailed(f"{clip.name}: {ending(socket)}")
        return heard_of(recording)

    async def hear_all(
        self, clips: Sequence[Clip], at_once: int, progress: Callable[[str], None]
    ) -> dict[str, Heard]:
        """Every clip by its name, so many at a time."""
        places = asyncio.Semaphore(at_once)
        heard: dict[str, Heard] = {}

        async def one(clip: Clip) -> None:
            async with places:
                heard[clip.name] = await self.hear(clip, clip.name)
            if len(heard) % 20 == 0:
                progress(f"live: {len(heard)} of {len(clips)} clips")

        async with asyncio.TaskGroup() as group:
            for clip in clips:
                group.create_task(one(clip), name=f"clip-{clip.name}")
        return {clip.name: heard[clip.name] for clip in clips}


@asynccontextmanager
async def live_server(
    settings: Mapping[str, str], log: Path, *, realtime: bool
) -> AsyncIterator[Live]:
    """A server with these settings, until the block ends. Raises ``BenchmarkFailed``."""
    environment = server_environment({**settings, **({} if realtime else FAST)})
    async with aiohttp.ClientSession() as http, running_server(environment, http, log):
        yield Live(http, base_url(environment), realtime)


def heard_of(recording: Recording) -> Heard:
    """What a client displayed, from the messages that it got."""
    received = read_frames(recording.frames)
    finals = [one for one in received.captions if one.final]
    interims: dict[str, list[str]] = {}
    for one in received.captions:
        if not one.final:
            interims.setdefault(one.segment, []).append(one.text)
    refused = {
        name.removeprefix("notice:").removeprefix("rejected:"): count
        for name, count in received.counts.items()
        if name.startswith(("notice:rejected", "notice:decode_failed"))
    }
    languages = Counter[str]()
    for one in finals:
        languages[one.language] += len(one.words)
    return Heard(
        finals=tuple(one.text for one in finals),
        interims=tuple(map(tuple, interims.values())),
        language=languages.most_common(1)[0][0] if languages else None,
        refused=refused,
    )
