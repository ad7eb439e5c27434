"""OpenAI's Realtime transcription: client events read, sessions merged, server events written; pure.

Both forms are read in either update: that of today (``session.audio.input``) and that of the beta (flat names).
Fields that are not known are ignored, and so are values that could only make words less likely: an ``error``
ends most clients. What would make captions nonsense (a format, a language) is refused.
"""

import base64
import binascii
import json
from dataclasses import dataclass, field, replace
from typing import Any

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import language_of
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wordloop_ml.wire.json_fields import MAX_TEXT_BYTES, Fields, parse_object
from wordloop_ml.wire.openai import vocabulary_of

MAX_EVENT_BYTES = 1 << 20
"""Bytes of the largest event: audio of 16 s, in base64."""

PCM_RATE = 24_000
G711_RATE = 8_000

Event = dict[str, Any]
"""A server event: its fields, ``type`` first; ``EventEncoder`` adds the id."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What an append holds. rate: in Hz, of one channel. name, beta_name: what clients call it."""

    name: str
    beta_name: str
    encoding: Encoding
    rate: int


_FORMATS = (
    AudioFormat("audio/pcm", "pcm16", Encoding.PCM_S16LE, PCM_RATE),
    AudioFormat("audio/pcmu", "g711_ulaw", Encoding.PCM_MULAW, G711_RATE),
    AudioFormat("audio/pcma", "g711_alaw", Encoding.PCM_ALAW, G711_RATE),
)
_NAMED = {name: one for one in _FORMATS for name in (one.name, one.beta_name)}

_SERVER_VAD: Event = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
}
_DETECTORS = ("server_vad", "semantic_vad")
_TRANSCRIPTION = ("model", "language", "languages", "prompt", "keywords", "delay")


@dataclass(frozen=True, slots=True)
class Session:
    """What is in force on one connection; the rest is as the client gave it, and is told back."""

    format: AudioFormat = _FORMATS[0]
    transcription: Event | None = None
    turn_detection: Event | None = field(default_factory=lambda: dict(_SERVER_VAD))
    noise_reduction: Event | None = None
    include: list[Any] | None = None

    @property
    def language(self) -> str | None:
        """The primary subtag of the language; None for the model to decide. Raises ``BadInput``."""
        asked = self.transcription or {}
        several = asked.get("languages")
        tag = asked.get("language")
        if not tag and isinstance(several, list) and len(several) == 1:
            tag = several[0]
        try:
            return language_of(tag) if isinstance(tag, str) and tag else None
        except ValueError as error:
            raise _bad("session.audio.input.transcription.language", str(error)) from None

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Terms that are likely to be said: of the keywords, then of the prompt, as far as there is room."""
        asked = self.transcription or {}
        keywords, prompt = asked.get("keywords"), asked.get("prompt")
        terms = keywords if isinstance(keywords, list) else []
        return vocabulary_of(
            [one for one in terms if isinstance(one, str)],
            prompt if isinstance(prompt, str) else "",
        )

    @property
    def detects_turns(self) -> bool:
        """Whether the server commits at the end of speech; False where the client does."""
        return self.turn_detection is not None

    def shown(self, session_id: str) -> Event:
        """Write it as ``session.created`` and ``session.updated`` have it."""
        told = {"type": self.format.name}
        return {
            "type": "transcription",
            "id": session_id,
            "object": "realtime.transcription_session",
            "include": self.include,
            "audio": {
                "input": {
                    "format": told | ({"rate": self.format.rate} if self._is_pcm else {}),
                    "transcription": self.transcription,
                    "noise_reduction": self.noise_reduction,
                    "turn_detection": self.turn_detection,
                }
            },
        }

    def shown_to_beta(self, session_id: str) -> Event:
        """Write it as ``transcription_session.created`` and ``transcription_session.updated`` have it."""
        return {
            "id": session_id,
            "object": "realtime.transcription_session",
            "include": self.include,
            "input_audio_format": self.format.beta_name,
            "input_audio_transcription": self.transcription,
            "input_audio_noise_reduction": self.noise_reduction,
            "turn_detection": self.turn_detection,
        }

    @property
    def _is_pcm(self) -> bool:
        return self.format.encoding is Encoding.PCM_S16LE


@dataclass(frozen=True, slots=True)
class UpdateSession:
    """Changes the session. session: the fields that change. beta: the answer has the beta's form."""

    session: Event
    beta: bool


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """Some audio, in the session's format; frames may end inside a sample."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """Ends an item at the newest audio: its transcript is awaited."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Throws away what is not committed yet."""


ClientEvent = UpdateSession | AppendAudio | CommitAudio | ClearAudio

_UPDATES = {"session.update": False, "transcription_session.update": True}


def parse_client_event(text: str) -> ClientEvent | None:
    """Read one text frame; None for an event that can be ignored.

    Raises ``BadInput`` for what a client cannot go on after: JSON that is none, audio that is no base64, an event
    that asks for a conversation.
    """
    fields = Fields(parse_object(text, most_bytes=MAX_EVENT_BYTES))
    kind = fields.text("type")
    if kind == "input_audio_buffer.append":
        return AppendAudio(_audio(fields))
    if len(text) > MAX_TEXT_BYTES:
        raise BadInput(
            f"an event without audio is at most {MAX_TEXT_BYTES} characters",
            code=ErrorCode.TOO_LARGE,
        )
    if kind in _UPDATES:
        session = fields.value("session")
        if not isinstance(session, dict):
            raise fields.bad("session", "must be an object")
        return UpdateSession(session, _UPDATES[kind])
    if kind == "input_audio_buffer.commit":
        return CommitAudio()
    if kind == "input_audio_buffer.clear":
        return ClearAudio()
    if kind.startswith(("response.", "conversation.")):
        raise BadInput(
            "this server transcribes, and holds no conversation", code=ErrorCode.UNKNOWN_MESSAGE
        )
    return None


