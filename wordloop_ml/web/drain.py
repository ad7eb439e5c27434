"""How the serving process leaves: signals, and the order of a drain (docs/adr/0007).

aiohttp's own signal handling closes the listening socket first and cancels its handlers: peers see
1006 and probes see refused connections. So the service drains by itself.
"""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.analysis.work_queue import WorkQueue
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.web.service import Service

END_WORK_S = 2.0
"""How long syntheses and files may take to return from the calls on threads that they wait for."""

CLOSE_SOCKETS_S = 3.0
"""How long the last frames and closing handshakes may take once the meetings have left."""

JOIN_THREADS_S = 2.0
"""How long inference threads may take to return from their last native call."""

LOOK_EVERY_S = 0.2
"""How soon a second signal cuts either of these short."""

TELL_EVERY_S = 2.0
"""How often the log says what a drain waits for."""

log = structlog.get_logger()


class Signals:
    """SIGTERM and SIGINT: the first asks the process to leave, the second forces it.

    Installed before the models load, so that a stop is heard at any moment. SIGINT comes from a
    person at a terminal: no balancer has to notice, so the listener need not stay open.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()
        self.by_hand = False

    def install(self) -> None:
        """Take over both signals of this process."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.hear)
        loop.add_signal_handler(signal.SIGINT, self.hear, True)

    def remove(self) -> None:
        """Restore the default handlers of both signals."""
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)

    def hear(self, by_hand: bool = False) -> None:
        """Take one signal. by_hand: it was SIGINT."""
        if self.asked.is_set():
            self.forced.set()
        self.by_hand = by_hand
        self.asked.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Everything that a drain has to end.

    runner: of the listener. works: the queues of syntheses, notes and files.
    """

    service: Service
    runner: web.AppRunner
    executor: Executor[TranscriberWorker]
    engines: Engines
    roster: Roster
    works: Sequence[WorkQueue[Any]]
    embeddings: Embeddings | None

    async def run(self, signals: Signals) -> bool:
        """Leave. False when a native call hangs: then only the end of the process frees it.

        A second signal cuts every wait short.
        """
        self.service.become_unready()
        log.info("drain_started", signal="SIGINT" if signals.by_hand else "SIGTERM", **self._left())
        telling = asyncio.create_task(self._tell(signals), name="drain-tell")
        try:
            return await self._leave(signals)
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def _leave(self, signals: Signals) -> bool:
        service, settings, forced = self.service, self.service.settings, signals.forced
        # 1. Balancers see it first; the listener answers new meetings with 503 meanwhile.
        service.uploads.drain()
        for work in self.works:
            work.refuse_waiting()
        await _wait(forced, 0.0 if signals.by_hand else settings.drain_listen_s)
        # 2 and 3. Every connection is told, gets its finals, and closes; all at once. Syntheses, files
        # and embeddings make room for the finals: whoever waits for one asks elsewhere.
        if self.embeddings is not None:
            self.embeddings.drain()
        ending = asyncio.gather(*(work.drain(END_WORK_S) for work in self.works))
        leaving = asyncio.create_task(
            self.roster.drain(settings.drain_deadline_s), name="drain-roster"
        )
        cutting = asyncio.create_task(forced.wait(), name="drain-forced")
        await asyncio.wait({leaving, cutting}, return_when=asyncio.FIRST_COMPLETED)
        cutting.cancel()
        if not leaving.done():
            self.roster.cut()
            for work in self.works:
                work.cut()
        in_time = await leaving
        ended = all(await ending)
        closed = await _unconnected(service, forced)
        # 4. What has not answered its close frame by now is cut with the listener.
        await self.runner.cleanup()
        joined = await _joined(self.executor, forced)
        # 5. Only when no thread is inside a native call may the weights go.
        if joined:
            self.engines.close()
        log.info(
            "drain_ended",
            seconds=round(service.draining_s, 1),
            forced=forced.is_set(),
            in_time=in_time,
            work_ended=ended,
            sockets_closed=closed,
            threads_joined=joined,
        )
        return joined

    async def _tell(self, signals: Signals) -> None:
        """Log what is left, every ``TELL_EVERY_S``."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            log.info(
                "drain_progress",
                seconds=round(self.service.draining_s, 1),
                forced=signals.forced.is_set(),
                **self._left(),
            )

    def _left(self) -> dict[str, int]:
        """Return what the drain waits for, for a log line."""
        live = self.roster.statistics()
        return {
            "meetings": live.meetings,
            "tracks": live.tracks,
            "work": sum(work.places_taken for work in self.works),
            "connections": self.service.connections,
        }


async def _wait(forced: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await forced.wait()
    except TimeoutError:
        return


async def _unconnected(service: Service, forced: asyncio.Event) -> bool:
    """Poll for the last closing handshake; once forced, a moment has to do."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CLOSE_SOCKETS_S
    while not await service.wait_unconnected(LOOK_EVERY_S):
        if forced.is_set() or loop.time() >= until_s:
            return False
    return True


async def _joined(executor: Executor[TranscriberWorker], forced: asyncio.Event) -> bool:
    """Poll for the threads' end without blocking the loop, which still closes sockets."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + JOIN_THREADS_S
    while not executor.close(0.0):
        if forced.is_set():
            until_s = min(until_s, loop.time() + LOOK_EVERY_S)
        if loop.time() >= until_s:
            return False
        await asyncio.sleep(0.02)
    return True
