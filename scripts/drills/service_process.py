"""Run the service as a process of its own, on scripted engines, with its log in a file."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

READY_WITHIN_S = 180.0
EXIT_WITHIN_S = 60.0
COMMAND = (sys.executable, "-m", "wordloop_ml", "serve")
COSTLY_COMMAND = (sys.executable, "-m", "scripts.drills.costly_service")
"""The same service, whose scripted jobs take time and can end the process."""

BUGS = (
    "request_failed",
    "connection_failed",
    "delivery_failed",
    "track_failed",
    "meeting_failed",
    "library_log",
)
"""Events that only a bug, ours or a library's, writes into the log."""

_WEIGHTS = b"read by nobody"
_MANIFEST = f"""
format = 1
[profiles.embedded]
transcriber = "scripted"
voice_detector = "scripted"
embedder = "scripted"
[weights.scripted]
file = "scripted.bin"
bytes = {len(_WEIGHTS)}
sha256 = "{hashlib.sha256(_WEIGHTS).hexdigest()}"
licence = "MIT"
engine = "scripted"
sources = [{{ repository = "scripted.bin" }}]
"""


class DrillFailed(Exception):
    """The service did what it must not, or could not be started."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a process holds: MiB of resident memory, open files with sockets, threads."""

    resident_mb: float
    files: int
    threads: int


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A service that was ready once; ``log`` is the file with its standard error."""

    child: asyncio.subprocess.Process
    port: int
    log: Path

    def events(self) -> list[dict[str, Any]]:
        """Read every line of its log. Raises ``DrillFailed`` for one that is not JSON."""
        return _read_events(self.log)

    def bugs(self) -> list[str]:
        """List the logged events that must not be there. Raises ``DrillFailed`` for a traceback."""
        return [f"log: {one['event']}" for one in self.events() if one["event"] in BUGS]

    def count(self, event: str) -> int:
        """Count how often an event has been logged."""
        return sum(one["event"] == event for one in self.events())

    async def wait_logged(self, event: str, times: int) -> None:
        """Wait until an event has been logged so often. Raises ``DrillFailed`` when it is not."""
        give_up_s = time.monotonic() + READY_WITHIN_S
        while self.count(event) < times:
            if time.monotonic() > give_up_s:
                raise DrillFailed(f"no {event} in {self.log}")
            await asyncio.sleep(0.05)

    def resources(self) -> Resources:
        """Read what the process holds now."""
        process = psutil.Process(self.child.pid)
        resident_mb = process.memory_info().rss / 2**20
        return Resources(resident_mb, process.num_fds(), process.num_threads())

    async def stop(self) -> int:
        """Send SIGTERM and return the exit status. Raises ``DrillFailed`` when it does not end."""
        self.child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(EXIT_WITHIN_S):
                return await self.child.wait()
        except TimeoutError:
            raise DrillFailed(f"SIGTERM: no exit within {EXIT_WITHIN_S:g} s") from None


@asynccontextmanager
async def scripted_service(
    folder: Path, settings: Mapping[str, str], *, command: Sequence[str] = COMMAND
) -> AsyncIterator[ServiceProcess]:
    """Run a ready service on scripted engines; kill it at the end if it has not been stopped.

    folder: for its manifest and its log; made if it is not there. settings: ``WORDLOOP_*``
    besides those of a drill; it inherits none. Raises ``DrillFailed`` if it does not start.
    """
    _write_weights(folder)
    inherited = {name: text for name, text in os.environ.items() if name[:9] != "WORDLOOP_"}
    own = {
        "WORDLOOP_PORT": "0",
        "WORDLOOP_WORKERS": "2",
        "WORDLOOP_WEIGHTS": str(folder),
        "WORDLOOP_DRAIN_LISTEN_S": "0",
    }
    log = folder / "service.log"
    with log.open("wb") as stream:
        child = await asyncio.create_subprocess_exec(
            *command, env={**inherited, **own, **settings}, stderr=stream
        )
    try:
        yield ServiceProcess(child, await _ready_port(child, log), log)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _write_weights(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "scripted.bin").write_bytes(_WEIGHTS)
    (folder / "manifest.toml").write_text(_MANIFEST, encoding="utf-8")


async def _ready_port(child: asyncio.subprocess.Process, log: Path) -> int:
    give_up_s = time.monotonic() + READY_WITHIN_S
    while child.returncode is None and time.monotonic() < give_up_s:
        for event in _read_events(log):
            if event["event"] == "ready":
                return int(event["port"])
        await asyncio.sleep(0.05)
    raise DrillFailed(f"the service was not ready; see {log}")


def _read_events(log: Path) -> list[dict[str, Any]]:
    text = log.read_text(encoding="utf-8", errors="replace")
    whole, _, _ = text.rpartition("\n")
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except json.JSONDecodeError as error:
        raise DrillFailed(f"a line of {log} is no event: {error.doc[:200]!r}") from None
