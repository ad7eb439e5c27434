"""Version 1 as a client speaks it: its messages to text frames, the server's text frames back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, TypeVar

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.client_messages import (
    ClientMessage,
    FinalizeMessage,
    GapMessage,
    KeepAliveMessage,
    StartMessage,
    StopMessage,
)
from wordloop_ml.wire.json_text import parse_object
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    CaptionMessageWord,
    DrainingMessage,
    EndedMessage,
    ErrorMessage,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
    ServerMessage,
    SpeechStartedMessage,
)

_TYPES: dict[type[ClientMessage], str] = {
    StartMessage: "start",
    FinalizeMessage: "finalize",
    GapMessage: "gap",
    KeepAliveMessage: "keepalive",
    StopMessage: "stop",
}


def encode_client(message: ClientMessage) -> str:
    """One text frame: compact JSON without the fields that say what leaving them out says."""
    said: dict[str, object] = {"type": _TYPES[type(message)]}
    for one in fields(message):
        value = getattr(message, one.name)
        if one.default is MISSING or value != one.default:
            said[one.name] = value
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def parse_server(text: str) -> ServerMessage | None:
    """The message that one text frame holds; None for one that this client does not know.

    Fields, types, notices, reasons and errors that it does not know are passed over, so that
    version 1 can grow. Raises ``BadInput`` for what is no message at all.
    """
    values = parse_object(text)
    read = _READERS.get(values.get("type"))
    if read is None:
        return None
    try:
        return read(_Values(values))
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"a server message without a right {error.args[0]}", code=ErrorCode.BAD_MESSAGE
        ) from None


_Name = TypeVar("_Name", bound=StrEnum)


def _known(names: type[_Name], value: str | None) -> _Name | None:
    """The member that is spelt so, if there is one."""
    return next((one for one in names if one == value), None)


class _Values:
    """The fields of one object, by name and type; KeyError and TypeError name the field."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def integer(self, name: str) -> int:
        value = self._values[name]
        if type(value) is not int:
            raise TypeError(name)
        return value

    def optional_integer(self, name: str) -> int | None:
        return self.integer(name) if self._values.get(name) is not None else None

    def number(self, name: str) -> float:
        value = self._values[name]
        if type(value) not in (int, float):
            raise TypeError(name)
        return float(value)

    def optional_number(self, name: str) -> float | None:
        return self.number(name) if self._values.get(name) is not None else None

    def text(self, name: str) -> str:
        value = self._values[name]
        if not isinstance(value, str):
            raise TypeError(name)
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self._values.get(name) is not None else None

    def truth(self, name: str) -> bool:
        value = self._values[name]
        if not isinstance(value, bool):
            raise TypeError(name)
        return value

    def object(self, name: str) -> "_Values":
        value = self._values[name]
        if not isinstance(value, dict):
            raise TypeError(name)
        return _Values(value)

    def objects(self, name: str) -> "list[_Values]":
        value = self._values[name]
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise TypeError(name)
        return [_Values(one) for one in value]

    def error_code(self, name: str) -> ErrorCode:
        """A code of a later server means no more than its close code does."""
        return _known(ErrorCode, self.text(name)) or ErrorCode.INTERNAL


def _ready(values: _Values) -> ReadyMessage:
    limits = values.object("limits")
    return ReadyMessage(
        accept_from=values.integer("accept_from"),
        next_seq=values.integer("next_seq"),
        limits=Limits(**{one.name: limits.integer(one.name) for one in fields(Limits)}),
    )


def _speech_started(values: _Values) -> SpeechStartedMessage:
    return SpeechStartedMessage(at=values.integer("at"))


def _caption(values: _Values) -> CaptionMessage:
    return CaptionMessage(
        segment=values.text("segment"),
        epoch=values.integer("epoch"),
        track=values.text("track"),
        start=values.integer("start"),
        end=values.integer("end"),
        text=values.text("text"),
        words=tuple(_word(word) for word in values.objects("words")),
        final=values.truth("final"),
        speech_final=values.truth("speech_final"),
        replay=values.truth("replay"),
        language=values.text("language"),
        seq=values.optional_integer("seq"),
        speaker=values.optional_text("speaker"),
        committed=values.optional_integer("committed"),
    )


def _word(values: _Values) -> CaptionMessageWord:
    return CaptionMessageWord(
        text=values.text("text"),
        start=values.integer("start"),
        end=values.integer("end"),
        confidence=values.number("confidence"),
        stable=values.truth("stable"),
    )


def _ack(values: _Values) -> AckMessage:
    return AckMessage(received=values.integer("received"), committed=values.integer("committed"))


def _notice(values: _Values) -> NoticeMessage | None:
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


def _draining(values: _Values) -> DrainingMessage:
    return DrainingMessage(deadline_ms=values.integer("deadline_ms"))


def _error(values: _Values) -> ErrorMessage:
    return ErrorMessage(
        values.error_code("code"), values.text("message"), values.optional_number("retry_after")
    )


def _ended(values: _Values) -> EndedMessage:
    return EndedMessage(
        received=values.integer("received"),
        committed=values.integer("committed"),
        finals=values.integer("finals"),
        reason=values.error_code("reason") if values.optional_text("reason") else None,
    )


_READERS: dict[object, Callable[[_Values], ServerMessage | None]] = {
    ReadyMessage.type: _ready,
    SpeechStartedMessage.type: _speech_started,
    CaptionMessage.type: _caption,
    AckMessage.type: _ack,
    NoticeMessage.type: _notice,
    DrainingMessage.type: _draining,
    ErrorMessage.type: _error,
    EndedMessage.type: _ended,
}
