"""Traces: a caption's and a synthesis', from the headers of who asks to what a collector gets."""

import asyncio
import re
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from scripts.benchmark.server_process import free_ports
from tests.analysis.support import transcript
from tests.web.support import WAIT_S, Client, Running, Serving
from wordloop_ml import __version__
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    silence,
    spoken,
)
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.web.traces import OpenTelemetry

TURN = np.concatenate([spoken([1, 2]), silence(16_000)])
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ELSEWHERE = "11111111111111111111111111111111"


def traceparent(trace: str = TRACE, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{PARENT}-{flags}"}


class Collector:
    """Takes traces by OTLP over HTTP."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.contents = b""

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        content = await request.read()
        self.contents += content
        self.requests.append(ExportTraceServiceRequest.FromString(content))
        return web.Response(content_type="application/x-protobuf")

    @property
    def resources(self) -> list[dict[str, str]]:
        return [
            {one.key: one.value.string_value for one in part.resource.attributes}
            for request in self.requests
            for part in request.resource_spans
        ]

    def traces(self) -> list["Trace"]:
        """What was sent, by trace, in the order of their ends."""
        spans = defaultdict(list)
        for request in self.requests:
            for part in request.resource_spans:
                for scope in part.scope_spans:
                    for span in scope.spans:
                        spans[span.trace_id].append(span)
        found = [Trace(one) for one in spans.values()]
        return sorted(found, key=lambda one: one.root.end_time_unix_nano)


class Trace:
    """The spans of one trace of this service: a root, and its parts in order."""

    def __init__(self, spans: list[Span]) -> None:
        ids = {span.span_id for span in spans}
        [self.root] = [span for span in spans if span.parent_span_id not in ids]
        self.parts = sorted(
            (span for span in spans if span is not self.root),
            key=lambda span: span.start_time_unix_nano,
        )
        assert all(span.parent_span_id == self.root.span_id for span in self.parts)

    @property
    def id(self) -> str:
        return self.root.trace_id.hex()

    @property
    def facts(self) -> dict[str, Any]:
        return {
            one.key.removeprefix("wordloop."): getattr(
                one.value, one.value.WhichOneof("value") or ""
            )
            for one in self.root.attributes
        }

    @property
    def links(self) -> list[tuple[str, str]]:
        return [(one.trace_id.hex(), one.span_id.hex()) for one in self.root.links]

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.parts]

    def check_times(self) -> None:
        """The parts follow each other without a gap, and are the whole."""
        assert self.parts[0].start_time_unix_nano == self.root.start_time_unix_nano
        assert self.parts[-1].end_time_unix_nano == self.root.end_time_unix_nano
        for before, after in pairwise(self.parts):
            assert before.start_time_unix_nano < before.end_time_unix_nano
            assert before.end_time_unix_nano == after.start_time_unix_nano


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """A collector, which the environment names."""
    one, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    [port] = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    yield one
    await runner.cleanup()


async def one_turn(service: Running, *, track: str = "a", **options: Any) -> Client:
    """A meeting of one turn, to its end."""
    client = await service.connect("standup", **options)
    await client.start(track=track)
    await client.speak(TURN)
    await client.send(type="stop")
    await client.drained()
    return client


async def test_each_caption_is_a_trace_of_its_own(serving: Serving, collector: Collector) -> None:
    """Linked to the request of its connection; its parts are its time; and no word of it."""
    service = await serving(traces="on")
    client = await one_turn(service, headers=traceparent())
    assert await service.stop()
    captions = [one for one in client.messages if one["type"] == "caption"]
    traces = collector.traces()
    assert len(traces) == len(captions) >= 2
    assert len({one.id for one in traces} | {TRACE}) == len(traces) + 1
    for trace in traces:
        assert (trace.root.name, trace.root.parent_span_id) == ("caption", b"")
        assert trace.links == [(TRACE, PARENT)]
        trace.check_times()
    assert [one.facts["final"] for one in traces] == [one["final"] for one in captions]
    first = traces[0]
    assert first.names == [
        "received",
        "heard",
        "queued",
        "decoded",
        "returned",
        "stabilised",
        "sent",
    ]
    assert first.facts["meeting"] == "default/standup"
    assert first.facts["track"] == "a"
    assert first.facts["decoded_for"] == "first_caption"
    for word in client.words:
        assert word.encode() not in collector.contents


async def test_a_collector_learns_which_service_it_is(
    serving: Serving, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of OpenTelemetry come before what the service says of itself."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=wordloop-ml-0,service.name=ours")
    service = await serving(traces="on")
    await one_turn(service)
    assert await service.stop()
    for resource in collector.resources:
        assert resource["service.name"] == "ours"
        assert resource["service.version"] == __version__
        assert resource["k8s.pod.name"] == "wordloop-ml-0"
        assert resource["service.instance.id"]
    assert not any(one.links for one in collector.traces())


async def test_a_caption_belongs_to_the_connection_that_it_was_sent_on(
    serving: Serving, collector: Collector
) -> None:
    """After a resumption that is another request, of another trace."""
    service = await serving(traces="on")
    broken = await service.connect(headers=traceparent())
    await broken.start(epoch=1)
    await broken.speak(TURN)
    committed = (await broken.until("caption", final=True))["committed"]
    await broken.socket.close()
    resumed = await service.connect(resume=True, headers=traceparent(ELSEWHERE))
    await resumed.start(epoch=2, resume_from=committed, last_seq=1, live_from=committed + 4_000)
    await resumed.speak(TURN)
    await resumed.send(type="stop")
    await resumed.drained()
    assert await service.stop()
    traces = collector.traces()
    for trace in traces:
        trace.check_times()
    assert {one.links[0] for one in traces} == {(TRACE, PARENT), (ELSEWHERE, PARENT)}


async def test_captions_of_foreign_interfaces_are_traced(
    serving: Serving, collector: Collector
) -> None:
    """With the headers of their own requests."""
    service = await serving(traces="on")
    url = f"{service.url}/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true"
    async with service.session.ws_connect(url, headers=traceparent()) as socket:
        await socket.send_bytes(TURN.tobytes())
        await socket.send_str('{"type": "CloseStream"}')
        async with asyncio.timeout(WAIT_S):
            async for _ in socket:
                pass
    assert await service.stop()
    traces = collector.traces()
    assert any(one.facts["final"] for one in traces)
    assert {one.links[0] for one in traces} == {(TRACE, PARENT)}


@pytest.mark.parametrize(
    ("sampler", "flags", "sampled"),
    [
        ("parentbased_always_on", "00", False),
        ("parentbased_always_off", "01", True),
        ("parentbased_always_off", None, False),
        ("traceidratio", "01", False),
        ("always_on", "00", True),
    ],
)
async def test_who_asks_decides_whether_its_captions_are_sampled(
    serving: Serving,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    sampler: str,
    flags: str | None,
    sampled: bool,
) -> None:
    """Where the sampler goes by the parent; else the sampler alone."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.0")
    service = await serving(traces="on")
    await one_turn(service, headers={} if flags is None else traceparent(flags=flags))
    assert await service.stop()
    assert bool(collector.traces()) is sampled


