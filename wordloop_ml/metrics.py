"""What the service counts and times: every metric with its name, labels and buckets (docs/metrics.md).

Labels come from closed sets, never from what a client sends: a meeting, a tenant or a word is none. A
child that was born with its first event would show no increase, so each is made at the start; only the
names of models are not known before they are loaded.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from wordloop_ml.errors import BusyReason, ErrorCode
from wordloop_ml.load import Level
from wordloop_ml.messages import DropReason, JobClass, RejectReason
from wordloop_ml.wire.close_codes import OUTCOMES, CloseCode

# a series more for each child, of which Prometheus needs none
disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own

_SECOND_S = (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

LATENCY_S = (*_SECOND_S, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Buckets of what somebody waits for: close around the budget of a second."""

STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
"""Buckets of a part of it."""

WORK_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Buckets of work on texts."""


class SegmentOrder(StrEnum):
    """Which segment of a meeting a first caption shows: the first in this process meets cold caches."""

    FIRST = "first"
    LATER = "later"


class CaptionStage(StrEnum):
    """Where the time of a caption goes; see ``meetings.session.CaptionTiming``."""

    HEARD = "heard"
    QUEUED = "queued"
    RAN = "ran"
    RETURNED = "returned"
    STABILISED = "stabilised"
    SEND = "send"


class FailReason(StrEnum):
    """Why an inference job failed: an engine, one elsewhere that is away, what the job was given, or a bug."""

    ENGINE_FAILED = "engine_failed"
    ENGINE_AWAY = "engine_away"
    BAD_INPUT = "bad_input"
    BUG = "bug"


class LostReason(StrEnum):
    """Why audio has no final, where no guard's ``RejectReason`` says it."""

    GAP = "gap"
    DECODE_FAILED = "decode_failed"


class EngineRole(StrEnum):
    """What an engine in another process is for."""

    TRANSCRIBER = "transcriber"
    EMBEDDER = "embedder"
    GENERATOR = "generator"


class LoadKind(StrEnum):
    """A reading of ``load.Load``."""

    DEMAND = "demand"
    UTILISATION = "utilisation"
    USED = "used"
    VITAL = "vital"
    ASKED = "asked"


class LoadLimit(StrEnum):
    """A load from which something gives way; see ``load.LoadLimits``."""

    STRETCH = "stretch"
    DROP = "drop"
    REFUSE = "refuse"
    RESUME = "resume"


class SynthesisEngine(StrEnum):
    """What makes a synthesis; NONE where the request did not come so far."""

    EXTRACTIVE = "extractive"
    GENERATIVE = "generative"
    NONE = "none"


class SynthesisOutcome(StrEnum):
    """What became of a synthesis."""

    MADE = "made"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


ADMISSION_REFUSALS = (
    BusyReason.STARTING,
    BusyReason.DRAINING,
    BusyReason.LOAD,
    BusyReason.RESUME_LOAD,
    BusyReason.MEETINGS,
    BusyReason.TRACKS,
    BusyReason.ENGINE_AWAY,
)

ADMITTED, REFUSED, NO_REASON = "admitted", "refused", "none"

ABNORMAL, OTHER_CODE = "1006", "other"
"""Labels of connections that ended without a close frame, and with a code of the client's own."""

CLOSE_CODES = (*(str(int(code)) for code in CloseCode), "1001", "1005", ABNORMAL, OTHER_CODE)

REQUEST_CODES = tuple(OUTCOMES)

M = TypeVar("M", Counter, Gauge, Histogram)
K = TypeVar("K")


def _children(metric: M, keys: Iterable[K]) -> dict[K, M]:
    """Make a child for each value of the only label; keys are enums, named in lower case."""
    return {key: metric.labels(_value(key)) for key in keys}


def _value(key: object) -> str:
    return key.name.lower() if isinstance(key, JobClass | Level) else str(key)


