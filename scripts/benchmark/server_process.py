"""The server under test, ``wordloop-ml serve`` as an operator starts and stops it; what it uses."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from scripts.benchmark import BenchmarkFailed

RSS_EVERY_S = 0.5
MEBIBYTE = 2**20
READY_WITHIN_S = 60.0
EXIT_WITHIN_S = 40.0
FAST = {"WORDLOOP_REALTIME_FACTOR": "100", "WORDLOOP_AUDIO_FRAMES_PER_S": "1000"}
"""Settings that let a client send faster than people speak."""

COMMAND = (str(Path(sys.executable).with_name("wordloop-ml")), "serve")


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started, and what is asked of it.

    ready: the path that answers ``ready_status`` once it serves, with a body that holds
    ``ready_text``. folder: in which it runs. exits: whether it has to end with 0 on SIGTERM.
    """

    command: Sequence[str] = COMMAND
    ready: str = "/readyz"
    ready_status: int = 200
    ready_text: str = ""
    folder: Path | None = None
    exits: bool = True


OURS = Launch()


def server_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with what a benchmark needs, and these variables on top.

    Other ``WORDLOOP_*`` variables are passed on: they are part of what is measured.
    """
    return {
        **os.environ,
        "WORDLOOP_HOST": "127.0.0.1",
        "WORDLOOP_PORT": str(_free_port()),
        "WORDLOOP_TOKEN": "",
        "WORDLOOP_DRAIN_LISTEN_S": "0",  # no balancer has to notice
        # everybody is let in, so that what happens beyond the load of an admission is seen
        "WORDLOOP_NEW_MEETING_LOAD": "1000",
        "WORDLOOP_RESUME_LOAD": "1000",
        **settings,
    }


@asynccontextmanager
async def running_server(
    environment: Mapping[str, str],
    http: aiohttp.ClientSession,
    log: Path,
    launch: Launch = OURS,
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A ready server; stopped with SIGTERM at the end, after which ours must exit with 0.

    log: where its standard error goes. Raises ``BenchmarkFailed``.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: ASYNC220 - before anything is measured
            launch.command, env=dict(environment), cwd=launch.folder, stdout=stream, stderr=stream
        )
    try:
        await _wait_ready(process, base_url(environment), launch, http, log)
        yield process
        if launch.exits:
            await _stop(process, log)
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()


def base_url(environment: Mapping[str, str]) -> str:
    """Where the server listens."""
    return f"http://{environment['WORDLOOP_HOST']}:{environment['WORDLOOP_PORT']}"


async def _wait_ready(
    process: subprocess.Popen[bytes],
    base: str,
    launch: Launch,
    http: aiohttp.ClientSession,
    log: Path,
) -> None:
    give_up_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up_s:
        if process.poll() is not None:
            raise BenchmarkFailed(f"the server exited with {process.returncode}; see {log}")
        try:
            async with http.get(base + launch.ready) as response:
                text = await response.text()
                if response.status == launch.ready_status and launch.ready_text in text:
                    return
        except aiohttp.ClientConnectionError:
            pass  # not listening yet
        await asyncio.sleep(0.05)
    raise BenchmarkFailed(f"the server was not ready within {READY_WITHIN_S:g} s; see {log}")


async def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        code = await asyncio.to_thread(process.wait, EXIT_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"SIGTERM: no exit within {EXIT_WITHIN_S:g} s; see {log}") from None
    if code != 0:
        raise BenchmarkFailed(f"SIGTERM: the server exited with {code}, not 0; see {log}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds since each process began; ``machine_s`` is what all processes used."""

    at_s: float
    server_s: float
    client_s: float
    machine_s: float


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds used in a stretch of time.

    server: its process and those that it started. client: this process. elsewhere: all others.
    """

    seconds: float
    server: float
    client: float
    elsewhere: float


def cpu_use(before: CpuReading, after: CpuReading) -> CpuUse:
    """What was used between two readings."""
    server, client = after.server_s - before.server_s, after.client_s - before.client_s
    machine = after.machine_s - before.machine_s
    elsewhere = max(0.0, machine - server - client)
    return CpuUse(after.at_s - before.at_s, server, client, elsewhere)


class Meters:
    """The server's process, with those that it started, and this one."""

    def __init__(self, server_pid: int) -> None:
        self._server = psutil.Process(server_pid)
        self._client = psutil.Process()
        self.peak_rss_bytes = 0

    def cpu(self) -> CpuReading:
        """The accounts now."""
        times = [one.cpu_times() for one in self._processes()]
        client = self._client.cpu_times()
        machine = psutil.cpu_times()
        return CpuReading(
            at_s=time.monotonic(),
            server_s=sum(one.user + one.system for one in times),
            client_s=client.user + client.system,
            machine_s=machine.user + machine.nice + machine.system + machine.irq + machine.softirq,
        )

    def rss_bytes(self) -> int:
        """The server's resident memory now; pages that several processes share count in each."""
        rss = sum(int(one.memory_info().rss) for one in self._processes())
        self.peak_rss_bytes = max(self.peak_rss_bytes, rss)
        return rss

    async def watch_memory(self) -> None:
        """Follow the peak until cancelled."""
        while True:
            self.rss_bytes()
            await asyncio.sleep(RSS_EVERY_S)

    def _processes(self) -> list[psutil.Process]:
        return [self._server, *self._server.children(recursive=True)]
