"""Callers who leave: the handler learns of it while it waits, and only of that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.web.support import WAIT_S, until
from wordloop_ml.web.callers import leaving_cancels
from wordloop_ml.web.http_server import HttpRunner

Handle = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[aiohttp.ClientSession]:
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
            with leaving_cancels(request):
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

    async with serving(handle) as http:
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
            with leaving_cancels(request):
                begun = True
        finally:
            ended.set()
        return web.Response()

    async with serving(handle) as http:
        await leave(http, arrived)
        async with asyncio.timeout(WAIT_S):
            await ended.wait()
    assert not begun


async def test_a_caller_who_stays_is_answered_and_a_second_request_is_its_own() -> None:
    """Leaving after the answer cancels nothing."""

    async def handle(request: web.Request) -> web.Response:
        with leaving_cancels(request):
            await asyncio.sleep(0)
        return web.Response(text="there")

    async with serving(handle) as http:
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
            with leaving_cancels(request):
                asyncio.get_running_loop().call_soon(task.cancel)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            task.uncancel()
        return web.Response()

    async with serving(handle) as http, http.get("/") as answer:
        assert answer.status == 200
    assert seen == ["cancelled"]


async def test_other_servers_are_refused() -> None:
    """Their connections do not say when they are lost."""
    request = make_mocked_request("GET", "/")
    with pytest.raises(TypeError), leaving_cancels(request):
        pass
