"""One WebSocket, one track of one meeting: the adapter between the wire and the meeting's actor.

``TrackConnection`` owns two tasks, of which neither outlives the other: ``Reader`` posts what arrives to
the actor, ``Sender`` sends what the actor puts into the session's outbox. ``Liveness`` decides whether the
peer is still there. Nothing here decodes speech or keeps captions.
"""

import asyncio
import math
import time
from collections.abc import Callable

import structlog
from aiohttp import WSCloseCode, web

from wordloop_ml.audio.streams import AudioInput
from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.executor import JobOwner
from wordloop_ml.meetings.actor import MeetingActor
from wordloop_ml.meetings.inbox import AudioEnded, ConnectionLost, FlushAsked, GapArrived
from wordloop_ml.meetings.roster import Turn, meeting_key
from wordloop_ml.meetings.session import (
    Ack,
    Cadence,
    Closed,
    Leaving,
    Ping,
    SentCaptions,
    TrackOptions,
    TrackSession,
)
from wordloop_ml.messages import Caption, Flushed, Samples, TrackEvent
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.service import SERVICE, Service, Stage
from wordloop_ml.web.track_socket import (
    CLOSE_WITHIN_S,
    LOOK_EVERY_S,
    SEND_WITHIN_S,
    Liveness,
    Peer,
    TrackSocket,
    data_of,
    slow_consumer,
)
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.client_messages import (
    FinalizeMessage,
    GapMessage,
    KeepAliveMessage,
    StartMessage,
    StopMessage,
    parse_client,
)
from wordloop_ml.wire.close_codes import close_code, close_reason
from wordloop_ml.wire.credentials import NATIVE_SUBPROTOCOL
from wordloop_ml.wire.json_fields import valid_identifier
from wordloop_ml.wire.server_messages import (
    AckMessage,
    DrainingMessage,
    EndedMessage,
    ErrorMessage,
    EventTranslator,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
    ServerMessage,
    encode,
)

START_WITHIN_S = 10.0
"""Seconds that a peer may take to send ``start``."""

CAREFUL_FROM_ATTEMPT = 2
"""From this many breaks without progress on, a track is decoded carefully."""

_CLOSE_MESSAGES: dict[ErrorCode | None, str] = {
    ErrorCode.INTERNAL: "the track ended unexpectedly",
    ErrorCode.SUPERSEDED: "a newer connection took over this track",
    ErrorCode.SLOW_CONSUMER: str(slow_consumer()),
    ErrorCode.DRAINING: "planned restart: resume elsewhere, at once",
}

log = structlog.get_logger()


async def meeting_socket(request: web.Request) -> web.StreamResponse:
    """``GET /v1/meetings/{meeting_id}/audio``: refuse early, else upgrade and serve the track."""
    service = request.app[SERVICE]
    resumed = request.query.get("resume") == "1"
    meeting = request.match_info["meeting_id"]
    if not valid_identifier(meeting):
        raise BadInput("meeting_id must be 1 to 64 characters of A-Z a-z 0-9 _ . : -")
    key = meeting_key(request[TENANT], meeting)
    with service.admitted(key, resumed=resumed):
        socket = TrackSocket((NATIVE_SUBPROTOCOL,))
        if not socket.accepts(request):
            raise BadInput("this route speaks WebSocket only")
        connection = TrackConnection(service, key, socket, request, resumed=resumed)
        await socket.prepare(request)
        with service.connection():
            await connection.run()
        service.metrics.closed(socket.close_code, resumed=resumed)
    return socket


