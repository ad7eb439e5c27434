"""CPU between two readings."""

import os

from scripts.benchmark.meters import CpuReading, CpuUse, Meters, cpu_use


def test_use_is_split_by_who_used_it() -> None:
    """What no one of us used, another process did."""
    before = CpuReading(10.0, 3.0, 3.0, 50.0)
    after = CpuReading(20.0, 5.5, 3.25, 55.0)
    assert cpu_use(before, after) == CpuUse(10.0, 2.5, 0.25, 2.25)


def test_a_process_can_be_read() -> None:
    """This one, here: its main thread has used something, and it has memory."""
    meters = Meters(os.getpid())
    assert meters.cpu().server_s > 0.0
    assert meters.rss_bytes() == meters.peak_rss_bytes > 0
