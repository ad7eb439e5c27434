"""Bodies of requests: their type, their limits, and what all of them hold together."""

import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from tests.web.support import WAIT_S, shout
from wordloop_ml.errors import Busy
from wordloop_ml.web.http_server import HttpRunner
from wordloop_ml.web.problems import problems
from wordloop_ml.web.request_body import BodyMemory, read_json_body

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

    app = web.Application(middlewares=[problems], client_max_size=10)
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
async def test_a_body_beyond_the_limit_is_too_large(chunked: bool) -> None:
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
