"""What a service said to an attack, read from raw bytes; pure."""

import json
import struct
from dataclasses import dataclass
from enum import StrEnum

from scripts.drills.hostile.attack import Opcode
from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.close_codes import OUTCOMES, CloseCode


class Outcome(StrEnum):
    """How an attack ended; the last two must not happen."""

    NAMED = "named"
    TAKEN = "taken"
    LEFT = "left"
    UNNAMED = "unnamed"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of the conversation, as far as it has come.

    code: the error's, where it has one. status: the HTTP status or the close code.
    """

    outcome: Outcome
    code: str = ""
    status: int = 0


def read_answer(content: bytes, *, upgraded: bool) -> Answer | None:
    """The answer in what has arrived; None while none is complete.

    upgraded: whether the handshake went before the attack, so that it is left out of the answer.
    """
    while True:
        head, separator, rest = content.partition(b"\r\n\r\n")
        if not separator:
            return None
        status = int(head.split(b" ", 2)[1])
        if status == 101:
            return _read_frames(rest)
        if status != 100:
            return _read_response(head, rest, status)
        if upgraded:
            return Answer(Outcome.UNNAMED, "continue", status)
        content = rest


def _read_response(head: bytes, rest: bytes, status: int) -> Answer | None:
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(headers.get(b"content-length", b"0"))
    if len(rest) < length and status != 405:
        return None
    if status < 400:
        return Answer(Outcome.TAKEN, status=status)
    if not rest:
        # to HEAD: a status, and no body to name it in
        return Answer(Outcome.LEFT, status=status)
    if headers.get(b"content-type", b"").startswith(b"application/problem+json"):
        code = json.loads(rest[:length])["code"]
        if code in set(ErrorCode):
            return Answer(Outcome.NAMED, code, status)
    return Answer(Outcome.UNNAMED, "", status)


def _read_frames(content: bytes) -> Answer | None:
    """The close frame, if it is there: its code has to fit the error that its reason names."""
    at = 0
    while len(content) >= at + 2:
        opcode, size = content[at] & 0x0F, content[at + 1] & 0x7F
        at += 2
        if size == 126:
            (size,) = struct.unpack_from(">H", content.ljust(at + 2, b"\0"), at)
            at += 2
        elif size == 127:
            (size,) = struct.unpack_from(">Q", content.ljust(at + 8, b"\0"), at)
            at += 8
        if len(content) < at + size:
            return None
        payload = content[at : at + size]
        at += size
        if opcode == Opcode.CLOSE:
            return _read_close(payload)
    return None


def _read_close(payload: bytes) -> Answer:
    if len(payload) < 2:
        return Answer(Outcome.TAKEN)
    (status,) = struct.unpack(">H", payload[:2])
    name = payload[2:].decode().partition(":")[0]
    if status == CloseCode.NORMAL:
        return Answer(Outcome.TAKEN, name, status)
    known = {code.value: outcome for code, outcome in OUTCOMES.items()}
    named = name in known and known[name].close == status
    return Answer(Outcome.NAMED if named else Outcome.UNNAMED, name, status)
