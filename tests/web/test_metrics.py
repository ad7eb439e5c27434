"""The listener of the metrics: what it says of a service, and on which thread."""

import asyncio
import re
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from scripts.benchmark.server_process import free_ports
from tests.web.support import Serving, until
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.metrics import Metrics
from wordloop_ml.settings import Settings
from wordloop_ml.web.drain import Signals
from wordloop_ml.web.metrics import MetricsServer
from wordloop_ml.web.serve import serve

TURN = np.concatenate([spoken([1, 2]), silence(16_000)])


class Scrape:
    """One answer of a listener."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._values = {
            (one.name, *sorted(one.labels.items())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    @property
    def series(self) -> set[tuple[object, ...]]:
        """Every name with its labels."""
        return set(self._values)

    def __call__(self, name: str, **labels: str) -> float:
        return self._values[(f"wordloop_{name}", *sorted(labels.items()))]


async def scraped(session: aiohttp.ClientSession, port: int) -> Scrape:
    async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return Scrape(await answer.text())


async def test_a_meeting_is_seen_from_its_admission_to_its_close(serving: Serving) -> None:
    """The first segment apart from the next; no new series, and no id, from the first scrape to the last."""
    [port] = free_ports(1)
    service = await serving(metrics_port=port)
    before = await scraped(service.session, port)
    assert before("meetings") == before("first_caption_seconds_count", segment="first") == 0
    client = await service.connect("standup-of-monday")
    await client.start(track="track-of-ada")
    for _ in range(2):
        await client.speak(TURN)
        await client.until("caption", final=True)
    live = await scraped(service.session, port)
    assert (live("meetings"), live("tracks")) == (1, 1)
    assert live("admissions_total", outcome="admitted", reason="none") == 1
    await client.send(type="stop")
    await client.drained()
    await until(lambda: client.code == 1000)
    after = await scraped(service.session, port)
    assert after("first_caption_seconds_count", segment="first") == 1
    assert after("first_caption_seconds_count", segment="later") == 1
    assert after("final_seconds_count") == 2
    assert after("inference_run_seconds_count", job_class="final") >= 2
    assert after("caption_stage_seconds_count", stage="send") >= 2
    assert (after("tracks"), after("draining"), after("load_limit", level="refuse")) == (0, 0, 0.7)
    assert after("event_loop_lag_seconds_count") >= 0
    assert {*before.series} == {*after.series}
    assert not re.search("standup|monday|ada|default", after.text)


async def test_a_refused_meeting_is_counted_by_its_reason(serving: Serving) -> None:
    """As admission and as request."""
    [port] = free_ports(1)
    service = await serving(metrics_port=port, max_meetings=1)
    client = await service.connect("one")
    await client.start()
    await client.until("ready")
    async with service.session.get(f"{service.url}/v1/meetings/two/audio") as answer:
        assert answer.status == 503
    now = await scraped(service.session, port)
    assert now("admissions_total", outcome="refused", reason="meetings") == 1
    assert now("requests_refused_total", code="busy") == 1


async def test_a_drain_is_seen_to_its_end(serving: Serving) -> None:
    """The service's own listener says no more than 503."""
    [port] = free_ports(1)
    service = await serving(metrics_port=port, drain_listen_s=0.5)
    client = await service.connect()
    await client.start()
    await client.until("ready")
    stopping = asyncio.create_task(service.stop())
    while not (now := await scraped(service.session, port))("draining"):
        pass
    assert now("drain_seconds") >= 0
    await client.drained()
    assert await stopping


class Where(Collector):
    """Remembers on which thread it was read."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def collect(self) -> Iterable[Metric]:
        self.threads.append(threading.current_thread().name)
        return ()


async def test_the_text_is_made_on_a_thread_of_its_own() -> None:
    """The gauges are set in the event loop; the thread ends with the server."""
    metrics, where, observed = Metrics(), Where(), list[str]()
    metrics.registry.register(where)
    where.threads.clear()
    server = MetricsServer(metrics, lambda: observed.append(threading.current_thread().name))
    [port] = free_ports(1)
    await server.start("127.0.0.1", port)
    try:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(scraped(session, port) for _ in range(3)))
            async with session.get(f"http://127.0.0.1:{port}/") as answer:
                assert answer.status == 404
    finally:
        await server.stop()
    assert observed == 3 * [threading.current_thread().name]
    assert {name.partition("_")[0] for name in where.threads} == {"metrics"}


async def test_a_port_that_is_taken_stops_the_start(serving: Serving) -> None:
    """Like that of the service."""
    [port] = free_ports(1)
    await serving(metrics_port=port)
    settings = replace(Settings(), port=0, metrics_port=port, workers=1)
    with pytest.raises(StartupFailed) as failed:
        await serve(settings, signals=Signals())
    assert failed.value.code is ErrorCode.BAD_SETTING


async def test_the_kernel_knows_the_threads_by_name(serving: Serving) -> None:
    """For ``top -H``, debuggers and core dumps."""
    [port] = free_ports(1)
    service = await serving(metrics_port=port)
    await scraped(service.session, port)
    tasks = await asyncio.to_thread(lambda: list(Path("/proc/self/task").glob("*/comm")))
    names = {await asyncio.to_thread(one.read_text) for one in tasks}
    assert {"inference-0\n", "inference-1\n", "metrics_0\n"} <= names
