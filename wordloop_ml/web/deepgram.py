"""Deepgram's live interfaces: ``GET /v1/listen`` and ``GET /v2/listen`` (Flux), as adapters over a caption stream.

docs/interfaces/deepgram.md says what is honoured, ignored and refused.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import web

from wordloop_ml.audio.live_audio import LiveAudio, OpusAudio, PcmAudio
from wordloop_ml.audio.live_containers import ContainedAudio
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.meetings.session import Ack, Cadence, Closed, Leaving, OutboxEvent, Ping
from wordloop_ml.messages import Flushed, TrackEvent
from wordloop_ml.web.caption_stream import (
    CaptionStream,
    StreamAdapter,
    StreamOptions,
    StreamSocket,
    answer,
    serve_stream,
)
from wordloop_ml.web.errors import request_id
from wordloop_ml.web.service import SERVICE, Service
from wordloop_ml.web.track_socket import Peer
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.credentials import DEEPGRAM_SUBPROTOCOLS
from wordloop_ml.wire.deepgram_messages import (
    REQUEST_ID_HEADER,
    Control,
    ControlKind,
    Message,
    ModelInfo,
    audio_metadata,
    close_of,
    control_in,
    encode,
    keyterms_in,
    parse_control,
    schema_error,
    seconds,
)
from wordloop_ml.wire.deepgram_query import ListenQuery, parse_query, terms_of
from wordloop_ml.wire.deepgram_results import ChannelResults
from wordloop_ml.wire.deepgram_turns import Turns


async def listen(request: web.Request) -> web.StreamResponse:
    """``GET /v1/listen``: results of each channel. Raises ``WordloopError`` before the upgrade."""
    query = parse_query(request.query.items())
    speaker = ResultsSpeaker(query, request_id(request), model_info(request.app[SERVICE]))
    return await _serve(request, query, speaker)


async def listen_to_turns(request: web.Request) -> web.StreamResponse:
    """``GET /v2/listen``: turns. Raises ``WordloopError`` before the upgrade."""
    query = parse_query(request.query.items())
    if query.multichannel:
        raise BadInput("multichannel is for /v1/listen")
    return await _serve(request, query, TurnsSpeaker(request_id(request)))


def model_info(service: Service) -> ModelInfo:
    """Return what clients are told of the model. Raises ``Busy`` while starting."""
    return ModelInfo(service.capabilities.model)


async def _serve(
    request: web.Request, query: ListenQuery, speaker: "Speaker"
) -> web.StreamResponse:
    socket = StreamSocket(*DEEPGRAM_SUBPROTOCOLS)
    socket.headers[REQUEST_ID_HEADER] = request_id(request)
    options = StreamOptions(language=query.language, vocabulary=query.vocabulary)

    def adapt(peer: Peer, stream: CaptionStream) -> StreamAdapter:
        return ListenAdapter(peer, stream, query, speaker)

    return await serve_stream(request, socket, options, adapt, tracks=query.tracks)


class Speaker(Protocol):
    """Says things as one version of the interface does; pure but for the time of day."""

    def begin(self) -> list[Message]:
        """Return what comes first."""
        ...

    def tell(self, track: int, event: TrackEvent | Flushed) -> list[Message]:
        """Return what an event of a track becomes."""
        ...

    def tick(self, track: int, heard: int, *, quiet: bool) -> list[Message]:
        """Return what is due by the clock of a track; see ``ChannelResults.tick``."""
        ...

    def configured(self, keyterms: list[str], fields: Mapping[str, Any]) -> Message:
        """Answer a ``Configure`` that is in force now."""
        ...

    def not_configured(self, why: str) -> Message:
        """Answer a ``Configure`` that changes nothing."""
        ...

    def unknown(self, sent: str, why: str) -> Message:
        """Answer a text that is none of the client's messages."""
        ...

    def end(self, code: ErrorCode | None, why: str, heard: "Heard") -> list[Message]:
        """Return what comes last; code: of what ends the stream, None where the client does."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What a stream has held: the digest of its bytes, and its length in samples at 16 kHz."""

    sha256: str
    samples: int


class ListenAdapter:
    """One connection of either version: what the client's messages ask for, and where the answers go."""

    def __init__(
        self, peer: Peer, stream: CaptionStream, query: ListenQuery, speaker: Speaker
    ) -> None:
        self._peer = peer
        self._stream = stream
        self._query = query
        self._speaker = speaker
        self._audio = _audio_of(query)
        self._digest = hashlib.sha256()
        self._keyterms = list(query.vocabulary)

    async def begin(self) -> None:
        """Send what comes first."""
        await self._send(self._speaker.begin())

    async def take(self, message: str | bytes) -> None:
        """Take audio, or do what a control message asks for. Raises ``BadInput`` (``bad_audio``)."""
        if isinstance(message, bytes):
            control = control_in(message)
            if control is None:
                await self._hear(message)
                return
        else:
            try:
                control = parse_control(message)
            except BadInput as error:
                await answer(self._peer, encode(self._speaker.unknown(message, str(error))))
                return
        await self._obey(control)

    async def tell(self, track: int, event: OutboxEvent) -> None:
        """Send what an event becomes, and what is due by now; of the service's own notices nothing."""
        messages: list[Message] = []
        if not isinstance(event, Ack | Cadence | Ping | Leaving | Closed):
            messages = self._speaker.tell(track, event)
        await self._send(messages + self._tick(track))

    async def end(self, closed: Closed) -> tuple[int, str]:
        """Send what comes last; return code and reason of the close."""
        if closed.code is None:
            for track in range(self._stream.tracks):
                await self._send(self._speaker.tick(track, self._stream.heard(track), quiet=True))
        heard = Heard(self._digest.hexdigest(), self._stream.received)
        await self._send(self._speaker.end(closed.code, closed.message, heard))
        return close_of(closed.code, closed.message)

    async def _hear(self, payload: bytes) -> None:
        self._digest.update(payload)
        await self._stream.feed(payload, self._audio)
        for track in range(self._stream.tracks):
            for message in self._tick(track):
                await answer(self._peer, encode(message))

    async def _obey(self, control: Control) -> None:
        match control.kind:
            case ControlKind.KEEP_ALIVE:
                pass
            case ControlKind.FINALIZE | ControlKind.FORCE_END_TURN:
                await self._stream.finalize()
            case ControlKind.CLOSE_STREAM:
                await self._stream.flush(self._audio)
                await self._stream.end()
            case ControlKind.CONFIGURE:
                await answer(self._peer, encode(await self._configure(control)))

    async def _configure(self, control: Control) -> Message:
        try:
            keyterms = keyterms_in(control.fields)
        except BadInput as error:
            return self._speaker.not_configured(str(error))
        if keyterms is not None:
            self._keyterms = keyterms
            await self._stream.set_hints(self._query.language, terms_of(keyterms))
        return self._speaker.configured(self._keyterms, control.fields)

    def _tick(self, track: int) -> list[Message]:
        stream = self._stream
        return self._speaker.tick(track, stream.heard(track), quiet=stream.quiet(track))

    async def _send(self, messages: list[Message]) -> None:
        for message in messages:
            await self._peer.send(encode(message))


