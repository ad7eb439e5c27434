"""What the tests of this room share: no task is left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(autouse=True)
async def no_task_is_left_behind() -> AsyncIterator[None]:
    """Every task has an owner, and ends with it."""
    yield
    current = asyncio.current_task()
    left = [task.get_name() for task in asyncio.all_tasks() if task is not current]
    assert not left, f"tasks left behind: {left}"
