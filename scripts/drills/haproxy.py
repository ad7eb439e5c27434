"""A real haproxy in front of the processes, with the probes of deploy/deployment.yaml."""

import asyncio
import csv
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from scripts.drills.service_process import DrillFailed

MISSING = "haproxy is missing: apt-get install haproxy (Debian), or --balancer simple"

LISTED_WITHIN_S = 30.0

# inter and fall are the readinessProbe's periodSeconds and failureThreshold
_CONFIG = """\
global
    stats socket {folder}/haproxy.sock mode 600
    log stdout format raw local0
defaults
    mode http
    log global
    option log-health-checks
    option dontlognull
    option redispatch 1
    retries 3
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    timeout tunnel 1h
    timeout check 2s
frontend captions
    bind 127.0.0.1:{port}
    default_backend wordloop
backend wordloop
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 2s fall 2 rise 1 fastinter 500ms
{servers}
"""

_REFUSED_WHILE_LISTED = re.compile(r"reason: Layer4 .*status: \d+/\d+ UP")
"""A probe that could not connect to a server which was, after it, still in service."""


def installed() -> bool:
    """Return whether there is one to run."""
    return _program() is not None


class Haproxy:
    """A running one; ``port`` is where it listens."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._socket = folder / "haproxy.sock"
        self._log = folder / "haproxy.log"

    async def listed(self) -> list[bool]:
        """Ask for each server, in their order, whether new connections may be sent to it."""
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(b"show stat\n")
            text = (await reader.read()).decode()
        finally:
            writer.close()
        rows = csv.DictReader(text.lstrip("# ").splitlines())
        servers = (row for row in rows if row["svname"].startswith("slot"))
        return [row["status"].startswith("UP") for row in servers]

    async def wait_listed(self, slots: Sequence[int], *, without: Sequence[int] = ()) -> None:
        """Wait until it runs and sends connections to ``slots``, and to none of ``without``.

        Raises ``DrillFailed``.
        """
        try:
            async with asyncio.timeout(LISTED_WITHIN_S):
                while True:
                    with suppress(OSError):  # it does not listen yet
                        listed = await self.listed()
                        if all(listed[s] for s in slots) and not any(listed[s] for s in without):
                            return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise DrillFailed(f"haproxy does not see {list(slots)}; see {self._log}") from None

    def refused_probes(self) -> int:
        """Count its own probes that were refused by a process that was listed."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return sum(_REFUSED_WHILE_LISTED.search(line) is not None for line in lines)


@asynccontextmanager
async def running_haproxy(
    folder: Path, port: int, servers: Sequence[int]
) -> AsyncIterator[Haproxy]:
    """Run one before these ports. Raises ``DrillFailed`` when it is not installed."""
    program = _program()
    if program is None:
        raise DrillFailed(MISSING)
    rows = [f"    server slot{at} 127.0.0.1:{one} check" for at, one in enumerate(servers)]
    config = folder / "haproxy.cfg"
    config.write_text(_CONFIG.format(folder=folder, port=port, servers="\n".join(rows)))
    log = folder / "haproxy.log"
    with log.open("wb") as stream:
        child = await asyncio.create_subprocess_exec(
            *(program, "-db", "-f", str(config)), stdout=stream, stderr=stream
        )
    try:
        yield Haproxy(port, folder)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _program() -> str | None:
    """Find it; Debian puts it where an ordinary user's path does not reach."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
