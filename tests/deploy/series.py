"""Twenty minutes of every series of a busy container, for queries that must find something."""

from collections.abc import Iterator

from wordloop_ml.metrics import Metrics

JOB = {
    "job": "wordloop-ml",
    "instance": "10.0.0.1:9464",
    "namespace": "live",
    "pod": "wordloop-ml-1",
}
STEP_S, STEPS = 10, 120

CONTAINER = {**JOB, "container": "wordloop-ml"}
OTHERS = {
    "up": JOB,
    "container_memory_working_set_bytes": CONTAINER,
    "container_spec_memory_limit_bytes": CONTAINER,
}
"""Gauges of Prometheus itself and of the kubelet."""


def _slopes() -> Iterator[tuple[str, dict[str, str], float]]:
    """Make each series of the service: its name, its labels, and its growth in a step; 0 for a gauge."""
    metrics = Metrics()
    metrics.loaded("transcriber", "tiny.en", 1, 75_000_000)
    metrics.built(version="0.1.0", profile="embedded", engine="ctranslate2", model="tiny.en")
    for family in metrics.registry.collect():
        rank = 0
        for sample in family.samples:
            labels = {**JOB, **sample.labels}
            if sample.name.endswith("_bucket"):
                rank += 1
                yield sample.name, labels, rank
            elif sample.name.endswith("_count"):  # follows the child's buckets
                yield sample.name, labels, rank
                rank = 0
            elif family.type == "histogram":
                yield sample.name, labels, 0.5
            else:
                yield sample.name, labels, float(family.type == "counter")


SERIES = list(_slopes())
NAMES = {*OTHERS, *(name for name, _, _ in SERIES)}
"""Of all series, as queries name them."""


def _sample(name: str, labels: dict[str, str], value: float, at_s: int) -> str:
    told = ",".join(f'{key}="{said}"' for key, said in labels.items())
    return f"{name}{{{told}}} {value} {at_s}"


def exposition(end_s: int, recorded: set[str]) -> Iterator[str]:
    """Write the series up to ``end_s`` (seconds of the epoch), a line a sample, in OpenMetrics' form.

    recorded: names of recording rules; each gets a gauge.
    """
    gauges = OTHERS | dict.fromkeys(sorted(recorded), JOB)
    for step in range(STEPS + 1):
        at_s = end_s - (STEPS - step) * STEP_S
        for name, labels, slope in SERIES:
            yield _sample(name, labels, step * slope if slope else 1, at_s)
        for name, labels in gauges.items():
            yield _sample(name, labels, 1, at_s)
    yield "# EOF"
