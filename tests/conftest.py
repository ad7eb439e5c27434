"""What every test lives under: nothing blocks the loop, and no thread is left behind."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

CALM: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "print_blob": True,
}
# By hand each run looks somewhere new; in CI a change is judged by what it changed.
settings.register_profile("search", **CALM)
settings.register_profile("ci", derandomize=True, **CALM)
settings.load_profile("ci" if "CI" in os.environ else "search")

OURS = (
    "inference-",
    "load-engines",
    "open-engines",
    "metrics",
    "spool",
    "traces",
    "watch-tokens",
    "Otel",
)


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves one of the service's threads running."""
    before = set(threading.enumerate())
    yield
    ours = [
        thread for thread in set(threading.enumerate()) - before if thread.name.startswith(OURS)
    ]
    for thread in ours:  # one may be at its last instruction
        thread.join(5.0)
    left = [thread.name for thread in ours if thread.is_alive()]
    assert not left, f"threads left behind: {left}"


@pytest.fixture(autouse=True)
def async_rooms_never_block() -> Iterator[None]:
    """Fail a test in which the event loop waits for a lock, a disk or a socket inside our code."""
    with blockbuster_ctx(
        [f"wordloop_ml.{room}" for room in ("meetings", "analysis", "web", "client")]
    ):
        yield
