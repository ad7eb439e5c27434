"""Captions for the clients of foreign interfaces: one connection is a private meeting, fed as fast as it takes audio.

An interface is an adapter (``StreamAdapter``): what its client's messages ask for, and what it is told of
each event. Everything else is here and the same for all: admission, tracks, back-pressure, liveness, drain
and the end. Nothing of the native protocol is sent, and a connection that breaks cannot be resumed.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiohttp import web
from multidict import MultiMapping

from wordloop_ml.audio.live_audio import LiveAudio
from wordloop_ml.errors import BadInput, ErrorCode, WordloopError
from wordloop_ml.executor import JobOwner
from wordloop_ml.meetings.actor import MeetingActor
from wordloop_ml.meetings.inbox import AudioEnded, ConnectionLost, FlushAsked, HintsChanged
from wordloop_ml.meetings.roster import meeting_key
from wordloop_ml.meetings.session import (
    Closed,
    OutboxEvent,
    Ping,
    SentCaptions,
    TrackOptions,
    TrackSession,
)
from wordloop_ml.messages import SAMPLE_RATE, Caption, Samples, Task
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.service import SERVICE, Service
from wordloop_ml.web.track_socket import (
    CLOSE_WITHIN_S,
    SEND_WITHIN_S,
    SHORTEST_REPLAY_S,
    Liveness,
    Peer,
    TrackSocket,
    slow_consumer,
)
from wordloop_ml.wire.close_codes import MAX_REASON_BYTES
from wordloop_ml.wire.server_messages import Limits

STREAM_MESSAGE_BYTES = 1 << 20
"""Bytes of the largest message, text or audio, that a foreign interface takes."""

MOST_UNPAID_S = 1.0
"""Seconds of audio that may pay for later messages: more than any resampler gives at once."""

log = structlog.get_logger()


class StreamSocket(TrackSocket):
    """The WebSocket of a foreign interface: no heartbeat, since a pong may lie behind minutes of audio."""

    def __init__(self, *subprotocols: str) -> None:
        super().__init__(subprotocols, STREAM_MESSAGE_BYTES, heartbeat_s=None)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a client says of the speech: its language (``languages.language_of``), task and vocabulary."""

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()


