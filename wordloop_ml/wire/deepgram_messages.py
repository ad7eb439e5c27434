"""The messages of Deepgram's interface for speech, as its official clients read and write them; pure.

Times are seconds from the first sample. No message has a type that Deepgram does not have: an unknown one
ends the listening of its Python client.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, CaptionWord
from wordloop_ml.wire.close_codes import CloseCode
from wordloop_ml.wire.error_forms import ErrorForm, Refusal
from wordloop_ml.wire.json_fields import parse_object

REQUEST_ID_HEADER = "dg-request-id"
ERROR_HEADER = "dg-error"

Message = dict[str, Any]

LEAST_CONFIDENCE = 0.001
"""Clients drop a text whose confidence is nought."""

_MODELS = uuid.UUID("5b1d4a4e-7d0e-5c0b-9a53-8d5b6c0c2f11")
"""The namespace of models' ids."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model that transcribes: its name, and the kind of model that it is."""

    name: str
    arch: str = "whisper"
    version: str = "1"

    @property
    def uuid(self) -> str:
        """Its id, the same in every process."""
        return str(uuid.uuid5(_MODELS, self.name))

    @property
    def fields(self) -> Message:
        """The object that messages have of it."""
        return {"name": self.name, "version": self.version, "arch": self.arch}


def seconds(samples: int) -> float:
    """Return a position, or a length, in seconds."""
    return round(samples / SAMPLE_RATE, 3)


def plain_word(text: str) -> str:
    """Return a word in lower case and without the punctuation around it; the text itself where nothing is left."""
    first = next((at for at, letter in enumerate(text) if letter.isalnum()), None)
    if first is None:
        return text
    last = next(at for at in range(len(text), 0, -1) if text[at - 1].isalnum())
    return text[first:last].lower()


def alternative(words: Sequence[CaptionWord], *, punctuate: bool) -> Message:
    """Make the one alternative of a text; of no words it is empty, with confidence 0."""
    confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
    shown = [word.text if punctuate else plain_word(word.text) for word in words]
    return {
        "transcript": " ".join(shown),
        "confidence": max(round(confidence, 4), LEAST_CONFIDENCE) if words else 0.0,
        "words": [word_fields(word, punctuate=punctuate) for word in words],
    }


def word_fields(word: CaptionWord, *, punctuate: bool) -> Message:
    """Make the object of a word."""
    fields: Message = {
        "word": plain_word(word.text),
        "start": seconds(word.start),
        "end": seconds(word.end),
        "confidence": round(word.confidence, 4),
    }
    if punctuate:
        fields["punctuated_word"] = word.text
    return fields


def audio_metadata(
    request_id: str,
    model: ModelInfo,
    *,
    sha256: str,
    created: str,
    duration: float,
    channels: int,
    tags: Sequence[str] = (),
) -> Message:
    """Describe what was heard: the message at the end of a stream, and a part of a file's answer."""
    metadata: Message = {
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": sha256,
        "created": created,
        "duration": duration,
        "channels": channels,
        "models": [model.uuid],
        "model_info": {model.uuid: model.fields},
    }
    if tags:
        metadata["tags"] = list(tags)
    return metadata


def schema_error(sent: str, description: str) -> Message:
    """Answer a text that is none of the client's messages; its beginning is repeated to who sent it."""
    return {
        "type": "Error",
        "variant": "SchemaError",
        "description": description,
        "message": sent[:200],
    }


class ControlKind(Enum):
    """The messages that a client sends besides audio."""

    KEEP_ALIVE = "KeepAlive"
    FINALIZE = "Finalize"
    CLOSE_STREAM = "CloseStream"
    CONFIGURE = "Configure"
    FORCE_END_TURN = "ForceEndTurn"


@dataclass(frozen=True, slots=True)
class Control:
    """A message of the client; fields: all that it holds."""

    kind: ControlKind
    fields: Mapping[str, Any]


_MOST_CONTROL_BYTES = 64
"""Of a control message in a binary frame: it holds nothing but its type."""


def parse_control(text: str) -> Control:
    """Parse a text. Raises ``BadInput`` for anything but a control message."""
    fields = parse_object(text)
    try:
        return Control(ControlKind(fields.get("type")), fields)
    except ValueError:
        known = ", ".join(kind.value for kind in ControlKind)
        raise BadInput(f"type must be one of {known}") from None


def control_in(payload: bytes) -> Control | None:
    """Return the control message that a binary frame is, as some clients send it; None for audio."""
    if len(payload) > _MOST_CONTROL_BYTES or not payload.startswith(b"{"):
        return None
    try:
        control = parse_control(payload.decode())
    except (BadInput, UnicodeDecodeError):
        return None
    return control if set(control.fields) == {"type"} else None


def keyterms_in(configure: Mapping[str, Any]) -> list[str] | None:
    """Return the terms of a ``Configure``; None where it has none. Raises ``BadInput``."""
    keyterms = configure.get("keyterms")
    if keyterms is None:
        return None
    if not isinstance(keyterms, list) or not all(isinstance(term, str) for term in keyterms):
        raise BadInput("keyterms must be a list of texts")
    return keyterms


def encode(message: Message) -> str:
    """Write a message as compact JSON."""
    return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


_CLOSES: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.BAD_AUDIO: (1008, "DATA-0000"),
    ErrorCode.UNSUPPORTED_ENCODING: (1008, "DATA-0000"),
    ErrorCode.IDLE: (1011, "NET-0001"),
    ErrorCode.INTERNAL: (1011, "internal"),
    ErrorCode.BUSY: (1011, "busy"),
}
"""Deepgram's names, where it has one for what happened."""


def close_of(code: ErrorCode | None, message: str) -> tuple[int, str]:
    """Return the close code and reason of an end: 1000, 1008, 1011 or 1012, and none of the service's own."""
    if code is None:
        return CloseCode.NORMAL, "the stream has ended"
    if code is ErrorCode.DRAINING:
        return CloseCode.RESTART, "planned restart: connect again"
    status, name = _CLOSES.get(code, (1008, str(code)))
    return status, f"{name}: {message}" if message else name


_ERROR_CODES = {
    400: "Bad Request",
    401: "INVALID_AUTH",
    403: "INSUFFICIENT_PERMISSIONS",
    415: "Bad Request",
    503: "SERVICE_UNAVAILABLE",
    500: "INTERNAL_SERVER_ERROR",
}


def _error(refusal: Refusal, request_id: str) -> dict[str, object]:
    return {
        "err_code": _ERROR_CODES.get(refusal.status, str(refusal.code).upper()),
        "err_msg": refusal.detail,
        "request_id": request_id,
    }


def _error_headers(refusal: Refusal, request_id: str) -> dict[str, str]:
    detail = refusal.detail.encode("ascii", "replace").decode()
    return {REQUEST_ID_HEADER: request_id, ERROR_HEADER: detail}


DEEPGRAM_ERRORS = ErrorForm("application/json", _error, _error_headers)
"""Clients show the status, or ``err_msg``; pages see that there was no connection and no more."""
