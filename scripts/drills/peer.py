"""One hostile connection: raw bytes over TCP, and what the service answered."""

import asyncio
import json
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from aiohttp import WSMsgType

from scripts.drills.attacks import START, Attack, Opening, handshake, text
from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.close_codes import OUTCOMES, CloseCode

ANSWER_WITHIN_S = 30.0
"""For an answer that is owed: far beyond what it takes, on a busy machine too."""

QUIET_S = 2.0
"""For an answer that may never come, since what was sent can be half of something."""


class Ending(StrEnum):
    """How an attack ended; the last two must not happen."""

    NAMED = "named"
    TAKEN = "taken"
    LEFT = "left"
    UNNAMED = "unnamed"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of the conversation.

    code: the error's, where it has one. status: the HTTP status or the close code.
    """

    ending: Ending
    code: str = ""
    status: int = 0


def read_answer(content: bytes, *, upgraded: bool) -> Answer | None:
    """Read the answer from what has arrived; None while none is complete.

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
            return Answer(Ending.UNNAMED, "continue", status)
        content = rest


def _read_response(head: bytes, rest: bytes, status: int) -> Answer | None:
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(headers.get(b"content-length", b"0"))
    if len(rest) < length:
        return None
    if status < 400:
        return Answer(Ending.TAKEN, status=status)
    if headers.get(b"content-type", b"").startswith(b"application/problem+json"):
        code = json.loads(rest[:length])["code"]
        if code in set(ErrorCode):
            return Answer(Ending.NAMED, code, status)
    return Answer(Ending.UNNAMED, "", status)


def _read_frames(content: bytes) -> Answer | None:
    """Find the close frame, if it is there; its code has to fit the error that its reason names."""
    at = 0
    while len(content) >= at + 2:
        opcode, size = content[at] & 0x0F, content[at + 1] & 0x7F
        at += 2
        if size > 125:
            width = 2 if size == 126 else 8
            size = int.from_bytes(content[at : at + width], "big")
            at += width
        payload = content[at : at + size]
        if len(payload) < size:
            return None
        at += size
        if opcode == WSMsgType.CLOSE:
            return _read_close(payload)
    return None


def _read_close(payload: bytes) -> Answer:
    if len(payload) < 2:
        return Answer(Ending.TAKEN)
    (status,) = struct.unpack(">H", payload[:2])
    name = payload[2:].decode().partition(":")[0]
    if status == CloseCode.NORMAL:
        return Answer(Ending.TAKEN, name, status)
    known = {code.value: outcome for code, outcome in OUTCOMES.items()}
    named = name in known and known[name].close == status
    return Answer(Ending.NAMED if named else Ending.UNNAMED, name, status)


class _Wire(asyncio.Protocol):
    """Keeps what arrives, also when the connection breaks."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.changed = asyncio.Event()
        self.over = False

    def data_received(self, data: bytes) -> None:
        self.content += data
        self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.over = True
        self.changed.set()

    async def change(self) -> None:
        """Wait until more arrives, or the connection is over."""
        self.changed.clear()
        await self.changed.wait()

    async def answer(self, within_s: float, *, upgraded: bool) -> Answer | None:
        """Wait for the whole answer; None when the time is up or the connection over first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    answer = read_answer(bytes(self.content), upgraded=upgraded)
                    if answer is not None or self.over:
                        return answer
                    await self.change()
        return None


async def run_attack(port: int, meeting: str, attack: Attack) -> Answer:
    """Open as the attack says, send it, and judge what the service does."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ANSWER_WITHIN_S):
        transport, wire = await loop.create_connection(_Wire, "127.0.0.1", port)
    try:
        upgraded = attack.opening is not Opening.CONNECTED
        if upgraded:
            transport.write(handshake(meeting))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while b"\r\n\r\n" not in wire.content and not wire.over:
                    await wire.change()
        if attack.opening is Opening.STARTED:
            transport.write(text(attack.start or START))
        transport.write(attack.payload + attack.ending)
        if attack.vanish:
            await asyncio.sleep(0)
            return Answer(Ending.LEFT)
        return await _judge(transport, wire, attack, upgraded=upgraded)
    finally:
        transport.abort()


async def _judge(
    transport: asyncio.Transport, wire: _Wire, attack: Attack, *, upgraded: bool
) -> Answer:
    owed = attack.must_refuse or bool(attack.ending)
    answer = await wire.answer(ANSWER_WITHIN_S if owed else QUIET_S, upgraded=upgraded)
    if answer is None and not wire.over and not owed:
        # half of something, perhaps: nothing more follows, and then it has to end
        with suppress(OSError):
            transport.write_eof()
        answer = await wire.answer(ANSWER_WITHIN_S, upgraded=upgraded)
    if answer is None:
        return Answer(Ending.LEFT if wire.over and not attack.must_refuse else Ending.STUCK)
    if attack.must_refuse and answer.ending is not Ending.NAMED:
        return replace(answer, ending=Ending.UNNAMED)
    return answer
