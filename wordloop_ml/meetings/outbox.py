"""What waits to be sent to one connection: bounded, stale interims drop, finals never do."""

import asyncio
from collections import deque
from dataclasses import dataclass

from wordloop_ml.errors import ErrorCode
from wordloop_ml.meetings.timing import CaptionTiming
from wordloop_ml.messages import Caption, TrackEvent

CAPACITY = 256
"""Events that may wait for a slow reader: minutes of finals, since interims replace each other."""


@dataclass(frozen=True, slots=True)
class Ack:
    """How far the track has come, absolute samples at 16 kHz."""

    received: int
    committed: int


@dataclass(frozen=True, slots=True)
class Cadence:
    """Interims come less often from now on, because of the load; or as they should again."""

    degraded: bool


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask the peer whether it reads: its answer comes when it has read all that went before."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """The process is draining; the connection will close within ``deadline_s``."""

    deadline_s: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The last event of every connection: why it ends.

    code: None for a regular end. message: more of why, for the client; empty for the usual words.
    received, committed, finals: where the track stands, samples at 16 kHz and a count.
    """

    code: ErrorCode | None
    message: str = ""
    received: int = 0
    committed: int = 0
    finals: int = 0


OutboxEvent = TrackEvent | Ack | Cadence | Ping | Leaving | Closed


class Outbox:
    """One writer (the meeting's actor), one reader (the connection's sender task).

    ``put`` never blocks, so that a slow reader cannot stall a meeting. When more than CAPACITY
    events wait, the reader has failed: everything is replaced by ``Closed(slow_consumer)``, and
    the client resumes from the last final that it has.
    """

    def __init__(self) -> None:
        self._events: deque[tuple[OutboxEvent, CaptionTiming | None]] = deque()
        self._waiting = asyncio.Event()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more can be put."""
        return self._closed

    def put(self, event: OutboxEvent, timing: CaptionTiming | None = None) -> None:
        """Queue an event; after ``Closed`` everything is ignored."""
        if self._closed:
            return
        if isinstance(event, Closed):
            self._closed = True
        self._drop_stale(event)
        if len(self._events) >= CAPACITY and not self._closed:
            self._events.clear()
            self._closed = True
            event, timing = Closed(ErrorCode.SLOW_CONSUMER), None
        self._events.append((event, timing))
        self._waiting.set()

    async def get(self) -> OutboxEvent:
        """The next event, in order; waits for one."""
        return (await self.get_timed())[0]

    async def get_timed(self) -> tuple[OutboxEvent, CaptionTiming | None]:
        """The next event and, for a caption, where its time went so far.

        Everybody else has a turn of the event loop before it, also when many events wait.
        """
        await asyncio.sleep(0)
        while not self._events:
            self._waiting.clear()
            await self._waiting.wait()
        return self._events.popleft()

    def _drop_stale(self, event: OutboxEvent) -> None:
        """What says the newer thing replaces what waits: interims of a segment, acks, the cadence."""
        self._events = deque(one for one in self._events if not _replaces(event, one[0]))


def _replaces(event: OutboxEvent, waiting: OutboxEvent) -> bool:
    match event, waiting:
        case Caption(segment=newer), Caption(segment=older, final=False):
            return newer == older
        case (Ack(), Ack()) | (Cadence(), Cadence()):
            return True
        case _:
            return False
