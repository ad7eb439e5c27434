"""Version 1, server to client: frozen messages to text frames.

Positions are stream samples, times are integer milliseconds of meeting time.
"""

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar, get_args

from wordloop_ml.errors import ErrorCode
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.json_text import MAX_TEXT_BYTES


class NoticeCode(StrEnum):
    """What a notice tells; a client shows or counts it, and ignores a code it does not know."""

    GAP = "gap"
    DECODE_FAILED = "decode_failed"
    REJECTED = "rejected"
    DEGRADED = "degraded"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server holds its clients to.

    message_bytes: the largest frame, text or audio.
    audio_frames_per_s: messages in a second; realtime_factor: seconds of live audio in a second.
        A replay is exempt.
    replay_s: how much audio a client keeps from ``committed`` on, at most.
    idle_s: a connection on which no message and no ping of the client's own arrives for so long is
        closed.
    """

    message_bytes: int = MAX_TEXT_BYTES
    audio_frames_per_s: int = 500
    realtime_factor: int = 2
    replay_s: int = 120
    idle_s: int = 60


@dataclass(frozen=True, slots=True)
class ReadyMessage:
    """The answer to ``start``.

    accept_from: position of the first sample that the server takes; earlier ones are dropped.
    next_seq: what the track's next final will carry.
    """

    type: ClassVar[str] = "ready"
    accept_from: int
    next_seq: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class SpeechStartedMessage:
    """Speech began at this meeting time; words follow, unless it was none."""

    type: ClassVar[str] = "speech_started"
    at: int


@dataclass(frozen=True, slots=True)
class CaptionMessageWord:
    """One word; times lie inside the caption. ``stable`` is a forecast, not a promise."""

    text: str
    start: int
    end: int
    confidence: float
    stable: bool


@dataclass(frozen=True, slots=True)
class CaptionMessage:
    """The whole text of one segment; replaces the caption before it with the same segment.

    seq, committed: with ``final`` only, and then always.
    epoch: the connection's, 0 where ``start`` gave none.
    """

    type: ClassVar[str] = "caption"
    segment: str
    epoch: int
    track: str
    start: int
    end: int
    text: str
    words: tuple[CaptionMessageWord, ...]
    final: bool
    speech_final: bool
    replay: bool
    language: str
    seq: int | None = None
    speaker: str | None = None
    committed: int | None = None


@dataclass(frozen=True, slots=True)
class AckMessage:
    """How far audio has come in, and before which position it is no longer needed."""

    type: ClassVar[str] = "ack"
    received: int
    committed: int


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """Something a client should know that is no error.

    start, end: the meeting time of a hole in the transcript (``gap``, ``decode_failed``,
        ``rejected``).
    reason: for ``rejected``, why.
    committed: where the track stands after the hole; a client trims by it as by an ``ack``.
    """

    type: ClassVar[str] = "notice"
    code: NoticeCode
    start: int | None = None
    end: int | None = None
    reason: RejectReason | None = None
    committed: int | None = None


@dataclass(frozen=True, slots=True)
class DrainingMessage:
    """This container is going: within ``deadline_ms`` it closes with 1012; resume elsewhere."""

    type: ClassVar[str] = "draining"
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """Why the close that follows happens, in more words than its reason has room for.

    retry_after: seconds to wait before the next try; left out where a retry is no use.
    """

    type: ClassVar[str] = "error"
    code: ErrorCode
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class EndedMessage:
    """The last message of a connection that ends in order.

    reason: left out after ``stop``; otherwise the code of what ended it.
    finals: how many finals this connection was sent.
    """

    type: ClassVar[str] = "ended"
    received: int
    committed: int
    finals: int
    reason: ErrorCode | None = None


ServerMessage = (
    ReadyMessage
    | SpeechStartedMessage
    | CaptionMessage
    | AckMessage
    | NoticeMessage
    | DrainingMessage
    | ErrorMessage
    | EndedMessage
)

_NAMES = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (*get_args(ServerMessage), Limits, CaptionMessageWord)
}
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(message: ServerMessage) -> str:
    """One text frame: compact JSON with the ``type`` first and without the fields that are None."""
    return _compact({"type": message.type, **_plain(message)})


def _plain(message: object) -> dict[str, object]:
    plain: dict[str, object] = {}
    for name in _NAMES[type(message)]:
        value: object = getattr(message, name)
        if value is None:
            continue
        if isinstance(value, Limits):
            value = _plain(value)
        elif isinstance(value, tuple):
            value = [_plain(item) for item in value]
        plain[name] = value
    return plain