class Sender:
    """Sends one track's messages to its peer.

    captions: told of each that was sent. sent: called with each message once it was sent, if given.
    """

    def __init__(self, peer: Peer, captions: SentCaptions) -> None:
        self._peer = peer
        self._captions = captions
        self.sent: Callable[[ServerMessage], None] | None = None

    async def send(self, message: ServerMessage) -> None:
        """Send one message. Raises ``TimeoutError`` when the peer does not read, ``ConnectionError``."""
        await self._peer.send(encode(message))
        if self.sent is not None:
            self.sent(message)

    async def refuse(self, error: WordloopError) -> None:
        """Name the error, then close with its code; for a connection whose outbox nobody sends."""
        retry_after = error.retry_after_s if isinstance(error, Busy) else None
        try:
            async with asyncio.timeout(SEND_WITHIN_S + CLOSE_WITHIN_S):
                await self.send(ErrorMessage(error.code, str(error), retry_after))
                await self._close(error.code, str(error))
        except (ConnectionError, TimeoutError):
            self._peer.abort()

    async def send_all(
        self, ready: ReadyMessage, session: TrackSession, audio: AudioInput, turn: Turn
    ) -> None:
        """Send ``ready``, then the outbox in order until it closes; then say why, and close.

        A peer that reads no more loses its connection: the transport is aborted.
        """
        options = session.options
        translator = EventTranslator(audio.positions, options.epoch or 0, audio.start.speaker)
        try:
            await self.send(ready)
            event, timing = await session.outbox.get_timed()
            while not isinstance(event, Closed):
                if isinstance(event, Ping):
                    await self._peer.ping()
                elif not isinstance(event, Flushed):  # which is for who asks for it
                    await self.send(_message(event, translator, audio))
                    if options.suspected:
                        turn.look(event, options.live_from)
                if timing is not None and isinstance(event, Caption):
                    self._captions.note(event, timing)
                event, timing = await session.outbox.get_timed()
            await self._end(event, audio)
        except (TimeoutError, ConnectionError):
            session.outbox.put(Closed(ErrorCode.SLOW_CONSUMER))
            self._peer.abort()

    async def _end(self, event: Closed, audio: AudioInput) -> None:
        """Send ``ended`` after an orderly end, ``error`` after any other, then the close frame."""
        if self._peer.closed:
            return
        reason = event.message or _CLOSE_MESSAGES.get(event.code, "ended")
        if event.code in {None, ErrorCode.DRAINING}:
            committed = audio.positions.committed(event.committed, audio.received)
            await self.send(EndedMessage(audio.received, committed, event.finals, event.code))
        else:
            await self.send(ErrorMessage(event.code or ErrorCode.INTERNAL, reason))
        await self._close(event.code, reason)

    async def _close(self, code: ErrorCode | None, reason: str) -> None:
        status = WSCloseCode.OK if code is None else close_code(code)
        text = reason if code is None else close_reason(code, reason)
        await self._peer.close(status, text)


def _message(
    event: TrackEvent | Ack | Cadence | Leaving, translator: EventTranslator, audio: AudioInput
) -> ServerMessage:
    """Translate an event of the outbox to its message of the wire."""
    match event:
        case Ack(committed=committed):
            return AckMessage(audio.received, audio.positions.committed(committed, audio.received))
        case Cadence(degraded=degraded):
            return NoticeMessage(NoticeCode.DEGRADED if degraded else NoticeCode.RESTORED)
        case Leaving(deadline_s=deadline_s):
            return DrainingMessage(deadline_ms=round(deadline_s * 1000))
        case _:
            return translator.translate(event, audio.received)


class Reader:
    """Reads what one peer sends, no faster than it is taken, and no faster than the rate limit."""

    def __init__(self, service: Service, peer: Peer) -> None:
        self._service = service
        self._peer = peer

    async def receive_start(self) -> StartMessage | None:
        """Wait for the first message; None when the peer left without one.

        Raises ``BadInput`` for any other message and for silence, ``Draining`` when that begins.
        """
        text = await self._receive_first()
        if text is None:
            return None
        if isinstance(text, bytes):
            raise BadInput(
                "audio before start, which is a text frame", code=ErrorCode.UNEXPECTED_MESSAGE
            )
        message = parse_client(text)
        if not isinstance(message, StartMessage):
            raise BadInput("the first message must be start", code=ErrorCode.UNEXPECTED_MESSAGE)
        return message

    async def read_all(
        self, actor: MeetingActor, session: TrackSession, audio: AudioInput
    ) -> ErrorCode | None:
        """Post what arrives until the peer leaves (None), or does what it may not (the code)."""
        try:
            await self._post_all(actor, session, audio)
        except WordloopError as error:
            session.outbox.put(Closed(error.code, str(error)))
            return error.code
        return None

    async def _post_all(
        self, actor: MeetingActor, session: TrackSession, audio: AudioInput
    ) -> None:
        """Post what arrives, no faster than the meeting takes it, until the peer leaves."""
        liveness = Liveness(session.outbox, self._service.settings.idle_s)
        stopped = False
        while (received := await self._peer.receive(liveness)) is not None:
            message = received if isinstance(received, bytes) else parse_client(received)
            if stopped and not isinstance(message, KeepAliveMessage):
                raise BadInput("nothing may follow stop", code=ErrorCode.UNEXPECTED_MESSAGE)
            if isinstance(message, bytes):
                await actor.post_audio(session, self._audio(audio, message))
                continue
            self._peer.rate_limit.spend(time.monotonic())
            await actor.wait_for_room(session)
            match message:
                case StartMessage():
                    raise BadInput("start comes once", code=ErrorCode.UNEXPECTED_MESSAGE)
                case FinalizeMessage():
                    actor.post(FlushAsked(session))
                case GapMessage(samples=samples):
                    tail, gap = audio.gap(samples)
                    await actor.post_audio(session, tail)
                    actor.post(GapArrived(session, gap))
                case StopMessage():
                    stopped = True
                    await actor.post_audio(session, audio.flush())
                    actor.post(AudioEnded(session))
                    liveness.stopped()
                case KeepAliveMessage():
                    pass

    def _audio(self, audio: AudioInput, payload: bytes) -> Samples:
        """Decode one binary frame. Raises ``BadInput``, also (``too_fast``) beyond the rate limit."""
        start, position = audio.start, audio.received
        samples = audio.audio(payload)
        self._peer.rate_limit.spend(
            time.monotonic(),
            audio_s=(audio.received - position) / start.sample_rate,
            replay=position < audio.live_at,
        )
        return samples

    async def _receive_first(self) -> str | bytes | None:
        """Wait for the first frame of data, ``START_WITHIN_S`` at most; None at the end."""
        silent_s = 0.0
        while True:
            began_s = time.monotonic()
            message = await self._peer.receive_within(min(LOOK_EVERY_S, START_WITHIN_S))
            silent_s += time.monotonic() - began_s
            if message is not None:
                return data_of(message)
            if self._service.stage is Stage.DRAINING:
                raise Draining
            if silent_s >= START_WITHIN_S:
                raise BadInput(f"no start for {START_WITHIN_S:g} s", code=ErrorCode.IDLE)


