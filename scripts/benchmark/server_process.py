"""The server under test: ``wordloop-ml serve`` as an operator starts and stops it, or another one."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from scripts.benchmark import BenchmarkFailed

READY_WITHIN_S = 180.0
EXIT_WITHIN_S = 60.0
FAST = {"WORDLOOP_REALTIME_FACTOR": "100", "WORDLOOP_AUDIO_FRAMES_PER_S": "1000"}
"""Settings that let a client send faster than people speak."""

NO_ADMISSION = {"WORDLOOP_NEW_MEETING_LOAD": "1000", "WORDLOOP_RESUME_LOAD": "1000"}
"""Settings that let everybody in, so that what happens beyond the load of an admission is seen."""

COMMAND = (sys.executable, "-m", "wordloop_ml", "serve")

BUGS = (
    "request_failed",
    "connection_failed",
    "delivery_failed",
    "track_failed",
    "meeting_failed",
    "library_log",
)
"""Events that only a bug, ours or a library's, writes into our log."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started, and what is asked of it.

    ready: the path that answers ``ready_status`` once it serves, with a body that holds
    ``ready_text``. folder: in which it runs. exits: whether it has to end with 0 on SIGTERM, if it
    still runs at the end; it is killed otherwise.
    """

    command: Sequence[str] = COMMAND
    ready: str = "/readyz"
    ready_status: int = 200
    ready_text: str = ""
    folder: Path | None = None
    exits: bool = True


OURS = Launch()


@dataclass(frozen=True, slots=True)
class Server:
    """A process that was ready once, on a loopback port. log: the file with its output."""

    child: asyncio.subprocess.Process
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def events(self) -> list[dict[str, Any]]:
        """Read its log, whole lines of JSON. Raises ``BenchmarkFailed`` for any other line."""
        whole, _, _ = self.log.read_text("utf-8", errors="replace").rpartition("\n")
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except json.JSONDecodeError as error:
            line = error.doc[:200]
            raise BenchmarkFailed(f"a line of {self.log} is no event: {line!r}") from None

    def bugs(self) -> list[str]:
        """List the logged events that must not be there. Raises ``BenchmarkFailed`` for a traceback."""
        return [f"log: {one['event']}" for one in self.events() if one["event"] in BUGS]

    async def stop(self) -> int:
        """Send SIGTERM and return the exit status. Raises ``BenchmarkFailed`` if it does not end."""
        self.child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(EXIT_WITHIN_S):
                return await self.child.wait()
        except TimeoutError:
            why = f"SIGTERM: no exit within {EXIT_WITHIN_S:g} s; see {self.log}"
            raise BenchmarkFailed(why) from None


def server_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with what a benchmark needs, and these variables on top.

    Other ``WORDLOOP_*`` variables are passed on: they are part of what is measured.
    """
    return {
        **os.environ,
        "WORDLOOP_HOST": "127.0.0.1",
        "WORDLOOP_PORT": str(free_ports(1)[0]),
        "WORDLOOP_TOKEN": "",
        "WORDLOOP_DRAIN_LISTEN_S": "0",  # no balancer has to notice
        **NO_ADMISSION,
        **settings,
    }


def free_ports(count: int) -> list[int]:
    """Find loopback ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


@asynccontextmanager
async def running_server(
    environment: Mapping[str, str], log: Path, launch: Launch = OURS
) -> AsyncIterator[Server]:
    """Start a server and wait until it is ready; it ends with the block, with all its processes.

    environment: with the port in ``WORDLOOP_PORT``. log: where its output goes. Raises
    ``BenchmarkFailed``.
    """
    with log.open("wb") as stream:
        child = await asyncio.create_subprocess_exec(
            *launch.command, env=dict(environment), cwd=launch.folder, stdout=stream, stderr=stream
        )
    server = Server(child, int(environment["WORDLOOP_PORT"]), log)
    try:
        await _wait_ready(server, launch)
        yield server
        if launch.exits and child.returncode is None and (status := await server.stop()) != 0:
            raise BenchmarkFailed(f"SIGTERM: the server exited with {status}, not 0; see {log}")
    finally:
        if child.returncode is None:
            for one in psutil.Process(child.pid).children(recursive=True):
                one.kill()
            child.kill()
            await child.wait()


async def _wait_ready(server: Server, launch: Launch) -> None:
    give_up_s = time.monotonic() + READY_WITHIN_S
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < give_up_s:
            if server.child.returncode is not None:
                status = server.child.returncode
                raise BenchmarkFailed(f"the server exited with {status}; see {server.log}")
            try:
                async with http.get(server.url + launch.ready) as response:
                    text = await response.text()
                    if response.status == launch.ready_status and launch.ready_text in text:
                        return
            except aiohttp.ClientConnectionError:
                pass  # not listening yet
            await asyncio.sleep(0.05)
    raise BenchmarkFailed(f"no server within {READY_WITHIN_S:g} s; see {server.log}")
