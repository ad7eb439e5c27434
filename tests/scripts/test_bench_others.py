"""Other servers, spoken to in their own protocols and shown as screens."""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from scripts.benchmark import BenchmarkFailed, speaking
from scripts.benchmark.captions import Frames
from scripts.benchmark.others import OTHERS
from scripts.benchmark.scenario import Dialect
from scripts.benchmark.speaking import FRAME_SAMPLES, Recording

SAMPLES = np.arange(3 * FRAME_SAMPLES, dtype=np.int16)
REALTIMESTT, WHISPERLIVE = (OTHERS[name][1] for name in ("realtimestt", "whisperlive"))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more comes from a small server."""
    monkeypatch.setattr(speaking, "SETTLED_S", 0.3)


Hear = Callable[[web.WebSocketResponse, aiohttp.WSMessage], Awaitable[None]]


async def spoken(dialect: Dialect, hear: Hear) -> Recording:
    """The script, spoken to a server that answers each message so."""

    async def serve(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await hear(socket, message)
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        began_s = asyncio.get_running_loop().time()
        return await dialect.speak(http, str(server.make_url("/")), "t0", SAMPLES, began_s)


def told(kind: str, segment: int, text: str) -> str:
    return json.dumps({"type": kind, "segmentId": segment, "text": text})


def texts(dialect: Dialect, frames: Frames) -> list[tuple[float, list[tuple[str, bool]]]]:
    return [
        (one.at_s, [(part.text, part.final) for part in one.parts])
        for one in dialect.display(frames)
    ]


def test_segments_of_realtimestt_are_settled_by_their_finals() -> None:
    """Other messages show nothing."""
    frames = [
        (1.0, '{"type": "status"}'),
        (2.0, told("realtime", 1, "one")),
        (3.0, told("final", 1, "One.")),
        (4.0, told("realtime", 2, "two")),
    ]
    assert texts(REALTIMESTT, frames) == [
        (2.0, [("one", False)]),
        (3.0, [("One.", True)]),
        (4.0, [("One.", True), ("two", False)]),
    ]


async def test_realtimestt_gets_packets_until_its_last_final() -> None:
    """A length, what the audio is, and the audio; nothing is waited for that has come."""
    audio = bytearray()

    async def hear(socket: web.WebSocketResponse, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.BINARY:
            (length,) = struct.unpack("<I", message.data[:4])
            assert json.loads(message.data[4 : 4 + length])["frames"] == FRAME_SAMPLES
            audio.extend(message.data[4 + length :])
            kind = "realtime" if len(audio) < 2 * len(SAMPLES) else "final"
            await socket.send_str(told(kind, 7, "word"))

    recording = await spoken(REALTIMESTT, hear)
    assert np.array_equal(np.frombuffer(bytes(audio), "<i2"), SAMPLES)
    assert texts(REALTIMESTT, recording.frames)[-1][1] == [("word", True)]


def segments(*told: tuple[float, str, bool]) -> str:
    return json.dumps(
        {
            "uid": "t0",
            "segments": [
                {"start": f"{start:.3f}", "end": "9.000", "text": f" {text}", "completed": done}
                for start, text, done in told
            ],
        }
    )


def test_completed_segments_of_whisperlive_stay_and_the_open_one_is_replaced() -> None:
    """Also when its messages do not repeat them any more."""
    frames = [
        (1.0, '{"uid": "t0", "language": "en"}'),
        (2.0, segments((0.0, "one", False))),
        (3.0, segments((0.0, "One.", True), (2.0, "two", False))),
        (4.0, segments((2.0, "Two.", True))),
    ]
    assert texts(WHISPERLIVE, frames) == [
        (2.0, [("one", False)]),
        (3.0, [("One.", True), ("two", False)]),
        (4.0, [("One.", True), ("Two.", True)]),
    ]


async def test_whisperlive_gets_floats_once_it_is_ready() -> None:
    """And is told when the audio has ended."""
    audio = bytearray()
    ends: list[bytes] = []

    async def hear(socket: web.WebSocketResponse, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_json(
                {"uid": json.loads(message.data)["uid"], "message": "SERVER_READY"}
            )
        elif message.data == b"END_OF_AUDIO":
            ends.append(message.data)
        else:
            audio.extend(message.data)
            await socket.send_str(segments((0.0, "word", True)))

    recording = await spoken(WHISPERLIVE, hear)
    heard = np.frombuffer(bytes(audio), "<f4")[: len(SAMPLES)]
    assert np.array_equal((heard * 32_768).astype(np.int16), SAMPLES)
    assert texts(WHISPERLIVE, recording.frames)[-1][1] == [("word", True)]
    assert len(ends) == 1


async def test_a_server_that_is_not_ready_makes_the_run_worthless() -> None:
    """It waits for a place, for instance."""

    async def hear(socket: web.WebSocketResponse, message: aiohttp.WSMessage) -> None:
        del message
        await socket.send_json({"uid": "t0", "status": "WAIT"})

    with pytest.raises(BenchmarkFailed, match="WAIT"):
        await spoken(WHISPERLIVE, hear)


def test_every_other_server_runs_from_its_checkout_with_the_same_weights() -> None:
    """In a Python of its own."""
    for launch_of, _ in OTHERS.values():
        launch = launch_of(Path("/there"), Path("/model"), 8010)
        assert launch.command[0] == "/there/.venv/bin/python"
        assert any("/model" in word for word in launch.command)
        assert launch.folder == Path("/there")
        assert not launch.exits
