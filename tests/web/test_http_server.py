"""What breaks HTTP itself: a problem with a code, a line in the log, and nothing of what came in."""

import asyncio
import json
from typing import Any

import pytest
import structlog
from aiohttp import web

from tests.web.support import WAIT_S, Running, Serving
from wordloop_ml.errors import ErrorCode
from wordloop_ml.web.http_server import MAX_HEADER_BYTES, MAX_HEADERS, MAX_LINE_BYTES
from wordloop_ml.web.problems import http_problem


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
