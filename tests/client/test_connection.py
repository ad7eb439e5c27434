"""One connection: signs of life, and each way in which it can end."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.client.support import FAST, STREAM, Listener, Standin, say
from tests.web.support import WAIT_S
from wordloop_ml.client import connection as client_connection
from wordloop_ml.client import track as client_track
from wordloop_ml.client.connection import BrokenError, Connection, NotConnectedError
from wordloop_ml.client.track import TrackClient
from wordloop_ml.engines.scripted import silence
from wordloop_ml.replay.breaks import Break, Closed, Distrusted, Lost, Refused, Unreachable
from wordloop_ml.wire.server_messages import AckMessage, SpeechStartedMessage, encode


async def upgraded(request: web.Request, **options: Any) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(**options)
    await socket.prepare(request)
    return socket


async def test_a_ping_is_answered_and_is_no_message(standin: Standin) -> None:
    """The server takes a client that does not answer for a slow one."""
    answers: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await upgraded(request, autoping=False)
        await socket.ping(b"there?")
        answers.put_nowait(await socket.receive())
        await socket.send_str(encode(SpeechStartedMessage(3)))
        await socket.close()
        return socket

    async with aiohttp.ClientSession() as http:
        connection = await Connection.open(http, await standin(handle))
        assert await connection.receive() == SpeechStartedMessage(3)
        with pytest.raises(BrokenError) as broken:
            await connection.receive()
        await connection.close()
    assert broken.value.why == Closed(1000)
    answer = answers.get_nowait()
    assert (answer.type, bytes(answer.data)) == (WSMsgType.PONG, b"there?")


async def test_what_is_unknown_is_passed_over(standin: Standin) -> None:
    """Types of a later version, and binary frames, which this version has none of."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await upgraded(request)
        await socket.send_str('{"type":"weather"}')
        await socket.send_bytes(b"sunny")
        await socket.send_str(encode(AckMessage(2, 1)))
        await socket.receive()
        return socket

    async with aiohttp.ClientSession() as http:
        connection = await Connection.open(http, await standin(handle))
        assert await connection.receive() == AckMessage(2, 1)
        await connection.close()


def abort(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("not JSON", None, Distrusted()),
        ("", 4503, Closed(4503)),
        ("", 1012, Closed(1012)),
        ("", None, Lost()),
    ],
)
async def test_each_end_has_its_name(
    standin: Standin, text: str, code: int | None, why: Break
) -> None:
    """With a close frame, without one, and by nonsense."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await upgraded(request)
        if text:
            await socket.send_str(text)
            await socket.receive()
        elif code is not None:
            await socket.close(code=code)
        else:
            abort(request)
        return socket

    async with aiohttp.ClientSession() as http:
        connection = await Connection.open(http, await standin(handle))
        with pytest.raises(BrokenError) as broken:
            await connection.receive()
        await connection.close()
        with pytest.raises(BrokenError):
            await connection.send(b"0")
    assert broken.value.why == why


async def test_a_server_that_falls_silent_is_left(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is likelier to blame than the audio."""
    monkeypatch.setattr(client_connection, "SILENCE_S", 0.05)
    monkeypatch.setattr(client_connection, "CLOSE_WITHIN_S", 0.05)
    over = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await upgraded(request)
        await over.wait()
        return socket

    async with aiohttp.ClientSession() as http:
        connection = await Connection.open(http, await standin(handle))
        with pytest.raises(BrokenError) as broken:
            await connection.receive()
        await connection.close()
    over.set()
    assert broken.value.why == Lost(silent=True)


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
async def test_a_refusal_says_when_to_come_back(
    standin: Standin, retry_after: str, seconds: float | None
) -> None:
    """In seconds; a date is not ours."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": retry_after})

    async with aiohttp.ClientSession() as http:
        with pytest.raises(NotConnectedError) as refused:
            await Connection.open(http, await standin(handle))
    assert refused.value.why == Refused(503, seconds)


async def test_nobody_there_is_a_break_like_others() -> None:
    """Refused, or no such name."""
    async with aiohttp.ClientSession() as http:
        with pytest.raises(NotConnectedError) as refused:
            await Connection.open(http, "http://127.0.0.1:9/")
    assert refused.value.why == Unreachable()


async def test_the_request_says_who_asks_and_that_it_resumes(standin: Standin) -> None:
    """Before the upgrade, where a busy server decides."""
    seen: list[tuple[str, str]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append((request.query_string, request.headers.get("Authorization", "")))
        return web.Response(status=401)

    async with aiohttp.ClientSession() as http:
        url = await standin(handle)
        for token, resumes in ((None, False), ("t", True)):
            with pytest.raises(NotConnectedError):
                await Connection.open(http, url, token, resumes=resumes)
    assert seen == [("", ""), ("resume=1", "Bearer t")]


async def test_a_client_with_nothing_to_say_keeps_the_connection(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A muted microphone sends no audio."""
    monkeypatch.setattr(client_track, "KEEPALIVE_S", 0.01)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await upgraded(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                heard.put_nowait(message.json()["type"])
        return socket

    async with aiohttp.ClientSession() as http, asyncio.timeout(WAIT_S):
        client = TrackClient(http, await standin(handle), STREAM, Listener(), policy=FAST)
        say(client, silence(320))
        running = asyncio.create_task(client.run())
        assert [await heard.get() for _ in range(3)] == ["start", "keepalive", "keepalive"]
        running.cancel()
        await asyncio.wait({running})