class Metrics:
    """The metrics of one service, in a registry of its own. Safe to use from any thread.

    Histograms and counters are told where events pass. Gauges are set by those who know, when
    somebody asks (``web/metrics.py``).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._make_captions()
        self._make_inference()
        self._make_connections()
        self._make_load()
        self._make_process()
        self._make_work()

    def _make_captions(self) -> None:
        self.first_caption = _children(
            self._histogram(
                "first_caption_seconds",
                "From the arrival of a segment's first speech to its first caption on the socket",
                LATENCY_S,
                "segment",
            ),
            SegmentOrder,
        )
        self.final = self._histogram(
            "final_seconds",
            "From the arrival of a segment's last audio, after which the speaker paused, to its final",
            LATENCY_S,
        )
        self.caption_lag = self._histogram(
            "caption_lag_seconds",
            "From the arrival of the newest audio in an interim to that interim on the socket",
            LATENCY_S,
        )
        self.caption_stage = _children(
            self._histogram(
                "caption_stage_seconds", "Where the time of a caption went", STAGE_S, "stage"
            ),
            CaptionStage,
        )
        self.rejected = _children(
            self._counter("hypotheses_rejected_total", "Texts that a guard refused", "reason"),
            RejectReason,
        )
        self.spans_lost = _children(
            self._counter("spans_lost_total", "Spans of audio without a final", "reason"),
            (*LostReason, *RejectReason),
        )
        self.stable_words = self._counter(
            "stable_words_total", "Words of finals that interims had called stable"
        )
        self.revised_words = self._counter(
            "stable_words_revised_total", "Those of them that the final did not confirm"
        )
        self.read_paused = self._counter(
            "read_paused_seconds_total",
            "Time that audio waited unread since its track was full",
        )
        self.outbox_events_max = self._gauge(
            "outbox_events_max", "Events that wait for the slowest reader"
        )
        self.audio_buffer_max = self._gauge(
            "audio_buffer_seconds_max", "Audio that the track holds which holds most"
        )

    def _make_inference(self) -> None:
        buckets = (*(one for one in STAGE_S if one < LATENCY_S[0]), *LATENCY_S)
        self.job_queued = _children(
            self._histogram(
                "inference_queue_seconds", "How long a job waited", buckets, "job_class"
            ),
            JobClass,
        )
        self.job_ran = _children(
            self._histogram("inference_run_seconds", "How long a job ran", buckets, "job_class"),
            JobClass,
        )
        dropped = self._counter(
            "inference_dropped_total", "Jobs that never ran", "job_class", "reason"
        )
        self.job_dropped = {
            (kind, reason): dropped.labels(_value(kind), reason)
            for kind in JobClass
            for reason in DropReason
        }
        failed = self._counter("inference_failed_total", "Jobs that failed", "job_class", "reason")
        self.job_failed = {
            (kind, reason): failed.labels(_value(kind), reason)
            for kind in JobClass
            for reason in FailReason
        }
        self.jobs_waiting = self._gauge("inference_waiting", "Jobs that wait")
        self.workers = self._gauge("inference_workers", "Inference threads")
        self.engine_away = _children(
            self._gauge("engine_away", "1 while an engine in another process is away", "role"),
            EngineRole,
        )

    def _make_connections(self) -> None:
        self.meetings = self._gauge("meetings", "Live meetings")
        self.tracks = self._gauge("tracks", "Live tracks")
        self.meetings_max = self._gauge("meetings_max", "Meetings that may be live")
        admissions = self._counter(
            "admissions_total",
            "Connections that asked for a place in a meeting",
            "outcome",
            "reason",
        )
        self.admitted = admissions.labels(ADMITTED, NO_REASON)
        self.admission_refused = {
            reason: admissions.labels(REFUSED, reason) for reason in ADMISSION_REFUSALS
        }
        closed = self._counter(
            "connections_closed_total", "WebSockets that ended", "close_code", "resumed"
        )
        self.connections_closed = {
            (code, resumed): closed.labels(code, str(resumed).lower())
            for code in CLOSE_CODES
            for resumed in (False, True)
        }
        self.requests_refused = _children(
            self._counter(
                "requests_refused_total", "Requests that were answered with an error", "code"
            ),
            REQUEST_CODES,
        )

    def _make_load(self) -> None:
        self.load = _children(
            self._gauge("load", "The load of the last ten seconds; 1 is all of it", "kind"),
            LoadKind,
        )
        self.load_limit = _children(
            self._gauge("load_limit", "The load from which something gives way", "level"),
            LoadLimit,
        )
        self.load_level = self._gauge(
            "load_level", "What gives way: 0 nothing, 1 stretch, 2 drop, 3 refuse"
        )
        self.interim_interval_factor = self._gauge(
            "interim_interval_factor", "How many times more rarely interims come than they should"
        )

    def _make_process(self) -> None:
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop was for a timer", STAGE_S
        )
        self.draining = self._gauge("draining", "1 from SIGTERM on, else 0")
        self.drain_tracks_left = self._gauge(
            "drain_tracks_left", "Tracks that a drain waits for; 0 before"
        )
        self.drain_seconds = self._gauge("drain_seconds", "How long a drain has taken so far")
        self._model_loads = self._counter(
            "model_loads_total", "How often a model was loaded: once", "role", "model"
        )
        self._model_bytes = self._gauge(
            "model_bytes", "The size of a model's file of weights", "kind"
        )
        self._build_info = self._gauge(
            "build_info", "What this process is; always 1", "version", "profile", "engine", "model"
        )

    def _make_work(self) -> None:
        synthesis = self._histogram(
            "synthesis_seconds",
            "How long a synthesis took, its wait included",
            WORK_S,
            "engine",
            "outcome",
        )
        self.synthesis = {
            (engine, outcome): synthesis.labels(engine, outcome)
            for engine in SynthesisEngine
            for outcome in SynthesisOutcome
        }
        self.syntheses_running = self._gauge("syntheses_running", "Syntheses that run")
        self.syntheses_waiting = self._gauge("syntheses_waiting", "Syntheses that wait")
        self.files_running = self._gauge("files_running", "Uploaded files that are transcribed")
        self.files_waiting = self._gauge("files_waiting", "Uploaded files that wait")
        self.embeddings = self._histogram(
            "embeddings_seconds", "How long a request for embeddings took", WORK_S
        )
        self.embedding_texts = self._counter("embedding_texts_total", "Texts that were embedded")

    def loaded(self, role: str, model: str, loads: int, weights_bytes: int) -> None:
        """Note a model once the process is ready."""
        self._model_loads.labels(role, model).inc(loads)
        self._model_bytes.labels(role).set(weights_bytes)

    def built(self, *, version: str, profile: str, engine: str, model: str) -> None:
        """Note what this process is."""
        self._build_info.labels(version, profile, engine, model).set(1)

    def closed(self, close_code: int | None, *, resumed: bool) -> None:
        """Count a WebSocket that has ended. close_code: None where no close frame came or went."""
        code = ABNORMAL if close_code is None else str(int(close_code))
        self.connections_closed[code if code in CLOSE_CODES else OTHER_CODE, resumed].inc()

    def refused(self, code: ErrorCode) -> None:
        """Count a request that was answered with an error."""
        self.requests_refused[code if code in self.requests_refused else ErrorCode.INTERNAL].inc()

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"wordloop_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"wordloop_{name}", meaning, labels, registry=self.registry)

    def _histogram(
        self, name: str, meaning: str, buckets: Sequence[float], *labels: str
    ) -> Histogram:
        return Histogram(
            f"wordloop_{name}", meaning, labels, buckets=buckets, registry=self.registry
        )
