"""Syntheses of a whole service with the real embedder: as JSON, as events, again, and cut short."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog

from tests.analysis.support import transcript
from tests.web.support import WAIT_S, Running, Serving, until
from wordloop_ml.engines.catalogue import Engines, open_embedder
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings

LINES = (
    "Good morning, today we have to talk about the remote control and its budget.",
    "The remote control costs more than we planned, mostly because of the display.",
    "We decided to drop the display and use a simple rubber case instead.",
    "Ben will send the new cost estimate to the team by Friday.",
    "Does anybody know whether the factory can make the rubber case in yellow?",
    "I don't know, we will have to ask them.",
    "Marketing found that people lose their remote control behind the sofa every week.",
    "A speaker that answers a whistle would help them to find the remote control again.",
    "Let's close here, and meet again next week about the case.",
)


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    """MiniLM, as the embedded profile has it."""
    with open_embedder(Settings()) as one:
        yield one


class Shared:
    """The module's embedder in one service, which does not close it."""

    def __init__(self, embedder: Embedder) -> None:
        self.capabilities = embedder.capabilities
        self.tokenise = embedder.tokenise
        self.embed = embedder.embed

    def close(self) -> None:
        return


@pytest.fixture
async def service(serving: Serving, embedder: Embedder) -> Running:
    engines = Engines(ScriptedTranscriber(), ScriptedVoiceDetector(), embedder=Shared(embedder))
    return await serving(engines=engines)


def post(service: Running, content: bytes, **headers: str) -> Any:
    own = {"Content-Type": "application/json", **headers}
    return service.session.post(f"{service.url}/v1/synthesis", data=content, headers=own)


async def test_a_meeting_becomes_its_own_sentences(service: Running) -> None:
    """Decision, task and question with the segments that they rest on; it says what it is."""
    async with post(service, transcript(LINES)) as answer:
        assert answer.status == 200
        made = await answer.json()
    assert made["made_by"]["kind"] == "extractive"
    assert made["made_by"]["model"] == "all-minilm-l6-v2"
    assert ["s2"] in [one["segments"] for one in made["decisions"]]
    task = next(one for one in made["action_items"] if one["segments"] == ["s3"])
    assert (task["owner"], task["due"]) == ("Ben", "Friday")
    assert ["s4"] in [one["segments"] for one in made["open_questions"]]
    said = {f"s{at}" for at in range(len(LINES))}
    for item in [*made["summary"], *made["topics"], made["title"]]:
        assert set(item["segments"]) <= said
    assert made["coverage"]["failed"] == []


async def test_events_end_with_the_result_and_a_retry_repeats_it(service: Running) -> None:
    """Under one key, whatever the form."""
    key = {"Idempotency-Key": "8e03978e"}
    async with post(service, transcript(LINES), Accept="text/event-stream", **key) as answer:
        lines = (await answer.text()).splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert {"progress", "item"} <= set(names)
    assert names[-1] == "result"
    result = json.loads([line for line in lines if line.startswith("data: ")][-1][6:])
    async with post(service, transcript(LINES), **key) as answer:
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert await answer.json() == result
    async with post(service, transcript(LINES[:3]), **key) as answer:
        assert answer.status == 422


async def test_a_grown_transcript_is_read_from_where_it_grew(service: Running) -> None:
    """The notes of all but its last parts are at hand."""
    long = [f"{line} That was point {number}." for number in range(15) for line in LINES]
    async with post(service, transcript(long)) as answer:
        first = (await answer.json())["coverage"]
    async with post(service, transcript([*long, LINES[0]])) as answer:
        grown = (await answer.json())["coverage"]
    assert first["cached"] == 0
    assert first["chunks"] > 2
    assert grown["cached"] >= first["chunks"] - 1


async def test_a_caller_who_leaves_frees_the_threads(service: Running) -> None:
    """Soon, and the next one is served."""
    long = [f"{line} That was point {number}." for number in range(60) for line in LINES]
    with structlog.testing.capture_logs() as logs:
        caller = asyncio.create_task(
            service.session.request(
                "POST",
                f"{service.url}/v1/synthesis",
                data=transcript(long),
                headers={"Content-Type": "application/json"},
            )
        )
        await until(lambda: working() == 1)
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        async with asyncio.timeout(WAIT_S):
            await until(lambda: bool(logs))
    assert [one["event"] for one in logs] == ["work_cancelled"]
    async with post(service, transcript(LINES)) as answer:
        assert answer.status == 200


async def test_sigterm_sends_the_callers_elsewhere(service: Running) -> None:
    """503, Retry-After 0, and the process leaves."""
    long = [f"{line} That was point {number}." for number in range(60) for line in LINES]
    asking = asyncio.create_task(status_of(service, transcript(long)))
    await until(lambda: working() == 1)
    assert await service.stop()
    assert await asking == (503, "0", "draining")


async def status_of(service: Running, content: bytes) -> tuple[int, str | None, str]:
    async with post(service, content) as answer:
        body = await answer.json(content_type=None)
        return answer.status, answer.headers.get("Retry-After"), body.get("code")


def working() -> int:
    """How many syntheses there are now."""
    return sum(task.get_name().startswith("synthesis-") for task in asyncio.all_tasks())
