"""A whole service in this process, on scripted engines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.web.support import Running, Serving
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import Failure, ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.settings import Settings
from wordloop_ml.web.drain import Signals
from wordloop_ml.web.serve import serve


@pytest.fixture(autouse=True)
async def no_task_is_left_behind() -> AsyncIterator[None]:
    """Every task has an owner, and ends with it."""
    yield
    current = asyncio.current_task()
    left = [task.get_name() for task in asyncio.all_tasks() if task is not current]
    assert not left, f"tasks left behind: {left}"


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Start services; each is stopped, and its end checked, when the test is over."""
    running: list[Running] = []
    async with aiohttp.ClientSession() as session:

        async def begin(
            *,
            fail: Failure | None = None,
            cost: Callable[[Any], float] | None = None,
            engines: Engines | None = None,
            **changes: Any,
        ) -> Running:
            settings = replace(
                Settings(), **{"port": 0, "workers": 2, "drain_listen_s": 0.0, **changes}
            )
            opened = engines or Engines(
                ScriptedTranscriber(cost=cost, fail=fail), ScriptedVoiceDetector()
            )
            signals = Signals()
            ports: asyncio.Queue[int] = asyncio.Queue()
            task = asyncio.create_task(
                serve(
                    settings,
                    engines=lambda _: opened,
                    signals=signals,
                    on_ready=ports.put_nowait,
                ),
                name="serve",
            )
            bound = asyncio.create_task(ports.get())
            await asyncio.wait({task, bound}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                bound.cancel()
                task.result()
            one = Running(await bound, signals, session)
            one.ended = task
            running.append(one)
            return one

        yield begin
        for one in running:
            for client in one.clients:
                await client.socket.close()
            assert await one.stop() or one.abandoned
