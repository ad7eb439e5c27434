"""The HTTP server: what it refuses, connections that are lost, and the listening sockets."""

import asyncio
import gzip
import hashlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import ClientSession, web
from aiohttp.test_utils import make_mocked_request

from tests.web.support import WAIT_S, Client, Running, Serving, shout, until
from wordloop_ml.errors import Busy, ErrorCode
from wordloop_ml.web.errors import errors, http_problem
from wordloop_ml.web.http_server import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    BodyMemory,
    HttpRunner,
    cancel_on_disconnect,
    read_json_body,
)


async def told(service: Running, request: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to raw bytes; afterwards the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.split(":")[2]))
    try:
        async with asyncio.timeout(WAIT_S):
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
            body = await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()
    assert "content-type: application/problem+json" in head.lower()
    return int(head.split(" ")[1]), json.loads(body)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"canary\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00canary", 400, "bad_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\ncanary\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: canary\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nExpect: canary\r\n\r\n", 417, "bad_request"),
        (b"GET /" + b"canary" * (MAX_LINE_BYTES // 6 + 1) + b" HTTP/1.1\r\n\r\n", 413, "too_large"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * (MAX_HEADER_BYTES + 1) + b"\r\n\r\n", 413, "too_large"),
        (b"GET / HTTP/1.1\r\n" + b"X: canary\r\n" * (MAX_HEADERS + 1) + b"\r\n", 413, "too_large"),
    ],
)
async def test_what_is_no_request_gets_a_code(
    serving: Serving, request_: bytes, status: int, code: str
) -> None:
    """And none of it comes back, or into the log."""
    service = await serving()
    with structlog.testing.capture_logs() as logs:
        answered, body = await told(service, request_)
    assert (answered, body["code"]) == (status, code)
    assert "canary" not in str((body, logs))
    assert all(one["log_level"] == "info" for one in logs)


async def test_as_many_headers_as_allowed_are_read(serving: Serving) -> None:
    """The limits are inclusive."""
    service = await serving()
    head = b"GET /nothing HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * (MAX_HEADERS - 2)
    status, body = await told(service, head + b"Y: " + b"y" * (MAX_HEADER_BYTES - 10) + b"\r\n\r\n")
    assert (status, body["code"]) == (404, "not_found")


async def test_a_body_that_breaks_while_nobody_reads_it_is_no_bug(serving: Serving) -> None:
    """The answer has gone out before."""
    service = await serving()
    with structlog.testing.capture_logs() as logs:
        head = b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.split(":")[2]))
        async with asyncio.timeout(WAIT_S):
            writer.write(head)
            assert b" 405 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"canary\r\n")
            await reader.read()
        writer.close()
        await writer.wait_closed()
    assert not [one for one in logs if one["log_level"] != "info"]
    assert "canary" not in str(logs)


def test_a_body_beyond_the_limit_is_too_large() -> None:
    """Where a route reads one, aiohttp counts it."""
    answer = http_problem(web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2))
    assert answer.status == 413
    assert isinstance(answer.text, str)
    assert json.loads(answer.text)["code"] == ErrorCode.TOO_LARGE


Handle = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def served_by(handle: Handle) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    app.router.add_get("/", handle)
    runner = HttpRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            yield http
    finally:
        await runner.cleanup()


async def leave(http: aiohttp.ClientSession, arrived: asyncio.Event) -> None:
    """Ask, and hang up once the handler is at it."""
    asking = asyncio.create_task(http.request("GET", "/"))
    async with asyncio.timeout(WAIT_S):
        await arrived.wait()
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking


async def test_what_waits_for_a_caller_who_left_is_cancelled() -> None:
    """It ends as writing would, and its own clean-up is awaited."""
    arrived, ended = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        try:
            with cancel_on_disconnect(request):
                try:
                    arrived.set()
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0)
                    seen.append("cleaned")
        except ConnectionResetError:
            seen.append("left")
            raise
        finally:
            ended.set()
        return web.Response()

    async with served_by(handle) as http:
        await leave(http, arrived)
        async with asyncio.timeout(WAIT_S):
            await ended.wait()
    assert seen == ["cleaned", "left"]


