"""The measuring client against a small server."""

import asyncio

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.speaking import FRAME_S, FRAME_SAMPLES, Recording, speak

FRAMES = 6
SAMPLES = np.arange(FRAMES * FRAME_SAMPLES, dtype=np.int16)


async def converse(close_code: int) -> tuple[Recording, list[str], bytes]:
    """Speak to a server that answers ``stop`` with ``ended`` and this close code."""
    texts: list[str] = []
    audio = bytearray()

    async def hear(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                audio.extend(message.data)
                continue
            texts.append(message.data)
            if '"stop"' in message.data:
                await socket.send_str('{"type":"ended"}')
                await socket.close(code=close_code)
        return socket

    app = web.Application()
    app.router.add_get("/audio", hear)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        began_s = asyncio.get_running_loop().time()
        recording = await speak(http, str(server.make_url("/audio")), "t0", SAMPLES, began_s)
    return recording, texts, bytes(audio)


async def test_a_track_is_sent_whole_between_start_and_stop() -> None:
    """Times in captions are times of the track: ``origin_ms`` is 0."""
    recording, texts, audio = await converse(1000)
    assert np.array_equal(np.frombuffer(audio, "<i2"), SAMPLES)
    assert '"origin_ms":0' in texts[0]
    assert texts[1:] == ['{"type":"stop"}']
    assert [text for _, text in recording.frames] == ['{"type":"ended"}']


async def test_a_frame_leaves_when_its_last_sample_has_been_spoken() -> None:
    """Never early, so that no audio is heard before it is spoken."""
    recording, _, _ = await converse(1000)
    assert len(recording.late_s) == FRAMES
    assert min(recording.late_s) > -1e-6  # the clock of the loop is that fine
    assert recording.frames[0][0] - recording.began_s >= FRAMES * FRAME_S


async def test_another_end_than_1000_makes_the_run_worthless() -> None:
    """A server that drops connections has no latency."""
    with pytest.raises(BenchmarkFailed, match="close code 1011"):
        await converse(1011)
