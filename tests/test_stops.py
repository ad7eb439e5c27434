"""A stop at any moment of a start ends the service well: status 0, at once, without a word of complaint."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.web.support import WAIT_S, until

ROOT = Path(__file__).resolve().parents[1]

Begun = Callable[[int], bool]
"""Whether the process of this id has come so far."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="the state of a process is read from /proc"
)


def hears(process: int) -> bool:
    """It has a handler for SIGTERM."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def has_mapped(name: str) -> Begun:
    """It has begun to load a native library."""

    def begun(process: int) -> bool:
        return name in Path(f"/proc/{process}/maps").read_text()

    return begun


def hold_back() -> None:
    """As scripts/serve does: a signal that comes early waits for its handler."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


@asynccontextmanager
async def starting(
    *command: str, preexec: Callable[[], object] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the command line."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wordloop_ml", *command),
        env=os.environ | {"WORDLOOP_PORT": "0", "WORDLOOP_DRAIN_LISTEN_S": "0"},
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=preexec,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


async def ended(child: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """The exit status, and what was said on the way."""
    async with asyncio.timeout(WAIT_S):
        _, said = await child.communicate()
    return child.returncode, said.decode()


@pytest.mark.parametrize(
    "begun",
    [hears, has_mapped("numpy"), has_mapped("onnxruntime"), has_mapped("libav")],
    ids=["first handler", "numpy", "onnxruntime", "libav"],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_while_it_is_being_imported_ends_it_well(
    begun: Begun, number: signal.Signals
) -> None:
    """In the middle of native modules, too, which make an ImportError of any exception."""
    async with starting("serve") as child:
        await until(lambda: hears(child.pid) and begun(child.pid))
        child.send_signal(number)
        assert await ended(child) == (0, "")


async def test_a_stop_before_the_first_line_of_python_ends_it_well() -> None:
    """Where whoever starts it holds the signal back."""
    async with starting("serve", preexec=hold_back) as child:
        child.send_signal(signal.SIGTERM)
        assert await ended(child) == (0, "")


async def test_a_stop_while_the_models_load_ends_it_well() -> None:
    """The listener is open; nobody waits for the thread that loads."""
    async with starting("serve") as child:
        assert child.stderr is not None
        async with asyncio.timeout(WAIT_S):
            while b'"listening"' not in await child.stderr.readline():
                pass
        child.send_signal(signal.SIGTERM)
        status, said = await ended(child)
        assert status == 0
        assert "Traceback" not in said


async def test_another_command_says_that_it_was_stopped() -> None:
    """As shells expect it."""
    async with starting("transcribe", "nothing.wav") as child:
        await until(lambda: hears(child.pid))
        child.send_signal(signal.SIGTERM)
        assert (await ended(child))[0] == 128 + signal.SIGTERM


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """scripts/serve beside a set-up and a service that say where they are, and last."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "serve", tmp_path / "scripts")
    for name in ("scripts/setup", ".venv/bin/wordloop-ml"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} $@\nexec tail -f /dev/null\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


async def test_a_stop_during_the_set_up_ends_the_script_well(checkout: Path) -> None:
    """At once, and with what it had begun."""
    child = await asyncio.create_subprocess_exec(
        checkout / "scripts" / "serve", stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(WAIT_S):
        assert await child.stdout.readline() == b"scripts/setup\n"
        child.send_signal(signal.SIGTERM)
        assert await child.stdout.read() == b""  # nobody holds the pipe any more
        assert await child.wait() == 0


async def test_the_script_becomes_the_service(checkout: Path) -> None:
    """In the same process, with its arguments, once the set-up has ended well."""
    (checkout / "scripts" / "setup").write_text("#!/bin/sh\n")
    child = await asyncio.create_subprocess_exec(
        *(checkout / "scripts" / "serve", "--help"), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(WAIT_S):
        assert await child.stdout.readline() == b".venv/bin/wordloop-ml serve --help\n"
        child.kill()
        assert await child.stdout.read() == b""
        assert await child.wait() == -signal.SIGKILL


async def test_the_script_fails_as_its_set_up_does(checkout: Path) -> None:
    """Nothing is served then."""
    (checkout / "scripts" / "setup").write_text("#!/bin/sh\nexit 3\n")
    child = await asyncio.create_subprocess_exec(checkout / "scripts" / "serve")
    async with asyncio.timeout(WAIT_S):
        assert await child.wait() == 3
