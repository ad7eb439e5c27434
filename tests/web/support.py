"""A client that speaks version 1, and a handle on a running service, for the tests of this room."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt

from wordloop_ml.web.drain import Signals

WAIT_S = 20.0

Message = dict[str, Any]


async def until(condition: Callable[[], bool]) -> None:
    """Turn the loop until something holds that no event tells of."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - a thread or the loop itself is what is watched
            await asyncio.sleep(0)


async def shout(port: int, content: bytes) -> str:
    """Raw bytes; the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    async with asyncio.timeout(WAIT_S):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def most_in_a_turn(count: Callable[[], int], over: Callable[[], bool]) -> int:
    """How much was done between two turns of this task, at most."""
    most = 0
    async with asyncio.timeout(WAIT_S):
        while not over():
            before = count()
            await asyncio.sleep(0)
            most = max(most, count() - before)
    return most


class Client:
    """One connection of one track; remembers everything that it was sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.messages: list[Message] = []

    async def start(self, **fields: Any) -> None:
        """Send ``start``; 16 kHz s16le on track ``a`` unless told otherwise."""
        await self.send(
            **{
                "type": "start",
                "version": 1,
                "track": "a",
                "encoding": "pcm_s16le",
                "sample_rate": 16_000,
                "channels": 1,
                "origin_ms": 0,
                **fields,
            }
        )

    async def send(self, **fields: Any) -> None:
        await self.socket.send_str(json.dumps(fields))

    async def speak(self, audio: npt.NDArray[np.int16], frame_samples: int = 320) -> None:
        """Send audio in frames, as fast as the server takes it."""
        for start in range(0, len(audio), frame_samples):
            await self.socket.send_bytes(audio[start : start + frame_samples].tobytes())

    async def receive(self) -> Message | None:
        """The next message; None once the connection is closed."""
        async with asyncio.timeout(WAIT_S):
            frame = await self.socket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            return None
        message: Message = json.loads(frame.data)
        self.messages.append(message)
        return message

    async def until(self, kind: str, **fields: Any) -> Message:
        """Read on to the first message of this type with these fields."""
        while (message := await self.receive()) is not None:
            if message["type"] == kind and fields.items() <= message.items():
                return message
        seen = [one["type"] for one in self.messages]
        raise AssertionError(f"no {kind} {fields} before the close {self.code}; saw {seen}")

    async def drained(self) -> list[Message]:
        """Read to the close; everything that was ever sent."""
        while await self.receive() is not None:
            pass
        return self.messages

    @property
    def code(self) -> int | None:
        """The close code, once closed."""
        return self.socket.close_code

    @property
    def words(self) -> list[str]:
        """What the finals said, in order."""
        return [
            word["text"]
            for message in self.messages
            if message["type"] == "caption" and message["final"]
            for word in message["words"]
        ]


class Running:
    """A service that is ready."""

    def __init__(self, port: int, signals: Signals, session: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.signals = signals
        self.session = session
        self.ended: asyncio.Task[bool] | None = None
        self.clients: list[Client] = []
        self.abandoned = False

    async def connect(self, meeting: str = "m", *, resume: bool = False, **options: Any) -> Client:
        query = "?resume=1" if resume else ""
        socket = await self.session.ws_connect(
            f"{self.url}/v1/meetings/{meeting}/audio{query}", max_msg_size=0, **options
        )
        self.clients.append(Client(socket))
        return self.clients[-1]

    def abandon(self) -> None:
        """The test has seen this service's end, and it was not a clean one."""
        self.abandoned = True

    async def stop(self) -> bool:
        """One SIGTERM, and wait for the end; whether every thread was joined."""
        self.signals.hear()
        assert self.ended is not None
        async with asyncio.timeout(WAIT_S):
            return await asyncio.shield(self.ended)


Serving = Callable[..., Awaitable[Running]]
"""Start a service: scripted engines, with ``fail`` and ``cost`` and any setting to change."""
