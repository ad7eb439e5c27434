"""The benchmarks beside captions: starts, memory, and what is used; from given figures."""

import os
from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from scripts.benchmark import memory, overhead, starts
from scripts.benchmark.meters import CpuUse, Meters
from scripts.benchmark.starts import Start
from tests.scripts.support import EACH
from wordloop_ml.metrics import Metrics

MEBI = 2**20


def start(first_s: float | None, hundredth_s: float | None) -> Start:
    return Start(2.0, replace(EACH, first_s=first_s), replace(EACH, first_s=hundredth_s))


def test_the_ratio_of_starts_is_the_median_of_pairs() -> None:
    """Each pair comes from one process; a start without a caption is no success."""
    report = starts.report("embedded", [start(0.4, 0.4), start(0.6, 0.4), start(0.44, 0.4)])
    assert [one.measured for one in report.aims] == pytest.approx([1.1, 600])
    assert all(one.reached for one in report.aims)
    report = starts.report("embedded", [start(0.4, 0.4), start(None, 0.4)])
    assert [one.reached for one in report.aims] == [True, False]
    assert ["first caption: first segment", "400", "never", "2"] in report.tables[0].rows


def test_memory_has_aims() -> None:
    """A further track is an eighth of what eight add."""
    report = memory.report("embedded", 50 * MEBI, 60 * MEBI, 76 * MEBI, 90.0)
    idle, track = report.aims
    assert idle.measured == 50.0
    assert (track.measured, track.reached) == (2.0, True)
    assert report.tables[0].rows[0] == ["idle", "50.0"]


def test_use_is_split_by_who_used_it() -> None:
    """What no one of us used, another process did."""
    use = CpuUse(20.0, 5.5, 3.25, 55.0) - CpuUse(10.0, 3.0, 3.0, 50.0)
    assert use == CpuUse(10.0, 2.5, 0.25, 5.0)
    assert use.elsewhere == pytest.approx(0.225)
    meters = Meters(os.getpid())
    assert meters.cpu().server > 0.0
    assert meters.rss_bytes() == meters.peak_rss_bytes > 0


def test_what_metrics_cost_is_counted_by_themselves() -> None:
    """Each observation once, and each count, but nothing of the process's own."""
    metrics = Metrics()
    for _ in range(3):
        metrics.final.observe(0.5)
    metrics.stable_words.inc(4)
    counts = overhead.events_of(generate_latest(metrics.registry).decode())
    assert counts == {"histogram": 3, "counter": 4}
    report = overhead.report("embedded", counts, {"histogram": 0.01, "counter": 0.0}, 2.0)
    assert report.tables[0].rows[-1][-1] == "1.5 %"
    assert report.aims[0].reached


def test_each_kind_of_event_takes_time() -> None:
    """A scrape most of all."""
    each_s = overhead.time_events()
    assert max(each_s, key=each_s.__getitem__) == "scrape"
    assert min(each_s.values()) > 0
