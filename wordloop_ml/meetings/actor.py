"""One asyncio task, one meeting, one inbox.

The actor owns the state of its meeting: the tracks and, for each, the outbox of its connection.
Its loop waits for a message, then for its turn among all meetings, and has one exit (no track is
left). Results of inference come back as messages; for each message one pure step of
``captioning.Track`` runs, and only one in a turn of the event loop.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import DecodeRequest, Dropped, Track, TrackOutput
from wordloop_ml.errors import BadInput, Busy, ErrorCode, WordloopError
from wordloop_ml.executor import (
    DropReason,
    Executor,
    Job,
    JobDone,
    JobDropped,
    JobFailed,
    JobOwner,
    Outcome,
)
from wordloop_ml.load import Step
from wordloop_ml.meetings.inbox import (
    AudioArrived,
    AudioEnded,
    ConnectionLost,
    DecodeAnswered,
    DrainAsked,
    FlushAsked,
    GapArrived,
    Message,
)
from wordloop_ml.meetings.outbox import Ack, Cadence, Closed, Leaving, Outbox
from wordloop_ml.meetings.overload import STALE_AFTER_S, Overload
from wordloop_ml.meetings.seat import Seat, TrackOptions, WindowBuffer
from wordloop_ml.meetings.timing import CaptionTiming, DecodeTiming
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    Hypothesis,
    JobClass,
    Samples,
    SpanLost,
    TrackEvent,
)
from wordloop_ml.ports import TranscriberWorker, VoiceDetector
from wordloop_ml.telemetry import describe_bug

ACK_EVERY_SAMPLES = 2 * SAMPLE_RATE
"""An ``ack`` stands alone at least this often, in audio time."""

UNHANDLED_MESSAGES = 4
"""Messages of one connection that may wait in the inbox; its reader pauses at the bound."""

WANTED_WITHIN_S = {JobClass.FIRST_CAPTION: 0.3, JobClass.FINAL: 0.5, JobClass.INTERIM: 0.8}
"""Deadlines that order jobs within a class."""

log = structlog.get_logger()


class MeetingActor:
    """The state and the loop of one meeting. Only its own task and the loop's callbacks touch it.

    Every seat posts at most UNHANDLED_MESSAGES at a time and every track has a bounded number of
    jobs, so the inbox needs no bound of its own.

    turn: one for all meetings; whoever holds it handles one message in this turn of the loop.
    failed: how many tracks ended in a bug so far.
    """

    def __init__(
        self,
        meeting: JobOwner,
        executor: Executor[TranscriberWorker],
        voice_detector: VoiceDetector,
        policy: CaptioningPolicy,
        overload: Overload,
        turn: asyncio.Lock,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.meeting = meeting
        self._began_s = clock()
        self._clock = clock
        self._executor = executor
        self._voice_detector = voice_detector
        self._policy = policy
        self._overload = overload
        self._turn = turn
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._seats: dict[str, Seat] = {}
        self._loop = asyncio.get_running_loop()
        self._step_began_s = self._began_s
        self.failed = 0

    @property
    def seats(self) -> int:
        """How many tracks are live."""
        return len(self._seats)

    @property
    def over(self) -> bool:
        """Whether the last track has left; nobody can join any more."""
        return not self._seats

    def seats_track(self, track: str) -> bool:
        """Whether a connection of this track is live, perhaps without knowing that it broke."""
        return track in self._seats

    def age_ms(self) -> int:
        """How long the meeting has been live in this process, in milliseconds."""
        return round((self._clock() - self._began_s) * 1000)

    def join(self, options: TrackOptions) -> Seat:
        """Seat a connection; an older connection of the same track is closed (superseded).

        Raises ``BadInput`` (``superseded``) when a connection with a higher epoch is seated.
        """
        older = self._seats.get(options.track)
        if older is not None and (older.options.epoch or 0) > (options.epoch or 0):
            raise BadInput(
                "a connection with a higher epoch holds this track", code=ErrorCode.SUPERSEDED
            )
        seat = Seat(
            options,
            Track(
                options.track,
                self._voice_detector.open_stream(),
                self._policy,
                first_sample=options.first_sample,
                last_seq=options.last_seq,
                live_from=options.live_from,
                language=options.language,
                task=options.task,
                vocabulary=options.vocabulary,
                careful=options.careful,
            ),
            Outbox(),
            WindowBuffer(self._policy.window_samples),
            acked_at=options.first_sample,
        )
        seat.room.set()
        if older is not None:
            self._close(older, ErrorCode.SUPERSEDED)
        self._seats[options.track] = seat
        return seat

    def post(self, message: Message) -> None:
        """Put a message into the inbox; on the loop's thread only."""
        if isinstance(message, FlushAsked | GapArrived | AudioEnded):
            self._post_held(message.seat)
        if isinstance(message, GapArrived):
            message.seat.waiting.restart()
        if not isinstance(message, DecodeAnswered | DrainAsked):
            message.seat.unhandled += 1
        self._inbox.put_nowait(message)

    async def post_audio(self, seat: Seat, samples: Samples) -> None:
        """Post audio in pieces of at most a quarter second, as fast as the meeting takes it.

        What completes no window of the detector changes nothing and is held back until more comes,
        or another message: a step of the actor for each window, not for each frame.
        """
        step = SAMPLE_RATE // 4
        for start in range(0, len(samples), step):
            piece = samples[start : start + step]
            await self.wait_for_room(seat, len(piece))
            if seat.waiting.push(piece):
                self._post_held(seat)

    def _post_held(self, seat: Seat) -> None:
        if seat.waiting.held:
            self.post(AudioArrived(seat, seat.waiting.take()))

    async def wait_for_room(self, seat: Seat, samples: int = 0) -> None:
        """Wait until the seat may post; this is the back-pressure that the socket feels.

        Room counts what waits in the inbox as if it had been fed. A closed seat never waits.
        """
        while not seat.outbox.closed and not self._has_room(seat, samples):
            seat.room.clear()
            await seat.room.wait()

    def _has_room(self, seat: Seat, samples: int) -> bool:
        if seat.unhandled >= UNHANDLED_MESSAGES or seat.track.crowded:
            return False
        waiting = seat.unhandled * (SAMPLE_RATE // 4) + seat.waiting.held
        return seat.track.room >= samples + waiting

    async def run(self) -> None:
        """Handle messages until the last track has left.

        A filled inbox never waits, and resumed meetings have filled ones: so one message of one
        meeting is handled in a turn of the event loop, and everybody else has a turn before the next.
        """
        while self._seats:
            message = await self._inbox.get()
            async with self._turn:
                try:
                    self._handle(message)
                except Exception as error:  # a bug ends the track whose message it was
                    self._fail(message.seat, error)
                await asyncio.sleep(0)

    def drain(self, deadline_s: float) -> None:
        """Ask every track to leave; each is a message of its own."""
        for seat in self._seats.values():
            self.post(DrainAsked(seat, deadline_s))

    def abandon(self, code: ErrorCode) -> None:
        """Close every seat at once: the actor's task has failed or was cancelled."""
        for seat in list(self._seats.values()):
            self._close(seat, code)

    def _handle(self, message: Message) -> None:
        """One step: a message in, events and decode requests out."""
        self._step_began_s = self._clock()
        match message:
            case DecodeAnswered(seat, request_id, outcome, timing):
                if self._is_seated(seat):
                    self._emit(seat, seat.track.answer(request_id, self._result(outcome)), timing)
            case DrainAsked(seat, deadline_s):
                if self._is_seated(seat):
                    self._drain(seat, deadline_s)
            case _:
                message.seat.unhandled -= 1
                if self._is_seated(message.seat):
                    self._handle_seat(message)
                message.seat.room.set()

    def _handle_seat(
        self, message: AudioArrived | FlushAsked | GapArrived | AudioEnded | ConnectionLost
    ) -> None:
        """A message of a connection. A seat that is leaving takes no more intake."""
        seat = message.seat
        if isinstance(message, ConnectionLost):
            self._close(seat, message.code)
            return
        if seat.leaving:
            return
        match message:
            case AudioArrived(samples=samples):
                self._keep_cadence(seat)
                self._emit(seat, seat.track.feed(samples))
                self._acknowledge(seat)
            case FlushAsked():
                self._emit(seat, seat.track.finalize())
            case GapArrived(samples=samples):
                self._emit(seat, seat.track.gap(samples))
            case AudioEnded():
                seat.leaving = True
                self._emit(seat, seat.track.finish())

    def _keep_cadence(self, seat: Seat) -> None:
        """Interims give way before anything else does, and the connection is told so."""
        seat.stretch = self._overload.stretch
        seat.track.stretch(seat.stretch)
        degraded = self._overload.step is not Step.CALM
        if degraded is not seat.degraded:
            seat.degraded = degraded
            seat.outbox.put(Cadence(degraded))

    def _drain(self, seat: Seat, deadline_s: float) -> None:
        """Closed segments get their finals; only a connection that cannot resume is flushed."""
        seat.outbox.put(Leaving(deadline_s))
        if seat.leaving:
            return
        seat.leaving = True
        seat.farewell = ErrorCode.DRAINING
        resumable = seat.options.epoch is not None
        self._emit(seat, seat.track.leave() if resumable else seat.track.finish())

    def _emit(
        self, seat: Seat, outputs: list[TrackOutput], decode: DecodeTiming | None = None
    ) -> None:
        """Send events, submit requests, and close the seat when its track is done."""
        for output in outputs:
            if isinstance(output, DecodeRequest):
                self._submit(seat, output)
                continue
            if isinstance(output, Caption) and output.final:
                seat.finals += 1
                self._share_language(seat)
            elif isinstance(output, SpanLost):
                seat.lost += 1
            seat.outbox.put(output, self._timing(output, decode))
        seat.room.set()
        if seat.outbox.closed:
            self._close(seat, ErrorCode.SLOW_CONSUMER)
        elif seat.leaving and seat.track.done:
            self._close(seat, seat.farewell)

    def _share_language(self, seat: Seat) -> None:
        """Tell the other tracks what is spoken here: people of one meeting speak one language."""
        if (language := seat.track.language) is not None:
            for other in self._seats.values():
                if other is not seat:
                    other.track.expect_language(language)

    def _timing(self, event: TrackEvent, decode: DecodeTiming | None) -> CaptionTiming | None:
        if not isinstance(event, Caption):
            return None
        now_s, began_s = self._clock(), self._step_began_s
        returned_s = 0.0 if decode is None else began_s - decode.done_s
        return CaptionTiming(decode, returned_s, now_s - began_s, now_s)

    def _acknowledge(self, seat: Seat) -> None:
        urgent = seat.options.suspected and seat.acked_committed < seat.options.live_from
        step = ACK_EVERY_SAMPLES // 8 if urgent else ACK_EVERY_SAMPLES
        if seat.track.received - seat.acked_at >= step:
            seat.acked_committed = seat.track.committed
            seat.acked_at = seat.track.received
            seat.outbox.put(Ack(seat.track.received, seat.track.committed))

    def _submit(self, seat: Seat, request: DecodeRequest) -> None:
        now_s = self._clock()
        heard_s = now_s - self._step_began_s
        final, interim = request.kind is JobClass.FINAL, request.kind is JobClass.INTERIM
        stale_after_s = self._overload.stale_after_s if interim else STALE_AFTER_S

        def run(worker: TranscriberWorker) -> Hypothesis:
            options = request.options
            if not interim:  # an interim is soon followed by another: cores stay free for both
                options = replace(options, spare_workers=self._executor.idle)
            return worker.transcribe(request.utterance, options)

        job = Job(
            job_class=request.kind,
            owner=self.meeting,
            part=seat.options.track,
            deadline_s=now_s + WANTED_WITHIN_S[request.kind],
            run=run,
            deliver=lambda outcome: self._deliver(seat, request, heard_s, outcome),
            expires_s=None if final else now_s + stale_after_s,
            coalesce=None if final else (self.meeting, seat.options.track),
            stretch=seat.stretch if interim else 1.0,
        )
        try:
            self._executor.submit(job)
        except Busy:
            # The answer comes as a message, as every answer does, never from inside a step.
            self.post(DecodeAnswered(seat, request.request_id, JobDropped(DropReason.REFUSED)))

    def _deliver(
        self, seat: Seat, request: DecodeRequest, heard_s: float, outcome: Outcome
    ) -> None:
        """Bring an answer from an inference thread to the inbox."""
        timing = None
        if isinstance(outcome, JobDone):
            timing = DecodeTiming(
                request.kind,
                samples=len(request.utterance.samples),
                heard_s=heard_s,
                queued_s=outcome.queued_s,
                ran_s=outcome.ran_s,
                done_s=self._clock(),
            )
        answer = DecodeAnswered(seat, request.request_id, outcome, timing)
        try:
            self._loop.call_soon_threadsafe(self.post, answer)
        except RuntimeError:
            # The loop is closed: the process is leaving and nobody waits for the answer.
            return

    def _result(self, outcome: Outcome) -> Hypothesis | Dropped:
        match outcome:
            case JobDone(value=Hypothesis() as hypothesis):
                return hypothesis
            case JobFailed(error=WordloopError() as error):
                log.warning("decode_failed", meeting=str(self.meeting), code=error.code)
                return Dropped.FAILED
            case JobFailed(error=error):
                raise error
            case JobDropped(reason=DropReason.SUPERSEDED | DropReason.EXPIRED | DropReason.REFUSED):
                return Dropped.SUPERSEDED
            case _:
                return Dropped.FAILED

    def _fail(self, seat: Seat, error: Exception) -> None:
        """A bug, of the engine or of ours: the other tracks of the meeting go on."""
        self.failed += 1
        track = seat.options.track
        log.error("track_failed", meeting=str(self.meeting), track=track, **describe_bug(error))
        self._close(seat, ErrorCode.INTERNAL)

    def _is_seated(self, seat: Seat) -> bool:
        return self._seats.get(seat.options.track) is seat

    def _close(self, seat: Seat, code: ErrorCode | None) -> None:
        """The end of a seat, whatever the reason: its connection is told, its jobs are dropped."""
        track = seat.track
        seat.outbox.put(
            Closed(code, received=track.received, committed=track.committed, finals=seat.finals)
        )
        seat.room.set()
        if self._is_seated(seat):
            del self._seats[seat.options.track]
            self._executor.forget(self.meeting, seat.options.track)
        log.info(
            "track_ended",
            meeting=str(self.meeting),
            track=seat.options.track,
            code=code,
            received=track.received,
            committed=track.committed,
            finals=seat.finals,
            lost=seat.lost,
        )
