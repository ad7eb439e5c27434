"""The end of a process that something holds: it exits all the same, and soon."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from tests.web.support import WAIT_S, Client
from wordloop_ml.engines.scripted import silence, spoken

ROOT = Path(__file__).resolve().parents[1]

TURN = np.concatenate([spoken([1, 2]), silence(16_000)])


class HungProcess:
    """``tests.hung_service`` and what it has logged so far."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.events: list[dict[str, Any]] = []

    async def until(self, event: str) -> dict[str, Any]:
        """Read the log up to an event."""
        assert self.child.stderr is not None
        async with asyncio.timeout(WAIT_S):
            while line := await self.child.stderr.readline():
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == event:
                    return self.events[-1]
        raise AssertionError(f"no {event} in {[one['event'] for one in self.events]}")

    async def ended(self) -> tuple[int, float]:
        """The exit status, and how many seconds it took."""
        began_s = time.monotonic()
        async with asyncio.timeout(WAIT_S):
            assert self.child.stderr is not None
            async for line in self.child.stderr:
                self.events.append(json.loads(line))
            return await self.child.wait(), time.monotonic() - began_s

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)


@asynccontextmanager
async def hung(what: str, **settings: str) -> AsyncIterator[HungProcess]:
    """The process; killed at the end if it should still be there."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.hung_service", what),
        env={
            **os.environ,
            "WORDLOOP_PORT": "0",
            "WORDLOOP_WORKERS": "2",
            "WORDLOOP_DRAIN_LISTEN_S": "0.1",
            **settings,
        },
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield HungProcess(child)
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


async def speaking(session: aiohttp.ClientSession, port: int) -> Client:
    """A track with a closed segment, whose final never comes."""
    client = Client(await session.ws_connect(f"http://127.0.0.1:{port}/v1/meetings/m/audio"))
    await client.start(epoch=1)
    await client.speak(TURN)
    await client.until("speech_started")
    return client


async def test_a_native_call_that_never_returns_cannot_hold_the_exit() -> None:
    """1012 at the deadline, what was not heard is not committed, and the process exits 0."""
    async with (
        hung("decode", WORDLOOP_DRAIN_DEADLINE_S="0.5") as process,
        aiohttp.ClientSession() as session,
    ):
        client = await speaking(session, int((await process.until("ready"))["port"]))
        process.stop()
        ended = (await client.drained())[-1]
        assert (ended["type"], ended["committed"], client.code) == ("ended", 0, 1012)
        status, seconds = await process.ended()
    assert status == 0
    assert seconds < 10.0
    last = process.events[-1]
    assert (last["event"], last["in_time"], last["threads_joined"]) == ("drain_ended", False, False)


async def test_a_second_signal_does_not_wait_for_anything() -> None:
    """Neither for the balancer, nor for finals, nor for the thread."""
    async with (
        hung("decode", WORDLOOP_DRAIN_LISTEN_S="60", WORDLOOP_DRAIN_DEADLINE_S="300") as process,
        aiohttp.ClientSession() as session,
    ):
        client = await speaking(session, int((await process.until("ready"))["port"]))
        process.stop()
        await process.until("drain_started")
        process.stop()
        await client.drained()
        assert client.code == 1012
        status, seconds = await process.ended()
    assert status == 0
    assert seconds < 10.0


async def test_a_signal_while_the_models_load_ends_it_at_once() -> None:
    """However long the loading takes."""
    async with hung("load") as process:
        await process.until("listening")
        process.stop()
        status, seconds = await process.ended()
    assert status == 0
    assert seconds < 10.0
    assert process.events[-1]["event"] == "stopped_while_loading"


async def test_a_first_inference_that_never_returns_fails_the_start_and_ends_the_process() -> None:
    """By its name, and without finalising the interpreter beside the native call."""
    async with hung("try") as process:
        async with asyncio.timeout(WAIT_S):
            _, said = await process.child.communicate()
    assert process.child.returncode == 1
    lines = said.decode().splitlines()
    assert json.loads(lines[0])["event"] == "listening"
    assert lines[1:] == ["wordloop-ml: engine_failed: the first inference did not end within 0.1 s"]