class CaptionStream:
    """The tracks of one private meeting: audio in by back-pressure, events out.

    Every track hears the same flush, end and hints. Make one with ``join``.
    """

    def __init__(
        self,
        service: Service,
        actor: MeetingActor,
        sessions: tuple[TrackSession, ...],
        captions: SentCaptions,
    ) -> None:
        self._service = service
        self._captions = captions
        self._actor = actor
        self._sessions = sessions
        self._posted = 0
        self.ended = False

    @classmethod
    def join(
        cls,
        service: Service,
        meeting: JobOwner,
        options: StreamOptions,
        tracks: int = 1,
        headers: MultiMapping[str] | None = None,
    ) -> "CaptionStream":
        """Open the tracks ``0`` to ``tracks - 1`` of an admitted meeting. headers: of the request, if it was one.

        Raises ``BadInput`` (``unsupported_language``, ``unsupported_task``), ``Busy``, ``Draining``.
        """
        language = service.capabilities.code_of(options.language)
        service.capabilities.check(language, options.task)
        joined: list[TrackSession] = []
        try:
            for track in range(tracks):
                actor, session = service.roster.join(
                    meeting,
                    TrackOptions(
                        track=str(track),
                        language=language,
                        task=options.task,
                        vocabulary=options.vocabulary,
                    ),
                )
                joined.append(session)
        except WordloopError:
            for session in joined:
                actor.post(ConnectionLost(session))
            raise
        captions = service.sent_captions(meeting, headers)
        return cls(service, actor, tuple(joined), captions)

    @property
    def tracks(self) -> int:
        """How many tracks there are."""
        return len(self._sessions)

    @property
    def received(self) -> int:
        """Samples at 16 kHz that each track was fed so far."""
        return self._posted

    def heard(self, track: int = 0) -> int:
        """Return the samples at 16 kHz that a track has listened to so far: its clock."""
        return self._sessions[track].track.received

    def quiet(self, track: int = 0) -> bool:
        """Whether nobody speaks on a track, and all that was said, and its end, was told."""
        session = self._sessions[track]
        return session.track.quiet and session.outbox.empty

    async def feed(self, payload: bytes, audio: LiveAudio) -> None:
        """Decode and post audio, as fast as the meeting takes it. Raises ``BadInput`` (``bad_audio``)."""
        for samples in audio.decode(payload):
            await self._post(samples)
            await asyncio.sleep(0)  # a message may hold minutes

    async def flush(self, audio: LiveAudio) -> None:
        """Post what a decoder still holds; another one follows, or none."""
        await self._post(audio.flush())

    async def finalize(self) -> None:
        """Ask each track for the final of what is open. Each answers with exactly one event.

        That is a final with ``Caption.flushed``, or ``Flushed`` where no text was open.
        """
        for session in self._sessions:
            await self._actor.wait_for_room(session)
            self._actor.post(FlushAsked(session, answered=True))

    async def set_hints(self, language: str | None, vocabulary: tuple[str, ...]) -> None:
        """Change language and vocabulary from here on. Raises ``BadInput`` (``unsupported_language``)."""
        code = self._service.capabilities.code_of(language)
        for session in self._sessions:
            await self._actor.wait_for_room(session)
            self._actor.post(HintsChanged(session, code, vocabulary))

    async def end(self) -> None:
        """Say that no more audio comes: each track sends its finals, then ``Closed``. Harmless when repeated."""
        if self.ended:
            return
        self.ended = True
        for session in self._sessions:
            await self._actor.wait_for_room(session)
            self._actor.post(AudioEnded(session))

    async def events(self, track: int = 0) -> AsyncIterator[OutboxEvent]:
        """Yield what a track tells, in order, in absolute samples at 16 kHz; ``Closed`` comes last."""
        outbox = self._sessions[track].outbox
        while True:
            event, timing = await outbox.get_timed()
            yield event  # goes on once the client was told
            if timing is not None and isinstance(event, Caption):
                self._captions.note(event, timing)
            if isinstance(event, Closed):
                return

    def liveness(self, idle_s: float) -> Liveness:
        """Make what decides whether the peer is there; its pings are among the events of track 0."""
        return Liveness(self._sessions[0].outbox, idle_s)

    def close(self, code: ErrorCode, message: str = "") -> None:
        """Close each track's events with an error; finals that were not out yet are not sent."""
        for session in self._sessions:
            session.outbox.put(Closed(code, message))

    def leave(self, code: ErrorCode | None = None) -> None:
        """Leave the meeting, whatever is open; harmless after a regular end."""
        for session in self._sessions:
            self._actor.post(ConnectionLost(session, code))

    async def _post(self, samples: tuple[Samples, ...]) -> None:
        if self.ended:
            return
        for session, one in zip(self._sessions, samples, strict=True):
            if not session.outbox.closed:
                await self._actor.post_audio(session, one)
        self._posted += len(samples[0])


class StreamAdapter(Protocol):
    """A foreign interface on one connection. It sends by ``Peer.send``; ``answer`` is for ``take``."""

    async def begin(self) -> None:
        """Send what comes first. Raises as ``Peer.send``."""
        ...

    async def take(self, message: str | bytes) -> None:
        """Do what a message of the client asks for. Raises ``BadInput``, which ends the connection."""
        ...

    async def tell(self, track: int, event: OutboxEvent) -> None:
        """Send what an event of a track becomes, which may be nothing. Raises as ``Peer.send``."""
        ...

    async def end(self, closed: Closed) -> tuple[int, str]:
        """Send what comes last; return close code and reason, which is not empty. Raises as ``Peer.send``."""
        ...


async def answer(peer: Peer, text: str) -> None:
    """Send a text from where messages are taken. Raises ``BadInput`` (``slow_consumer``)."""
    try:
        await peer.send(text)
    except TimeoutError:
        raise slow_consumer() from None
    except ConnectionError:
        return  # the next receive says so


async def serve_stream(
    request: web.Request,
    socket: StreamSocket,
    options: StreamOptions,
    adapt: Callable[[Peer, CaptionStream], StreamAdapter],
    *,
    tracks: int = 1,
) -> web.StreamResponse:
    """Admit a connection as a meeting of its own, upgrade it, and serve it to its end.

    Raises ``WordloopError`` before the upgrade: the meeting has no room, or cannot be as it is wanted.
    """
    service = request.app[SERVICE]
    meeting = meeting_key(request[TENANT], uuid.uuid4().hex)
    with service.admitted(meeting):
        if not socket.accepts(request):
            raise BadInput("this route speaks WebSocket only")
        stream = CaptionStream.join(service, meeting, options, tracks, request.headers)
        try:
            await socket.prepare(request)
            limits = Limits(audio_frames_per_s=service.settings.audio_frames_per_s)
            peer = Peer(socket, request, limits, service.settings.idle_s)
            connection = StreamConnection(service, meeting, peer, stream, adapt(peer, stream))
            with service.connection():
                await connection.run()
            service.metrics.closed(socket.close_code, resumed=False)
        finally:
            stream.leave()
    return socket


