"""Run the service as a process of its own, on scripted engines, with its log in a file."""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from scripts.benchmark.server_process import COMMAND, Launch, Server, free_ports, running_server

COSTLY_COMMAND = (sys.executable, "-m", "scripts.drills.costly_service")
"""The same service, whose scripted jobs take time and can end the process."""

_WEIGHTS = b"read by nobody"
SCRIPTED_DIGEST = hashlib.sha256(_WEIGHTS).hexdigest()
_MANIFEST = f"""
format = 1
[profiles.embedded]
transcriber = "scripted"
voice_detector = "scripted"
embedder = "scripted"
[weights.scripted]
file = "scripted.bin"
bytes = {len(_WEIGHTS)}
sha256 = "{SCRIPTED_DIGEST}"
licence = "MIT"
engine = "scripted"
sources = [{{ repository = "scripted.bin" }}]
"""


def scripted_service(
    folder: Path, settings: Mapping[str, str], *, command: Sequence[str] = COMMAND
) -> AbstractAsyncContextManager[Server]:
    """Run a ready service as ``service`` does, on scripted engines, whose manifest is in the folder."""
    write_scripted_weights(folder)
    return service(folder, {"WORDLOOP_WEIGHTS": str(folder), **settings}, command=command)


def write_scripted_weights(folder: Path) -> None:
    """Write a manifest of scripted engines, and the file that none of them reads, into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "scripted.bin").write_bytes(_WEIGHTS)
    (folder / "manifest.toml").write_text(_MANIFEST, encoding="utf-8")


def service(
    folder: Path, settings: Mapping[str, str], *, command: Sequence[str] = COMMAND
) -> AbstractAsyncContextManager[Server]:
    """Run a ready service; kill it at the end if it has not been stopped.

    folder: for its log; made if it is not there. settings: ``WORDLOOP_*`` besides those of a drill; it
    inherits none. Raises ``BenchmarkFailed`` if it does not start.
    """
    folder.mkdir(exist_ok=True)
    inherited = {name: text for name, text in os.environ.items() if name[:9] != "WORDLOOP_"}
    own = {
        "WORDLOOP_PORT": str(free_ports(1)[0]),
        "WORDLOOP_WORKERS": "2",
        "WORDLOOP_DRAIN_LISTEN_S": "0",
    }
    environment, launch = {**inherited, **own, **settings}, Launch(command, exits=False)
    return running_server(environment, folder / "service.log", launch)
