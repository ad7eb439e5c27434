"""Two real processes behind a balancer; one of them is killed while people speak."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.client.support import STREAM, Listener, say
from tests.test_process import MANIFEST, Process, serving
from wordloop_ml.client.track import TrackClient
from wordloop_ml.engines.scripted import silence, spoken

TRACKS = 4


class Balancer:
    """Forwards each connection to the first port that accepts it, as a proxy in front would."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self.used: list[int] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self._ports:
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                self.used.append(port)
                for source, sink in ((reader, far_writer), (far_reader, writer)):
                    pipe = asyncio.create_task(_pipe(source, sink), name="balancer")
                    self._pipes.add(pipe)
                    pipe.add_done_callback(self._pipes.discard)
                return
        writer.close()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Bytes in one direction; either end's end is the end of both."""
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[list[Process]]:
    """Two services with scripted engines, ready."""
    weights = b"read by nobody"
    (tmp_path / "scripted.bin").write_bytes(weights)
    digest = hashlib.sha256(weights).hexdigest()
    manifest = MANIFEST.format(bytes=len(weights), sha256=digest)
    (tmp_path / "manifest.toml").write_text(manifest)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(serving(tmp_path)) for _ in range(2)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_when_one_process_goes_the_other_one_goes_on(
    processes: list[Process], how: signal.Signals
) -> None:
    """In the middle of a word on each of four tracks: every word once, in order, no hole."""
    balancer = Balancer([one.port for one in processes])
    listeners = [Listener() for _ in range(TRACKS)]
    words = [range(100 * index, 100 * index + 12) for index in range(TRACKS)]
    async with balancer as address, aiohttp.ClientSession() as http, asyncio.timeout(60.0):
        url = f"{address}/v1/meetings/m/audio"
        clients = [
            TrackClient(http, url, replace(STREAM, track=f"t{index}"), listener)
            for index, listener in enumerate(listeners)
        ]
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(client.run()) for client in clients]
            for client, said in zip(clients, words, strict=True):
                begin = [spoken(said[:4]), silence(16_000), spoken(said[4:8])[:-5_000]]
                say(client, np.concatenate(begin))
            for listener in listeners:
                await listener.wait_for_final()
            processes[0].child.send_signal(how)
            for listener in listeners:
                await listener.wait_for_break()
            for client, said in zip(clients, words, strict=True):
                rest = [spoken(said[4:8])[-5_000:], spoken(said[8:]), silence(16_000)]
                say(client, np.concatenate(rest))
                client.end()
    standings = [task.result() for task in running]
    for listener, said, standing in zip(listeners, words, standings, strict=True):
        assert listener.words == [f"w{number}" for number in said]
        assert [final.seq for final in listener.finals] == list(range(1, 1 + standing.last_seq))
        assert not listener.holes
        assert len({final.epoch for final in listener.finals}) == 2
        assert standing.committed == 12 * 4_000 + 2 * 16_000
    assert set(balancer.used) == {one.port for one in processes}
