"""Admits suspected tracks one at a time, so that it shows which of them a process dies of."""

import asyncio

from wordloop_ml.meetings.session import Ack, OutboxEvent
from wordloop_ml.messages import Caption

TURN_S = 0.5
"""How long a turn lasts at most: native code dies of some audio at its first decode."""

WAIT_S = 2.0
"""How long a track waits for its turn at most, whoever else is suspected."""


class Turn:
    """A track's right to be the only suspect that is decoded.

    From before its ``ready`` until a caption or an ack shows that what was replayed has been
    decoded, the track ends, or TURN_S have passed.

    lock: what it holds; None for a track that nobody suspects.
    """

    def __init__(self, lock: asyncio.Lock | None = None) -> None:
        self._lock = lock
        self._timer = (
            None if lock is None else asyncio.get_running_loop().call_later(TURN_S, self.end)
        )

    def look(self, event: OutboxEvent, live_from: int) -> None:
        """End the turn if an event that was sent shows that all before ``live_from`` was decoded."""
        match event:
            case Caption(end=understood) | Ack(committed=understood):
                if understood >= live_from:
                    self.end()

    def end(self) -> None:
        """Let the next track in; harmless when called twice."""
        lock, self._lock = self._lock, None
        if self._timer is not None:
            self._timer.cancel()
        if lock is not None:
            lock.release()


class Quarantine:
    """Hands out turns in the order of asking; one for the process."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def turn(self) -> Turn:
        """Wait for a turn, WAIT_S at most; then come in without one. The caller ends it."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._lock.acquire()
        except TimeoutError:
            return Turn()
        return Turn(self._lock)
