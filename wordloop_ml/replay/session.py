"""One track of a client over all its connections: what it remembers, sends and decides; pure.

The owner (``client.track``, or a test) does what has to wait: it connects, sends what
``next_to_send`` returns, shows every text frame to ``take``, stores what is handed over, says
``stored``, and reports each break to ``broke``.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from wordloop_ml.errors import ErrorCode, WordloopError
from wordloop_ml.replay.breaks import Break, Refused, action, error_code, may_be_the_audio
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.client_messages import GapMessage, StartMessage, StopMessage
from wordloop_ml.wire.close_codes import ClientAction
from wordloop_ml.wire.json_fields import MAX_POSITION
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    EndedMessage,
    ErrorMessage,
    NoticeMessage,
    ReadyMessage,
    ServerMessage,
)


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """How much a client keeps, how it waits, and when it gives up; in seconds of audio, or of time.

    replay_s: audio kept from ``committed`` on; what falls out becomes a gap.
    in_flight_s: audio sent ahead of what the server says it received. The server's ``ack`` comes
        each 2 s; more than this would only fill socket buffers, behind which pings wait.
    lead_s: audio kept before ``committed``, for decoders that need a run-up (80 ms for Opus).
    first_wait_s: reconnecting waits for a random part of this; it doubles with each failure.
    longest_wait_s: up to this.
    breaks_before_gap: as many breaks in a row that may be the audio's fault, and the audio is
        given up: so many processes may die of it.
    poison_margin_s: given up beyond what had been sent at the break, which may have come in the
        middle of what kills.
    failures_before_stop: as many failures in a row, and the client stops; None for never.
    """

    replay_s: float = 120.0
    in_flight_s: float = 10.0
    lead_s: float = 0.0
    first_wait_s: float = 0.25
    longest_wait_s: float = 15.0
    breaks_before_gap: int = 2
    poison_margin_s: float = 1.0
    failures_before_stop: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary frame: its bytes, and the stream samples that it holds, [position, end)."""

    position: int
    end: int
    payload: bytes


class ReplayBuffer:
    """Holds frames in order; positions between them are audio that nobody has (any more).

    Frames are never divided: an Opus packet cannot be, and the server drops what lies before
    ``resume_from`` in any case.

    limit: samples that are held at most; the oldest frames fall out. position: of the first one.
    """

    def __init__(self, limit: int, position: int = 0) -> None:
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self.held = 0
        self.end = position

    @property
    def start(self) -> int:
        """Position of the first frame that is held; ``end`` without any."""
        return self._frames[0].position if self._frames else self.end

    @property
    def room(self) -> int:
        """How many samples may be added before audio falls out."""
        return self._limit - self.held

    def append(self, payload: bytes, samples: int) -> None:
        """Append one frame of ``samples`` samples; the oldest frames fall out beyond the limit."""
        if samples < 1:
            return
        self._frames.append(Frame(self.end, self.end + samples, payload))
        self.end += samples
        self.held += samples
        while self.held > self._limit:
            self._drop()

    def skip(self, samples: int) -> None:
        """Leave out ``samples`` positions: their audio never came."""
        self.end += samples

    def release_before(self, position: int) -> None:
        """Drop the frames that end at ``position`` or before: they are committed."""
        while self._frames and self._frames[0].end <= position:
            self._drop()

    def give_up_before(self, position: int) -> None:
        """Drop the frames that begin before ``position``: they are not to be sent again."""
        while self._frames and self._frames[0].position < position:
            self._drop()

    def after(self, position: int) -> Frame | None:
        """Return the first frame that ends after ``position``; None without one."""
        index = bisect_right(self._frames, position, key=lambda frame: frame.end)
        return self._frames[index] if index < len(self._frames) else None

    def _drop(self) -> None:
        frame = self._frames.popleft()
        self.held -= frame.end - frame.position


Randomness = Callable[[], float]
"""Evenly distributed in [0, 1)."""


class BackOff:
    """Says how long to wait before the next connection: full jitter, doubling with each failure.

    Jitter is what keeps the clients of a container that died from coming back all at once.
    (M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.)
    """

    def __init__(self, policy: ReplayPolicy, random: Randomness) -> None:
        self._policy = policy
        self._random = random
        self.failures = 0

    @property
    def exhausted(self) -> bool:
        """Whether there were ``failures_before_stop`` failures in a row."""
        most = self._policy.failures_before_stop
        return most is not None and self.failures >= most

    def wait_s(self, at_least_s: float = 0.0) -> float:
        """Count one more break without progress; return the wait in seconds.

        at_least_s: what the server asked for, in seconds.
        """
        doublings = min(self.failures, 32)
        window = min(self._policy.longest_wait_s, self._policy.first_wait_s * 2.0**doublings)
        self.failures += 1
        return at_least_s + self._random() * window

    def reset(self) -> None:
        """Forget the failures: there was progress."""
        self.failures = 0


