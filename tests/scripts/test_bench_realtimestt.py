"""Another server, spoken to in its own protocol and told in ours."""

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer

from scripts.benchmark.captions import read_frames
from scripts.benchmark.realtimestt import Checkout, as_captions, speak
from scripts.benchmark.speaking import FRAME_SAMPLES
from scripts.benchmark.tracks import Script

SCRIPT = Script(np.arange(3 * FRAME_SAMPLES, dtype=np.int16), ())


def told(kind: str, text: str, **segment: float) -> str:
    message = {"type": kind, "segmentId": 7, "text": text, "timestamp": 103.0, "segment": segment}
    return json.dumps(message)


def test_its_messages_become_captions_with_times_of_the_track() -> None:
    """The recording's own span where it is told; until it has ended, what has passed."""
    frames = [
        (1.0, '{"type": "status"}'),
        (2.0, told("realtime", "one two", recordingStartedAt=101.0)),
        (3.0, told("final", "one two three", recordingStartedAt=101.0, recordingEndedAt=102.5)),
    ]
    received = read_frames(as_captions(frames, 100.0))
    assert received.counts == {"status": 1, "caption": 2}
    interim, final = received.captions
    assert (interim.at_s, interim.segment, interim.start, interim.end) == (2.0, "7", 1000, 3000)
    assert [(word.text, word.start, word.end) for word in interim.words] == [
        ("one", 1000, 2000),
        ("two", 2000, 3000),
    ]
    assert (final.start, final.end, final.final) == (1000, 2500, True)
    assert not interim.final


async def test_a_track_is_spoken_in_its_packets_until_the_last_final() -> None:
    """A length, what the audio is, and the audio; nothing is waited for that has come."""
    packets: list[tuple[dict[str, Any], bytes]] = []

    async def hear(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                (length,) = struct.unpack("<I", message.data[:4])
                packets.append(
                    (json.loads(message.data[4 : 4 + length]), message.data[4 + length :])
                )
                await socket.send_str(told("realtime" if len(packets) < 3 else "final", "word"))
        return socket

    app = web.Application()
    app.router.add_get("/ws", hear)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        began_s = asyncio.get_running_loop().time()
        recording = await speak(http, str(server.make_url("/ws")), "t0", SCRIPT, began_s)
    assert np.array_equal(
        np.frombuffer(b"".join(audio for _, audio in packets), "<i2"), SCRIPT.samples
    )
    assert all(about["frames"] == FRAME_SAMPLES for about, _ in packets)
    captions = read_frames(recording.frames).captions
    assert [one.final for one in captions] == [False, False, True]
    assert [one.text for one in captions] == ["word"] * 3


def test_it_decodes_as_much_as_we_do() -> None:
    """One decode of as many tokens, in both of its lanes, and nobody is turned away."""
    launch = Checkout(Path("there"), Path("python")).launch(Path("tiny.bin"), 8010, 1)
    options = dict(one.split("=", 1) for one in launch.command[2:])
    assert options["--engine-options"] == options["--realtime-engine-options"]
    decode = json.loads(options["--engine-options"])["transcribe"]
    assert (decode["max_tokens"], decode["temperature_inc"]) == (12, 0.0)
    assert options["--model"] == options["--realtime-model"]
    assert not launch.exits
