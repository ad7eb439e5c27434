"""The actor of one meeting: its asyncio task, and the inbox that it reads.

The actor owns the state of its meeting: the tracks and, for each, the outbox of its connection.
Its loop waits for a message, then for its turn among all meetings, and has one exit (no track is
left). Results of inference come back as messages; for each message one pure step of
``captioning.Track`` runs, and only one in a turn of the event loop.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.errors import BadInput, Busy, EngineAway, ErrorCode, WordloopError
from wordloop_ml.executor import (
    Executor,
    Job,
    JobDone,
    JobDropped,
    JobFailed,
    JobOwner,
    Outcome,
)
from wordloop_ml.load import Level
from wordloop_ml.meetings.inbox import (
    UNTRIED,
    Attempts,
    AudioArrived,
    AudioEnded,
    ConnectionLost,
    DecodeAnswered,
    DecodeDue,
    DrainAsked,
    FlushAsked,
    GapArrived,
    HintsChanged,
    Message,
)
from wordloop_ml.meetings.overload import STALE_AFTER_S, Overload
from wordloop_ml.meetings.session import (
    Ack,
    ArrivalTimes,
    Cadence,
    CaptionTiming,
    Closed,
    DecodeTiming,
    Leaving,
    Outbox,
    SpeechArrival,
    TrackEnd,
    TrackOptions,
    TrackSession,
    WindowBuffer,
)
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    DropReason,
    Flushed,
    Hypothesis,
    JobClass,
    Samples,
    SpanLost,
    SpeechStarted,
    TrackEvent,
)
from wordloop_ml.metrics import LostReason, Metrics, SegmentOrder
from wordloop_ml.ports import TranscriberWorker, VoiceDetector
from wordloop_ml.telemetry import describe_bug

ACK_EVERY_SAMPLES = 2 * SAMPLE_RATE
"""An ``ack`` stands alone at least this often, in audio time."""

UNHANDLED_MESSAGES = 4
"""Messages of one connection that may wait in the inbox; its reader pauses at the bound."""

WANTED_WITHIN_S = {JobClass.FIRST_CAPTION: 0.3, JobClass.FINAL: 0.5, JobClass.INTERIM: 0.8}
"""Deadlines that order jobs within a class."""

ASK_AGAIN_S, MOST_ASK_AGAIN_S = 0.1, 1.0
"""How long a final waits whose engine is away, at first and at most: twice as long each time."""

MOST_DEATHS = 2
"""A final fails with which in hand an engine in another process went so often: it may be why."""

log = structlog.get_logger()


class MeetingActor:
    """The state and the loop of one meeting. Only its own task and the loop's callbacks touch it.

    Every session posts at most UNHANDLED_MESSAGES at a time and every track has a bounded number of
    jobs, so the inbox needs no bound of its own.

    turn: one for all meetings; whoever holds it handles one message in this turn of the loop.
    metrics: what its captions are counted in.
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
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.meeting = meeting
        self._metrics = metrics
        self._segment_order = SegmentOrder.FIRST
        self._began_s = clock()
        self._clock = clock
        self._executor = executor
        self._voice_detector = voice_detector
        self._policy = policy
        self._overload = overload
        self._turn = turn
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._sessions: dict[str, TrackSession] = {}
        self._loop = asyncio.get_running_loop()
        self._step_began_s = self._began_s
        self.failed = 0

    @property
    def tracks(self) -> int:
        """How many tracks are live."""
        return len(self._sessions)

    @property
    def over(self) -> bool:
        """Whether the last track has left; nobody can join any more."""
        return not self._sessions

    def has_track(self, track: str) -> bool:
        """Whether a connection of this track is live, perhaps without knowing that it broke."""
        return track in self._sessions

    @property
    def sessions(self) -> Iterable[TrackSession]:
        """The sessions of the tracks that are live."""
        return self._sessions.values()

    def age_ms(self) -> int:
        """Return how long the meeting has been live in this process, in milliseconds."""
        return round((self._clock() - self._began_s) * 1000)

    def join(self, options: TrackOptions) -> TrackSession:
        """Open a connection's session; close an older one of the same track (superseded).

        Raises ``BadInput`` (``superseded``) when a connection with a higher epoch is live.
        """
        older = self._sessions.get(options.track)
        if older is not None and (older.options.epoch or 0) > (options.epoch or 0):
            raise BadInput(
                "a connection with a higher epoch holds this track", code=ErrorCode.SUPERSEDED
            )
        session = TrackSession(
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
            joined_s=self._clock(),
            arrivals=ArrivalTimes(options.first_sample),
        )
        session.room.set()
        if older is not None:
            self._close(older, TrackEnd.SUPERSEDED, ErrorCode.SUPERSEDED)
        self._sessions[options.track] = session
        return session

    def post(self, message: Message) -> None:
        """Put a message into the inbox; on the loop's thread only."""
        if isinstance(message, FlushAsked | HintsChanged | GapArrived | AudioEnded):
            self._post_held(message.session)
        if isinstance(message, GapArrived):
            message.session.waiting.restart()
            message.session.arrivals.skip(message.samples)
        if not isinstance(message, DecodeAnswered | DecodeDue | DrainAsked):
            message.session.unhandled += 1
        self._inbox.put_nowait(message)

    async def post_audio(self, session: TrackSession, samples: Samples) -> None:
        """Post audio in pieces of at most a quarter second, as fast as the meeting takes it.

        What completes no window of the detector changes nothing and is held back until more comes,
        or another message: a step of the actor for each window, not for each frame.
        """
        session.arrivals.add(len(samples), self._clock())
        step = SAMPLE_RATE // 4
        for start in range(0, len(samples), step):
            piece = samples[start : start + step]
            await self.wait_for_room(session, len(piece))
            if session.waiting.push(piece):
                self._post_held(session)

    def _post_held(self, session: TrackSession) -> None:
        if session.waiting.held:
            self.post(AudioArrived(session, session.waiting.take()))

    async def wait_for_room(self, session: TrackSession, samples: int = 0) -> None:
        """Wait until the session may post; this is the back-pressure that the socket feels.

        Room counts what waits in the inbox as if it had been fed. A closed session never waits.
        """
        while not session.outbox.closed and not self._has_room(session, samples):
            session.room.clear()
            paused_s = self._clock()
            await session.room.wait()
            self._metrics.read_paused.inc(self._clock() - paused_s)

    def _has_room(self, session: TrackSession, samples: int) -> bool:
        if session.unhandled >= UNHANDLED_MESSAGES or session.track.crowded:
            return False
        waiting = session.unhandled * (SAMPLE_RATE // 4) + session.waiting.held
        return session.track.room >= samples + waiting

    async def run(self) -> None:
        """Handle messages until the last track has left.

        A filled inbox never waits, and resumed meetings have filled ones: so one message of one
        meeting is handled in a turn of the event loop, and everything else has a turn in between.
        """
        while self._sessions:
            message = await self._inbox.get()
            async with self._turn:
                try:
                    self._handle(message)
                except Exception as error:  # a bug ends the track whose message it was
                    self._fail(message.session, error)
                await asyncio.sleep(0)

    def drain(self, deadline_s: float) -> None:
        """Ask every track to leave; each is a message of its own."""
        for session in self._sessions.values():
            self.post(DrainAsked(session, deadline_s))

    def abandon(self, ended: TrackEnd, code: ErrorCode) -> None:
        """Close every session at once: the actor's task has failed or was cancelled."""
        for session in list(self._sessions.values()):
            self._close(session, ended, code)

    def _handle(self, message: Message) -> None:
        """Handle one message: events go to outboxes, decode requests to the executor."""
        self._step_began_s = self._clock()
        match message:
            case DecodeAnswered(session=session):
                if self._is_live(session):
                    self._take_answer(message)
            case DecodeDue(session, request, attempts):
                if self._is_live(session):
                    self._submit(session, request, attempts)
            case DrainAsked(session, deadline_s):
                if self._is_live(session):
                    self._drain(session, deadline_s)
            case _:
                message.session.unhandled -= 1
                if self._is_live(message.session):
                    self._handle_connection(message)
                message.session.room.set()

    def _take_answer(self, answer: DecodeAnswered) -> None:
        """Give an answer to the track; a final whose engine is away waits, and is asked for again."""
        session, request, timing = answer.session, answer.request, answer.timing
        if isinstance(answer.outcome, JobFailed) and request.kind is JobClass.FINAL:
            error = answer.outcome.error
            if isinstance(error, EngineAway):
                attempts = answer.attempts.after(error)
                if attempts.deaths < MOST_DEATHS:
                    self._ask_later(DecodeDue(session, request, attempts))
                    return
        result = self._result(session, request, answer.outcome, timing)
        self._emit(session, session.track.answer(request.request_id, result), timing)
        self._count(session, timing)

    def _ask_later(self, due: DecodeDue) -> None:
        """Post a final that waits when it is due, and its engine is not known to be away.

        Nothing is lost meanwhile: its audio stays, and when the track is full its reader waits.
        """
        wait_s = min(ASK_AGAIN_S * 2 ** (due.attempts.refused - 1), MOST_ASK_AGAIN_S)

        def post() -> None:
            if self._overload.engine_away and self._is_live(due.session):
                self._loop.call_later(MOST_ASK_AGAIN_S / 2, post)
            else:
                self.post(due)

        self._loop.call_later(wait_s, post)

    def _handle_connection(
        self,
        message: AudioArrived
        | FlushAsked
        | HintsChanged
        | GapArrived
        | AudioEnded
        | ConnectionLost,
    ) -> None:
        """Handle a message of a connection; a session that is leaving takes no more audio."""
        session = message.session
        if isinstance(message, ConnectionLost):
            self._close(session, _end_of(message.code), message.code)
            return
        if session.leaving:
            return
        match message:
            case AudioArrived(samples=samples):
                self._keep_cadence(session)
                self._emit(session, session.track.feed(samples))
                self._acknowledge(session)
            case FlushAsked(answered=answered):
                self._emit(session, session.track.finalize(answered=answered))
            case HintsChanged(language=language, vocabulary=vocabulary):
                session.track.set_hints(language, vocabulary)
            case GapArrived(samples=samples):
                self._emit(session, session.track.gap(samples))
            case AudioEnded():
                session.leaving = True
                self._emit(session, session.track.finish())

    def _keep_cadence(self, session: TrackSession) -> None:
        """Set the interval between interims by the load of now; tell the connection of a change."""
        session.interim_interval_factor = self._overload.interim_interval_factor
        session.track.set_interim_interval_factor(session.interim_interval_factor)
        degraded = self._overload.level is not Level.CALM
        if degraded is not session.degraded:
            session.degraded = degraded
            session.outbox.put(Cadence(degraded))

    def _drain(self, session: TrackSession, deadline_s: float) -> None:
        """Let a session leave: closed segments get their finals; the open one where it cannot resume."""
        session.outbox.put(Leaving(deadline_s))
        if session.leaving:
            return
        session.leaving = True
        session.close_code = ErrorCode.DRAINING
        resumable = session.options.epoch is not None
        self._emit(session, session.track.leave() if resumable else session.track.finish())

    def _emit(
        self, session: TrackSession, outputs: list[TrackOutput], decode: DecodeTiming | None = None
    ) -> None:
        """Send events, submit requests, and close the session when its track is done."""
        for output in outputs:
            if isinstance(output, DecodeRequest):
                self._submit(session, output)
                continue
            if isinstance(output, Caption) and output.final:
                session.finals += 1
                self._share_language(session)
            elif isinstance(output, SpanLost):
                self._lose(session, output)
            elif isinstance(output, SpeechStarted) and output.at >= session.options.live_from:
                session.arrivals.note_onset(output.at)
            session.outbox.put(output, self._timing(session, output, decode))
        session.room.set()
        if session.outbox.closed:  # by its connection, or because nobody reads it
            code = session.outbox.code
            self._close(session, _end_of(code), code)
        elif session.leaving and session.track.done:
            drained = session.close_code is ErrorCode.DRAINING
            ended = TrackEnd.DRAINED if drained else TrackEnd.STOPPED
            self._close(session, ended, session.close_code)

    def _lose(self, session: TrackSession, span: SpanLost) -> None:
        """Count a span of audio that has no final, and log it unless its client made it, as often as it likes."""
        session.lost += 1
        reason = span.reason or LostReason(span.code)
        self._metrics.spans_lost[reason].inc()
        if reason is LostReason.GAP:
            return
        log.info(
            "span_lost",
            meeting=str(self.meeting),
            track=session.options.track,
            reason=reason,
            start=span.start,
            end=span.end,
        )

    def _count(self, session: TrackSession, timing: DecodeTiming | None) -> None:
        """Count what an answer has added to the track's counters; log what the guards refused."""
        for reason in session.count(self._metrics):
            log.debug(
                "hypothesis_rejected",
                meeting=str(self.meeting),
                track=session.options.track,
                reason=reason,
                **({} if timing is None else timing.facts()),
            )

    def _share_language(self, session: TrackSession) -> None:
        """Tell the other tracks what is spoken here: people of one meeting speak one language."""
        if (language := session.track.language) is not None:
            for other in self._sessions.values():
                if other is not session:
                    other.track.expect_language(language)

    def _timing(
        self, session: TrackSession, event: TrackEvent | Flushed, decode: DecodeTiming | None
    ) -> CaptionTiming | None:
        if not isinstance(event, Caption):
            return None
        now_s, began_s = self._clock(), self._step_began_s
        returned_s = 0.0 if decode is None else began_s - decode.done_s
        speech = None if event.replay else self._arrival(session, event)
        return CaptionTiming(decode, returned_s, now_s - began_s, now_s, speech)

    def _arrival(self, session: TrackSession, caption: Caption) -> SpeechArrival | None:
        """Return when the audio of a caption arrived; None where none has, after a resumption."""
        began_s = session.arrivals.take_onset(caption)
        ended_s = session.arrivals.of(caption.end - 1)
        if ended_s is None:
            return None
        order = self._segment_order
        if began_s is not None:
            self._segment_order = SegmentOrder.LATER
        return SpeechArrival(began_s, order, ended_s)

    def _acknowledge(self, session: TrackSession) -> None:
        urgent = session.options.suspected and session.acked_committed < session.options.live_from
        step = ACK_EVERY_SAMPLES // 8 if urgent else ACK_EVERY_SAMPLES
        if session.track.received - session.acked_at >= step:
            session.acked_committed = session.track.committed
            session.acked_at = session.track.received
            session.outbox.put(Ack(session.track.received, session.track.committed))

    def _submit(
        self, session: TrackSession, request: DecodeRequest, attempts: Attempts = UNTRIED
    ) -> None:
        now_s = self._clock()
        heard_s = now_s - self._step_began_s
        final, interim = request.kind is JobClass.FINAL, request.kind is JobClass.INTERIM
        if self._overload.engine_away:
            self.post(DecodeAnswered(session, request, JobFailed(EngineAway()), attempts=attempts))
            return
        stale_after_s = self._overload.stale_after_s if interim else STALE_AFTER_S

        def run(worker: TranscriberWorker) -> Hypothesis:
            # an interim is soon followed by another: cores stay free for both
            spare = 0 if interim else self._executor.idle
            options = replace(request.options, spare_workers=spare, job_class=request.kind)
            hypothesis = worker.transcribe(request.utterance, options)
            if request.kind is JobClass.FIRST_CAPTION:
                self._executor.note_wait(hypothesis.waited_s)
            return hypothesis

        job = Job(
            job_class=request.kind,
            owner=self.meeting,
            part=session.options.track,
            deadline_s=now_s + WANTED_WITHIN_S[request.kind],
            run=run,
            deliver=lambda outcome: self._deliver(session, request, heard_s, outcome, attempts),
            expires_s=None if final else now_s + stale_after_s,
            coalesce=None if final else (self.meeting, session.options.track),
            interval_factor=session.interim_interval_factor if interim else 1.0,
        )
        try:
            self._executor.submit(job)
        except Busy:
            # The answer comes as a message, as every answer does, never from inside a step.
            self.post(DecodeAnswered(session, request, JobDropped(DropReason.REFUSED)))

    def _deliver(
        self,
        session: TrackSession,
        request: DecodeRequest,
        heard_s: float,
        outcome: Outcome,
        attempts: Attempts,
    ) -> None:
        """Bring an answer from an inference thread to the inbox."""
        timing = None
        if isinstance(outcome, JobDone | JobFailed):
            timing = DecodeTiming(
                request.kind,
                samples=len(request.utterance.samples),
                heard_s=heard_s,
                queued_s=outcome.queued_s,
                ran_s=outcome.ran_s,
                done_s=self._clock(),
            )
        answer = DecodeAnswered(session, request, outcome, timing, attempts)
        try:
            self._loop.call_soon_threadsafe(self.post, answer)
        except RuntimeError:
            # The loop is closed: the process is leaving and nobody waits for the answer.
            return

    def _result(
        self,
        session: TrackSession,
        request: DecodeRequest,
        outcome: Outcome,
        timing: DecodeTiming | None,
    ) -> Hypothesis | Dropped:
        match outcome:
            case JobDone(value=Hypothesis() as hypothesis):
                return hypothesis
            case JobFailed(error=EngineAway()) if request.kind is not JobClass.FINAL:
                return Dropped.FAILED  # the log has ``engine_away``, once
            case JobFailed(error=WordloopError() as error):
                log.warning(
                    "decode_failed",
                    meeting=str(self.meeting),
                    track=session.options.track,
                    code=error.code,
                    **({} if timing is None else timing.facts()),
                )
                return Dropped.FAILED
            case JobFailed(error=error):
                raise error
            case JobDropped(reason=DropReason.SUPERSEDED | DropReason.EXPIRED | DropReason.REFUSED):
                return Dropped.SUPERSEDED
            case _:
                return Dropped.FAILED

    def _fail(self, session: TrackSession, error: Exception) -> None:
        """Log a bug, of the engine or of ours, and close its track; the others of the meeting go on."""
        self.failed += 1
        track = session.options.track
        log.error("track_failed", meeting=str(self.meeting), track=track, **describe_bug(error))
        self._close(session, TrackEnd.FAILED, ErrorCode.INTERNAL)

    def _is_live(self, session: TrackSession) -> bool:
        return self._sessions.get(session.options.track) is session

    def _close(self, session: TrackSession, ended: TrackEnd, code: ErrorCode | None) -> None:
        """End a session, whatever the reason: tell its connection and drop its jobs."""
        track = session.track
        session.outbox.put(
            Closed(code, received=track.received, committed=track.committed, finals=session.finals)
        )
        session.room.set()
        if self._is_live(session):
            del self._sessions[session.options.track]
            self._executor.forget(self.meeting, session.options.track)
        log.info(
            "track_ended",
            meeting=str(self.meeting),
            ended=ended,
            code=code,
            **session.facts(self._clock()),
        )


def _end_of(code: ErrorCode | None) -> TrackEnd:
    """Return how a track ended whose connection did, by the code of that."""
    match code:
        case None:
            return TrackEnd.LEFT
        case ErrorCode.INTERNAL:
            return TrackEnd.FAILED
        case _:
            return TrackEnd.REFUSED
