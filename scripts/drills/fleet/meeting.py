"""A meeting with one participant: talk at the speed of speech through the reference client."""

import asyncio
import time
from contextlib import suppress

import aiohttp

from scripts.drills.fleet.history import History
from scripts.drills.fleet.recorded import RecordedTalk
from scripts.drills.fleet.talk import Talk
from wordloop_ml.client.track import TrackClient
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.replay.session import Standing
from wordloop_ml.wire.client_messages import Encoding, Start

FRAME_SAMPLES = SAMPLE_RATE // 10
"""Larger than a browser's: all clients share one process, and the drill is not about them."""


class Meeting:
    """One track of one meeting, from its first sample until all of it is committed.

    url: of the service or what stands before it. name: of the meeting, and of its track.
    """

    def __init__(
        self, http: aiohttp.ClientSession, url: str, name: str, talk: Talk | RecordedTalk
    ) -> None:
        self.talk = talk
        self.history = History(name)
        self.began_s = 0.0
        self.route = f"{url}/v1/meetings/{name}/audio"
        self.client = TrackClient(
            http,
            self.route,
            Start(1, name, Encoding.PCM_S16LE, SAMPLE_RATE, 1, origin_ms=0),
            self.history,
        )
        self._running: asyncio.Task[Standing] | None = None

    def begin(self) -> None:
        """Start to speak."""
        name = self.history.track
        self._running = asyncio.create_task(self._run(), name=f"meeting-{name}")

    async def end(self, within_s: float) -> bool:
        """Finish the utterance; whether all of the track is committed in time."""
        self.talk.end()
        if self._running is None:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._running
                return True
        return False

    async def _run(self) -> Standing:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._speak())
            return await self.client.run()

    async def _speak(self) -> None:
        """Each frame leaves when its last sample has been spoken, by the clock of the first."""
        self.began_s, spoken = time.monotonic(), 0
        for audio in self.talk.utterances():
            for start in range(0, len(audio), FRAME_SAMPLES):
                frame = audio[start : start + FRAME_SAMPLES]
                spoken += len(frame)
                due_s = self.began_s + spoken / SAMPLE_RATE
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                self.client.put(frame.tobytes(), len(frame))
        self.client.end()
