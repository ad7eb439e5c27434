"""One track's session with its connection: what it asked for, what waits to be sent, and when.

Where the time of a caption went is measured for every caption, which costs a few readings of the
clock; it is logged at level debug only: durations and classes, never a word of it.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from wordloop_ml.captioning.track import Track
from wordloop_ml.errors import ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Caption, Flushed, JobClass, Samples, Task, TrackEvent


@dataclass(frozen=True, slots=True)
class DecodeTiming:
    """Where the time of a decode went until its answer was there; seconds.

    samples: the audio that was decoded.
    heard_s: the step that asked for it, from the arrival of its audio: voice detection, mostly.
    queued_s: until an inference thread took it. ran_s: the whole job: encode, decode, words.
    done_s: when it ended, on the clock of the meeting.
    """

    kind: JobClass
    samples: int
    heard_s: float
    queued_s: float
    ran_s: float
    done_s: float


@dataclass(frozen=True, slots=True)
class CaptionTiming:
    """Where the time of a caption went until it waited to be sent; seconds.

    decode: the answer that let it out; None when the audio did (a speculation came true, or the
    text was there already).
    returned_s: from the end of the decode to its turn in the event loop.
    stabilised_s: the step that made the caption; without a decode, voice detection is part of it.
    put_s: when it was put into the outbox, on the clock of the meeting.
    """

    decode: DecodeTiming | None
    returned_s: float
    stabilised_s: float
    put_s: float

    def facts(self, sent_s: float) -> dict[str, str | float]:
        """Return the facts for a log line, durations in milliseconds.

        sent_s: when the socket had taken the caption, on the clock of the meeting.
        """
        stages = {
            "returned_ms": self.returned_s,
            "stabilised_ms": self.stabilised_s,
            "send_ms": sent_s - self.put_s,
        }
        facts: dict[str, str | float] = {"decoded_for": "none", "audio_ms": 0}
        if self.decode is not None:
            facts["decoded_for"] = self.decode.kind.name.lower()
            facts["audio_ms"] = self.decode.samples * 1000 // SAMPLE_RATE
            stages |= {
                "heard_ms": self.decode.heard_s,
                "queued_ms": self.decode.queued_s,
                "ran_ms": self.decode.ran_s,
            }
        return facts | {name: round(1000 * stage, 3) for name, stage in stages.items()}


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


OutboxEvent = TrackEvent | Flushed | Ack | Cadence | Ping | Leaving | Closed


class Outbox:
    """The events that wait to be sent on one connection.

    The meeting's actor puts them in, the connection's sender task gets them. ``put`` never blocks, so
    that a slow reader cannot stall a meeting. When ``CAPACITY`` events wait, the reader has failed: all
    are replaced by ``Closed(slow_consumer)``, and
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

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._events

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
        """Wait for the next event, in order."""
        return (await self.get_timed())[0]

    async def get_timed(self) -> tuple[OutboxEvent, CaptionTiming | None]:
        """Wait for the next event; return it and, for a caption, where its time went so far.

        Other tasks have a turn of the event loop before, also when many events wait.
        """
        await asyncio.sleep(0)
        while not self._events:
            self._waiting.clear()
            await self._waiting.wait()
        return self._events.popleft()

    def _drop_stale(self, event: OutboxEvent) -> None:
        """Drop what an event replaces: interims of its segment, older acks, an older cadence."""
        self._events = deque(one for one in self._events if not _replaces(event, one[0]))


def _replaces(event: OutboxEvent, waiting: OutboxEvent) -> bool:
    match event, waiting:
        case Caption(segment=newer), Caption(segment=older, final=False):
            return newer == older
        case (Ack(), Ack()) | (Cadence(), Cadence()):
            return True
        case _:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """What a connection asked for; positions are absolute samples at 16 kHz.

    careful: its decodes are. suspected: a process may have died of it; it hears of its progress
    often until that is beyond ``live_from``.
    """

    track: str
    epoch: int | None = None
    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()
    first_sample: int = 0
    last_seq: int = 0
    live_from: int = 0
    careful: bool = False
    suspected: bool = False


class WindowBuffer:
    """Holds audio back until it completes a window of the voice detector.

    Until then it changes nothing, so a meeting makes a step for each window, not for each frame.

    window_samples: of the detector, at 16 kHz.
    """

    def __init__(self, window_samples: int) -> None:
        self._window_samples = window_samples
        self._pieces: list[Samples] = []
        self._into_window = 0  # how much of the newest window has been passed on

        self.held = 0

    def push(self, piece: Samples) -> bool:
        """Take audio in; return whether it completes a window, so that ``take`` is due."""
        self._pieces.append(piece)
        self.held += len(piece)
        return self._into_window + self.held >= self._window_samples

    def take(self) -> Samples:
        """Hand out all audio that is held, float32 at 16 kHz; it may be empty."""
        pieces, self._pieces = self._pieces, []
        self._into_window = (self._into_window + self.held) % self._window_samples
        self.held = 0
        return pieces[0] if len(pieces) == 1 else np.concatenate([_NOTHING, *pieces])

    def restart(self) -> None:
        """Let the next sample begin a window: a gap went before it."""
        self._into_window = 0


_NOTHING: Samples = np.zeros(0, np.float32)


@dataclass(slots=True, eq=False)
class TrackSession:
    """One connection's track in a meeting: made by the actor, held by the connection.

    outbox: what the connection sends. room: set when its reader should look again.
    leaving: takes no more intake and closes, with ``close_code``, when its track is done.
    waiting: audio that completes no window of the detector yet.
    interim_interval_factor: how many times more rarely than usual it asks for interims.
    degraded: its connection knows that interims come less often.
    unhandled: its messages in the inbox. finals, lost: how many of each were emitted.
    """

    options: TrackOptions
    track: Track
    outbox: Outbox
    waiting: "WindowBuffer"
    acked_at: int = 0
    acked_committed: int = 0
    leaving: bool = False
    close_code: ErrorCode | None = None
    interim_interval_factor: float = 1.0
    degraded: bool = False
    unhandled: int = 0
    finals: int = 0
    lost: int = 0
    room: asyncio.Event = field(default_factory=asyncio.Event)
