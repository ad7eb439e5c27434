"""Wyoming, the protocol of Home Assistant's voice assistants, on a TCP port of its own.

The protocol knows no authentication: whoever reaches the port is the tenant of the settings. An utterance, from
``audio-start`` to ``audio-stop``, is one track of a private meeting; its words come as they become stable, its
transcript at its end.
"""

import asyncio
import time
import uuid

import structlog

from wordloop_ml import __version__
from wordloop_ml.audio.live_audio import PcmAudio
from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.languages import standard_code
from wordloop_ml.meetings.roster import meeting_key
from wordloop_ml.meetings.session import Closed
from wordloop_ml.messages import Caption, SpanLost
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.caption_stream import CaptionStream, StreamOptions
from wordloop_ml.web.listening import Listener
from wordloop_ml.web.refusals import Refusals
from wordloop_ml.web.service import Service, Stage
from wordloop_ml.web.track_socket import (
    CLOSE_WITHIN_S,
    LOOK_EVERY_S,
    SEND_WITHIN_S,
    slow_consumer,
)
from wordloop_ml.wire import wyoming
from wordloop_ml.wire.appended_text import AppendedText
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.wyoming import (
    AudioChunk,
    AudioFormat,
    AudioStart,
    AudioStop,
    Describe,
    EventParser,
    Ping,
    Request,
    Transcribe,
    WyomingEvent,
    parse_request,
)

MAX_CONNECTIONS = 256
"""Connections at once, with an utterance or without; more are cut at once."""

READ_BYTES = 65_536

LINGER_S = 1.0
"""How long a peer that was refused is still read, so that it sees why: a close with bytes unread would hide it."""

log = structlog.get_logger()


