"""The proxy breaks connections in the ways in which networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from scripts.drills.fleet.fault_proxy import FaultProxy

WAIT_S = 20.0


@dataclass
class Echo:
    """A server that sends back what it gets, in capitals; and what became of it."""

    port: int = 0
    ends: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                writer.write(data.upper())
            self.ends.put_nowait("end")
            writer.write(b"BYE")
            await writer.drain()
        except ConnectionError:
            self.ends.put_nowait("reset")
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    one = Echo()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    server.close()
    await server.wait_closed()


@dataclass
class Peer:
    """A client of the proxy."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def connect(cls, proxy: FaultProxy) -> "Peer":
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port))

    async def says(self, text: bytes) -> bytes:
        self.writer.write(text)
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readexactly(len(text))

    async def hears(self) -> bytes:
        """Everything up to the end."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


async def test_bytes_and_ends_pass_in_both_directions(echo: Echo) -> None:
    """To the first port that accepts; delayed, if asked for."""
    async with FaultProxy(lambda: [1, echo.port]) as proxy:
        peer = await Peer.connect(proxy)
        assert await peer.says(b"abc") == b"ABC"
        proxy.delay_s = 0.02
        began_s = asyncio.get_running_loop().time()
        assert await peer.says(b"def") == b"DEF"
        assert asyncio.get_running_loop().time() - began_s >= 0.04
        peer.writer.write_eof()
        assert await peer.hears() == b"BYE"
        await peer.close()


async def test_a_stall_holds_everything_and_loses_nothing(echo: Echo) -> None:
    """New connections too."""
    async with FaultProxy(lambda: [echo.port]) as proxy:
        old = await Peer.connect(proxy)
        assert await old.says(b"abc") == b"ABC"
        proxy.stall()
        new = await Peer.connect(proxy)
        answers = [asyncio.create_task(peer.says(b"def")) for peer in (old, new)]
        done, _ = await asyncio.wait(answers, timeout=0.1)
        assert not done
        proxy.flow()
        assert await asyncio.gather(*answers) == [b"DEF", b"DEF"]
        await old.close()
        await new.close()


async def test_a_reset_is_one_at_both_ends(echo: Echo) -> None:
    """And while the proxy refuses, so is every new connection."""
    async with FaultProxy(lambda: [echo.port]) as proxy:
        peer = await Peer.connect(proxy)
        assert await peer.says(b"abc") == b"ABC"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await peer.hears()
        async with asyncio.timeout(WAIT_S):
            assert await echo.ends.get() == "reset"
        await peer.close()
        proxy.refusing = True
        refused = await Peer.connect(proxy)
        with pytest.raises(ConnectionResetError):
            await refused.hears()
        await refused.close()


async def test_nobody_there_is_a_reset(echo: Echo) -> None:
    """No port accepts."""
    del echo
    async with FaultProxy(lambda: [1]) as proxy:
        peer = await Peer.connect(proxy)
        with pytest.raises(ConnectionResetError):
            await peer.hears()
        await peer.close()


async def test_a_half_close_ends_one_direction(echo: Echo) -> None:
    """The server sees an end, and can still answer."""
    async with FaultProxy(lambda: [echo.port]) as proxy:
        peer = await Peer.connect(proxy)
        assert await peer.says(b"abc") == b"ABC"
        proxy.half_close()
        assert await peer.hears() == b"BYE"
        async with asyncio.timeout(WAIT_S):
            assert await echo.ends.get() == "end"
        await peer.close()


async def test_a_truncation_lets_some_bytes_through(echo: Echo) -> None:
    """And then resets."""
    async with FaultProxy(lambda: [echo.port]) as proxy:
        peer = await Peer.connect(proxy)
        assert await peer.says(b"abc") == b"ABC"
        proxy.truncate(2)
        peer.writer.write(b"defg")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await peer.reader.readexactly(4)
        async with asyncio.timeout(WAIT_S):
            assert await echo.ends.get() == "reset"
        await peer.close()
