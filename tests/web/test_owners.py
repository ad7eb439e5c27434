"""Whose jobs are whose: the end of one owner drops nothing of another, whatever they are called."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.analysis.support import transcript
from tests.executing import Gate, Inbox, job
from tests.synthesis.scripted import ScriptedSynthesiser
from tests.web.support import WAIT_S, until
from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.syntheses import Syntheses
from wordloop_ml.engines.scripted import (
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
)
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.inbox import ConnectionLost
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import TrackOptions
from wordloop_ml.messages import JobClass
from wordloop_ml.settings import Settings
from wordloop_ml.synthesis.chunks import ChunkWords
from wordloop_ml.tokens import DEFAULT_TENANT, Tokens
from wordloop_ml.web import embeddings as embeddings_route
from wordloop_ml.web.http_server import HttpRunner
from wordloop_ml.web.serve import make_app
from wordloop_ml.web.service import Service


class Scene:
    """A service with one inference thread, which is busy until ``gate`` opens."""

    def __init__(self) -> None:
        self.executor: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=1)
        self.gate = Gate()
        self.executor.submit(job(Inbox(), "gate", JobClass.FIRST_CAPTION, run=self.gate))
        jobs, embedder = Jobs(self.executor), ScriptedEmbedder()
        self.embeddings = Embeddings(jobs, embedder)
        self.syntheses = Syntheses(
            PlanRunner(jobs, self.embeddings.embed),
            {"extractive": ScriptedSynthesiser(ChunkWords(wanted=10, most=20))},
            at_once=1,
            waiting=1,
            notes_bytes=0,
        )
        self.roster = Roster(self.executor, ScriptedVoiceDetector())
        service = Service(replace(Settings(), port=0), Tokens())
        service.become_ready(
            self.roster, ScriptedTranscriber().capabilities, self.syntheses, self.embeddings
        )
        self.runner = HttpRunner(make_app(service))

    async def hold_a_meeting(self, tenant: str, meeting: str) -> None:
        """From its first track to its last."""
        actor, session = self.roster.join(meeting_key(tenant, meeting), TrackOptions(track="a"))
        actor.post(ConnectionLost(session))
        await until(lambda: self.roster.statistics().meetings == 0)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    one = Scene()
    await one.runner.setup()
    await web.TCPSite(one.runner, "127.0.0.1", 0).start()
    try:
        yield one
    finally:
        one.gate.open.set()
        assert await one.syntheses.queue.drain(WAIT_S)
        await one.runner.cleanup()
        assert await asyncio.to_thread(one.executor.close, WAIT_S)


async def test_the_end_of_a_meeting_drops_no_embedding(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its own tenant."""
    monkeypatch.setattr(embeddings_route, "_NUMBERS", itertools.count(1))

    async def ask() -> int:
        url = f"http://127.0.0.1:{scene.runner.addresses[0][1]}/v1/embeddings"
        body = {"model": "scripted", "input": "hello"}
        async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
            return answer.status

    asking = asyncio.create_task(ask(), name="asking")
    await until(lambda: scene.executor.statistics().waiting == 1)
    await scene.hold_a_meeting(DEFAULT_TENANT, "embeddings-1")
    scene.gate.open.set()
    assert await asking == 200


async def test_the_end_of_a_meeting_drops_no_synthesis(scene: Scene) -> None:
    """Of another tenant."""
    asked = scene.syntheses.ask("a", transcript(), b"", None)
    with scene.syntheses.queue.calling(asked.work):
        await until(lambda: scene.executor.statistics().waiting == 1)
        await scene.hold_a_meeting("synthesis-a", "1")
        scene.gate.open.set()
        assert (await asked.work.wait()).content
