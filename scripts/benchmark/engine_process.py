"""An engine in another process, which speaks the Open Inference Protocol: started, killed, started again."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.server_process import free_ports

ENGINES: dict[str, Sequence[str]] = {
    "tests": (sys.executable, "-m", "tests.inference_server"),
    "triton": ("deploy/triton/serve",),
    "ray": ("deploy/ray/serve",),
}
"""The command of each engine, to which the port and the roles that it is to serve are appended."""

REPLICAS = {
    "triton": "triton_python_backend_stub",
    "ray": "ray::ServeReplica:wordloop:transcriber",
}
"""What the processes of an engine's replicas are called, where it has several."""

READY_WITHIN_S = 120.0


class Engine:
    """The process of an engine, and all that it has started; its models are called by their roles.

    log: where its output goes. settings: variables besides those of this process.
    """

    def __init__(
        self,
        name: str,
        log: Path,
        *,
        roles: Sequence[str] = ("transcriber",),
        settings: Mapping[str, str] = {},
    ) -> None:
        self.port = free_ports(1)[0]
        self._command = (*ENGINES[name], str(self.port), *roles)
        self._roles = roles
        self._replica = REPLICAS.get(name)
        self._log = log
        self._environment = {**os.environ, **settings}
        self._child: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, role: str = "transcriber") -> str:
        """Where the model of a role is."""
        return f"{self.address}/v2/models/{role}"

    @property
    def replicas(self) -> list[psutil.Process]:
        """The processes of its replicas; none where it has only itself."""
        if self._child is None or self._replica is None:
            return []
        children = psutil.Process(self._child.pid).children(recursive=True)
        return [one for one in children if self._replica.startswith(one.name())]

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start it, and wait until it is ready. Raises ``BenchmarkFailed``."""
        with self._log.open("ab") as stream:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        give_up_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < give_up_s and self._child.returncode is None:
            if all([await _is_ready(http, self.url(role)) for role in self._roles]):
                return
            await asyncio.sleep(0.05)
        raise BenchmarkFailed(f"the engine is not ready; see {self._log}")

    async def kill(self) -> None:
        """End it and all its processes at once; harmless when it has ended."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(child.pid)
            # Ray gives what it starts process groups of their own
            for one in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        await child.wait()


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/ready") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False  # not listening yet