async def test_a_caller_who_left_before_is_noticed_at_once() -> None:
    """Nothing inside begins."""
    arrived, ended = asyncio.Event(), asyncio.Event()
    begun = False

    async def handle(request: web.Request) -> web.Response:
        nonlocal begun
        arrived.set()
        try:
            await until(lambda: request.transport is None)
            with cancel_on_disconnect(request):
                begun = True
        finally:
            ended.set()
        return web.Response()

    async with served_by(handle) as http:
        await leave(http, arrived)
        async with asyncio.timeout(WAIT_S):
            await ended.wait()
    assert not begun


async def test_a_caller_who_stays_is_answered_and_a_second_request_is_its_own() -> None:
    """Leaving after the answer cancels nothing."""

    async def handle(request: web.Request) -> web.Response:
        with cancel_on_disconnect(request):
            await asyncio.sleep(0)
        return web.Response(text="there")

    async with served_by(handle) as http:
        for _ in range(3):
            async with http.get("/") as answer:
                assert await answer.text() == "there"


async def test_another_cancellation_passes_through() -> None:
    """Only a lost connection becomes a ConnectionResetError."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        task = asyncio.current_task()
        assert task is not None
        try:
            with cancel_on_disconnect(request):
                asyncio.get_running_loop().call_soon(task.cancel)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            task.uncancel()
        return web.Response()

    async with served_by(handle) as http, http.get("/") as answer:
        assert answer.status == 200
    assert seen == ["cancelled"]


async def test_other_servers_are_refused() -> None:
    """Their connections do not say when they are lost."""
    request = make_mocked_request("GET", "/")
    with pytest.raises(TypeError), cancel_on_disconnect(request):
        pass


async def close_of(client: Client) -> tuple[int, str]:
    """Code and reason of the close frame, past everything that came before it."""
    while True:
        frame = await client.socket.receive()
        if frame.type is aiohttp.WSMsgType.CLOSE:
            return frame.data, str(frame.extra)
        assert frame.type is aiohttp.WSMsgType.TEXT


HALF_A_LIMIT = struct.pack(">H", 40_000) + bytes(40_004)
"""Length, mask and payload of a frame of which two are too large together."""


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(
    ("frame", "close", "code"),
    [
        (b"\xc1\x80abcd", 1002, "bad_frame"),
        (b"\x83\x80abcd", 1002, "bad_frame"),
        (b"\x80\x80abcd", 1002, "bad_frame"),
        (b"\x09\x80abcd", 1002, "bad_frame"),
        (b"\x88\x82\0\0\0\0" + struct.pack(">H", 999), 1002, "bad_frame"),
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007, "bad_json"),
        (b"\x82\xff" + struct.pack(">Q", 65_538) + b"\0\0\0\0", 1009, "too_large"),
        (b"\x82\xff" + struct.pack(">Q", 2**63) + b"\0\0\0\0", 1009, "too_large"),
        (b"\x02\xfe" + HALF_A_LIMIT + b"\x80\xfe" + HALF_A_LIMIT, 1009, "too_large"),
    ],
)
async def test_a_broken_frame_is_closed_by_name(
    serving: Serving, started: bool, frame: bytes, close: int, code: str
) -> None:
    """Reserved bits and opcodes, fragments, closes, text that is none, and what is too large."""
    service = await serving()
    client = await service.connect()
    if started:
        await client.start()
        await client.until("ready")
    assert client.socket._response.connection is not None
    transport = client.socket._response.connection.transport
    assert transport is not None
    with structlog.testing.capture_logs() as logs:
        transport.write(frame)
        status, reason = await close_of(client)
        await client.socket.close()
        await until(lambda: any("meeting" in one for one in logs))
    assert status == close
    assert reason.startswith(f"{code}: ")
    assert all(one["log_level"] == "info" for one in logs)
    if not started:
        assert logs[0]["event"] == "connection_refused"
        assert logs[0]["code"] == code


async def test_a_handshake_that_is_wrong_is_refused(serving: Serving) -> None:
    """A key beyond ASCII among them, at which aiohttp stumbles."""
    service = await serving()
    for key in ("schl\u00fcssel", "short", "", "A" * 500):
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        audio = f"{service.url}/v1/meetings/m/audio"
        async with service.session.get(audio, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json(content_type=None))["code"] == "bad_request"


MOST = 1_000
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def reading(
    bodies: BodyMemory, *, within_s: float = WAIT_S
) -> AsyncIterator[tuple[ClientSession, int]]:
    """A server that answers with the digest of what it read."""

    async def handle(request: web.Request) -> web.Response:
        with bodies.arriving() as arriving:
            body = await read_json_body(request, arriving, most_bytes=MOST, within_s=within_s)
        return web.Response(text=f"{len(body.content)} {body.digest.hex()}")

    app = web.Application(middlewares=[errors], client_max_size=10)
    app.router.add_post("/", handle)
    runner = HttpRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = int(runner.addresses[0][1])
    try:
        async with ClientSession(f"http://127.0.0.1:{port}") as http:
            yield http, port
    finally:
        await runner.cleanup()


async def test_a_body_is_read_up_to_the_limit_of_its_route() -> None:
    """Whatever the application's is; with its digest."""
    async with reading(BodyMemory()) as (http, _):
        for length in (0, 1, MOST):
            content = b"x" * length
            async with http.post("/", data=content, headers=JSON) as answer:
                assert await answer.text() == f"{length} {hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_its_route_s_limit_is_too_large(chunked: bool) -> None:
    """Whether its length is announced or not; what was held is given back."""
    bodies = BodyMemory(2 * MOST)

    async def parts() -> AsyncIterator[bytes]:
        yield b"x" * MOST
        yield b"x"

    async with reading(bodies) as (http, _):
        for _ in range(5):
            content = parts() if chunked else b"x" * (MOST + 1)
            async with http.post("/", data=content, headers=JSON) as answer:
                assert answer.status == 413
                assert (await answer.json(content_type=None))["code"] == "too_large"
    bodies.hold(2 * MOST)


