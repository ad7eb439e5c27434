"""CPU and memory of the server and its client, read from the kernel's accounts."""

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
    event_loop_s: float
    other_threads_s: float
    client_s: float
    machine_s: float


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU in a stretch of time, as shares of one core.

    event_loop: the server's main thread: sockets, JSON, actors, rings, voice detection.
    inference: the server's other threads. client: this process. elsewhere: all other processes;
    beyond a few hundredths, the figures of the run are smoke only.
    """

    seconds: float
    event_loop: float
    inference: float
    client: float
    elsewhere: float

    @property
    def server(self) -> float:
        """The whole server process."""
        return self.event_loop + self.inference


def cpu_use(before: CpuReading, after: CpuReading) -> CpuUse:
    """What was used between two readings."""
    seconds = after.at_s - before.at_s
    event_loop = (after.event_loop_s - before.event_loop_s) / seconds
    inference = (after.other_threads_s - before.other_threads_s) / seconds
    client = (after.client_s - before.client_s) / seconds
    machine = (after.machine_s - before.machine_s) / seconds
    elsewhere = max(0.0, machine - event_loop - inference - client)
    return CpuUse(seconds, event_loop, inference, client, elsewhere)


class Meters:
    """The server process, with those that it started, and this one."""

    def __init__(self, server_pid: int) -> None:
        self._server = psutil.Process(server_pid)
        self._client = psutil.Process()
        self.peak_rss_bytes = 0

    def cpu(self) -> CpuReading:
        """The accounts now. The main thread of a process has its process's id."""
        threads = {one.id: one.user_time + one.system_time for one in self._server.threads()}
        event_loop_s = threads.pop(self._server.pid)
        helpers = [one.cpu_times() for one in self._server.children(recursive=True)]
        client = self._client.cpu_times()
        machine = psutil.cpu_times()
        return CpuReading(
            at_s=time.monotonic(),
            event_loop_s=event_loop_s,
            other_threads_s=sum(threads.values()) + sum(one.user + one.system for one in helpers),
            client_s=client.user + client.system,
            machine_s=machine.user + machine.nice + machine.system + machine.irq + machine.softirq,
        )

    async def cpu_between(self, from_s: float, to_s: float) -> CpuUse:
        """What is used between two moments to come, on the loop's clock."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(from_s - loop.time())
        before = self.cpu()
        await asyncio.sleep(to_s - loop.time())
        return cpu_use(before, self.cpu())

    def rss_bytes(self) -> int:
        """The server's resident memory now; pages that several processes share count in each."""
        those = [self._server, *self._server.children(recursive=True)]
        rss = sum(int(one.memory_info().rss) for one in those)
        self.peak_rss_bytes = max(self.peak_rss_bytes, rss)
        return rss

    async def watch_memory(self) -> None:
        """Follow the peak until cancelled."""
        while True:
            self.rss_bytes()
            await asyncio.sleep(RSS_EVERY_S)