Record = CaptionMessage | NoticeMessage
"""What a transcript is made of: a final, or the notice of a gap in it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a track that survives the client itself, if it is stored with each record.

    committed: position before which audio is no longer needed. last_seq: of the last final that
    is stored. epoch: of the last connection.
    """

    committed: int = 0
    last_seq: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class HandOver:
    """A record to be stored; nothing is trimmed before ``stored`` says that it is."""

    record: Record
    standing: Standing


@dataclass(frozen=True, slots=True)
class Show:
    """A caption to be shown, which may still change; to be removed when the connection breaks."""

    caption: CaptionMessage


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Wait ``wait_s`` seconds, then connect again."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop: connecting again is of no use, or has been tried often enough."""

    code: ErrorCode
    why: Break


@dataclass(frozen=True, slots=True)
class Done:
    """All audio is committed, and every record stored."""


Decision = Reconnect | GiveUp | Done


class BrokenPromise(WordloopError):
    """The server said what the protocol rules out; its connection cannot be trusted."""


class ReplaySession:
    """One track, from its first sample to its last final.

    stream: what every ``start`` of the track says; the fields about resuming are filled in here.
    standing: what was stored before a crash of the client. position: of the next sample that
    will be added; what lies between ``standing.committed`` and it becomes a gap.
    live: audio comes at the speed of speech. False for a file: all of it is exempt from rate limits.
    """

    def __init__(
        self,
        stream: StartMessage,
        *,
        random: Randomness,
        policy: ReplayPolicy | None = None,
        standing: Standing | None = None,
        position: int = 0,
        live: bool = True,
    ) -> None:
        policy = ReplayPolicy() if policy is None else policy
        standing = Standing() if standing is None else standing
        rate = stream.sample_rate
        self._scale = Positions(rate, stream.origin_ms or 0)
        # Left to the server, times would begin anew in each process.
        self._stream = replace(stream, origin_ms=stream.origin_ms or 0)
        self._live = live
        self._breaks_before_gap = policy.breaks_before_gap
        self._margin = round(policy.poison_margin_s * rate)
        self._lead = round(policy.lead_s * rate)
        self._in_flight = round(policy.in_flight_s * rate)
        self._back_off = BackOff(policy, random)
        self._buffer = ReplayBuffer(round(policy.replay_s * rate), position)
        self._ending = False
        self._pending: HandOver | None = None
        # what is true of the track
        self.committed = standing.committed
        self.last_seq = standing.last_seq
        self.epoch = standing.epoch
        self._seated = standing.epoch > 0
        # what is true of the connection at hand
        self._open = False
        self._answered = False
        self._cursor = standing.committed
        self._received = standing.committed
        self._stopped = False
        self._error: ErrorMessage | None = None
        # what is suspected of the audio
        self._understood = standing.committed
        self._breaks = 0
        self._reach = MAX_POSITION
        self._given_up = 0
        self.refused = 0

    # -- audio ---------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many samples may be added before audio is lost; a source that can wait, waits."""
        return self._buffer.room

    @property
    def position(self) -> int:
        """One past the last sample that was added."""
        return self._buffer.end

    @property
    def attempt(self) -> int:
        """Breaks so far that may be the audio's fault, without getting past the first of them."""
        return self._breaks

    @property
    def done(self) -> bool:
        """No more audio comes, and all of it is committed."""
        return self._ending and self.committed >= self._buffer.end

    @property
    def resumes(self) -> bool:
        """Whether the next connection goes on from an earlier one, and its request says so."""
        return self._seated and max(self.committed, self._live_from) > 0

    def add(self, payload: bytes, samples: int) -> None:
        """Append one frame of ``samples`` samples of the stream's rate; never refused."""
        if self._buffer.end < self._given_up:
            self._buffer.skip(samples)
        else:
            self._buffer.append(payload, samples)

    def skip(self, samples: int) -> None:
        """Leave out ``samples`` samples: the source has no audio for them."""
        self._buffer.skip(samples)

    def end(self) -> None:
        """End the audio."""
        self._ending = True

    # -- one connection after the other --------------------------------------------------------

    def connect(self, epoch: int = 0) -> StartMessage:
        """Return the first message of a new connection; everything older is refused from now on.

        epoch: at least; one more than the last otherwise. A client that may have crashed since
        its last record needs one from outside, such as a clock: it does not know its last.
        """
        self._refuse_while_pending()
        if self._breaks >= self._breaks_before_gap:
            self._given_up = self._reach + self._margin
            self._buffer.give_up_before(self._given_up)
        self._buffer.release_before(self.committed - self._lead)
        frame = self._buffer.after(self.committed - self._lead)
        held = frame is not None and frame.position <= self.committed
        self._cursor = frame.position if frame is not None and held else self.committed
        self._received = self._cursor
        self._stopped = False
        self._error = None
        self._open = True
        self._answered = False
        self.epoch = max(self.epoch + 1, epoch)
        return replace(
            self._stream,
            first_sample=self._cursor,
            resume_from=self.committed,
            last_seq=self.last_seq,
            epoch=self.epoch,
            attempt=self._breaks,
            live_from=self._live_from,
        )

    def next_to_send(self) -> bytes | GapMessage | StopMessage | None:
        """Return what this connection is to be sent now, once; None when there is nothing to send.

        A position that no frame covers is a ``GapMessage``: the audio was never there, or fell out of
        the buffer, or was given up.
        """
        if self._cursor - self._received >= self._in_flight:
            return None
        frame = self._buffer.after(self._cursor)
        if frame is None and not self._ending:
            return None
        begins = self._buffer.end if frame is None else frame.position
        if begins > self._cursor:
            gap = GapMessage(begins - self._cursor)
            # No ack counts a gap, so that it must not count as being in flight.
            self._cursor = self._received = begins
            return gap
        if frame is not None:
            self._cursor = frame.end
            return frame.payload
        if self._stopped:
            return None
        self._stopped = True
        return StopMessage()

    def take(self, epoch: int, message: ServerMessage) -> HandOver | Show | None:
        """Take a message of the connection with this epoch; return what the owner is to do about it.

        Raises ``BrokenPromise``; then the connection is to be closed, and is ``Distrusted``.
        """
        self._refuse_while_pending()
        if epoch != self.epoch or not self._open:
            self.refused += 1
            return None
        self._answered = True
        match message:
            case ReadyMessage():
                self._check_ready(message)
                self._seated = True
            case CaptionMessage():
                return self._take_caption(message)
            case NoticeMessage(committed=int() as committed):
                if committed <= self.committed:
                    self.refused += 1
                    return None
                if message.start is not None:
                    return self._hand_over(message, committed, self.last_seq)
                self._trim(committed)
            case AckMessage() | EndedMessage():
                self._received = max(self._received, message.received)
                self._trim(self._checked(message.committed))
            case ErrorMessage():
                self._error = message
        return None

    def stored(self) -> None:
        """Trim what the record that was handed over last covers: it is safe.

        Raises ``ValueError`` where none was handed over.
        """
        if self._pending is None:
            raise ValueError("no record was handed over")
        standing, self._pending = self._pending.standing, None
        self.last_seq = standing.last_seq
        self._trim(standing.committed)

    def broke(self, why: Break) -> Decision:
        """Decide what follows the end of a connection, or the failure to open one."""
        self._open = False
        error, self._error = self._error, None
        if self.done:
            return Done()
        if self._answered and may_be_the_audio(why) and self._cursor > self.committed:
            self._breaks += 1
            enough = self._breaks > self._breaks_before_gap
            self._reach = self._cursor if enough else min(self._reach, self._cursor)
        if action(why) is ClientAction.STOP or self._back_off.exhausted:
            return GiveUp(error_code(why) if error is None else error.code, why)
        asked_s = None if error is None else error.retry_after
        if isinstance(why, Refused):
            asked_s = why.retry_after_s
        return Reconnect(self._back_off.wait_s(asked_s or 0.0))

    @property
    def _live_from(self) -> int:
        return self._buffer.end if self._live else MAX_POSITION

    # -- inside --------------------------------------------------------------------------------

    def _refuse_while_pending(self) -> None:
        if self._pending is not None:
            raise ValueError("the record before has not been stored")

    def _check_ready(self, ready: ReadyMessage) -> None:
        if ready.accept_from > self.committed or ready.next_seq != self.last_seq + 1:
            raise BrokenPromise("the server begins elsewhere than it was asked to")

    def _take_caption(self, caption: CaptionMessage) -> HandOver | Show | None:
        if caption.epoch != self.epoch:
            self.refused += 1
            return None
        if not caption.final:
            self._progress(self._position(caption.end))
            return Show(caption)
        if caption.seq is None or caption.committed is None:
            raise BrokenPromise("a final without seq or committed")
        if caption.seq <= self.last_seq:
            self.refused += 1
            return None
        if caption.seq > self.last_seq + 1:
            raise BrokenPromise("a final is missing")
        if caption.committed <= self.committed or caption.start < self._ms(self.committed):
            raise BrokenPromise("a final that starts before what was committed")
        return self._hand_over(caption, caption.committed, caption.seq)

    def _hand_over(self, record: Record, committed: int, last_seq: int) -> HandOver:
        standing = Standing(self._checked(committed), last_seq, self.epoch)
        self._pending = HandOver(record, standing)
        return self._pending

    def _checked(self, committed: int) -> int:
        if committed > max(self._cursor, self.committed):
            raise BrokenPromise("audio is committed that was not sent")
        return committed

    def _position(self, ms: int) -> int:
        return (ms - self._scale.origin_ms) * self._scale.sample_rate // 1000

    def _ms(self, position: int) -> int:
        return self._scale.to_ms(self._scale.to_service(position))

    def _trim(self, committed: int) -> None:
        if committed <= self.committed:
            return
        self.committed = committed
        self._received = max(self._received, committed)
        self._buffer.release_before(committed - self._lead)
        self._progress(committed)

    def _progress(self, position: int) -> None:
        """Note that audio before ``position`` was decoded; beyond the last break, it is suspected no more."""
        if position > self._understood:
            self._understood = position
            self._back_off.reset()
        if position >= self._reach:
            self._breaks = 0
            self._reach = MAX_POSITION
