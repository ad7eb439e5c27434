"""What every foreign interface has from its base, by one whose messages are single words."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
import structlog
from aiohttp import web

from tests.web.support import WAIT_S, Client, Running, Serving
from wordloop_ml.audio.live_audio import PcmAudio
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.errors import BadInput
from wordloop_ml.meetings.session import Closed, Leaving, OutboxEvent
from wordloop_ml.messages import Caption, Flushed
from wordloop_ml.web import serve as serving_process
from wordloop_ml.web.caption_stream import (
    CaptionStream,
    StreamOptions,
    StreamSocket,
    answer,
    serve_stream,
)
from wordloop_ml.web.track_socket import Peer
from wordloop_ml.wire.audio_frames import Encoding

BAD_BUG = "a bug"


class WordAdapter:
    """Takes s16le at 16 kHz, ``finalize``, ``end``, ``hints`` and ``bug``; tells finals and answers."""

    def __init__(self, peer: Peer, stream: CaptionStream, audio: PcmAudio) -> None:
        self._peer = peer
        self._stream = stream
        self._audio = audio

    async def begin(self) -> None:
        await self._peer.send("begin")

    async def take(self, message: str | bytes) -> None:
        match message:
            case bytes():
                await self._stream.feed(message, self._audio)
            case "finalize":
                await self._stream.finalize()
            case "end":
                await self._stream.flush(self._audio)
                await self._stream.end()
            case "hints":
                await self._stream.set_hints("en", ("Wordloop",))
            case "hello":
                await answer(self._peer, "hello")
            case "bug":
                raise RuntimeError(BAD_BUG)
            case _:
                raise BadInput("what is that")

    async def tell(self, track: int, event: OutboxEvent) -> None:
        match event:
            case Caption(final=True):
                await self._peer.send(f"{track} {event.text}{' flushed' if event.flushed else ''}")
            case Flushed():
                await self._peer.send(f"{track} flushed")
            case Leaving():
                await self._peer.send("leaving")

    async def end(self, closed: Closed) -> tuple[int, str]:
        await self._peer.send("end")
        return (1000, "done") if closed.code is None else (1011, str(closed.code))


async def words(request: web.Request) -> web.StreamResponse:
    tracks = int(request.query.get("tracks", "1"))
    language = request.query.get("language")

    def adapt(peer: Peer, stream: CaptionStream) -> WordAdapter:
        return WordAdapter(
            peer, stream, PcmAudio(Encoding.PCM_S16LE, 16_000, tracks, separate=True)
        )

    return await serve_stream(
        request, StreamSocket("token"), StreamOptions(language=language), adapt, tracks=tracks
    )


@pytest.fixture(autouse=True)
def _routed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with one route more."""
    make_app = serving_process.make_app

    def with_words(*parts: Any) -> web.Application:
        app = make_app(*parts)
        app.router.add_get("/words", words)
        return app

    monkeypatch.setattr(serving_process, "make_app", with_words)


