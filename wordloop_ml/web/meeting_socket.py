"""One WebSocket, one track of one meeting: the adapter between the wire and the meeting's actor.

The handler reads; a second task sends what the actor puts into the seat's outbox. Neither outlives
the other. Nothing here decodes speech or keeps captions.
"""

import asyncio
import math
import time

import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from wordloop_ml.audio.opus import OpusDecoder
from wordloop_ml.audio.resampler import StreamResampler
from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.executor import JobOwner
from wordloop_ml.meetings.actor import (
    AudioEnded,
    ConnectionLost,
    FlushAsked,
    GapArrived,
    MeetingActor,
)
from wordloop_ml.meetings.quarantine import Turn
from wordloop_ml.meetings.roster import meeting_key
from wordloop_ml.meetings.session import (
    Ack,
    Cadence,
    CaptionTiming,
    Closed,
    Leaving,
    Ping,
    TrackOptions,
    TrackSession,
)
from wordloop_ml.messages import Caption, Samples, TrackEvent
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.http_server import CLOSE_WITHIN_S, TrackSocket, raise_broken
from wordloop_ml.web.service import SERVICE, Service, Stage
from wordloop_ml.wire.audio_frames import Encoding, PcmDecoder, StreamHead
from wordloop_ml.wire.client_messages import (
    FinalizeMessage,
    GapMessage,
    KeepAliveMessage,
    StartMessage,
    StopMessage,
    parse_client,
)
from wordloop_ml.wire.close_codes import close_code, close_reason
from wordloop_ml.wire.heartbeat import Heartbeat
from wordloop_ml.wire.names import valid_meeting_id
from wordloop_ml.wire.positions import Positions
from wordloop_ml.wire.rate_limit import TokenBucket
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


class AudioInput:
    """Counts what came in and brings it to 16 kHz.

    A client may send from before the position that the track accepts; what lies before is
    counted and dropped, so that every later position is right.
    """

    def __init__(self, start: StartMessage, positions: Positions) -> None:
        self.start = start
        self.positions = positions
        self._head = StreamHead()
        self._decoder = _decoder(start)
        self._received = start.sends_from
        self._resampler = self._resample_from(start.resume_from)

    @property
    def received(self) -> int:
        """Stream position one past the last sample that came in."""
        return self._received

    def audio(self, payload: bytes) -> Samples:
        """The 16 kHz samples that one binary frame adds. Raises ``BadInput`` (``bad_audio``)."""
        self._head.look(payload)  # before what is wrong with it as samples
        samples = self._decoder.decode(payload)
        early = min(max(self.start.resume_from - self._received, 0), len(samples))
        self._received += len(samples)
        return self._resampler.push(samples[early:])

    def flush(self) -> Samples:
        """What the resampler still holds: nothing follows."""
        return self._resampler.flush()

    def gap(self, samples: int) -> tuple[Samples, int]:
        """Skip stream samples that do not exist: the tail before them, and the gap at 16 kHz."""
        tail = self.flush()
        begins = self.positions.to_service(max(self._received, self.start.resume_from))
        self._received += samples
        ends = self.positions.to_service(max(self._received, self.start.resume_from))
        # What follows has nothing to do with what an Opus decoder remembers.
        self._decoder = _decoder(self.start)
        self._resampler = self._resample_from(max(self._received, self.start.resume_from))
        return tail, ends - begins

    def _resample_from(self, position: int) -> StreamResampler:
        return StreamResampler(self.start.sample_rate, first_sample=position)


def _decoder(start: StartMessage) -> PcmDecoder | OpusDecoder:
    if start.encoding is Encoding.OPUS:
        return OpusDecoder(start.channels)
    return PcmDecoder(start.encoding, start.channels, sample_rate=start.sample_rate)


START_WITHIN_S = 10.0
SEND_WITHIN_S = 5.0
LOOK_EVERY_S = 0.5
"""How often a connection is looked at on which nothing moves."""

TURN_FRAMES = 64
"""After so many frames of one connection it is the others' turn."""

CAREFUL_FROM_ATTEMPT = 2
"""From this many breaks without progress on, a track is decoded carefully."""

log = structlog.get_logger()