def _audio_of(query: ListenQuery) -> LiveAudio:
    if query.encoding is None:
        return ContainedAudio()
    if query.encoding is Encoding.OPUS:
        return OpusAudio(query.channels)
    return PcmAudio(query.encoding, query.sample_rate, query.channels, separate=query.multichannel)


class ResultsSpeaker:
    """Says what ``/v1/listen`` does."""

    def __init__(self, query: ListenQuery, request_id: str, model: ModelInfo) -> None:
        self._query = query
        self._request_id = request_id
        self._model = model
        self._channels = [
            ChannelResults(query, request_id, model, channel) for channel in range(query.tracks)
        ]
        self._created = datetime.now(UTC)

    def begin(self) -> list[Message]:
        """Say nothing."""
        return []

    def tell(self, track: int, event: TrackEvent | Flushed) -> list[Message]:
        """Return what an event of a channel becomes."""
        return self._channels[track].tell(event)

    def tick(self, track: int, heard: int, *, quiet: bool) -> list[Message]:
        """Return what is due on a channel."""
        return self._channels[track].tick(heard, quiet=quiet)

    def configured(self, keyterms: list[str], fields: Mapping[str, Any]) -> Message:
        """Name the terms in force; nothing else of a configuration changes anything here."""
        del fields
        return {
            "type": "ConfigureSuccess",
            "request_id": self._request_id,
            "keyterms": keyterms,
        }

    def not_configured(self, why: str) -> Message:
        """Say why."""
        return {
            "type": "ConfigureFailure",
            "request_id": self._request_id,
            "code": "CONFIGURE_INTERNAL_ERROR",
            "description": why,
        }

    def unknown(self, sent: str, why: str) -> Message:
        """Make a schema error."""
        return schema_error(sent, why)

    def end(self, code: ErrorCode | None, why: str, heard: Heard) -> list[Message]:
        """Describe the stream, where its client has ended it."""
        del why
        if code is not None:
            return []
        metadata = audio_metadata(
            self._request_id,
            self._model,
            sha256=heard.sha256,
            created=written_time(self._created),
            duration=seconds(heard.samples),
            channels=self._query.channels,
            tags=self._query.tags,
        )
        return [{"type": "Metadata", **metadata}]


class TurnsSpeaker:
    """Says what ``/v2/listen`` does."""

    def __init__(self, request_id: str) -> None:
        self._turns = Turns(request_id)

    def begin(self) -> list[Message]:
        """Say that the connection stands: clients wait for it."""
        return [self._turns.message("Connected")]

    def tell(self, track: int, event: TrackEvent | Flushed) -> list[Message]:
        """Return what an event becomes."""
        del track
        return self._turns.tell(event)

    def tick(self, track: int, heard: int, *, quiet: bool) -> list[Message]:
        """Return what is due."""
        del track
        return self._turns.tick(heard, quiet=quiet)

    def configured(self, keyterms: list[str], fields: Mapping[str, Any]) -> Message:
        """Name the terms in force, and repeat the thresholds, which change nothing here."""
        thresholds = fields.get("thresholds")
        return self._turns.message(
            "ConfigureSuccess",
            thresholds=thresholds if isinstance(thresholds, dict) else {},
            keyterms=keyterms,
        )

    def not_configured(self, why: str) -> Message:
        """Say why."""
        return self._turns.message(
            "ConfigureFailure", code="CONFIGURE_INTERNAL_ERROR", description=why
        )

    def unknown(self, sent: str, why: str) -> Message:
        """Warn, and go on."""
        del sent
        return self._turns.message("Warning", code="UNPARSABLE_CLIENT_MESSAGE", description=why)

    def end(self, code: ErrorCode | None, why: str, heard: Heard) -> list[Message]:
        """End the turn that is open; name the error, where one ends the stream."""
        del heard
        if code is None or code is ErrorCode.DRAINING:
            return self._turns.finish()
        error = {"code": str(code).upper(), "description": why or "unexpected end"}
        return [self._turns.message("Error", **error)]


def written_time(moment: datetime) -> str:
    """Write a moment in UTC as Deepgram does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
