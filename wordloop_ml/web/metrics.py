"""``GET /metrics`` for Prometheus, on a port of its own and without a token: there is nothing to hide in it.

The text is made on a thread of its own, since that takes milliseconds. What the event loop owns is read in
the event loop, just before.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from wordloop_ml.metrics import Metrics
from wordloop_ml.telemetry import name_thread
from wordloop_ml.web.errors import errors
from wordloop_ml.web.http_server import HttpRunner, ListeningSite
from wordloop_ml.web.refusals import REFUSALS, Refusals

LOOK_EVERY_S = 0.25
"""Seconds between two measurements of how late the event loop is."""


class MetricsServer:
    """Serves the metrics from its start to its stop; owns the thread that renders them.

    observe: sets the gauges to what is now; called in the event loop before each rendering.
    """

    def __init__(self, metrics: Metrics, observe: Callable[[], None]) -> None:
        self._metrics = metrics
        self._observe = observe
        self._rendering = asyncio.Lock()  # one at a time: more would only wait for the thread
        self._thread = ThreadPoolExecutor(1, "metrics", name_thread)
        app = web.Application(middlewares=[errors])
        app[REFUSALS] = Refusals(metrics)
        app[METRICS] = self
        app.router.add_get("/metrics", answer_metrics)
        self._runner = HttpRunner(app)
        self._watching: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen, and begin to watch the event loop. Raises ``OSError`` when the address is taken."""
        await self._runner.setup()
        await ListeningSite(self._runner, host, port).start()
        self._watching = asyncio.create_task(self._watch_loop(), name="watch-loop")

    async def stop(self) -> None:
        """Stop listening, and end the thread, behind a rendering that runs."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        await self._runner.cleanup()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def render(self) -> bytes:
        """Return the metrics in Prometheus' text format, version 0.0.4."""
        async with self._rendering:
            self._observe()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, generate_latest, self._metrics.registry)

    async def _watch_loop(self) -> None:
        """Measure how late the event loop is for a timer, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self._metrics.loop_lag.observe(max(0.0, loop.time() - due_s))


METRICS: Final = web.AppKey("metrics", MetricsServer)


async def answer_metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: what is counted, and what is now."""
    content = await request.app[METRICS].render()
    return web.Response(body=content, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
