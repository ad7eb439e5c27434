"""A listener that remembers, and how to send scripted audio through the reference client."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.web.support import WAIT_S
from wordloop_ml.client.track import TrackClient
from wordloop_ml.messages import Pcm16
from wordloop_ml.replay.session import Record, ReplayPolicy, Standing
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import StartMessage
from wordloop_ml.wire.server_messages import CaptionMessage, NoticeMessage

STREAM = StartMessage(1, "a", Encoding.PCM_S16LE, 16_000, 1, origin_ms=0)
FAST = ReplayPolicy(first_wait_s=0.01, longest_wait_s=0.1)
FRAME_SAMPLES = 320


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Standin = Callable[[Handler], Awaitable[str]]
"""Start a server that does whatever happens once in a blue moon; its URL."""


class Listener:
    """Stores in memory; ``arrived`` wakes whoever waits for something to be heard."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.standing = Standing()
        self.shown: list[CaptionMessage] = []
        self.forgotten = 0
        self.arrived = asyncio.Event()

    async def store(self, record: Record, standing: Standing) -> None:
        await asyncio.sleep(0)
        self.records.append(record)
        self.standing = standing
        self.arrived.set()

    def show(self, caption: CaptionMessage) -> None:
        self.shown.append(caption)
        self.arrived.set()

    def forget(self) -> None:
        self.forgotten += 1
        self.arrived.set()

    @property
    def finals(self) -> list[CaptionMessage]:
        return [one for one in self.records if isinstance(one, CaptionMessage)]

    @property
    def holes(self) -> list[NoticeMessage]:
        return [one for one in self.records if isinstance(one, NoticeMessage)]

    @property
    def words(self) -> list[str]:
        return [word.text for final in self.finals for word in final.words]

    async def wait_for_final(self) -> None:
        """Until the first one is stored."""
        async with asyncio.timeout(WAIT_S):
            while not self.finals:
                self.arrived.clear()
                await self.arrived.wait()

    async def wait_for_break(self) -> None:
        """Until its connection broke once."""
        async with asyncio.timeout(WAIT_S):
            while not self.forgotten:
                self.arrived.clear()
                await self.arrived.wait()


def say(client: TrackClient, audio: Pcm16) -> None:
    """Put audio in, frame by frame."""
    for start in range(0, len(audio), FRAME_SAMPLES):
        frame = audio[start : start + FRAME_SAMPLES]
        client.put(frame.tobytes(), len(frame))
