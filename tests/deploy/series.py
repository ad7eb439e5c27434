"""Twenty minutes of series as a busy container would have them, for queries that must find something."""

from collections.abc import Iterator
from itertools import product

JOB = {
    "job": "wordloop-ml",
    "instance": "10.0.0.1:9464",
    "namespace": "live",
    "pod": "wordloop-ml-1",
}
STEP_S, STEPS = 10, 120
BUCKETS = ("0.1", "0.5", "1.0", "5.0", "+Inf")

HISTOGRAMS: dict[str, dict[str, tuple[str, ...]]] = {
    "wordloop_first_caption_seconds": {"segment": ("first", "later")},
    "wordloop_final_seconds": {},
    "wordloop_caption_lag_seconds": {},
    "wordloop_caption_stage_seconds": {
        "stage": ("heard", "queued", "ran", "returned", "stabilised", "send")
    },
    "wordloop_inference_queue_seconds": {"job_class": ("first_caption", "final", "interim")},
    "wordloop_inference_run_seconds": {"job_class": ("first_caption", "final", "interim")},
    "wordloop_event_loop_lag_seconds": {},
    "wordloop_synthesis_seconds": {"engine": ("extractive",), "outcome": ("made", "failed")},
    "wordloop_embeddings_seconds": {},
}
COUNTERS: dict[str, dict[str, tuple[str, ...]]] = {
    "wordloop_inference_dropped_total": {"job_class": ("interim",), "reason": ("stale",)},
    "wordloop_inference_failed_total": {"job_class": ("final",), "reason": ("engine_failed",)},
    "wordloop_admissions_total": {
        "outcome": ("admitted", "refused"),
        "reason": ("none", "load", "resume_load"),
    },
    "wordloop_connections_closed_total": {
        "close_code": ("1000", "1006"),
        "resumed": ("true", "false"),
    },
    "wordloop_hypotheses_rejected_total": {"reason": ("repetition",)},
    "wordloop_spans_lost_total": {"reason": ("gap", "decode_failed")},
    "wordloop_stable_words_total": {},
    "wordloop_stable_words_revised_total": {},
    "wordloop_read_paused_seconds_total": {},
    "wordloop_embedding_texts_total": {},
    "wordloop_model_loads_total": {"role": ("transcriber",), "model": ("tiny.en",)},
    "process_cpu_seconds_total": {},
}
GAUGES: dict[str, dict[str, tuple[str, ...]]] = {
    "up": {},
    "process_start_time_seconds": {},
    "process_resident_memory_bytes": {},
    "wordloop_meetings": {},
    "wordloop_tracks": {},
    "wordloop_meetings_max": {},
    "wordloop_inference_waiting": {},
    "wordloop_inference_workers": {},
    "wordloop_load": {"kind": ("demand", "utilisation", "used", "vital", "asked")},
    "wordloop_load_limit": {"level": ("stretch", "drop", "refuse", "resume")},
    "wordloop_load_level": {},
    "wordloop_interim_interval_factor": {},
    "wordloop_outbox_events_max": {},
    "wordloop_audio_buffer_seconds_max": {},
    "wordloop_model_bytes": {"kind": ("transcriber", "voice_detector", "embedder")},
    "wordloop_build_info": {"version": ("0.1.0",), "profile": ("embedded",)},
    "wordloop_draining": {},
    "wordloop_drain_tracks_left": {},
    "wordloop_drain_seconds": {},
    "wordloop_syntheses_running": {},
    "wordloop_syntheses_waiting": {},
    "container_memory_working_set_bytes": {"container": ("wordloop-ml",)},
    "container_spec_memory_limit_bytes": {"container": ("wordloop-ml",)},
}
NAMES = {
    *COUNTERS,
    *GAUGES,
    *(f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "count", "sum")),
}
"""Of all series, as queries name them."""


def _children(dimensions: dict[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Make each combination of labels, with those that Prometheus adds."""
    for values in product(*dimensions.values()):
        yield {**JOB, **dict(zip(dimensions, values, strict=True))}


def _sample(name: str, labels: dict[str, str], value: float, at_s: int) -> str:
    told = ",".join(f'{key}="{said}"' for key, said in labels.items())
    return f"{name}{{{told}}} {value} {at_s}"


def exposition(end_s: int, recorded: set[str]) -> Iterator[str]:
    """Write the series up to ``end_s`` (seconds of the epoch), a line a sample, in OpenMetrics' form.

    recorded: names of recording rules; each gets a gauge.
    """
    for step in range(STEPS + 1):
        at_s = end_s - (STEPS - step) * STEP_S
        for name, dimensions in HISTOGRAMS.items():
            for labels in _children(dimensions):
                for rank, bound in enumerate(BUCKETS, 1):
                    yield _sample(f"{name}_bucket", {**labels, "le": bound}, step * rank, at_s)
                yield _sample(f"{name}_count", labels, step * len(BUCKETS), at_s)
                yield _sample(f"{name}_sum", labels, step * 0.5, at_s)
        for name, dimensions in COUNTERS.items():
            for labels in _children(dimensions):
                yield _sample(name, labels, step, at_s)
        for name, dimensions in (GAUGES | {one: {} for one in sorted(recorded)}).items():
            for labels in _children(dimensions):
                yield _sample(name, labels, 1, at_s)
    yield "# EOF"
