"""The order in which a process leaves, one function.

aiohttp's own signal handling closes the listening socket first and cancels its handlers: peers
see 1006 and probes see refused connections. So the service leaves by itself, in this order.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.analysis.syntheses import Syntheses
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.ports import TranscriberWorker

END_SYNTHESES_S = 2.0
"""How long syntheses may take to return from the calls on threads that they wait for."""

CLOSE_SOCKETS_S = 3.0
"""How long the last frames and closing handshakes may take once the meetings have left."""

JOIN_THREADS_S = 2.0
"""How long inference threads may take to return from their last native call."""

LOOK_EVERY_S = 0.2
"""How soon a second signal cuts either of these short."""

log = structlog.get_logger()


async def drain(
    *,
    become_unready: Callable[[], None],
    roster: Roster,
    syntheses: Syntheses,
    embeddings: Embeddings | None,
    wait_unconnected: Callable[[float], Awaitable[bool]],
    stop_listening: Callable[[], Awaitable[None]],
    executor: Executor[TranscriberWorker],
    free_engines: Callable[[], None],
    forced: asyncio.Event,
    listen_s: float,
    deadline_s: float,
) -> bool:
    """Leave. False when a native call hangs: then only the end of the process frees it.

    forced: set by a second signal; it cuts every wait short.
    """
    # 1. Balancers see it first; the listener answers new meetings with 503 meanwhile.
    become_unready()
    syntheses.refuse_waiting()
    log.info("drain_started", tracks=roster.statistics().tracks)
    await _wait(forced, listen_s)
    # 2 and 3. Every connection is told, gets its finals, and closes; all at once. Syntheses and
    # embeddings make room for the finals: whoever waits for one asks elsewhere.
    if embeddings is not None:
        embeddings.drain()
    ending = asyncio.create_task(syntheses.drain(END_SYNTHESES_S), name="drain-syntheses")
    leaving = asyncio.create_task(roster.drain(deadline_s), name="drain-roster")
    cutting = asyncio.create_task(forced.wait(), name="drain-forced")
    await asyncio.wait({leaving, cutting}, return_when=asyncio.FIRST_COMPLETED)
    cutting.cancel()
    if not leaving.done():
        roster.cut()
        syntheses.cut()
    in_time = await leaving
    ended = await ending
    closed = await _unconnected(wait_unconnected, forced)
    # 4. What has not answered its close frame by now is cut with the listener.
    await stop_listening()
    joined = await _joined(executor, JOIN_THREADS_S, forced)
    # 5. Only when no thread is inside a native call may the weights go.
    if joined:
        free_engines()
    log.info(
        "drain_ended",
        in_time=in_time,
        syntheses_ended=ended,
        sockets_closed=closed,
        threads_joined=joined,
    )
    return joined


async def _wait(forced: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await forced.wait()
    except TimeoutError:
        return


async def _unconnected(
    wait_unconnected: Callable[[float], Awaitable[bool]], forced: asyncio.Event
) -> bool:
    """Poll for the last closing handshake; once forced, a moment has to do."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CLOSE_SOCKETS_S
    while not await wait_unconnected(LOOK_EVERY_S):
        if forced.is_set() or loop.time() >= until_s:
            return False
    return True


async def _joined(
    executor: Executor[TranscriberWorker], seconds: float, forced: asyncio.Event
) -> bool:
    """Poll for the threads' end without blocking the loop, which still closes sockets."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    while not executor.close(0.0):
        if forced.is_set():
            until_s = min(until_s, loop.time() + LOOK_EVERY_S)
        if loop.time() >= until_s:
            return False
        await asyncio.sleep(0.02)
    return True
