"""OpenAI's Realtime transcription: one WebSocket, one track of a private meeting.

``wire/openai_realtime.py`` reads and writes the events, ``wire/openai_items.py`` makes items of captions. An
``error`` event ends most clients: what can be ignored is, and what is refused leaves the session as it was.
"""

import asyncio
import uuid
from collections.abc import Callable

from aiohttp import WSCloseCode, web

from wordloop_ml.audio.live_audio import PcmAudio
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.meetings.session import Ack, Cadence, Closed, Leaving, OutboxEvent, Ping
from wordloop_ml.web.caption_stream import (
    CaptionStream,
    StreamOptions,
    StreamSocket,
    answer,
    serve_stream,
)
from wordloop_ml.web.track_socket import Peer
from wordloop_ml.wire.close_codes import close_reason
from wordloop_ml.wire.credentials import OPENAI_SUBPROTOCOL
from wordloop_ml.wire.openai_items import ItemTranslator
from wordloop_ml.wire.openai_realtime import (
    AppendAudio,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    Event,
    EventEncoder,
    Session,
    UpdateSession,
    client_event_id,
    error_event,
    merge,
    parse_client_event,
    session_event,
)

_BETA = ("realtime=v1", "openai-beta.realtime-v1")
"""How clients of the beta say so: in the header ``OpenAI-Beta``, or as a subprotocol."""

_CLOSE_CODES = {
    None: WSCloseCode.OK,
    ErrorCode.DRAINING: WSCloseCode.SERVICE_RESTART,
    ErrorCode.IDLE: WSCloseCode.GOING_AWAY,
    ErrorCode.INTERNAL: WSCloseCode.INTERNAL_ERROR,
}
"""What is not the client's fault: it may connect again, and gets no ``error`` event, after which it would not."""


async def openai_realtime(request: web.Request) -> web.StreamResponse:
    """``GET /v1/realtime?intent=transcription``: refuse early, else upgrade and serve the session."""
    if request.query.get("intent", "transcription") != "transcription":
        raise BadInput("intent must be transcription: this server only transcribes", field="intent")
    beta = any(mark in given for mark in _BETA for given in _said_of_beta(request))

    def adapt(peer: Peer, stream: CaptionStream) -> RealtimeAdapter:
        return RealtimeAdapter(peer, stream, uuid.uuid4().hex, beta=beta)

    socket = StreamSocket(OPENAI_SUBPROTOCOL)
    return await serve_stream(request, socket, StreamOptions(), adapt)


def _said_of_beta(request: web.Request) -> list[str]:
    names = ("OpenAI-Beta", "Sec-WebSocket-Protocol")
    return [value for name in names for value in request.headers.getall(name, ())]


class RealtimeAdapter:
    """One connection; what its client asks for and what it is told are in one order.

    name: of the session. beta: the client speaks the beta's form until it says otherwise.
    """

    def __init__(self, peer: Peer, stream: CaptionStream, name: str, *, beta: bool) -> None:
        self._peer = peer
        self._stream = stream
        self._session_id = f"sess_{name}"
        self._beta = beta
        self._session = Session()
        self._audio = self._decoder()
        self._encoder = EventEncoder()
        self._items = ItemTranslator(name[:8], beta=beta)
        self._order = asyncio.Lock()

    async def begin(self) -> None:
        """Send ``session.created``, at once: clients wait for it before they say anything."""
        created = session_event("created", self._session, self._session_id, beta=self._beta)
        await self._peer.send(self._encoder.encode(created))

    async def take(self, message: str | bytes) -> None:
        """Do what an event asks for; refuse one that cannot be done, and go on.

        Raises ``BadInput`` for audio that cannot be decoded, and for a peer that does not read.
        """
        if isinstance(message, bytes):
            message = message.decode(errors="replace")  # some clients send JSON in binary frames
        try:
            event = parse_client_event(message)
            if isinstance(event, UpdateSession):
                await self._update(event)
                return
        except BadInput as error:
            if error.code is ErrorCode.SLOW_CONSUMER:
                raise
            refused = error_event(error, client_event_id(message))
            await self._answer(lambda: [refused])
            return
        await self._take_audio(event)

    async def tell(self, track: int, event: OutboxEvent) -> None:
        """Send the events that an event of the track becomes. Raises as ``Peer.send``."""
        del track
        if isinstance(event, Ack | Cadence | Ping | Leaving | Closed):
            return
        async with self._order:
            try:
                events = self._items.take(event)
            except BadInput as error:
                self._stream.close(error.code, str(error))
                return
            for one in events:
                await self._peer.send(self._encoder.encode(one))

    async def end(self, closed: Closed) -> tuple[int, str]:
        """Send the last transcripts, and an ``error`` where trying again is no use."""
        async with self._order:
            for one in self._items.end():
                await self._peer.send(self._encoder.encode(one))
        code = _CLOSE_CODES.get(closed.code, WSCloseCode.POLICY_VIOLATION)
        if closed.code is None:
            return code, "ended"
        reason = closed.message or "the session has ended"
        if code is WSCloseCode.POLICY_VIOLATION:
            refused = error_event(BadInput(reason, code=closed.code))
            await self._peer.send(self._encoder.encode(refused))
        return code, close_reason(closed.code, reason)

    async def _take_audio(self, event: ClientEvent | None) -> None:
        match event:
            case AppendAudio(audio=audio):
                await self._stream.feed(audio, self._audio)
            case CommitAudio():
                await self._cut(self._items.commit)
            case ClearAudio():
                await self._cut(self._items.clear)

    async def _cut(self, make: Callable[[int], list[Event]]) -> None:
        """End what is open at the newest sample, and answer."""
        await self._restart_audio()
        await self._answer(lambda: make(self._stream.received))
        await self._stream.finalize()

    async def _update(self, update: UpdateSession) -> None:
        """Merge an update and answer. Raises ``BadInput``: the session stays as it was then."""
        session = merge(self._session, update.session)
        before, hints = self._session, (session.language, session.vocabulary)
        if hints != (before.language, before.vocabulary):
            await self._stream.set_hints(*hints)
        self._session = session
        if session.format != before.format:
            await self._restart_audio()
        updated = session_event("updated", session, self._session_id, beta=update.beta)
        await self._answer(lambda: [*self._items.detect_turns(session.detects_turns), updated])

    async def _restart_audio(self) -> None:
        """Post what the decoder holds, and decode anew from here on."""
        await self._stream.flush(self._audio)
        self._audio = self._decoder()

    def _decoder(self) -> PcmAudio:
        return PcmAudio(self._session.format.encoding, self._session.format.rate)

    async def _answer(self, make: Callable[[], list[Event]]) -> None:
        """Send the events that are made in their turn. Raises ``BadInput`` (``slow_consumer``)."""
        async with self._order:
            for event in make():
                await answer(self._peer, self._encoder.encode(event))
