"""Suspected tracks come in one at a time, so that it shows which of them a process dies of."""

import asyncio

from wordloop_ml.meetings.session import Ack, OutboxEvent
from wordloop_ml.messages import Caption

TURN_S = 0.5
"""Native code that dies of some audio does so at its first decode, a moment after it came in."""

WAIT_S = 2.0
"""Nobody's captions stand still for longer than this because others are suspected, too."""


class Turn:
    """One track's, from before its ``ready`` until it is understood, ends, or has had its time.

    lock: what it holds; None for a track that nobody suspects.
    """

    def __init__(self, lock: asyncio.Lock | None = None) -> None:
        self._lock = lock
        self._timer = (
            None if lock is None else asyncio.get_running_loop().call_later(TURN_S, self.end)
        )

    def look(self, event: OutboxEvent, live_from: int) -> None:
        """The track was sent this; over, if it shows that the engine survived what was replayed."""
        match event:
            case Caption(end=understood) | Ack(committed=understood):
                if understood >= live_from:
                    self.end()

    def end(self) -> None:
        """The next one may come in; harmless when called twice."""
        lock, self._lock = self._lock, None
        if self._timer is not None:
            self._timer.cancel()
        if lock is not None:
            lock.release()


class Quarantine:
    """One for the process; turns are had in the order of asking."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def turn(self) -> Turn:
        """Wait for one, but not for ever; whoever has it ends it."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._lock.acquire()
        except TimeoutError:
            return Turn()
        return Turn(self._lock)
