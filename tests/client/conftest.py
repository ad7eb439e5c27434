"""The fixtures of the server's tests, and a server that does what the real one never would."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.client.support import Handler, Standin
from tests.web.conftest import no_task_is_left_behind, serving

__all__ = ["no_task_is_left_behind", "serving", "standin"]


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    """Each is stopped when the test is over."""
    runners: list[web.AppRunner] = []

    async def begin(handler: Handler) -> str:
        application = web.Application()
        application.router.add_get("/v1/meetings/m/audio", handler)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/v1/meetings/m/audio"

    yield begin
    for runner in runners:
        await runner.cleanup()
