"""Server-sent events: however many there are to send, everybody else has a turn in between."""

import asyncio

import aiohttp
from aiohttp import web

from tests.web.support import most_in_a_turn
from wordloop_ml.web.event_stream import EventStream
from wordloop_ml.web.http_server import HttpRunner


async def test_a_turn_of_the_loop_sends_one_event() -> None:
    """A socket takes many events without making anybody wait."""
    sent = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = EventStream(request)
        await stream.open()
        while sent < 200:
            await stream.send("item", b"{}")
            sent += 1
        return await stream.end()

    app = web.Application()
    app.router.add_get("/", handle)
    runner = HttpRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with aiohttp.ClientSession() as http:
            asking = asyncio.create_task(http.get(url))
            assert await most_in_a_turn(lambda: sent, lambda: sent == 200) == 1
            async with await asking as response:
                assert (await response.text()).count("event: item") == 200
    finally:
        await runner.cleanup()
