"""Run the service as a process of its own, on scripted engines, with its log in a file."""

import hashlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from scripts.benchmark.server_process import COMMAND, Launch, Server, free_ports, running_server

COSTLY_COMMAND = (sys.executable, "-m", "scripts.drills.costly_service")
"""The same service, whose scripted jobs take time and can end the process."""

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


@asynccontextmanager
async def scripted_service(
    folder: Path, settings: Mapping[str, str], *, command: Sequence[str] = COMMAND
) -> AsyncIterator[Server]:
    """Run a ready service on scripted engines; kill it at the end if it has not been stopped.

    folder: for its manifest and its log; made if it is not there. settings: as for ``service``.
    Raises ``BenchmarkFailed`` if it does not start.
    """
    _write_weights(folder)
    own = {"WORDLOOP_WEIGHTS": str(folder), **settings}
    async with service(folder, own, command=command) as server:
        yield server


@asynccontextmanager
async def service(
    folder: Path, settings: Mapping[str, str], *, command: Sequence[str] = COMMAND
) -> AsyncIterator[Server]:
    """Run a ready service as ``scripted_service`` does, on the engines that the settings name.

    settings: ``WORDLOOP_*`` besides those of a drill; it inherits none.
    """
    inherited = {name: text for name, text in os.environ.items() if name[:9] != "WORDLOOP_"}
    own = {
        "WORDLOOP_PORT": str(free_ports(1)[0]),
        "WORDLOOP_WORKERS": "2",
        "WORDLOOP_DRAIN_LISTEN_S": "0",
    }
    launch = Launch(command, exits=False)
    async with running_server({**inherited, **own, **settings}, _log_of(folder), launch) as server:
        yield server


def _write_weights(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "scripted.bin").write_bytes(_WEIGHTS)
    (folder / "manifest.toml").write_text(_MANIFEST, encoding="utf-8")


def _log_of(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / "service.log"