async def meeting_socket(request: web.Request) -> web.StreamResponse:
    """``GET /v1/meetings/{meeting_id}/audio``: refuse early, else upgrade and serve the track."""
    service = request.app[SERVICE]
    resumed = request.query.get("resume") == "1"
    meeting = request.match_info["meeting_id"]
    if not valid_meeting_id(meeting):
        raise BadInput("meeting_id must be 1 to 64 characters of A-Z a-z 0-9 _ . : -")
    key = meeting_key(request[TENANT], meeting)
    with service.roster.admitted(key, resumed=resumed):
        socket = TrackSocket()
        if not socket.speaks(request):
            raise BadInput("this route speaks WebSocket only")
        connection = Connection(service, key, socket, request, resumed=resumed)
        await socket.prepare(request)
        with service.connection():
            await connection.run()
    return socket


class Connection:
    """The life of one upgraded connection."""

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
        self._socket = socket
        self._request = request
        self._resumed = resumed
        settings = service.settings
        self._traces = settings.log_level == "debug"
        self._limits = Limits(
            audio_frames_per_s=settings.audio_frames_per_s,
            realtime_factor=settings.realtime_factor,
            idle_s=math.ceil(settings.idle_s),
        )
        self._pace = TokenBucket(self._limits)
        self._pulse = Heartbeat()
        self._frames = 0
        self._turn = Turn()

    async def run(self) -> None:
        """Serve until either side ends, and close: 1000 after an orderly end alone."""
        try:
            await self._serve()
        except WordloopError as error:
            log.info("connection_refused", meeting=str(self._meeting), code=error.code)
            await self._refuse(error)
        except Exception as error:  # a bug ends this connection only, and not as HTTP
            log.error("connection_failed", meeting=str(self._meeting), **describe_bug(error))
            await self._refuse(WordloopError("unexpected error", code=ErrorCode.INTERNAL))

    async def _serve(self) -> None:
        """Read ``start``, take a seat, then read and send until either side ends."""
        start = await self._receive_start()
        if start is None:
            return
        if start.attempt:
            self._turn = await self._service.quarantine.turn()
        try:
            await self._serve_track(start)
        finally:
            self._turn.end()

    async def _serve_track(self, start: StartMessage) -> None:
        """Read and send; a bug in one cancels the other, and is raised in an ``ExceptionGroup``."""
        actor, seat, inbound = self._join(start)
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(
                self._send_all(seat, inbound), name=f"send-{self._meeting}-{start.track}"
            )
            code: ErrorCode | None = ErrorCode.INTERNAL  # unless the reader ends as it should
            try:
                code = await self._read_all(actor, seat, inbound)
            finally:
                # Harmless after a regular end: the seat is no longer the actor's.
                actor.post(ConnectionLost(seat, code))
            await self._finish(sending, code)

    async def _refuse(self, error: WordloopError) -> None:
        """Without a sender: name the error, then close with its code."""
        retry_after = error.retry_after_s if isinstance(error, Busy) else None
        try:
            async with asyncio.timeout(SEND_WITHIN_S + CLOSE_WITHIN_S):
                await self._send(ErrorMessage(error.code, str(error), retry_after))
                await self._close(error.code, str(error))
        except (ConnectionError, TimeoutError):
            self._abort()

    async def _receive_start(self) -> StartMessage | None:
        """The first message; None when the peer left without one."""
        text = await self._receive(START_WITHIN_S)
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

    def _join(self, start: StartMessage) -> tuple[MeetingActor, TrackSession, AudioInput]:
        capabilities = self._service.capabilities
        language = capabilities.code_of(start.language)
        capabilities.check(language, start.task)
        if self._resumed and not start.resumes:
            self._service.roster.require_new(self._meeting)
        scale = Positions(start.sample_rate)
        actor, seat = self._service.roster.join(
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
        return (
            actor,
            seat,
            AudioInput(start, Positions(start.sample_rate, origin_ms, start.resume_from)),
        )

    def _ready(self, start: StartMessage) -> ReadyMessage:
        return ReadyMessage(
            accept_from=start.resume_from, next_seq=start.last_seq + 1, limits=self._limits
        )

    async def _read_all(
        self, actor: MeetingActor, seat: TrackSession, inbound: AudioInput
    ) -> ErrorCode | None:
        """Post what arrives until the peer leaves, or does what it may not; that is the code."""
        try:
            await self._post_all(actor, seat, inbound)
        except WordloopError as error:
            seat.outbox.put(Closed(error.code, str(error)))
            return error.code
        return None

    async def _post_all(self, actor: MeetingActor, seat: TrackSession, inbound: AudioInput) -> None:
        """Post what arrives, no faster than the meeting takes it, until the peer leaves."""
        idle_s = self._service.settings.idle_s
        stopped = False
        while (received := await self._receive(idle_s, seat)) is not None:
            message = received if isinstance(received, bytes) else parse_client(received)
            if stopped and not isinstance(message, KeepAliveMessage):
                raise BadInput("nothing may follow stop", code=ErrorCode.UNEXPECTED_MESSAGE)
            if isinstance(message, bytes):
                await actor.post_audio(seat, self._audio(inbound, message))
                continue
            self._pace.spend(time.monotonic())
            await actor.wait_for_room(seat)
            match message:
                case StartMessage():
                    raise BadInput("start comes once", code=ErrorCode.UNEXPECTED_MESSAGE)
                case FinalizeMessage():
                    actor.post(FlushAsked(seat))
                case GapMessage(samples=samples):
                    tail, gap = inbound.gap(samples)
                    await actor.post_audio(seat, tail)
                    actor.post(GapArrived(seat, gap))
                case StopMessage():
                    stopped = True
                    await actor.post_audio(seat, inbound.flush())
                    actor.post(AudioEnded(seat))
                case KeepAliveMessage():
                    pass

    def _audio(self, inbound: AudioInput, payload: bytes) -> Samples:
        """The samples of one binary frame, if it does not come too fast. Raises ``BadInput``."""
        start, position = inbound.start, inbound.received
        samples = inbound.audio(payload)
        self._pace.spend(
            time.monotonic(),
            audio_s=(inbound.received - position) / start.sample_rate,
            replay=position < start.live_at,
        )
        return samples

    async def _receive(
        self, timeout_s: float, seat: TrackSession | None = None
    ) -> str | bytes | None:
        """The next frame; None when the connection is over.

        A ping of the peer's own is a sign of life, once there is a seat; an answer to ours is none:
        a library gives it by itself, when whoever used the connection has long forgotten it. Raises ``BadInput`` for a peer that says nothing, or does not read; ``Draining`` when that
        begins before there is a seat.
        """
        silent_s = 0.0
        while True:
            began_s = time.monotonic()
            message = await self._frame(min(LOOK_EVERY_S, timeout_s))
            waited_s = time.monotonic() - began_s
            silent_s += waited_s
            if seat is not None:
                self._check_pulse(seat, waited_s)
            if message is None or message.type in _HEARTBEATS:
                if message is not None and await self._beats(message) and seat is not None:
                    silent_s = 0.0
                self._check_silence(silent_s, timeout_s, seat)
                continue
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                data: str | bytes = message.data
                return data
            if message.type is WSMsgType.ERROR:
                # aiohttp has closed already; what is left is to say so in the log
                raise_broken(message.data)
            return None

    async def _frame(self, timeout_s: float) -> WSMessage | None:
        """The next frame; None when there was none so far."""
        self._frames += 1
        if self._frames % TURN_FRAMES == 0:
            await asyncio.sleep(0)  # what has arrived already is read without waiting
        try:
            return await self._socket.receive(timeout=timeout_s)
        except TimeoutError:
            return None

    async def _beats(self, message: WSMessage) -> bool:
        """Deal with a ping or a pong; whether the peer sent it of its own accord."""
        if message.type is WSMsgType.PONG and self._pulse.answered():
            return False
        self._pace.spend(time.monotonic())  # a flood of them is a flood
        if message.type is WSMsgType.PING:
            await self._answer(message.data)
        return True

    def _check_silence(self, silent_s: float, timeout_s: float, seat: TrackSession | None) -> None:
        if seat is None and self._service.stage is Stage.DRAINING:
            raise Draining
        if silent_s >= timeout_s:
            what = "no start" if seat is None else "no audio, keepalive or ping of yours"
            raise BadInput(f"{what} for {timeout_s:g} s", code=ErrorCode.IDLE)

    def _check_pulse(self, seat: TrackSession, waited_s: float) -> None:
        self._pulse.waited(waited_s)
        if self._pulse.overdue:
            raise BadInput(_GOODBYES[ErrorCode.SLOW_CONSUMER], code=ErrorCode.SLOW_CONSUMER)
        if self._pulse.due:
            self._pulse.asked()
            seat.outbox.put(Ping())

    async def _answer(self, data: bytes) -> None:
        """A pong."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._socket.pong(data)
        except TimeoutError:
            raise BadInput(
                _GOODBYES[ErrorCode.SLOW_CONSUMER], code=ErrorCode.SLOW_CONSUMER
            ) from None
        except ConnectionError:
            return  # the next receive says so

    async def _send_all(self, seat: TrackSession, inbound: AudioInput) -> None:
        """Send the outbox in order until it closes; a reader that stalls loses its connection."""
        translator = EventTranslator(
            inbound.positions, seat.options.epoch or 0, inbound.start.speaker
        )
        try:
            await self._send(self._ready(inbound.start))
            event, timing = await seat.outbox.get_timed()
            while not isinstance(event, Closed):
                if isinstance(event, Ping):
                    await self._ping()
                else:
                    await self._send(_message(event, translator, inbound))
                    self._turn.look(event, seat.options.live_from)
                if self._traces and timing is not None and isinstance(event, Caption):
                    self._trace(event, timing)
                event, timing = await seat.outbox.get_timed()
            await self._say_goodbye(event, inbound)
        except (TimeoutError, ConnectionError):
            seat.outbox.put(Closed(ErrorCode.SLOW_CONSUMER))
            self._abort()

    async def _say_goodbye(self, event: Closed, inbound: AudioInput) -> None:
        """``ended`` after an orderly end, ``error`` after any other, then the close frame."""
        if self._socket.closed:
            return
        reason = event.message or _GOODBYES.get(event.code, "ended")
        if event.code in {None, ErrorCode.DRAINING}:
            committed = inbound.positions.committed(event.committed, inbound.received)
            await self._send(EndedMessage(inbound.received, committed, event.finals, event.code))
        else:
            await self._send(ErrorMessage(event.code or ErrorCode.INTERNAL, reason))
        await self._close(event.code, reason)

    def _trace(self, caption: Caption, timing: CaptionTiming) -> None:
        """Where the time of a caption went."""
        log.debug(
            "caption_sent",
            meeting=str(self._meeting),
            track=caption.track,
            segment=caption.segment,
            end=caption.end,
            final=caption.final,
            **timing.facts(time.monotonic()),
        )

    async def _send(self, message: ServerMessage) -> None:
        """One frame. Raises ``TimeoutError`` when the peer does not read."""
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._socket.send_str(encode(message))

    async def _ping(self) -> None:
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._socket.ping()

    async def _close(self, code: ErrorCode | None, reason: str) -> None:
        status = WSCloseCode.OK if code is None else close_code(code)
        text = reason if code is None else close_reason(code, reason)
        await self._socket.close(code=status, message=text.encode())

    def _abort(self) -> None:
        """End the transport: a peer that reads nothing would never see a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _finish(self, sending: asyncio.Task[None], code: ErrorCode | None) -> None:
        """Let the sender say goodbye, but not for ever, and hardly to one who does not read."""
        slow = code is ErrorCode.SLOW_CONSUMER
        within_s = CLOSE_WITHIN_S if slow else SEND_WITHIN_S + CLOSE_WITHIN_S
        await asyncio.wait({sending}, timeout=within_s)
        sending.cancel()
        await asyncio.wait({sending})
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()  # closing would wait for a peer that does not read


_HEARTBEATS = (WSMsgType.PING, WSMsgType.PONG)

_GOODBYES: dict[ErrorCode | None, str] = {
    ErrorCode.INTERNAL: "the track ended unexpectedly",
    ErrorCode.SUPERSEDED: "a newer connection took over this track",
    ErrorCode.SLOW_CONSUMER: "captions were not read fast enough",
    ErrorCode.DRAINING: "planned restart: resume elsewhere, at once",
}


def _message(
    event: TrackEvent | Ack | Cadence | Leaving, translator: EventTranslator, inbound: AudioInput
) -> ServerMessage:
    """What an event of the outbox is on the wire."""
    match event:
        case Ack(committed=committed):
            return AckMessage(
                inbound.received, inbound.positions.committed(committed, inbound.received)
            )
        case Cadence(degraded=degraded):
            return NoticeMessage(NoticeCode.DEGRADED if degraded else NoticeCode.RESTORED)
        case Leaving(deadline_s=deadline_s):
            return DrainingMessage(deadline_ms=round(deadline_s * 1000))
        case _:
            return translator.translate(event, inbound.received)
