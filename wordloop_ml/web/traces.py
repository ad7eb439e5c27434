"""Traces by OpenTelemetry, sent by OTLP over HTTP on a thread of their own (docs/traces.md).

Imported only when the settings want traces: the library is an extra. Its own ``OTEL_*`` variables say
where spans go and which are sampled.
"""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog
from multidict import MultiMapping
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TraceState,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from wordloop_ml import __version__
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.settings import variable
from wordloop_ml.telemetry import name_thread
from wordloop_ml.tracing import Caller, Facts, Sampled, Stretch
from wordloop_ml.web.listening import Complaint

FLUSH_S = 2.0
"""How long the last spans may take once everything else has ended."""

TELL_EVERY_S = 60.0
"""How often the log says that spans are lost."""

PROTOCOL = "http/protobuf"

PREFIX = "wordloop."
"""Of every attribute."""

log = structlog.get_logger()


class Headers(Getter[MultiMapping[str]]):
    """Reads the headers of a request; one that may come once and comes twice is none (W3C Trace Context, 3.2)."""

    def get(self, carrier: MultiMapping[str], key: str) -> list[str] | None:
        """Return the values of a header, or None."""
        values = carrier.getall(key, [])
        return values if values and (key == "tracestate" or len(values) == 1) else None

    def keys(self, carrier: MultiMapping[str]) -> list[str]:
        """Return the names of all headers."""
        return list(carrier.keys())


class FollowLinks(Sampler):
    """Samples a trace of its own as if what it links to were its parent."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide by the parent, or by the first link where there is none."""
        if links and not get_current_span(parent_context).get_span_context().is_valid:
            linked = set_span_in_context(NonRecordingSpan(links[0].context), Context())
            result = self._sampler.should_sample(linked, trace_id, name, kind, attributes, links)
            # the state of the linked trace is not that of this one
            return SamplingResult(result.decision, result.attributes)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Return what it does, for people."""
        return f"FollowLinks{{{self._sampler.get_description()}}}"


class TellingExporter(SpanExporter):
    """Passes spans on, and logs once a minute that some were not taken: a collector may be away for days."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._complaint = Complaint(TELL_EVERY_S)
        self._named = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; on the thread of the batch processor, which it names for the kernel."""
        if not self._named:
            self._named = True
            threading.current_thread().name = "traces"
            name_thread()
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and (
            times := self._complaint.again(time.monotonic())
        ):
            log.warning("spans_unsent", spans=len(spans), times=times)
        return result

    def shutdown(self) -> None:
        """Give up what is being sent again."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing is held here."""
        del timeout_millis
        return True


class SampledTrace:
    """A ``Sampled`` over the span of the whole, which has begun."""

    def __init__(self, tracer: Tracer, root: Span, epoch_ns: int) -> None:
        self._tracer = tracer
        self._root = root
        self._epoch_ns = epoch_ns

    def end(
        self, ended_s: float, stretches: Sequence[Stretch], facts: Facts, *, failed: bool = False
    ) -> None:
        """Make a span of each stretch, below that of the whole; then end that."""
        within = set_span_in_context(self._root, Context())
        for one in stretches:
            span = self._tracer.start_span(
                one.name, within, start_time=_at_ns(self._epoch_ns, one.began_s)
            )
            span.end(_at_ns(self._epoch_ns, one.ended_s))
        self._root.set_attributes({PREFIX + name: value for name, value in facts.items()})
        if failed:
            self._root.set_status(Status(StatusCode.ERROR))
        self._root.end(_at_ns(self._epoch_ns, ended_s))


class OpenTelemetry:
    """A ``Tracing`` of one service; nothing of it is global.

    exporter: sends the spans, in batches and on a thread of its own. sampler: None for what
    ``OTEL_TRACES_SAMPLER`` says.
    """

    def __init__(self, exporter: SpanExporter, sampler: Sampler | None = None) -> None:
        provider = TracerProvider(sampler, shutdown_on_exit=False, resource=_resource())
        provider.sampler = FollowLinks(provider.sampler)
        self._exporter = TellingExporter(exporter)
        provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._provider = provider
        self._tracer = provider.get_tracer("wordloop_ml", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._headers = Headers()

    def caller(self, headers: MultiMapping[str]) -> Caller | None:
        """Read who asks; None where the headers are absent or wrong."""
        context = self._propagator.extract(headers, Context(), self._headers)
        found = get_current_span(context).get_span_context()
        return found if found.is_valid else None

    def begin(
        self, name: str, began_s: float, caller: Caller | None, *, apart: bool
    ) -> Sampled | None:
        """Ask the sampler; begin the span of the whole where it wants it."""
        context, links = Context(), list[Link]()
        if isinstance(caller, SpanContext):
            if apart:
                links.append(Link(caller))
            else:
                context = set_span_in_context(NonRecordingSpan(caller), context)
        # of now, since the clock of the epoch may have been set meanwhile
        epoch_ns = time.time_ns() - time.monotonic_ns()
        root = self._tracer.start_span(
            name, context, SpanKind.SERVER, links=links, start_time=_at_ns(epoch_ns, began_s)
        )
        return SampledTrace(self._tracer, root, epoch_ns) if root.is_recording() else None

    async def close(self) -> None:
        """Send the spans that are left, for ``FLUSH_S`` at most; what is not taken by then is lost."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def end() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        # a daemon: a collector that takes and takes cannot hold the exit
        threading.Thread(target=end, name="traces-end", daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_S):
                await ended.wait()
        except TimeoutError:
            self._exporter.shutdown()


def open_traces(environment: Mapping[str, str]) -> OpenTelemetry:
    """Begin to send traces, where the ``OTEL_*`` variables say. Raises ``StartupFailed`` (``bad_setting``)."""
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if environment.get(name, PROTOCOL) not in {"", PROTOCOL}:
            raise StartupFailed(
                f"{name} is not {PROTOCOL}, which is what {variable('traces')} speaks",
                code=ErrorCode.BAD_SETTING,
            )
    try:
        return OpenTelemetry(OTLPSpanExporter())
    except ValueError:
        raise StartupFailed(
            "an OTEL_EXPORTER_OTLP_* or OTEL_BSP_* variable breaks OpenTelemetry's rules",
            code=ErrorCode.BAD_SETTING,
        ) from None


def _resource() -> Resource:
    """Return what this service is; ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` come first."""
    ours = {"service.name": "wordloop-ml", "service.version": __version__}
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def _at_ns(epoch_ns: int, monotonic_s: float) -> int:
    return epoch_ns + round(monotonic_s * 1e9)