class StreamConnection:
    """Serves one upgraded connection to its close: a reader and a sender, of which neither outlives the other."""

    def __init__(
        self,
        service: Service,
        meeting: JobOwner,
        peer: Peer,
        stream: CaptionStream,
        adapter: StreamAdapter,
    ) -> None:
        self._service = service
        self._meeting = meeting
        self._peer = peer
        self._stream = stream
        self._adapter = adapter
        self._unpaid_s = 0.0  # of audio that has paid for no message yet

    async def run(self) -> None:
        """Serve until either side ends, and close."""
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send_all(), name=f"send-{self._meeting}")
                tasks.create_task(self._read(sending), name=f"read-{self._meeting}")
        except Exception as error:  # a bug ends this connection only, and not as HTTP
            log.error("connection_failed", meeting=str(self._meeting), **describe_bug(error))
            await self._end(Closed(ErrorCode.INTERNAL, "unexpected error"))

    async def _send_all(self) -> None:
        """Send the events of every track until they are closed; then say why, and close."""
        closed: Closed | None = None
        try:
            await self._adapter.begin()
            async with asyncio.TaskGroup() as tasks:
                sending = [
                    tasks.create_task(self._send(track), name=f"send-{self._meeting}-{track}")
                    for track in range(self._stream.tracks)
                ]
            ends = [one.result() for one in sending]
            closed = next((one for one in ends if one.code is not None), ends[0])
        except* (TimeoutError, ConnectionError):
            self._abort()
        if closed is not None:
            await self._end(closed)

    async def _send(self, track: int) -> Closed:
        async for event in self._stream.events(track):
            match event:
                case Closed(code=code):
                    if code not in {None, ErrorCode.DRAINING}:
                        self._stream.close(code)  # a connection has all of its tracks, or ends
                    return event
                case Ping():
                    await self._peer.ping()
                case _:
                    await self._adapter.tell(track, event)
        raise TypeError("events end with Closed")

    async def _end(self, closed: Closed) -> None:
        """Send what comes last, and the close frame, for a bounded time."""
        if self._peer.closed:
            return
        try:
            async with asyncio.timeout(SEND_WITHIN_S + CLOSE_WITHIN_S):
                code, reason = await self._adapter.end(closed)
                cut = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
                await self._peer.close(code, cut)
        except (TimeoutError, ConnectionError):
            self._abort()

    def _abort(self) -> None:
        """End the transport of a peer that does not read."""
        self._stream.close(ErrorCode.SLOW_CONSUMER)
        self._peer.abort()

    async def _read(self, sending: asyncio.Task[None]) -> None:
        """Read until the peer leaves, tell the meeting, and wait for the sender to end."""
        code: ErrorCode | None = ErrorCode.INTERNAL  # unless the reader ends as it should
        try:
            code = await self._read_all()
        finally:
            self._stream.leave(code)
        await self._peer.finish(sending, slow=code is ErrorCode.SLOW_CONSUMER)

    def _pay(self, audio_s: float) -> None:
        """Count a message that gave so much audio. Nothing but back-pressure slows audio down, as in a replay.

        A resampler holds short messages back and gives several at once, which pay for one another.
        Raises ``BadInput`` (``too_fast``) for too many messages with no audio in them.
        """
        self._unpaid_s = min(self._unpaid_s + audio_s, MOST_UNPAID_S)
        if self._unpaid_s >= SHORTEST_REPLAY_S:
            self._unpaid_s -= SHORTEST_REPLAY_S
        else:
            self._peer.rate_limit.spend(time.monotonic())

    async def _read_all(self) -> ErrorCode | None:
        """Take what arrives until the peer leaves (None), or does what it may not (the code)."""
        liveness = self._stream.liveness(self._service.settings.idle_s)
        try:
            while (message := await self._peer.receive(liveness)) is not None:
                received = self._stream.received
                await self._adapter.take(message)
                self._pay((self._stream.received - received) / SAMPLE_RATE)
                if self._stream.ended:
                    liveness.stopped()
        except WordloopError as error:
            log.info("connection_refused", meeting=str(self._meeting), code=error.code)
            self._stream.close(error.code, str(error))
            return error.code
        return None