def client_event_id(text: str) -> str | None:
    """Find the id that a client gave an event which was refused; None without one."""
    try:
        given = parse_object(text, most_bytes=MAX_EVENT_BYTES).get("event_id")
    except BadInput:
        return None
    return given if isinstance(given, str) else None


def _audio(fields: Fields) -> bytes:
    try:
        return base64.b64decode(fields.text("audio"), validate=True)
    except (binascii.Error, ValueError):
        raise fields.bad("audio", "must be base64", ErrorCode.BAD_AUDIO) from None


def merge(session: Session, update: Event) -> Session:
    """Return the session after an update: what it leaves out stays as it was.

    Raises ``BadInput``, which names the field, for another kind of session, a format or a turn detection that is
    not known, and a language that is none.
    """
    kind = update.get("type")
    if kind not in (None, "transcription"):
        raise _bad("session.type", "must be transcription")
    given = _flat(update)
    changes: dict[str, Any] = {}
    if given.get("format") is not None:
        changes["format"] = _format(given["format"])
    if "transcription" in given:
        changes["transcription"] = _transcription(session, given["transcription"])
    if "noise_reduction" in given:
        changes["noise_reduction"] = _object(given["noise_reduction"], "noise_reduction")
    if isinstance(update.get("include"), list):
        changes["include"] = update["include"]
    if "turn_detection" in given:
        changes["turn_detection"] = _turn_detection(session, given["turn_detection"])
    merged = replace(session, **changes)
    _ = merged.language  # refuse one that is none
    return merged


def _flat(update: Event) -> Event:
    """Find the input's fields in either form, by the names of today's."""
    audio = update.get("audio")
    inner = audio.get("input") if isinstance(audio, dict) else None
    given = dict(inner) if isinstance(inner, dict) else {}
    for name in ("format", "transcription", "noise_reduction"):
        if f"input_audio_{name}" in update:
            given.setdefault(name, update[f"input_audio_{name}"])
    if "turn_detection" in update:
        given.setdefault("turn_detection", update["turn_detection"])
    return given


def _format(given: object) -> AudioFormat:
    where = "session.audio.input.format"
    values = {"type": given} if isinstance(given, str) else _object(given, "format") or {}
    name, rate = values.get("type", "audio/pcm"), values.get("rate")
    if not isinstance(name, str) or name not in _NAMED:
        rule = f"must be one of {', '.join(one.name for one in _FORMATS)}"
        raise _bad(f"{where}.type", rule, ErrorCode.UNSUPPORTED_ENCODING)
    found = _NAMED[name]
    if rate is None:
        return found
    if type(rate) is not int or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        rule = f"must be an integer from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
        raise _bad(f"{where}.rate", rule)
    return replace(found, rate=rate)


def _transcription(session: Session, given: object) -> Event | None:
    values = _object(given, "transcription")
    if values is None:
        return None
    known = {name: values[name] for name in _TRANSCRIPTION if name in values}
    if "language" in known:
        known.setdefault("languages", None)
    elif "languages" in known:
        known["language"] = None
    merged = (session.transcription or {}) | known
    return {name: value for name, value in merged.items() if value is not None}


def _turn_detection(session: Session, given: object) -> Event | None:
    values = _object(given, "turn_detection")
    if values is None:
        return None
    before = session.turn_detection or {}
    kind = values.get("type", before.get("type", "server_vad"))
    if kind not in _DETECTORS:
        raise _bad(
            "session.audio.input.turn_detection.type", f"must be one of {', '.join(_DETECTORS)}"
        )
    if kind != before.get("type"):
        before = _SERVER_VAD if kind == "server_vad" else {}
    return before | values | {"type": kind}


def _object(given: object, name: str) -> Event | None:
    if given is not None and not isinstance(given, dict):
        raise _bad(f"session.audio.input.{name}", "must be an object or null")
    return given


def _bad(name: str, rule: str, code: ErrorCode = ErrorCode.BAD_MESSAGE) -> BadInput:
    return BadInput(f"{name} {rule}", code=code, field=name)


class EventEncoder:
    """Writes the server events of one connection, each with an id of its own."""

    def __init__(self) -> None:
        self._events = 0

    def encode(self, event: Event) -> str:
        """Write one event as compact JSON."""
        self._events += 1
        named = {"type": event["type"], "event_id": f"event_{self._events}"} | event
        return json.dumps(named, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def session_event(change: str, session: Session, session_id: str, *, beta: bool) -> Event:
    """Say what is in force. change: ``created`` or ``updated``."""
    shown = session.shown_to_beta(session_id) if beta else session.shown(session_id)
    return {"type": f"{'transcription_' if beta else ''}session.{change}", "session": shown}


def error_event(error: BadInput, client_event: str | None = None) -> Event:
    """Say what a client cannot go on after. client_event: the id of the event at fault, if it had one."""
    return {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": str(error.code),
            "message": str(error),
            "param": error.field,
            "event_id": client_event,
        },
    }
