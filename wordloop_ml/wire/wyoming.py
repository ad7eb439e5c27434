"""The Wyoming protocol: events of a byte stream, read and written, and the ones that ask for a transcript; pure.

An event is a line of JSON (``type``, perhaps ``data``, ``data_length`` and ``payload_length``), then so many
bytes of JSON, whose fields join those of ``data``, then so many bytes of payload.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import standard_code
from wordloop_ml.wire.client_messages import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wordloop_ml.wire.json_fields import MAX_TEXT_BYTES, Fields, likely_terms, parse_json

MAX_LINE_BYTES = MAX_TEXT_BYTES
MAX_DATA_BYTES = MAX_TEXT_BYTES
MAX_PAYLOAD_BYTES = 1 << 20

SAMPLE_WIDTH = 2
"""Bytes of a sample: s16le alone is taken."""


@dataclass(frozen=True, slots=True)
class WyomingEvent:
    """One event. data: its fields; payload: its audio."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class _Header:
    type: str
    data: dict[str, Any]
    data_bytes: int
    payload_bytes: int


class EventParser:
    """Cuts a stream of bytes into events; holds no more than one that is incomplete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._header: _Header | None = None

    def feed(self, content: bytes) -> None:
        """Take the next bytes."""
        self._buffer += content

    def next_event(self) -> WyomingEvent | None:
        """Return the next event; None until there are more bytes.

        Raises ``BadInput`` (``bad_json``, ``bad_message``, ``too_large``); the stream cannot be read on then.
        """
        if self._header is None:
            self._header = self._read_header()
        header = self._header
        if header is None or len(self._buffer) < header.data_bytes + header.payload_bytes:
            return None
        data = header.data
        if header.data_bytes:
            data = data | parse_json(self._take(header.data_bytes), most_bytes=MAX_DATA_BYTES)
        payload = self._take(header.payload_bytes)
        self._header = None
        return WyomingEvent(header.type, data, payload)

    def _read_header(self) -> _Header | None:
        end = self._buffer.find(b"\n", self._searched)
        if max(end, len(self._buffer) if end < 0 else 0) > MAX_LINE_BYTES:
            raise BadInput(f"a line is at most {MAX_LINE_BYTES} bytes", code=ErrorCode.TOO_LARGE)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        self._searched = 0
        fields = Fields(parse_json(self._take(end + 1), most_bytes=MAX_LINE_BYTES + 1))
        data = fields.value("data") if "data" in fields else {}
        if not isinstance(data, dict):
            raise fields.bad("data", "must be an object")
        return _Header(
            fields.text("type"),
            data,
            _length(fields, "data_length", MAX_DATA_BYTES),
            _length(fields, "payload_length", MAX_PAYLOAD_BYTES),
        )

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken


def _length(fields: Fields, name: str, most: int) -> int:
    length = fields.optional_integer(name) or 0
    if length > most:
        raise fields.bad(name, f"is at most {most}", ErrorCode.TOO_LARGE)
    return length


def encode(event: WyomingEvent) -> bytes:
    """Encode one event."""
    header: dict[str, object] = {"type": event.type}
    data = (
        json.dumps(event.data, ensure_ascii=False, allow_nan=False).encode() if event.data else b""
    )
    if data:
        header["data_length"] = len(data)
    if event.payload:
        header["payload_length"] = len(event.payload)
    return json.dumps(header, ensure_ascii=False).encode() + b"\n" + data + event.payload


@dataclass(frozen=True, slots=True)
class Describe:
    """Asks what this service can do."""


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Says how the audio that follows is to be transcribed.

    language: a tag; None lets the model decide. vocabulary: names, then terms, that are likely to be said.
    """

    language: str | None = None
    vocabulary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Interleaved s16le samples. rate: in Hz."""

    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class AudioStart:
    """Begins an utterance."""

    format: AudioFormat


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Some of an utterance's audio."""

    format: AudioFormat
    audio: bytes


@dataclass(frozen=True, slots=True)
class AudioStop:
    """Ends an utterance: its transcript is awaited."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong. text: comes back with it."""

    text: str | None


Request = Describe | Transcribe | AudioStart | AudioChunk | AudioStop | Ping


def parse_request(event: WyomingEvent) -> Request | None:
    """Read an event of a client; None for one that is not known, which servers are to ignore.

    Raises ``BadInput`` (``bad_message``, ``unsupported_encoding``), which names the field.
    """
    read = _REQUESTS.get(event.type)
    return None if read is None else read(Fields(event.data), event.payload)


def _transcribe(fields: Fields, _: bytes) -> Transcribe:
    names = (_list(fields, "transcript_names"), _list(fields, "transcript_terms"))
    tagged = "language" in fields and fields.text("language").strip()
    return Transcribe(
        fields.language() if tagged else None,
        likely_terms(term for terms in names for term in terms),
    )


def _list(fields: Fields, name: str) -> list[object]:
    if name not in fields:
        return []
    value = fields.value(name)
    if not isinstance(value, list):
        raise fields.bad(name, "must be a list")
    return value


def _format(fields: Fields) -> AudioFormat:
    width = fields.integer("width", high=8)
    if width != SAMPLE_WIDTH:
        raise fields.bad("width", f"must be {SAMPLE_WIDTH}", ErrorCode.UNSUPPORTED_ENCODING)
    return AudioFormat(
        fields.integer("rate", low=MIN_SAMPLE_RATE, high=MAX_SAMPLE_RATE),
        fields.integer("channels", low=1, high=MAX_CHANNELS),
    )


_REQUESTS: dict[str, Callable[[Fields, bytes], Request]] = {
    "describe": lambda fields, payload: Describe(),
    "transcribe": _transcribe,
    "audio-start": lambda fields, payload: AudioStart(_format(fields)),
    "audio-chunk": lambda fields, payload: AudioChunk(_format(fields), payload),
    "audio-stop": lambda fields, payload: AudioStop(),
    "ping": lambda fields, payload: Ping(fields.optional_text("text")),
}


_WHO = {"name": "wordloop-ml", "url": ""}


def info(model: str, languages: Iterable[str], version: str) -> WyomingEvent:
    """Describe this service: one speech-to-text program with one model.

    languages: by the model's codes.
    """
    artifact = {"attribution": _WHO, "installed": True, "version": version}
    program = {
        **artifact,
        "name": "wordloop",
        "description": "Live captions",
        "models": [
            {
                **artifact,
                "name": model,
                "description": model,
                "languages": sorted({standard_code(one) for one in languages}),
            }
        ],
        "supports_transcript_streaming": True,
    }
    return WyomingEvent("info", {"asr": [program]})


def transcript_start(language: str | None) -> WyomingEvent:
    """Announce the chunks of a transcript. language: as the client gave it."""
    return WyomingEvent("transcript-start", {} if language is None else {"language": language})


def transcript_chunk(text: str) -> WyomingEvent:
    """Append to the transcript."""
    return WyomingEvent("transcript-chunk", {"text": text})


def transcript(text: str, language: str | None) -> WyomingEvent:
    """Give the whole transcript. language: a standard code; None where nothing was heard."""
    return WyomingEvent(
        "transcript", {"text": text} | ({} if language is None else {"language": language})
    )


def transcript_stop() -> WyomingEvent:
    """End the transcript."""
    return WyomingEvent("transcript-stop")


def error(code: ErrorCode, text: str) -> WyomingEvent:
    """Say what went wrong."""
    return WyomingEvent("error", {"text": text, "code": str(code)})


def pong(text: str | None) -> WyomingEvent:
    """Answer a ping."""
    return WyomingEvent("pong", {"text": text})
