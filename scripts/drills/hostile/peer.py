"""One hostile connection: raw bytes over TCP, and what came back."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from scripts.drills.hostile.answers import Answer, Outcome, read_answer
from scripts.drills.hostile.attack import START, Attack, Opening, handshake, text

ANSWER_WITHIN_S = 30.0
"""For an answer that is owed: far beyond what it takes, on a busy machine too."""

QUIET_S = 2.0
"""For an answer that may never come, since what was sent can be half of something."""

CONNECT_WITHIN_S = 30.0


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


async def run_attack(port: int, meeting: str, attack: Attack) -> Answer:
    """Open as the attack says, send it, and judge what the service does."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_WITHIN_S):
        transport, wire = await loop.create_connection(_Wire, "127.0.0.1", port)
    try:
        return await _attack(transport, wire, meeting, attack)
    finally:
        transport.abort()


async def dawdle(port: int) -> bool:
    """Send half a request; whether the service ends the connection in its own time."""
    loop = asyncio.get_running_loop()
    transport, wire = await loop.create_connection(_Wire, "127.0.0.1", port)
    try:
        transport.write(handshake("m")[:-4])
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while not wire.over:
                    wire.changed.clear()
                    await wire.changed.wait()
        return wire.over
    finally:
        transport.abort()


async def _attack(
    transport: asyncio.Transport, wire: _Wire, meeting: str, attack: Attack
) -> Answer:
    upgraded = attack.opening is not Opening.CONNECTED
    if upgraded:
        transport.write(handshake(meeting))
        await _head(wire)
    if attack.opening is Opening.STARTED:
        transport.write(text(attack.start or START))
    transport.write(attack.payload + attack.ending)
    if attack.vanish:
        await asyncio.sleep(0)
        return Answer(Outcome.LEFT)
    if attack.must_refuse:
        return _owed(await _answer(wire, ANSWER_WITHIN_S, upgraded=upgraded))
    within_s = ANSWER_WITHIN_S if attack.ending else QUIET_S
    answer = await _answer(wire, within_s, upgraded=upgraded)
    if answer is None and not wire.over and not attack.ending:
        # half of something, perhaps: nothing more follows, and then it has to end
        with suppress(OSError):
            transport.write_eof()
        answer = await _answer(wire, ANSWER_WITHIN_S, upgraded=upgraded)
    if answer is None:
        return Answer(Outcome.LEFT if wire.over else Outcome.STUCK)
    return answer


def _owed(answer: Answer | None) -> Answer:
    """A refusal was owed; silence, a cut and a welcome are none."""
    if answer is None:
        return Answer(Outcome.STUCK)
    if answer.outcome is not Outcome.NAMED:
        return replace(answer, outcome=Outcome.UNNAMED)
    return answer


async def _head(wire: _Wire) -> None:
    """Wait for the answer to the handshake."""
    async with asyncio.timeout(CONNECT_WITHIN_S):
        while b"\r\n\r\n" not in wire.content and not wire.over:
            wire.changed.clear()
            await wire.changed.wait()


async def _answer(wire: _Wire, within_s: float, *, upgraded: bool) -> Answer | None:
    """The answer, once it is whole; None when the time is up or the connection over first."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while True:
                answer = read_answer(bytes(wire.content), upgraded=upgraded)
                if answer is not None or wire.over:
                    return answer
                wire.changed.clear()
                await wire.changed.wait()
    return None
