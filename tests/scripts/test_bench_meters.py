"""CPU between two readings."""

import os

import pytest

from scripts.benchmark.meters import CpuReading, Meters, cpu_use


def test_use_is_a_share_of_one_core_by_who_used_it() -> None:
    """What no one of us used, another process did."""
    before = CpuReading(10.0, 1.0, 2.0, 3.0, 50.0)
    after = CpuReading(20.0, 1.5, 4.0, 3.25, 55.0)
    use = cpu_use(before, after)
    assert (use.event_loop, use.inference, use.client) == pytest.approx((0.05, 0.2, 0.025))
    assert use.server == pytest.approx(0.25)
    assert use.elsewhere == pytest.approx(0.225)


def test_a_process_can_be_read() -> None:
    """This one, here: its main thread has used something, and it has memory."""
    meters = Meters(os.getpid())
    assert meters.cpu().event_loop_s > 0.0
    assert meters.rss_bytes() == meters.peak_rss_bytes > 0