async def test_a_compressed_body_is_counted_as_it_unpacks() -> None:
    """A kilobyte that would become a megabyte is too large."""
    async with reading(BodyMemory()) as (http, _):
        packed = JSON | {"Content-Encoding": "gzip"}
        async with http.post("/", data=gzip.compress(b"x" * MOST), headers=packed) as answer:
            assert (await answer.text()).startswith(f"{MOST} ")
        async with http.post("/", data=gzip.compress(b"x" * 2**20), headers=packed) as answer:
            assert answer.status == 413


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json; charset=latin-1", "", "canary", "multipart/form-data"]
)
async def test_what_is_not_json_in_utf_8_is_refused_by_its_type(kind: str) -> None:
    """415, before anything is read."""
    async with reading(BodyMemory()) as (http, _):
        async with http.post("/", data=b"{}", headers={"Content-Type": kind}) as answer:
            assert answer.status == 415
            assert (await answer.json(content_type=None))["code"] == "unsupported_media_type"
        utf_8 = {"Content-Type": "Application/JSON; Charset=UTF-8"}
        async with http.post("/", data=b"{}", headers=utf_8) as answer:
            assert answer.status == 200


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    """408, so that slow senders hold nothing for long."""
    async with reading(BodyMemory(), within_s=0.05) as (_, port):
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        answer = await shout(port, f"{head}Content-Length: 9\r\n\r\nxx".encode())
        assert "408" in answer
        assert '"idle"' in answer


async def test_a_body_that_breaks_http_is_named() -> None:
    """400: no chunk, or no gzip."""
    async with reading(BodyMemory()) as (http, port):
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        answer = await shout(port, f"{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        assert "400" in answer
        assert '"bad_request"' in answer
        broken = JSON | {"Content-Encoding": "gzip"}
        async with http.post("/", data=b"no gzip at all", headers=broken) as answer_2:
            assert answer_2.status == 400
            assert (await answer_2.json(content_type=None))["code"] == "bad_request"
            # where another request would begin is not known any more
            assert answer_2.headers["Connection"] == "close"


async def test_all_bodies_together_have_a_limit() -> None:
    """503 for the one that goes beyond, and room again afterwards."""
    bodies = BodyMemory(MOST)
    async with reading(bodies) as (http, _):
        with bodies.arriving() as other:
            other.add(b"x")
            async with http.post("/", data=b"x" * MOST, headers=JSON) as answer:
                assert answer.status == 503
                assert "Retry-After" in answer.headers
        async with http.post("/", data=b"x" * MOST, headers=JSON) as answer:
            assert answer.status == 200
    with pytest.raises(Busy):
        bodies.hold(MOST + 1)
