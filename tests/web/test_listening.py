"""Listening sockets: on every address of a name, and in spite of failures."""

import asyncio
import socket

import pytest
from aiohttp import web

from tests.web.support import until
from wordloop_ml.web import listening
from wordloop_ml.web.http_server import HttpRunner, ListeningSite
from wordloop_ml.web.listening import Complaint


async def make_runner() -> HttpRunner:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.host)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = HttpRunner(app)
    await runner.setup()
    return runner


async def ask(host: str, port: int) -> bytes:
    """The first line of an answer."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


def test_a_complaint_is_told_once_a_minute() -> None:
    """With how often it was so in between."""
    complaint = Complaint()
    assert [complaint.again(second) for second in range(130)] == [
        1 if second == 0 else 60 if second in (60, 120) else 0 for second in range(130)
    ]


async def test_what_listens_answers_until_it_is_stopped() -> None:
    """One request after the other, and nobody afterwards."""
    runner = await make_runner()
    site = ListeningSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site.port
    for _ in range(3):
        assert await ask("127.0.0.1", port) == b"HTTP/1.1 200 OK\r\n"
    await runner.cleanup()
    with pytest.raises(ConnectionRefusedError):
        await ask("127.0.0.1", port)


async def test_a_name_without_an_address_here_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``localhost`` where there is no IPv6; but one address has to be there."""
    found = [("203.0.113.1", 0), ("127.0.0.1", 0), ("127.0.0.1", 0)]

    async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", one) for one in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    runner = await make_runner()
    site = ListeningSite(runner, "somewhere", 0)
    await site.start()
    assert await ask("127.0.0.1", site.port) == b"HTTP/1.1 200 OK\r\n"
    del found[1:]
    with pytest.raises(OSError, match="Cannot assign"):
        await ListeningSite(runner, "somewhere", 0).start()
    await runner.cleanup()


async def test_a_failed_accept_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waited is answered then."""
    monkeypatch.setattr(listening, "RETRY_S", 0.001)
    loop = asyncio.get_running_loop()
    real, failures = (
        loop.sock_accept,
        [OSError(24, "x"), ConnectionAbortedError(), OSError(24, "x")],
    )

    async def accept(listening: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return await real(listening)

    monkeypatch.setattr(loop, "sock_accept", accept)
    runner = await make_runner()
    site = ListeningSite(runner, "127.0.0.1", 0)
    await site.start()
    assert await ask("127.0.0.1", site.port) == b"HTTP/1.1 200 OK\r\n"
    await until(lambda: not failures)
    await runner.cleanup()