async def test_a_synthesis_is_part_of_the_trace_of_who_asks(
    serving: Serving, collector: Collector
) -> None:
    """With its stages, and what became of it; a second request with its key is the same work."""
    service = await serving(
        traces="on",
        engines=Engines(
            ScriptedTranscriber(), ScriptedVoiceDetector(), embedder=ScriptedEmbedder()
        ),
    )
    for content, trace, status in (
        (transcript(), TRACE, 200),
        (transcript(), TRACE, 200),
        (b"{}", ELSEWHERE, 400),
    ):
        async with service.session.post(
            f"{service.url}/v1/synthesis",
            data=content,
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": str(status),
                **traceparent(trace),
            },
        ) as answer:
            assert answer.status == status
    assert await service.stop()
    made, refused = collector.traces()
    assert (made.id, made.root.parent_span_id.hex(), made.links) == (TRACE, PARENT, [])
    assert made.names == ["parsed", "queued", "ran", "encoded"]
    made.check_times()
    assert made.facts["outcome"] == "made"
    assert made.facts["engine"] == "extractive"
    assert made.facts["meeting"] == "default/m"
    assert (refused.id, refused.names, refused.facts["outcome"]) == (
        ELSEWHERE,
        ["parsed"],
        "refused",
    )
    for word in (b"garden", b"Ben", b"fence"):
        assert word not in collector.contents


