"""What a server's processes use: CPU, memory, open files, threads."""

import asyncio
import time
from dataclasses import astuple, dataclass
from operator import sub

import psutil

MEBIBYTE = 2**20
RSS_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds used in some seconds.

    server: by its process and those that it started. client: by this process. machine: by all.
    """

    seconds: float
    server: float
    client: float
    machine: float

    def __sub__(self, before: "CpuUse") -> "CpuUse":
        return CpuUse(*map(sub, astuple(self), astuple(before)))

    @property
    def elsewhere(self) -> float:
        """What other processes used, in cores."""
        others = self.machine - self.server - self.client
        return max(0.0, others / self.seconds) if self.seconds else 0.0


class Meters:
    """A server's process, with those that it started, and this one."""

    def __init__(self, server_pid: int) -> None:
        self._server = psutil.Process(server_pid)
        self._client = psutil.Process()
        self.peak_rss_bytes = 0

    def cpu(self) -> CpuUse:
        """What has been used since each process began, and the machine."""
        times = [one.cpu_times() for one in self._processes()]
        client, machine = self._client.cpu_times(), psutil.cpu_times()
        return CpuUse(
            seconds=time.monotonic(),
            server=sum(one.user + one.system for one in times),
            client=client.user + client.system,
            machine=machine.user + machine.nice + machine.system + machine.irq + machine.softirq,
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

    def files(self) -> int:
        """How many files and sockets the server has open."""
        return sum(int(one.num_fds()) for one in self._processes())

    def _processes(self) -> list[psutil.Process]:
        return [self._server, *self._server.children(recursive=True)]