class Words:
    """One connection, and all that it was told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[str] = []

    async def until(self, wanted: Callable[[str], bool]) -> str:
        """Read on to the first text like this; the close is one, too: ``closed CODE``."""
        async with asyncio.timeout(WAIT_S):
            while True:
                frame = await self.socket.receive()
                said = frame.type is aiohttp.WSMsgType.TEXT
                self.told.append(frame.data if said else f"closed {self.socket.close_code}")
                if wanted(self.told[-1]) or not said:
                    return self.told[-1]

    async def rest(self) -> list[str]:
        """Read to the close."""
        await self.until(lambda _: False)
        return self.told


async def connect(service: Running, query: str = "") -> Words:
    socket = await service.session.ws_connect(f"{service.url}/words{query}")
    service.clients.append(Client(socket))  # who closes it
    return Words(socket)


def sound(*said: int) -> bytes:
    return np.concatenate([spoken(said), silence(16_000)]).tobytes()


async def test_audio_becomes_finals_and_an_end_closes_in_order(serving: Serving) -> None:
    """Whatever the sizes of its messages are."""
    client = await connect(await serving())
    audio = sound(1, 2)
    for start in range(0, len(audio), 1_001):
        await client.socket.send_bytes(audio[start : start + 1_001])
    await client.socket.send_str("end")
    assert await client.rest() == ["begin", "0 w1 w2", "end", "closed 1000"]


async def test_every_finalize_has_one_answer(serving: Serving) -> None:
    """With nothing open, with speech open, and twice in a row."""
    client = await connect(await serving())
    await client.socket.send_str("finalize")
    assert await client.until(lambda text: text != "begin") == "0 flushed"
    await client.socket.send_bytes(spoken([1, 2]).tobytes())
    await client.socket.send_str("finalize")
    await client.socket.send_str("finalize")
    await client.socket.send_str("end")
    told = await client.rest()
    assert told == ["begin", "0 flushed", "0 w1 w2 flushed", "0 flushed", "end", "closed 1000"]


async def test_channels_are_tracks_of_one_meeting(serving: Serving) -> None:
    """Each with finals and answers of its own."""
    client = await connect(await serving(max_meetings=1), "?tracks=2")
    stereo = np.stack([spoken([1, 2]), spoken([3, 4])], axis=1)
    await client.socket.send_bytes(stereo.tobytes())
    await client.socket.send_str("finalize")
    await client.socket.send_str("end")
    told = await client.rest()
    assert sorted(told[1:3]) == ["0 w1 w2 flushed", "1 w3 w4 flushed"]
    assert told[3:] == ["end", "closed 1000"]


async def test_a_file_that_is_pushed_is_held_back_and_not_refused(serving: Serving) -> None:
    """Five minutes in messages of a mebibyte, on an engine that is hardly faster than that."""
    client = await connect(await serving(realtime_factor=1, cost=lambda _: 0.01))
    audio = sound(*range(1, 20)) * 20
    reading = asyncio.create_task(client.rest())
    for start in range(0, len(audio), 1 << 20):
        await client.socket.send_bytes(audio[start : start + (1 << 20)])
    await client.socket.send_str("end")
    told = await reading
    assert told[-1] == "closed 1000"
    assert sum(len(text.split()) - 1 for text in told if text.startswith("0 ")) == 20 * 19


async def test_a_message_beyond_a_mebibyte_is_refused(serving: Serving) -> None:
    """With the limit in the reason."""
    client = await connect(await serving())
    await client.socket.send_bytes(bytes((1 << 20) + 1))
    assert (await client.rest())[-1] == "closed 1009"


async def test_what_the_adapter_refuses_and_a_bug_end_the_connection(serving: Serving) -> None:
    """By the adapter's own close code; a bug is logged by its place."""
    service = await serving()
    for message, event in (("nonsense", "connection_refused"), ("bug", "connection_failed")):
        client = await connect(service)
        with structlog.testing.capture_logs() as logs:
            await client.socket.send_str(message)
            assert (await client.rest())[-2:] == ["end", "closed 1011"]
        assert event in [one["event"] for one in logs]
        assert BAD_BUG not in str(logs)


async def test_a_stream_is_admitted_as_a_meeting(serving: Serving) -> None:
    """503 before the upgrade where there is no room; 400 for what cannot be."""
    service = await serving(max_meetings=1)
    async with service.session.get(f"{service.url}/words") as answered:
        assert answered.status == 400
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(service, "?language=de")
    assert refused.value.status == 400
    await connect(service)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(service)
    assert refused.value.status == 503


async def test_a_drain_lets_finals_out_first(serving: Serving) -> None:
    """What is open gets its final, since nobody can resume."""
    service = await serving()
    client = await connect(service)
    await client.socket.send_bytes(spoken([1, 2]).tobytes())
    await client.socket.send_str("hello")
    await client.until(lambda text: text == "hello")
    reading = asyncio.create_task(client.rest())
    await service.stop()
    assert (await reading)[-4:] == ["leaving", "0 w1 w2", "end", "closed 1011"]


async def test_hints_may_change_while_it_runs(serving: Serving) -> None:
    """As by a client that configures its session late."""
    client = await connect(await serving())
    await client.socket.send_str("hints")
    await client.socket.send_bytes(sound(1))
    await client.socket.send_str("end")
    assert "0 w1" in await client.rest()


async def test_a_silent_client_is_closed_and_one_that_vanishes_is_forgotten(
    serving: Serving,
) -> None:
    """The same rules as on the native route."""
    service = await serving(idle_s=1.0, max_meetings=1)
    vanished = await connect(service)
    assert vanished.socket._response.connection is not None
    transport = vanished.socket._response.connection.transport
    assert transport is not None
    transport.abort()
    while True:
        try:
            client = await connect(service)
        except aiohttp.WSServerHandshakeError:
            continue  # the first one's end is on its way
        break
    assert (await client.rest())[-2:] == ["end", "closed 1011"]
