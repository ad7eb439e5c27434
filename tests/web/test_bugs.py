"""Bugs in what serves a connection: logged by their place, told as 1011, and never as an end."""

from collections.abc import MutableMapping
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from tests.web.support import WAIT_S, Running, Serving, shout, until
from wordloop_ml.audio.streams import AudioInput
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector, spoken
from wordloop_ml.messages import Samples, TrackEvent
from wordloop_ml.web import meeting_socket
from wordloop_ml.web.errors import errors
from wordloop_ml.web.http_server import HttpRunner
from wordloop_ml.web.track_socket import TrackSocket
from wordloop_ml.wire.server_messages import EventTranslator


class FailingInbound(AudioInput):
    """Fails on the first frame, in the reader's task."""

    def audio(self, payload: bytes) -> Samples:
        raise ZeroDivisionError("canary")


class FailingTranslator(EventTranslator):
    """Fails on the first event, in the sender's task."""

    def translate(self, event: TrackEvent, received: int) -> Any:
        raise ZeroDivisionError("canary")


class FailingVoiceDetector(ScriptedVoiceDetector):
    """Serves the start-up, and no track."""

    def __init__(self) -> None:
        super().__init__()
        self.tracks_fail = False

    def open_stream(self) -> Any:
        if self.tracks_fail:
            raise ZeroDivisionError("canary")
        return super().open_stream()


async def check_told(service: Running, logs: list[MutableMapping[str, Any]]) -> None:
    """A connection whose bug comes with its first frame is told, closed and forgotten."""
    client = await service.connect()
    await client.start(epoch=1)
    await client.speak(spoken([1, 2]))
    messages = await client.drained()
    assert messages[-1] == {"type": "error", "code": "internal", "message": "unexpected error"}
    assert client.code == 1011
    await until(lambda: any(one["event"] == "connection_failed" for one in logs))
    await until(lambda: any(one["event"] == "meeting_ended" for one in logs))
    [failed] = [one for one in logs if one["event"] == "connection_failed"]
    assert (failed["log_level"], failed["error"]) == ("error", "ZeroDivisionError")
    assert failed["where"][-1].startswith("test_bugs.py:")
    assert "canary" not in str(logs)


async def test_a_bug_in_the_reader_is_no_regular_end(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1000 would let the client drop the audio that nobody has heard; others go on."""
    service = await serving()
    other = await service.connect("other")
    await other.start()
    await other.until("ready")
    with structlog.testing.capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(meeting_socket, "AudioInput", FailingInbound)
        await check_told(service, logs)
    await other.send(type="stop")
    await other.drained()
    assert other.code == 1000


async def test_a_bug_in_the_sender_ends_the_connection_at_once(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader does not go on taking audio whose captions nobody sends."""
    service = await serving()
    with structlog.testing.capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(meeting_socket, "EventTranslator", FailingTranslator)
        await check_told(service, logs)


async def test_a_bug_before_there_is_a_seat_is_told_over_the_websocket(serving: Serving) -> None:
    """An HTTP answer has no place in a connection that was upgraded."""
    detector = FailingVoiceDetector()
    service = await serving(engines=Engines(ScriptedTranscriber(), detector))
    detector.tracks_fail = True
    client = await service.connect()
    await client.start()
    [error] = await client.drained()
    assert (error["type"], error["code"]) == ("error", "internal")
    assert client.code == 1011


async def answers(handle: Any) -> HttpRunner:
    """A server whose only route is this one."""
    app = web.Application(middlewares=[errors])
    app.router.add_get("/", handle)
    runner = HttpRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@pytest.mark.parametrize("reading", [False, True])
async def test_a_websocket_that_nobody_closed_is_closed_as_a_bug(reading: bool) -> None:
    """aiohttp itself closes with 1000 what a handler left open, and what it fails to read."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = TrackSocket()
        await socket.prepare(request)
        if reading:
            assert socket._reader is not None
            socket._reader.set_exception(ZeroDivisionError("canary"))
            await socket.receive()
        return socket

    runner = await answers(handle)
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        frame = await socket.receive(timeout=WAIT_S)
    await runner.cleanup()
    assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, 1011)
    assert str(frame.extra).startswith("internal: ")


async def test_a_client_that_closes_by_itself_is_answered_in_kind(serving: Serving) -> None:
    """Its close is its own; the answer to it accuses nobody."""
    client = await (await serving()).connect()
    await client.start()
    await client.until("ready")
    await client.socket.close()
    assert client.code == 1000


async def test_nothing_follows_an_answer_that_has_begun() -> None:
    """Not even that there was a bug: the peer would take it for content."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begun")
        raise ZeroDivisionError("canary")

    runner = await answers(handle)
    with structlog.testing.capture_logs() as logs:
        answer = await shout(runner.addresses[0][1], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await runner.cleanup()
    assert answer.count("HTTP/1.1") == 1
    assert [one["error"] for one in logs if "error" in one] == ["ZeroDivisionError"]
