"""Several service processes on fixed ports: started, killed, drained, counted."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.drills.service_process import (
    DrillFailed,
    ServiceProcess,
    launch,
    write_weights,
)

RESTART_AFTER_S = 1.0
"""How soon a container that died is there again; Kubernetes is slower from the second time on."""

EXIT_WITHIN_S = 60.0

COSTLY = (sys.executable, "-m", "scripts.drills.costly_service")
REAL = (sys.executable, "-m", "wordloop_ml", "serve")


@dataclass(frozen=True, slots=True)
class Exit:
    """A process ended: its slot, its status, and how long it took from the signal on."""

    slot: int
    status: int
    seconds: float


class Fleet:
    """Slots, each with a port of its own and, most of the time, a process.

    folder: for logs and, without weights, for a manifest of scripted engines.
    """

    def __init__(
        self, folder: Path, slots: int, settings: Mapping[str, str], *, engine: str = "scripted"
    ) -> None:
        self._folder = folder
        self._command = REAL if engine == "real" else COSTLY
        self._settings = dict(settings)
        if engine != "real":
            write_weights(folder)
            self._settings["WORDLOOP_WEIGHTS"] = str(folder)
        self.ports = free_ports(slots)
        self._members: dict[int, ServiceProcess] = {}
        self._logs: list[Path] = []

    async def start(self, slot: int) -> ServiceProcess:
        """A ready process in a slot that has none. Raises ``DrillFailed``."""
        log = self._folder / f"service-{slot}-{len(self._logs)}.log"
        self._logs.append(log)
        settings = self._settings | {"WORDLOOP_PORT": str(self.ports[slot])}
        member = await launch(log, settings, command=self._command)
        self._members[slot] = member
        return member

    @property
    def live(self) -> list[int]:
        """The slots whose process has not ended."""
        members = self._members.items()
        return [slot for slot, one in members if one.child.returncode is None]

    async def kill(self, slot: int) -> float:
        """SIGKILL; returns the moment."""
        child = self._members[slot].child
        child.kill()
        at_s = time.monotonic()
        await child.wait()
        return at_s

    async def drain(self, slot: int) -> Exit:
        """SIGTERM, and wait for the end. Raises ``DrillFailed`` if it does not come."""
        child = self._members[slot].child
        began_s = time.monotonic()
        child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(EXIT_WITHIN_S):
                status = await child.wait()
        except TimeoutError:
            raise DrillFailed(f"SIGTERM: no exit within {EXIT_WITHIN_S:g} s") from None
        return Exit(slot, status, time.monotonic() - began_s)

    def freeze(self, slot: int) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        self._members[slot].child.send_signal(signal.SIGSTOP)

    def thaw(self, slot: int) -> None:
        """SIGCONT."""
        self._members[slot].child.send_signal(signal.SIGCONT)

    async def replace_the_dead(self, deaths: list[Exit]) -> None:
        """Until cancelled: what dies is noted, and started again in its slot after a moment."""
        async with asyncio.TaskGroup() as group:
            for slot in list(self._members):
                group.create_task(self._keep(slot, deaths))

    async def _keep(self, slot: int, deaths: list[Exit]) -> None:
        while True:
            status = await self._members[slot].child.wait()
            deaths.append(Exit(slot, status, 0.0))
            await asyncio.sleep(RESTART_AFTER_S)
            await self.start(slot)

    def resident_mb(self) -> dict[int, float]:
        """Resident memory of each live process."""
        return {slot: self._process(slot).memory_info().rss / 2**20 for slot in self.live}

    def files(self) -> dict[int, int]:
        """Open files of each live process, sockets among them."""
        return {slot: self._process(slot).num_fds() for slot in self.live}

    async def end(self) -> None:
        """Kill what is left."""
        for slot in self.live:
            self._members[slot].child.kill()
            await self._members[slot].child.wait()

    def _process(self, slot: int) -> psutil.Process:
        return psutil.Process(self._members[slot].child.pid)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