class TrackConnection:
    """Serves one upgraded connection, from its ``start`` to its close."""

    def __init__(
        self,
        service: Service,
        meeting: JobOwner,
        socket: TrackSocket,
        request: web.Request,
        *,
        resumed: bool,
    ) -> None:
        self._service = service
        self._meeting = meeting
        self._resumed = resumed
        settings = service.settings
        self._limits = Limits(
            audio_frames_per_s=settings.audio_frames_per_s,
            realtime_factor=settings.realtime_factor,
            idle_s=math.ceil(settings.idle_s),
        )
        self._peer = Peer(socket, request, self._limits, settings.idle_s)
        self._sender = Sender(self._peer, service.sent_captions(meeting, request.headers))
        self._reader = Reader(service, self._peer)

    async def run(self) -> None:
        """Serve until either side ends, and close: 1000 after an orderly end alone."""
        try:
            await self._serve()
        except WordloopError as error:
            log.info("connection_refused", meeting=str(self._meeting), code=error.code)
            await self._sender.refuse(error)
        except Exception as error:  # a bug ends this connection only, and not as HTTP
            log.error("connection_failed", meeting=str(self._meeting), **describe_bug(error))
            await self._sender.refuse(WordloopError("unexpected error", code=ErrorCode.INTERNAL))

    async def _serve(self) -> None:
        """Read ``start``, join the meeting, then read and send until either side ends."""
        start = await self._reader.receive_start()
        if start is None:
            return
        turn = await self._service.quarantine.turn() if start.attempt else Turn()
        try:
            await self._serve_track(start, turn)
        finally:
            turn.end()

    async def _serve_track(self, start: StartMessage, turn: Turn) -> None:
        """Read and send; a bug in one cancels the other, and is raised in an ``ExceptionGroup``."""
        actor, session, audio = self._join(start)
        ready = ReadyMessage(
            accept_from=start.resume_from, next_seq=start.last_seq + 1, limits=self._limits
        )
        notes = self._service.live_notes.following(self._meeting, start, audio.positions)
        with notes as self._sender.sent:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(
                    self._sender.send_all(ready, session, audio, turn),
                    name=f"send-{self._meeting}-{start.track}",
                )
                # a task of its own: each frame would otherwise wake every middleware that awaits the route
                tasks.create_task(
                    self._read(actor, session, audio, sending),
                    name=f"read-{self._meeting}-{start.track}",
                )

    async def _read(
        self,
        actor: MeetingActor,
        session: TrackSession,
        audio: AudioInput,
        sending: asyncio.Task[None],
    ) -> None:
        """Read until the peer leaves, tell the actor, and wait for the sender to end."""
        code: ErrorCode | None = ErrorCode.INTERNAL  # unless the reader ends as it should
        try:
            code = await self._reader.read_all(actor, session, audio)
        finally:
            # Harmless after a regular end: the session is no longer the actor's.
            actor.post(ConnectionLost(session, code))
        await self._peer.finish(sending, slow=code is ErrorCode.SLOW_CONSUMER)

    def _join(self, start: StartMessage) -> tuple[MeetingActor, TrackSession, AudioInput]:
        """Join the meeting. Raises ``BadInput``, ``Busy``, ``Draining``."""
        capabilities = self._service.capabilities
        language = capabilities.code_of(start.language)
        capabilities.check(language, start.task)
        self._service.live_notes.check(start)
        if self._resumed and not start.resumes:
            self._service.roster.require_new(self._meeting)
        scale = Positions(start.sample_rate)
        actor, session = self._service.roster.join(
            self._meeting,
            TrackOptions(
                track=start.track,
                epoch=start.epoch,
                language=language,
                task=start.task,
                vocabulary=start.vocabulary,
                first_sample=scale.to_service(start.resume_from),
                last_seq=start.last_seq,
                live_from=scale.to_service(start.live_at),
                careful=start.attempt >= CAREFUL_FROM_ATTEMPT,
                suspected=start.attempt > 0,
            ),
        )
        origin_ms = actor.age_ms() if start.origin_ms is None else start.origin_ms
        positions = Positions(start.sample_rate, origin_ms, start.resume_from)
        return actor, session, AudioInput(start, positions)