class WyomingServer:
    """Accepts connections from its start to its stop, and owns their tasks."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._service = service
        self._listener = Listener(settings.wyoming_host, settings.wyoming_port, self._protocol)
        self._refusals = Refusals(service.metrics)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when an address is taken, or none is this machine's."""
        await self._listener.start()

    async def stop(self) -> None:
        """Stop listening, and cut the connections that are left."""
        await self._listener.stop()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(READ_BYTES), self._connected)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= MAX_CONNECTIONS:
            self._refusals.note("wyoming", Busy("too many connections"))
            writer.transport.abort()
            return
        connection = WyomingConnection(self._service, reader, writer)
        task = asyncio.create_task(connection.run(), name="wyoming")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class WyomingConnection:
    """Serves one connection: one utterance after the other."""

    def __init__(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._service = service
        self._reader = reader
        self._writer = writer
        self._parser = EventParser()
        self._transcribing = False

    async def run(self) -> None:
        """Serve until either side ends, and close."""
        with self._service.connection():
            try:
                await self._serve()
            except ConnectionError:
                pass
            except WordloopError as error:
                log.info("connection_refused", route="wyoming", code=error.code)
                await self._refuse(error)
            except Exception as error:  # a bug ends this connection only
                log.error("connection_failed", route="wyoming", **describe_bug(error))
                await self._refuse(WordloopError("unexpected error"))
            finally:
                await self._close()

    async def _serve(self) -> None:
        """Do what the peer asks for, until it leaves. Raises ``WordloopError``, ``ConnectionError``."""
        asked = Transcribe()
        while (request := await self._request()) is not None:
            match request:
                case Transcribe():
                    asked = request
                case AudioStart(format=audio_format) | AudioChunk(format=audio_format):
                    await self._transcribe(asked, audio_format, request)
                    asked = Transcribe()
                case AudioStop():  # of an utterance without audio
                    await self._tell_transcript("", asked.language)
                case Describe() | Ping():
                    await self._answer(request)

    async def _transcribe(
        self, asked: Transcribe, audio_format: AudioFormat, first: AudioStart | AudioChunk
    ) -> None:
        """Serve one utterance to its transcript."""
        meeting = meeting_key(self._service.settings.wyoming_tenant, uuid.uuid4().hex)
        options = StreamOptions(language=asked.language, vocabulary=asked.vocabulary)
        with self._service.admitted(meeting):
            stream = CaptionStream.join(self._service, meeting, options)
            self._transcribing = True
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._feed(stream, audio_format, first), name="wyoming-feed")
                    tasks.create_task(self._tell(stream, asked), name="wyoming-tell")
            except ExceptionGroup as group:
                raise _reason(group) from None
            finally:
                self._transcribing = False
                stream.leave()

    async def _feed(
        self, stream: CaptionStream, audio_format: AudioFormat, first: AudioStart | AudioChunk
    ) -> None:
        """Feed audio until the utterance ends."""
        audio = PcmAudio(Encoding.PCM_S16LE, audio_format.rate, audio_format.channels)
        if isinstance(first, AudioChunk):
            await stream.feed(first.audio, audio)
        while (request := await self._request()) is not None:
            match request:
                case AudioChunk(format=other, audio=content):
                    if other != audio_format:
                        raise BadInput(
                            "the format of the audio changed", code=ErrorCode.UNEXPECTED_MESSAGE
                        )
                    await stream.feed(content, audio)
                case AudioStop():
                    await stream.flush(audio)
                    await stream.end()
                    return
                case AudioStart() | Transcribe():
                    raise BadInput(
                        "audio-stop comes before the next utterance",
                        code=ErrorCode.UNEXPECTED_MESSAGE,
                    )
                case Describe() | Ping():
                    await self._answer(request)
        raise ConnectionResetError("the peer left inside an utterance")

    async def _tell(self, stream: CaptionStream, asked: Transcribe) -> None:
        """Send words as they become stable, then the transcript. Raises ``WordloopError`` where it was cut."""
        text, language, began = AppendedText(), asked.language, False
        async for event in stream.events():
            chunk = ""
            match event:
                case Caption():
                    chunk = text.take(event)
                    language = standard_code(event.language)
                case SpanLost(start=start):
                    chunk = text.lose(start)
                case Closed(code=code, message=message):
                    if code not in {None, ErrorCode.DRAINING}:
                        raise WordloopError(message or "the utterance was cut", code=code)
            if chunk and not began:
                await self._send(wyoming.transcript_start(asked.language))
                began = True
            if chunk:
                await self._send(wyoming.transcript_chunk(chunk))
        await self._tell_transcript(text.text, language, began=began)
        if not stream.ended:
            raise Draining

    async def _tell_transcript(
        self, text: str, language: str | None, *, began: bool = False
    ) -> None:
        if not began:
            await self._send(wyoming.transcript_start(language))
        await self._send(wyoming.transcript(text, language))
        await self._send(wyoming.transcript_stop())

    async def _answer(self, request: Describe | Ping) -> None:
        match request:
            case Describe():
                model = self._service.capabilities
                await self._send(wyoming.info(model.model, model.languages, __version__))
            case Ping(text=text):
                await self._send(wyoming.pong(text))

    async def _request(self) -> Request | None:
        """Wait for what the peer asks for next; None when it has left. Raises ``BadInput``, ``Draining``."""
        while True:
            await asyncio.sleep(0)  # what has arrived already is read without waiting
            event = self._parser.next_event()
            if event is None:
                content = await self._read()
                if not content:
                    return None
                self._parser.feed(content)
            elif (request := parse_request(event)) is not None:
                return request

    async def _read(self) -> bytes:
        """Wait for the next bytes; none at the end. Raises ``BadInput`` (``idle``), ``Draining``."""
        within_s, began_s = self._service.settings.idle_s, time.monotonic()
        while time.monotonic() - began_s < within_s:
            try:
                async with asyncio.timeout(min(LOOK_EVERY_S, within_s)):
                    return await self._reader.read(READ_BYTES)
            except TimeoutError:
                if self._service.stage is Stage.DRAINING and not self._transcribing:
                    raise Draining from None
        raise BadInput(f"no event for {within_s:g} s", code=ErrorCode.IDLE)

    async def _send(self, event: WyomingEvent) -> None:
        """Send one event. Raises ``BadInput`` (``slow_consumer``), ``ConnectionError``."""
        self._writer.write(wyoming.encode(event))
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._writer.drain()
        except TimeoutError:
            raise slow_consumer() from None

    async def _refuse(self, error: WordloopError) -> None:
        """Name the error, if the peer reads, and let it see that."""
        if error.code is ErrorCode.SLOW_CONSUMER:
            self._writer.transport.abort()
            return
        try:
            await self._send(wyoming.error(error.code, str(error)))
            self._writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                while await self._reader.read(READ_BYTES):
                    pass
        except (WordloopError, OSError):  # TimeoutError is one
            self._writer.transport.abort()

    async def _close(self) -> None:
        """Close for a bounded time, then cut."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._writer.wait_closed()
        except (TimeoutError, ConnectionError):
            self._writer.transport.abort()


def _reason(group: ExceptionGroup[Exception]) -> Exception:
    """Return what ended an utterance: a bug rather than anything that is expected."""
    expected = (WordloopError, ConnectionError)
    bugs = (one for one in group.exceptions if not isinstance(one, expected))
    return next(bugs, group.exceptions[0])
