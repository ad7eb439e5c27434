"""Version 1, server to client: the messages, their text frames, written and read, and the track events behind.

Positions are stream samples, times are integer milliseconds of meeting time.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar, TypeVar, assert_never, get_args

from wordloop_ml import messages
from wordloop_ml.errors import ErrorCode
from wordloop_ml.languages import standard_code
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.json_fields import MAX_TEXT_BYTES, Fields, parse_object


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
    """Answers ``start``.

    accept_from: position of the first sample that the server takes; earlier ones are dropped.
    next_seq: ``seq`` of the track's next final.
    limits: what the client has to keep to.
    """

    type: ClassVar[str] = "ready"
    accept_from: int
    next_seq: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class SpeechStartedMessage:
    """Says that speech began; words follow, unless it was none.

    at: meeting time in milliseconds.
    """

    type: ClassVar[str] = "speech_started"
    at: int


@dataclass(frozen=True, slots=True)
class CaptionMessageWord:
    """One word of a caption.

    start, end: meeting time in milliseconds, inside the caption.
    confidence: in [0, 1], rounded to three digits.
    stable: whether the word is expected to stay, which is no promise.
    """

    text: str
    start: int
    end: int
    confidence: float
    stable: bool


@dataclass(frozen=True, slots=True)
class CaptionMessage:
    """The whole text of one segment; replaces the caption before it with the same segment.

    segment: identifier. epoch: the connection's, 0 where ``start`` gave none.
    start, end: meeting time in milliseconds.
    final: this text will never change. speech_final: the speaker paused.
    replay: the audio lies before ``live_from``.
    language: what was spoken, as a standard code.
    speaker: as ``start`` gave it.
    seq: number of the final on its track, from 1. committed: stream position before which audio is
        no longer needed. Both with ``final`` only, and then always.
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
    """Says how far audio has come in, and how far it is no longer needed.

    received, committed: stream positions, one past the last sample.
    """

    type: ClassVar[str] = "ack"
    received: int
    committed: int


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """Says what a client should know and is no error.

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
    """Announces a restart: the client is to resume elsewhere.

    deadline_ms: the server closes with 1012 within so many milliseconds.
    """

    type: ClassVar[str] = "draining"
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """Says why the close that follows happens, in more words than its reason has room for.

    retry_after: seconds to wait before the next try; left out where a retry is no use.
    """

    type: ClassVar[str] = "error"
    code: ErrorCode
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class EndedMessage:
    """The last message of a connection that ends in order.

    received, committed: stream positions, one past the last sample.
    finals: how many finals this connection was sent.
    reason: left out after ``stop``; otherwise the code of what ended it.
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
    """Encode one text frame: compact JSON with the ``type`` first and without the fields that are None."""
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


def parse_server(text: str) -> ServerMessage | None:
    """Parse one text frame from a server; None for a message that this client does not know.

    Unknown fields, types, notices, reasons and errors are ignored, so that version 1 can grow.
    Raises ``BadInput`` (``bad_json``, ``bad_message``, ``too_large``) for what is no message at all.
    """
    values = parse_object(text)
    kind = values.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return None if read is None else read(Fields(values))


_Name = TypeVar("_Name", bound=StrEnum)


def _known(names: type[_Name], value: str | None) -> _Name | None:
    """Find the member with this value; None without one."""
    return next((one for one in names if one == value), None)


def _error_code(values: Fields, name: str) -> ErrorCode:
    """Read an error code; ``internal`` for one that is not known, since its close code says enough."""
    return _known(ErrorCode, values.text(name)) or ErrorCode.INTERNAL


def _ready(values: Fields) -> ReadyMessage:
    limits = values.inner("limits")
    return ReadyMessage(
        accept_from=values.integer("accept_from"),
        next_seq=values.integer("next_seq"),
        limits=Limits(**{one.name: limits.integer(one.name) for one in fields(Limits)}),
    )


def _speech_started(values: Fields) -> SpeechStartedMessage:
    return SpeechStartedMessage(at=values.integer("at"))


