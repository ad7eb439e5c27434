"""How each error ends a WebSocket or answers an HTTP request: the one table of it.

Codes below 4000 are RFC 6455's (section 7.4.1) and its registry's.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple

from wordloop_ml.errors import ErrorCode

MAX_REASON_BYTES = 122
"""A close frame has room for 123 bytes of reason; the peer fails with 1002 on more."""


class CloseCode(IntEnum):
    """Every code with which this service closes a connection."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    TOO_LARGE = 1009
    UNEXPECTED = 1011
    RESTART = 1012
    OVERLOAD = 1013
    SLOW_CONSUMER = 4001
    IDLE = 4003
    TOKEN_EXPIRED = 4004
    AUDIO_HOLE = 4009
    TOKEN_REFUSED = 4501
    SUPERSEDED = 4503
    UNSUPPORTED_VERSION = 4504
    QUOTA = 4505


class ClientAction(StrEnum):
    """What a client does after a close."""

    DONE = "done"
    RESUME = "resume"
    BACK_OFF = "back_off"
    STOP = "stop"


CLIENT_ACTIONS = {
    CloseCode.NORMAL: ClientAction.DONE,
    CloseCode.PROTOCOL_ERROR: ClientAction.STOP,
    CloseCode.UNSUPPORTED_DATA: ClientAction.STOP,
    CloseCode.INVALID_TEXT: ClientAction.STOP,
    CloseCode.TOO_LARGE: ClientAction.STOP,
    CloseCode.UNEXPECTED: ClientAction.BACK_OFF,
    CloseCode.RESTART: ClientAction.RESUME,
    CloseCode.OVERLOAD: ClientAction.BACK_OFF,
    CloseCode.SLOW_CONSUMER: ClientAction.RESUME,
    CloseCode.IDLE: ClientAction.RESUME,
    CloseCode.TOKEN_EXPIRED: ClientAction.RESUME,
    CloseCode.AUDIO_HOLE: ClientAction.STOP,
    CloseCode.TOKEN_REFUSED: ClientAction.STOP,
    CloseCode.SUPERSEDED: ClientAction.STOP,
    CloseCode.UNSUPPORTED_VERSION: ClientAction.STOP,
    CloseCode.QUOTA: ClientAction.STOP,
}
"""``resume``: at once, with jitter; ``back_off``: resume, waiting longer each time."""


class Outcome(NamedTuple):
    """The close code of an error and, before or without a WebSocket, its HTTP status."""

    close: CloseCode
    http: int


OUTCOMES = {
    ErrorCode.BAD_FRAME: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.BAD_JSON: Outcome(CloseCode.INVALID_TEXT, 400),
    ErrorCode.BAD_MESSAGE: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.UNKNOWN_MESSAGE: Outcome(CloseCode.UNSUPPORTED_DATA, 400),
    ErrorCode.UNEXPECTED_MESSAGE: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.UNSUPPORTED_VERSION: Outcome(CloseCode.UNSUPPORTED_VERSION, 400),
    ErrorCode.UNSUPPORTED_ENCODING: Outcome(CloseCode.UNSUPPORTED_DATA, 415),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: Outcome(CloseCode.UNSUPPORTED_DATA, 415),
    ErrorCode.UNSUPPORTED_LANGUAGE: Outcome(CloseCode.UNSUPPORTED_DATA, 400),
    ErrorCode.UNSUPPORTED_TASK: Outcome(CloseCode.UNSUPPORTED_DATA, 400),
    ErrorCode.UNSUPPORTED_NOTES: Outcome(CloseCode.UNSUPPORTED_DATA, 400),
    ErrorCode.BAD_AUDIO: Outcome(CloseCode.INVALID_TEXT, 400),
    ErrorCode.TOO_LARGE: Outcome(CloseCode.TOO_LARGE, 413),
    ErrorCode.TOO_FAST: Outcome(CloseCode.QUOTA, 429),
    ErrorCode.AUDIO_HOLE: Outcome(CloseCode.AUDIO_HOLE, 409),
    ErrorCode.SUPERSEDED: Outcome(CloseCode.SUPERSEDED, 409),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: Outcome(CloseCode.PROTOCOL_ERROR, 422),
    ErrorCode.TRANSCRIPT_EMPTY: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.TRANSCRIPT_TOO_LONG: Outcome(CloseCode.TOO_LARGE, 413),
    ErrorCode.TOO_MANY_SEGMENTS: Outcome(CloseCode.TOO_LARGE, 413),
    ErrorCode.DUPLICATE_SEGMENT: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.TIMES_BACKWARDS: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.UNKNOWN_FIELD: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.UNSUPPORTED_ENGINE: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.UNSUPPORTED_MODEL: Outcome(CloseCode.PROTOCOL_ERROR, 404),
    ErrorCode.UNSUPPORTED_DIMENSIONS: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.UNSUPPORTED_INPUT: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.TOO_MANY_TEXTS: Outcome(CloseCode.TOO_LARGE, 413),
    ErrorCode.TEXT_TOO_LONG: Outcome(CloseCode.TOO_LARGE, 413),
    ErrorCode.TOKEN_REFUSED: Outcome(CloseCode.TOKEN_REFUSED, 401),
    ErrorCode.TOKEN_EXPIRED: Outcome(CloseCode.TOKEN_EXPIRED, 401),
    ErrorCode.ORIGIN_REFUSED: Outcome(CloseCode.TOKEN_REFUSED, 403),
    ErrorCode.QUOTA: Outcome(CloseCode.QUOTA, 429),
    ErrorCode.NOT_FOUND: Outcome(CloseCode.PROTOCOL_ERROR, 404),
    ErrorCode.BAD_REQUEST: Outcome(CloseCode.PROTOCOL_ERROR, 400),
    ErrorCode.IDLE: Outcome(CloseCode.IDLE, 408),
    ErrorCode.SLOW_CONSUMER: Outcome(CloseCode.SLOW_CONSUMER, 408),
    ErrorCode.BUSY: Outcome(CloseCode.OVERLOAD, 503),
    ErrorCode.DRAINING: Outcome(CloseCode.RESTART, 503),
    ErrorCode.ENGINE_AWAY: Outcome(CloseCode.OVERLOAD, 503),
    ErrorCode.ENGINE_FAILED: Outcome(CloseCode.UNEXPECTED, 500),
    ErrorCode.INTERNAL: Outcome(CloseCode.UNEXPECTED, 500),
}
"""Every error that can reach a client; the others stop the service or stay with an operator."""

_UNEXPECTED = OUTCOMES[ErrorCode.INTERNAL]


def close_code(code: ErrorCode) -> CloseCode:
    """Return the close code for an error; 1011 for one that no client should see."""
    return OUTCOMES.get(code, _UNEXPECTED).close


def http_status(code: ErrorCode) -> int:
    """Return the HTTP status for an error; 500 for one that no client should see."""
    return OUTCOMES.get(code, _UNEXPECTED).http


def close_reason(code: ErrorCode, message: str) -> str:
    """Format ``code: message``, cut between characters to ``MAX_REASON_BYTES``."""
    reason = f"{code}: {message}".encode(errors="replace")[:MAX_REASON_BYTES]
    return reason.decode(errors="ignore")
