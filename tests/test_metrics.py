"""Metrics: every name and label documented, every child there from the start, nothing of what clients send."""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from wordloop_ml.errors import BusyReason, ErrorCode
from wordloop_ml.load import Load, LoadLimits
from wordloop_ml.metrics import ABNORMAL, OTHER_CODE, LoadKind, LoadLimit, Metrics
from wordloop_ml.wire.close_codes import OUTCOMES, CloseCode

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
OF_MODELS = {"wordloop_model_loads_total", "wordloop_model_bytes", "wordloop_build_info"}
"""Their labels are names of models: a handful in each process."""

ELSEWHERE: dict[str, set[str]] = {
    "[errors](errors.md)": set(OUTCOMES),
    "[protocol](protocol.md)": {str(int(code)) for code in CloseCode},
}
"""Pages that list the values of a label; tests/test_docs.py holds them to the code."""


def rows() -> Iterator[list[str]]:
    """The rows of the page's tables whose first cell is code."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def made() -> Iterator[tuple[str, MetricWrapperBase]]:
    """The metrics of a service by the names that Prometheus shows."""
    collectors: list[object] = list(Metrics().registry._collector_to_names)
    for collector in collectors:
        if isinstance(collector, MetricWrapperBase):
            yield collector._name + "_total" * (collector._type == "counter"), collector


def test_every_metric_has_its_row() -> None:
    """With its type, its labels and what it means; and no row is left over."""
    documented = {
        name.strip("`"): (kind, labels, meaning)
        for name, kind, labels, meaning in (row for row in rows() if len(row) == 4)
    }
    labels = {name: ", ".join(one._labelnames) for name, one in made()}
    shown = {}
    for family in Metrics().registry.collect():
        if family.name.startswith("process_"):  # Prometheus' own names
            continue
        name = family.name + "_total" * (family.type == "counter")
        shown[name] = (family.type, labels.get(name, ""), family.documentation)
    assert documented == shown


def test_every_value_of_a_label_is_documented() -> None:
    """So that the series can be counted."""
    documented = {
        (of, label.strip("`")): {
            value for word in values.split() for value in ELSEWHERE.get(word, {word})
        }
        for label, metrics, values in (row for row in rows() if len(row) == 3)
        for of in re.findall(r"`(\w+)`", metrics)
    }
    shown = {
        (name, label): {values[index] for values in one._metrics}
        for name, one in made()
        for index, label in enumerate(one._labelnames)
        if name not in OF_MODELS
    }
    assert documented == shown


def test_every_combination_of_labels_is_there_from_the_start() -> None:
    """A child that is born with its first event shows no increase."""
    for name, one in made():
        if not one._labelnames or name in OF_MODELS:
            continue
        values = [{key[index] for key in one._metrics} for index in range(len(one._labelnames))]
        full = 1
        for some in values:
            full *= len(some)
        if name != "wordloop_admissions_total":  # who was admitted has no reason
            assert len(one._metrics) == full, name


def test_the_series_of_a_process_are_bounded() -> None:
    """Whatever its clients do: about a thousand."""
    samples = [sample for family in Metrics().registry.collect() for sample in family.samples]
    assert len(samples) <= 1_100


def test_a_close_is_counted_by_its_code() -> None:
    """One of ours, none, and one that a client made up."""
    metrics = Metrics()
    for code, label in ((CloseCode.IDLE, "4003"), (None, ABNORMAL), (4999, OTHER_CODE)):
        metrics.closed(code, resumed=True)
        assert value(metrics, "connections_closed_total", close_code=label, resumed="true") == 1


def test_a_refusal_is_counted_by_its_code() -> None:
    """What clients never see counts as internal."""
    metrics = Metrics()
    metrics.refused(ErrorCode.BUSY)
    metrics.refused(ErrorCode.DISK_FULL)
    assert value(metrics, "requests_refused_total", code="busy") == 1
    assert value(metrics, "requests_refused_total", code="internal") == 1


def test_loads_and_limits_are_called_as_in_the_code() -> None:
    """The gauges are read by these names."""
    assert all(hasattr(Load(), kind) for kind in LoadKind)
    assert all(hasattr(LoadLimits(), limit) for limit in LoadLimit)
    assert set(BusyReason) >= set(Metrics().admission_refused)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample's value."""
    return metrics.registry.get_sample_value(f"wordloop_{name}", labels)
