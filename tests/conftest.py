"""What every test lives under: no task and no inference thread is left behind."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("ci")

OURS = ("inference-", "load-engines")


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves one of the service's threads running."""
    before = set(threading.enumerate())
    yield
    left = [
        thread.name
        for thread in set(threading.enumerate()) - before
        if thread.name.startswith(OURS)
    ]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
async def no_task_is_left_behind() -> None:
    """Fail a test that leaves a task behind; async tests ask for it through their module."""
    current = asyncio.current_task()
    left = [task.get_name() for task in asyncio.all_tasks() if task is not current]
    assert not left, f"tasks left behind: {left}"
