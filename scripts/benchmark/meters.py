"""CPU and memory of a server and its client, read from the kernel's accounts."""

import asyncio
import time
from dataclasses import dataclass

import psutil

RSS_EVERY_S = 0.5
MEBIBYTE = 2**20


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
