"""Asks engines in other processes that are away, until they are back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.errors import Busy
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.messages import JobClass
from wordloop_ml.metrics import EngineRole, Metrics

ASK_EVERY_S = 0.5

_ASKER = JobOwner(OwnerKind.ENGINE_WATCH, "", "")


@asynccontextmanager
async def watching(
    engines: Sequence[RemoteModel], jobs: Jobs, metrics: Metrics, *, every_s: float = ASK_EVERY_S
) -> AsyncIterator[None]:
    """Watch these engines for as long as the context lasts.

    Nobody else asks an engine that is away, so that one call finds out what all wait for, also where
    nobody speaks.
    """
    for engine in engines:
        gauge = metrics.engine_away[EngineRole(engine.role)]
        gauge.set_function(partial(getattr, engine, "away"))
    task = asyncio.create_task(_watch(engines, jobs, every_s), name="engine-watch")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(engines: Sequence[RemoteModel], jobs: Jobs, every_s: float) -> None:
    while engines:
        await asyncio.sleep(every_s)
        for engine in engines:
            if engine.away:
                with suppress(Busy):  # all places are taken, or the threads are going
                    await jobs.run(JobClass.EMBEDDING, _ASKER, engine.ask)
