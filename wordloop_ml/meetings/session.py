"""One track's session with its connection: what it asked for, what waits to be sent, and when.

Where the time of a caption went is measured for every caption, which costs a few readings of the
clock; it is counted in the metrics, and logged at level debug only: durations and classes, never a word of it.
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import structlog

from wordloop_ml.captioning.track import MOST_WAITING, Track
from wordloop_ml.errors import ErrorCode
from wordloop_ml.executor import JobOwner
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    Flushed,
    JobClass,
    RejectReason,
    Samples,
    Task,
    TrackEvent,
)
from wordloop_ml.metrics import CaptionStage, Metrics, SegmentOrder
from wordloop_ml.tracing import Caller, Stretch, Tracing

log = structlog.get_logger()


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

    @property
    def audio_ms(self) -> int:
        """The audio that was decoded, in milliseconds."""
        return self.samples * 1000 // SAMPLE_RATE

    @property
    def asked_s(self) -> float:
        """When the step began that asked for it."""
        return self.done_s - self.ran_s - self.queued_s - self.heard_s

    def facts(self) -> dict[str, str | float]:
        """Return the facts for a log line, durations in milliseconds."""
        return {
            "decoded_for": self.kind.name.lower(),
            "audio_ms": self.audio_ms,
            "heard_ms": round(1000 * self.heard_s, 3),
            "queued_ms": round(1000 * self.queued_s, 3),
            "ran_ms": round(1000 * self.ran_s, 3),
        }


@dataclass(frozen=True, slots=True)
class SpeechArrival:
    """When the audio of a caption had arrived, on the clock of the meeting.

    began_s: the first speech of its segment, for the first caption of that alone. order: of the segment
    in its meeting. ended_s: the newest audio that the caption covers.
    """

    began_s: float | None
    order: SegmentOrder
    ended_s: float


@dataclass(frozen=True, slots=True)
class CaptionTiming:
    """Where the time of a caption went until it waited to be sent; seconds.

    decode: the answer that let it out; None when the audio did (a speculation came true, or the
    text was there already).
    speech: None for a replay, whose audio is not live.
    returned_s: from the end of the decode to its turn in the event loop.
    stabilised_s: the step that made the caption; without a decode, voice detection is part of it.
    put_s: when it was put into the outbox, on the clock of the meeting.
    """

    decode: DecodeTiming | None
    returned_s: float
    stabilised_s: float
    put_s: float
    speech: SpeechArrival | None = None

    def observe(self, metrics: Metrics, caption: Caption, sent_s: float) -> None:
        """Count a caption that was sent; a replay counts nowhere. sent_s: as for ``facts``."""
        if self.speech is None:
            return
        if self.speech.began_s is not None:
            metrics.first_caption[self.speech.order].observe(sent_s - self.speech.began_s)
        if not caption.final:
            metrics.caption_lag.observe(sent_s - self.speech.ended_s)
        elif caption.speech_final:
            metrics.final.observe(sent_s - self.speech.ended_s)
        stages = metrics.caption_stage
        stages[CaptionStage.STABILISED].observe(self.stabilised_s)
        stages[CaptionStage.SEND].observe(sent_s - self.put_s)
        if self.decode is not None:
            stages[CaptionStage.HEARD].observe(self.decode.heard_s)
            stages[CaptionStage.QUEUED].observe(self.decode.queued_s)
            stages[CaptionStage.RAN].observe(self.decode.ran_s)
            stages[CaptionStage.RETURNED].observe(self.returned_s)

    @property
    def began_s(self) -> float:
        """When the audio arrived that the caption shows: a segment's first speech, later the newest.

        Of a replay, when its decode was asked for.
        """
        asked_s = self.put_s - self.stabilised_s if self.decode is None else self.decode.asked_s
        if self.speech is None:
            return asked_s
        heard_s = self.speech.ended_s if self.speech.began_s is None else self.speech.began_s
        return min(heard_s, asked_s)

    def stretches(self, sent_s: float) -> tuple[Stretch, ...]:
        """Return the parts of the time from ``began_s`` to ``sent_s``, without a gap between them."""
        decode, at_s = self.decode, self.began_s
        until = {"stabilised": self.put_s, "sent": sent_s}
        step_s = self.put_s - self.stabilised_s
        if decode is None:
            until = {"received": step_s, **until}
        else:
            ran_s = decode.done_s - decode.ran_s
            until = {
                "received": decode.asked_s,
                "heard": ran_s - decode.queued_s,
                "queued": ran_s,
                "decoded": decode.done_s,
                "returned": step_s,
                **until,
            }
        parts: list[Stretch] = []
        for name, ended_s in until.items():
            if ended_s > at_s:
                parts.append(Stretch(name, at_s, ended_s))
                at_s = ended_s
        return tuple(parts)

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
            facts |= self.decode.facts()
        return facts | {name: round(1000 * stage, 3) for name, stage in stages.items()}


class SentCaptions:
    """Tells metrics, traces and the log where the time of each caption went that one connection sent.

    tracing: None for no traces. caller: whose request the connection began with. logs: at level debug.
    """

    def __init__(
        self,
        meeting: JobOwner,
        metrics: Metrics,
        tracing: Tracing | None = None,
        caller: Caller | None = None,
        *,
        logs: bool = False,
    ) -> None:
        self._meeting = meeting
        self._metrics = metrics
        self._tracing = tracing
        self._caller = caller
        self._logs = logs

    def note(self, caption: Caption, timing: CaptionTiming) -> None:
        """Count a caption that the socket has just taken, and trace and log it where that is wanted."""
        sent_s = time.monotonic()
        timing.observe(self._metrics, caption, sent_s)
        if self._tracing is not None:
            trace = self._tracing.begin("caption", timing.began_s, self._caller, apart=True)
            if trace is not None:
                trace.end(sent_s, timing.stretches(sent_s), self._facts(caption, timing))
        if self._logs:
            log.debug(
                "caption_sent",
                meeting=str(self._meeting),
                track=caption.track,
                segment=caption.segment,
                end=caption.end,
                final=caption.final,
                **timing.facts(sent_s),
            )

    def _facts(self, caption: Caption, timing: CaptionTiming) -> dict[str, str | bool | int]:
        decode = timing.decode
        return {
            "meeting": str(self._meeting),
            "track": caption.track,
            "segment": caption.segment,
            "end": caption.end,
            "final": caption.final,
            "replay": caption.replay,
            "decoded_for": "none" if decode is None else decode.kind.name.lower(),
            "audio_ms": 0 if decode is None else decode.audio_ms,
        }


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
        self._closed: Closed | None = None

    def __len__(self) -> int:
        """How many events wait to be sent."""
        return len(self._events)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be put."""
        return self._closed is not None

    @property
    def code(self) -> ErrorCode | None:
        """Why nothing more can be put; None for a regular end, and while more can."""
        return None if self._closed is None else self._closed.code

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._events

    def put(self, event: OutboxEvent, timing: CaptionTiming | None = None) -> None:
        """Queue an event; after ``Closed`` everything is ignored."""
        if self.closed:
            return
        if isinstance(event, Closed):
            self._closed = event
        self._drop_stale(event)
        if len(self._events) >= CAPACITY and self._closed is None:
            self._events.clear()
            event, timing = Closed(ErrorCode.SLOW_CONSUMER), None
            self._closed = event
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


