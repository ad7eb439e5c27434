"""One hostile connection: raw bytes over TCP, and what the service answered."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from aiohttp import WSMsgType

from scripts.drills.attacks import Attack, handshake
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


async def read_answer(reader: asyncio.StreamReader) -> Answer | None:
    """Wait for the end of the conversation; None where the connection ends without one."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            if status == 101:
                return await _read_frames(reader)
            if status != 100:
                return await _read_response(reader, head, status)
    return None


async def _read_response(reader: asyncio.StreamReader, head: bytes, status: int) -> Answer:
    headers = dict(line.lower().split(b": ", 1) for line in head.rstrip().split(b"\r\n")[1:])
    body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
    if status < 400:
        return Answer(Ending.TAKEN, status=status)
    if headers.get(b"content-type", b"").startswith(b"application/problem+json"):
        code = json.loads(body)["code"]
        if code in set(ErrorCode):
            return Answer(Ending.NAMED, code, status)
    return Answer(Ending.UNNAMED, "", status)


async def _read_frames(reader: asyncio.StreamReader) -> Answer:
    """Find the close frame; its code has to fit the error that its reason names."""
    opcode, payload = 0, b""
    while opcode != WSMsgType.CLOSE:
        first, size = await reader.readexactly(2)
        opcode = first & 0x0F
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        payload = await reader.readexactly(size)
    if len(payload) < 2:
        return Answer(Ending.TAKEN)
    status = int.from_bytes(payload[:2], "big")
    name = payload[2:].decode().partition(":")[0]
    if status == CloseCode.NORMAL:
        return Answer(Ending.TAKEN, name, status)
    known = {code.value: outcome for code, outcome in OUTCOMES.items()}
    named = name in known and known[name].close == status
    return Answer(Ending.NAMED if named else Ending.UNNAMED, name, status)


class _Wire(asyncio.Protocol):
    """Feeds a reader, in which what came stays, also when the connection breaks."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.answered = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.reader.feed_data(data)
        self.answered.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.reader.feed_eof()
        self.answered.set()


async def run_attack(port: int, meeting: str, attack: Attack) -> Answer:
    """Open as the attack says, send it, and judge what the service does."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ANSWER_WITHIN_S):
        transport, wire = await loop.create_connection(_Wire, "127.0.0.1", port)
    reading = asyncio.create_task(read_answer(wire.reader), name=f"attack-{meeting}")
    try:
        if attack.upgraded:
            transport.write(handshake(meeting))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await wire.answered.wait()
        transport.write(attack.payload + attack.ending)
        if attack.vanish:
            await asyncio.sleep(0)
            return Answer(Ending.LEFT)
        return await _judge(transport, reading, attack)
    finally:
        transport.abort()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _judge(
    transport: asyncio.Transport, reading: asyncio.Task[Answer | None], attack: Attack
) -> Answer:
    owed = attack.must_refuse or bool(attack.ending)
    await asyncio.wait({reading}, timeout=ANSWER_WITHIN_S if owed else QUIET_S)
    if not reading.done() and not owed:
        # half of something, perhaps: nothing more follows, and then it has to end
        with suppress(OSError):
            transport.write_eof()
        await asyncio.wait({reading}, timeout=ANSWER_WITHIN_S)
    if not reading.done():
        return Answer(Ending.STUCK)
    answer = reading.result()
    if answer is None:
        return Answer(Ending.STUCK if attack.must_refuse else Ending.LEFT)
    if attack.must_refuse and answer.ending is not Ending.NAMED:
        return replace(answer, ending=Ending.UNNAMED)
    return answer