async def test_a_collector_that_is_away_costs_no_caption(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the end; the log says so once."""
    [port] = free_ports(1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.05")
    with structlog.testing.capture_logs() as logs:
        service = await serving(traces="on")
        for _ in range(3):
            client = await one_turn(service)
            assert client.code == 1000
            assert client.words
        assert await service.stop()
    told = [one for one in logs if one["log_level"] in {"warning", "error"}]
    assert [one["event"] for one in told] == ["spans_unsent"]


async def test_a_collector_that_never_answers_does_not_hold_the_end(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain goes on without the last spans."""
    monkeypatch.setattr("wordloop_ml.web.traces.FLUSH_S", 0.1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    with socket.create_server(("127.0.0.1", 0)) as collector:  # the kernel accepts, nobody reads
        port = collector.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        service = await serving(traces="on")
        await one_turn(service)
        async with asyncio.timeout(1.5):
            assert await service.stop()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
    ],
)
async def test_a_wrong_variable_stops_the_start(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Like a setting of the service."""
    monkeypatch.setenv(name, value)
    with pytest.raises(StartupFailed) as failed:
        await serving(traces="on")
    assert failed.value.code is ErrorCode.BAD_SETTING


async def test_without_the_extra_the_start_says_what_to_install(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback."""
    monkeypatch.setitem(sys.modules, "wordloop_ml.web.traces", None)
    with pytest.raises(StartupFailed, match=r"wordloop-ml\[tracing\]"):
        await serving(traces="on")


async def test_nothing_of_the_library_is_loaded_where_traces_are_off() -> None:
    """A service in an interpreter of its own, from its start to its end."""
    program = """
import asyncio, sys
from dataclasses import replace
from wordloop_ml import cli
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.settings import Settings
from wordloop_ml.web.drain import Signals
from wordloop_ml.web.serve import serve

async def main():
    signals = Signals()
    settings = replace(Settings(), port=0, workers=1, drain_listen_s=0.0)
    engines = Engines(ScriptedTranscriber(), ScriptedVoiceDetector())
    assert await serve(
        settings, engines=lambda _: engines, signals=signals, on_ready=lambda _: signals.hear()
    )

asyncio.run(main())
print([one for one in sys.modules if one.startswith("opentelemetry")])
"""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=6 * WAIT_S,
    )
    assert ran.stdout.splitlines()[-1] == "[]"


VALID = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
HEX = "0123456789abcdef"


@pytest.fixture(scope="module")
def tracing() -> OpenTelemetry:
    """Over nothing; its thread waits, as a daemon, for spans that never come."""
    return OpenTelemetry(InMemorySpanExporter())


def parent_of(tracing: OpenTelemetry, headers: list[tuple[str, str]]) -> str | None:
    """The caller's trace and span, as ``traceparent`` has them."""
    found: Any = tracing.caller(CIMultiDict(headers))
    return None if found is None else f"{found.trace_id:032x}-{found.span_id:016x}"


@given(
    st.text(HEX, min_size=2, max_size=2).filter(lambda one: one != "ff"),
    st.text(HEX, min_size=32, max_size=32).filter(lambda one: int(one, 16) > 0),
    st.text(HEX, min_size=16, max_size=16).filter(lambda one: int(one, 16) > 0),
    st.text(HEX, min_size=2, max_size=2),
)
def test_every_valid_traceparent_is_read(
    tracing: OpenTelemetry, version: str, trace: str, span: str, flags: str
) -> None:
    """Of any version, since later ones begin as the first."""
    header = f"{version}-{trace}-{span}-{flags}"
    assert parent_of(tracing, [("Traceparent", header)]) == f"{trace}-{span}"


@given(st.text(HEX + "-fF ", max_size=60) | st.text(max_size=60), st.text(max_size=600))
def test_nothing_else_is(tracing: OpenTelemetry, header: str, state: str) -> None:
    """And nothing that a client sends is an error."""
    found = parent_of(tracing, [("traceparent", header), ("tracestate", state)])
    assert (found is not None) <= bool(VALID.match(header.strip(" \t")))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("tracestate", "a=1")],
        [("traceparent", "")],
        2 * [("traceparent", f"00-{TRACE}-{PARENT}-01")],
        [("traceparent", f"00-{TRACE}-{PARENT}-01-more")],
        [("traceparent", f"00-{TRACE}-{PARENT}-01.")],
        [("traceparent", f"cc-{TRACE}-{PARENT}-01.more")],
        [("traceparent", f"ff-{TRACE}-{PARENT}-01")],
        [("traceparent", f"00-{TRACE.upper()}-{PARENT}-01")],
        [("traceparent", f"00-{'0' * 32}-{PARENT}-01")],
        [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
        [("traceparent", f"00-{TRACE[1:]}-{PARENT}-01")],
        [("traceparent", f"00-{TRACE}-{PARENT}-1")],
    ],
)
def test_what_the_standard_refuses_is_no_caller(
    tracing: OpenTelemetry, headers: list[tuple[str, str]]
) -> None:
    """W3C Trace Context, 3.2 and 4; its own tests have these."""
    assert parent_of(tracing, headers) is None


def test_a_later_version_may_say_more(tracing: OpenTelemetry) -> None:
    """After another dash."""
    header = f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like"
    assert parent_of(tracing, [("traceparent", header)]) == f"{TRACE}-{PARENT}"