ARRIVAL_GRAIN_S = 0.02
"""Audio that arrives within so long of other audio counts as arrived with it."""

ARRIVALS_KEPT_S = 12.0
"""Beyond the last bucket of every latency."""


class ArrivalTimes:
    """Remembers when the newest audio of a track arrived; pure: times are passed in, never backwards.

    first_sample: absolute index of the first sample that will arrive.
    """

    def __init__(self, first_sample: int) -> None:
        self._end = first_sample
        self._pieces: deque[tuple[int, float]] = deque()  # (first sample, time)
        self._onsets: deque[tuple[int, float]] = deque(maxlen=MOST_WAITING)  # likewise

    def add(self, samples: int, now_s: float) -> None:
        """Note that so many samples arrived."""
        if not self._pieces or now_s - self._pieces[-1][1] >= ARRIVAL_GRAIN_S:
            self._pieces.append((self._end, now_s))
            while now_s - self._pieces[0][1] > ARRIVALS_KEPT_S:
                self._pieces.popleft()
        self._end += samples

    def skip(self, samples: int) -> None:
        """Note that so many samples will never arrive."""
        self._end += samples

    def of(self, sample: int) -> float | None:
        """Return when a sample arrived, by its absolute index; the oldest time that is known for an older one.

        None where nothing has arrived.
        """
        for first, at_s in reversed(self._pieces):
            if first <= sample:
                return at_s
        return self._pieces[0][1] if self._pieces else None

    def note_onset(self, sample: int) -> None:
        """Note that speech began at a sample: the first caption over it will be its segment's."""
        at_s = self.of(sample)
        if at_s is not None:
            self._onsets.append((sample, at_s))

    def take_onset(self, caption: Caption) -> float | None:
        """Return when the speech of a caption began to arrive, once for each onset; None for later captions.

        Onsets before it had no caption, and are forgotten.
        """
        began_s: float | None = None
        while self._onsets and self._onsets[0][0] < caption.end:
            sample, at_s = self._onsets.popleft()
            if began_s is None and sample >= caption.start:
                began_s = at_s
        return began_s


class TrackEnd(StrEnum):
    """How a track ended, for the log.

    STOPPED: its client stopped it and has all finals. LEFT: the peer went without that. REFUSED: the
    peer did what it may not. SUPERSEDED: by a newer connection. DRAINED: it left with the process,
    CUT: later than that could wait. FAILED: of a bug.
    """

    STOPPED = "stopped"
    LEFT = "left"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    DRAINED = "drained"
    CUT = "cut"
    FAILED = "failed"


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
    joined_s: when it began, on the clock of the meeting. arrivals: of its audio.
    rejections, stable_words, revised_words: what the metrics have of its track's counters.
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
    joined_s: float = 0.0
    arrivals: ArrivalTimes = field(default_factory=lambda: ArrivalTimes(0))
    rejections: Counter[RejectReason] = field(default_factory=Counter)
    stable_words: int = 0
    revised_words: int = 0
    room: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, metrics: Metrics) -> Counter[RejectReason]:
        """Count what its track's counters have gained; return what the guards refused since."""
        track = self.track
        if track.stable_words != self.stable_words:
            metrics.stable_words.inc(track.stable_words - self.stable_words)
            metrics.revised_words.inc(track.revised_words - self.revised_words)
            self.stable_words, self.revised_words = track.stable_words, track.revised_words
        rejected = track.rejections - self.rejections
        if rejected:
            self.rejections = track.rejections.copy()
            for reason, times in rejected.items():
                metrics.rejected[reason].inc(times)
        return rejected

    def facts(self, now_s: float) -> dict[str, object]:
        """Return the facts for a log line about its end. now_s: on the clock of the meeting."""
        track = self.track
        return {
            "track": self.options.track,
            "resumed": self.options.first_sample > 0,
            "seconds": round(now_s - self.joined_s, 1),
            "received": track.received,
            "committed": track.committed,
            "finals": self.finals,
            "lost": self.lost,
            "rejected": {str(reason): times for reason, times in track.rejections.items()},
        }
