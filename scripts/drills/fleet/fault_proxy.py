"""A TCP proxy that breaks what passes through it, as networks and their boxes do."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 s: closing sends RST and nothing else (socket(7))."""


@dataclass(eq=False, slots=True)
class _Passage:
    """A connection from the client's side, and the one that it is passed on to."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    bytes_left: int | None = None

    def reset(self) -> None:
        """Both ends see a connection that was reset."""
        for writer in (self.near, self.far):
            raw = writer.get_extra_info("socket")
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


class FaultProxy:
    """Listens on a free loopback port and passes on to the first port that accepts.

    targets: asked for each connection; the ports to try, in this order.
    delay_s: how long each piece of bytes is held. refusing: new connections are reset.
    """

    def __init__(self, targets: Callable[[], Sequence[int]]) -> None:
        self._targets = targets
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._passages: set[_Passage] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.delay_s = 0.0
        self.refusing = False
        self.port = 0

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for passage in list(self._passages):
            passage.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- faults --------------------------------------------------------------------------------

    def stall(self) -> None:
        """Nothing passes any more, and nobody is told: a cable is out."""
        self._flowing.clear()

    def flow(self) -> None:
        """The cable is in again; what was held goes on its way, like what TCP sends again."""
        self._flowing.set()

    def reset(self) -> None:
        """Every connection is reset at both ends."""
        for passage in list(self._passages):
            passage.reset()

    def half_close(self) -> None:
        """The servers see the end of every client, and the clients see nothing."""
        for passage in list(self._passages):
            with suppress(OSError, RuntimeError):
                passage.far.write_eof()

    def truncate(self, after_bytes: int) -> None:
        """So many more bytes towards each client pass, then its connection is reset."""
        for passage in self._passages:
            passage.bytes_left = after_bytes

    # -- inside --------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer), name="fault-proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = _Passage(writer, writer)
        self._passages.add(passage)
        try:
            await self._flowing.wait()
            far = None if self.refusing or writer.is_closing() else await self._connect()
            if far is None:
                passage.reset()
                return
            far_reader, passage.far = far
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pipe(reader, passage.far, passage, towards_client=False))
                group.create_task(self._pipe(far_reader, writer, passage, towards_client=True))
        finally:
            self._passages.discard(passage)
            for one in (passage.near, passage.far):
                one.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for port in self._targets():
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None

    async def _pipe(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        passage: _Passage,
        *,
        towards_client: bool,
    ) -> None:
        """Bytes in one direction, and at last its end."""
        with suppress(OSError, RuntimeError):
            while data := await source.read(_CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flowing.wait()
                if towards_client and passage.bytes_left is not None:
                    data, passage.bytes_left = (
                        data[: passage.bytes_left],
                        max(0, passage.bytes_left - len(data)),
                    )
                sink.write(data)
                await sink.drain()
                if towards_client and passage.bytes_left == 0:
                    passage.reset()
                    return
            await self._flowing.wait()
            sink.write_eof()