def _caption(values: Fields) -> CaptionMessage:
    return CaptionMessage(
        segment=values.text("segment"),
        epoch=values.integer("epoch"),
        track=values.text("track"),
        start=values.integer("start"),
        end=values.integer("end"),
        text=values.text("text"),
        words=tuple(_word(word) for word in values.items("words")),
        final=values.boolean("final"),
        speech_final=values.boolean("speech_final"),
        replay=values.boolean("replay"),
        language=values.text("language"),
        seq=values.optional_integer("seq"),
        speaker=values.optional_text("speaker"),
        committed=values.optional_integer("committed"),
    )


def _word(values: Fields) -> CaptionMessageWord:
    return CaptionMessageWord(
        text=values.text("text"),
        start=values.integer("start"),
        end=values.integer("end"),
        confidence=values.number("confidence"),
        stable=values.boolean("stable"),
    )


def _ack(values: Fields) -> AckMessage:
    return AckMessage(received=values.integer("received"), committed=values.integer("committed"))


def _notice(values: Fields) -> NoticeMessage | None:
    code = _known(NoticeCode, values.text("code"))
    if code is None:
        return None
    return NoticeMessage(
        code,
        start=values.optional_integer("start"),
        end=values.optional_integer("end"),
        reason=_known(RejectReason, values.optional_text("reason")),
        committed=values.optional_integer("committed"),
    )


def _draining(values: Fields) -> DrainingMessage:
    return DrainingMessage(deadline_ms=values.integer("deadline_ms"))


def _error(values: Fields) -> ErrorMessage:
    return ErrorMessage(
        _error_code(values, "code"), values.text("message"), values.optional_number("retry_after")
    )


def _ended(values: Fields) -> EndedMessage:
    return EndedMessage(
        received=values.integer("received"),
        committed=values.integer("committed"),
        finals=values.integer("finals"),
        reason=_error_code(values, "reason") if "reason" in values else None,
    )


_READERS: dict[object, Callable[[Fields], ServerMessage | None]] = {
    ReadyMessage.type: _ready,
    SpeechStartedMessage.type: _speech_started,
    CaptionMessage.type: _caption,
    AckMessage.type: _ack,
    NoticeMessage.type: _notice,
    DrainingMessage.type: _draining,
    ErrorMessage.type: _error,
    EndedMessage.type: _ended,
}


@dataclass(frozen=True, slots=True)
class EventTranslator:
    """Translates the events of one connection.

    speaker: the name to show, from ``start``; epoch: the connection's, 0 where it gave none.
    """

    positions: Positions
    epoch: int = 0
    speaker: str | None = None

    def translate(
        self, event: messages.TrackEvent, received: int
    ) -> CaptionMessage | SpeechStartedMessage | NoticeMessage | AckMessage:
        """Translate one event to its one message.

        received: stream position one past the last sample that came in.
        """
        match event:
            case messages.Caption():
                return self._caption(event, received)
            case messages.SpeechStarted():
                return SpeechStartedMessage(at=self.positions.to_ms(event.at))
            case messages.SpanLost():
                return NoticeMessage(
                    code=NoticeCode(event.code),
                    start=self.positions.to_ms(event.start),
                    end=self.positions.to_ms(event.end),
                    reason=event.reason,
                    committed=self.positions.committed(event.committed, received),
                )
            case messages.Committed():
                return AckMessage(
                    received=received, committed=self.positions.committed(event.at, received)
                )
            case _:
                assert_never(event)

    def _caption(self, caption: messages.Caption, received: int) -> CaptionMessage:
        to_ms = self.positions.to_ms
        committed = caption.committed
        return CaptionMessage(
            segment=caption.segment,
            epoch=self.epoch,
            track=caption.track,
            start=to_ms(caption.start),
            end=to_ms(caption.end),
            text=caption.text,
            words=tuple(
                CaptionMessageWord(
                    text=word.text,
                    # a floor keeps order and nesting, so words stay inside the caption
                    start=to_ms(word.start),
                    end=to_ms(word.end),
                    confidence=round(word.confidence, 3),
                    stable=word.stable,
                )
                for word in caption.words
            ),
            final=caption.final,
            speech_final=caption.speech_final,
            replay=caption.replay,
            language=standard_code(caption.language),
            seq=caption.seq,
            speaker=self.speaker,
            committed=None if committed is None else self.positions.committed(committed, received),
        )
