"""The JavaScript client, in Node, against real processes: what breaks costs a reconnect, never words."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

from tests.client.conftest import no_task_is_left_behind, standin
from tests.client.support import Standin
from tests.client.test_failover import Balancer, processes
from tests.page.node import HERE, NODE, needs_node
from tests.test_process import Process
from wordloop_ml.engines.scripted import silence, spoken

__all__ = ["no_task_is_left_behind", "processes", "standin"]

WAIT_S = 60.0
WORDS = range(12)

pytestmark = needs_node


class Speaker:
    """A Node process that speaks a file; ``heard`` has its lines so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.heard: list[dict[str, Any]] = []

    async def until(self, kind: str) -> Any:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.heard.append(json.loads(line))
            if kind in self.heard[-1]:
                return self.heard[-1][kind]
        raise AssertionError(f"no {kind}: {self.heard}")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")

    @property
    def words(self) -> list[str]:
        stored = [one["stored"] for one in self.heard if "stored" in one]
        return [word["text"] for record in stored for word in record["words"]]


@asynccontextmanager
async def speaking(url: str, audio: Path, first_bytes: int) -> AsyncIterator[Speaker]:
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        "--experimental-websocket",
        str(HERE / "speak.mjs"),
        url,
        str(audio),
        str(first_bytes),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(WAIT_S):
            yield Speaker(process)
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_when_one_process_goes_it_goes_on_with_another(
    processes: list[Process],
    tmp_path: Path,
) -> None:
    """In the middle of a word: every word once, in order, no hole."""
    audio = np.concatenate([spoken(WORDS[:4]), silence(16_000), spoken(WORDS[4:]), silence(16_000)])
    first = 4 * 4_000 + 16_000 + 4 * 4_000 - 2_500
    (tmp_path / "audio").write_bytes(audio.tobytes())
    async with Balancer([one.port for one in processes]) as address:
        url = f"{address}/v1/meetings/m/audio"
        async with speaking(url, tmp_path / "audio", 2 * first) as speaker:
            await speaker.until("stored")
            processes[0].child.send_signal(signal.SIGKILL)
            await speaker.until("broke")
            speaker.go_on()
            standing = await speaker.until("done")
    assert speaker.words == [f"w{number}" for number in WORDS]
    assert (standing["committed"], standing["lastSeq"]) == (len(audio), 2)


async def test_a_request_that_is_refused_is_not_repeated(
    standin: Standin,
    tmp_path: Path,
) -> None:
    """A WebSocket does not say why it failed: the client asks again by HTTP, and hears the code."""
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Upgrade", "none"))
        problem = {"status": 401, "code": "token_refused", "detail": "the bearer token is refused"}
        return web.json_response(problem, status=401)

    (tmp_path / "audio").write_bytes(bytes(640))
    async with speaking(await standin(refuse), tmp_path / "audio", 640) as speaker:
        assert await speaker.until("stopped") == "token_refused"
    assert asked == ["websocket", "none"]


def test_node_was_asked_for_nothing_else() -> None:
    """The client needs no package: its modules import one another alone."""
    client = HERE.parent.parent / "wordloop_ml" / "web" / "page" / "client"
    for module in client.glob("*.js"):
        imports = [line for line in module.read_text().splitlines() if line.startswith("import ")]
        assert all(' from "./' in line for line in imports), module.name
