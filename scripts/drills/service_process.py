"""The service under drill: a process of its own on scripted engines, with its log in a file."""

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

READY_WITHIN_S = 180.0
EXIT_WITHIN_S = 40.0
COMMAND = (sys.executable, "-m", "wordloop_ml", "serve")

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
class ServiceProcess:
    """A service that was ready once.

    log: the file that its standard error goes to.
    """

    child: asyncio.subprocess.Process
    port: int
    log: Path

    def events(self) -> list[dict[str, Any]]:
        """Every line of its log. Raises ``DrillFailed`` for one that is no JSON."""
        return service_events(self.log)

    def count(self, event: str) -> int:
        """How often an event has been logged."""
        return sum(one["event"] == event for one in self.events())

    async def wait_logged(self, event: str, times: int) -> None:
        """Until an event has been logged so often. Raises ``DrillFailed`` when it is not."""
        give_up_s = time.monotonic() + READY_WITHIN_S
        while self.count(event) < times:
            if time.monotonic() > give_up_s:
                raise DrillFailed(f"no {event} in {self.log}")
            await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """SIGTERM; its exit status. Raises ``DrillFailed`` when it does not end."""
        self.child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(EXIT_WITHIN_S):
                return await self.child.wait()
        except TimeoutError:
            raise DrillFailed(f"SIGTERM: no exit within {EXIT_WITHIN_S:g} s") from None


@asynccontextmanager
async def scripted_service(
    folder: Path, settings: Mapping[str, str]
) -> AsyncIterator[ServiceProcess]:
    """A ready service on scripted engines, killed at the end if it has not been stopped.

    folder: for its manifest and its log. settings: ``WORDLOOP_*`` besides those of a drill.
    """
    write_weights(folder)
    own = {"WORDLOOP_WEIGHTS": str(folder), "WORDLOOP_DRAIN_LISTEN_S": "0", **settings}
    service = await launch(folder / "service.log", own)
    try:
        yield service
    finally:
        if service.child.returncode is None:
            service.child.kill()
            await service.child.wait()


def write_weights(folder: Path) -> None:
    """A manifest whose profile has the scripted engines."""
    (folder / "scripted.bin").write_bytes(_WEIGHTS)
    (folder / "manifest.toml").write_text(_MANIFEST, encoding="utf-8")


async def launch(
    log: Path, settings: Mapping[str, str], *, command: Sequence[str] = COMMAND
) -> ServiceProcess:
    """Start a service and wait until it is ready; the caller ends it. Raises ``DrillFailed``.

    log: the file for its standard error. settings: ``WORDLOOP_*``, of which it inherits none.
    """
    inherited = {name: text for name, text in os.environ.items() if name[:9] != "WORDLOOP_"}
    own = {"WORDLOOP_PORT": "0", "WORDLOOP_WORKERS": "2"}
    with log.open("wb") as stream:
        child = await asyncio.create_subprocess_exec(
            *command, env={**inherited, **own, **settings}, stderr=stream
        )
    try:
        return ServiceProcess(child, await _ready_port(child, log), log)
    except BaseException:
        if child.returncode is None:
            child.kill()
            await child.wait()
        raise


async def _ready_port(child: asyncio.subprocess.Process, log: Path) -> int:
    give_up_s = time.monotonic() + READY_WITHIN_S
    while child.returncode is None and time.monotonic() < give_up_s:
        for event in service_events(log):
            if event["event"] == "ready":
                return int(event["port"])
        await asyncio.sleep(0.05)
    raise DrillFailed(f"the service was not ready; see {log}")


def service_events(log: Path) -> list[dict[str, Any]]:
    """Every line of a service's log. Raises ``DrillFailed`` for one that is no JSON."""
    text = log.read_text(encoding="utf-8", errors="replace")
    whole, _, _ = text.rpartition("\n")
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except json.JSONDecodeError as error:
        raise DrillFailed(f"a line of {log} is no event: {error.doc[:200]!r}") from None
