"""From ``start`` with ``notes`` over real sockets to a synthesis with little left to read."""

import asyncio
import json

import numpy as np
import pytest
import structlog

from tests.web.support import Client, Message, Running, Serving, until
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    silence,
    spoken,
)
from wordloop_ml.messages import Pcm16
from wordloop_ml.synthesis.chunks import ChunkWords, chunks_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.wire.synthesis import parse_request

FAST = {"realtime_factor": 1_000, "audio_frames_per_s": 100_000, "max_tracks": 4}
TURN_WORDS, TURNS = 24, 32


def talk(first_word: int) -> Pcm16:
    """Turns of a minute or so together, each two seconds with a pause behind: 768 words."""
    return np.concatenate(
        [
            part
            for turn in range(TURNS)
            for part in (
                spoken(
                    range(first_word + turn * TURN_WORDS, first_word + (turn + 1) * TURN_WORDS),
                    word_samples=1_000,
                ),
                silence(16_000),
            )
        ]
    )


def stored(*clients: Client) -> list[Message]:
    """The finals of a track, as its client has stored them."""
    found = {}
    for client in clients:
        for one in client.messages:
            if one["type"] == "caption" and one["final"]:
                found[one["seq"]] = one
    return list(found.values())


def request(finals: list[Message]) -> bytes:
    """What is posted of these finals."""
    names = ("track", "speaker", "start", "end", "text")
    segments = [
        {"id": one["segment"], **{name: one[name] for name in names if name in one}}
        for one in finals
    ]
    return json.dumps({"meeting_id": "m", "segments": segments, "language": "en"}).encode()


async def coverage(service: Running, content: bytes) -> Message:
    """How the answer to a request was made."""
    headers = {"Content-Type": "application/json"}
    url = f"{service.url}/v1/synthesis"
    async with service.session.post(url, data=content, headers=headers) as answer:
        made: Message = await answer.json()
    found: Message = made["coverage"]
    return found


@pytest.fixture
def engines() -> Engines:
    return Engines(ScriptedTranscriber(), ScriptedVoiceDetector(), ScriptedEmbedder())


async def test_the_finals_of_two_tracks_are_noted_once(serving: Serving, engines: Engines) -> None:
    """Though a connection is cut and its track goes on with what was not stored."""
    service = await serving(engines=engines, **FAST)
    ana, ben = talk(1), talk(5_000)
    half = len(ben) // 2
    with structlog.testing.capture_logs() as logs:
        first, cut = await service.connect(), await service.connect()
        shared = {"notes": True, "language": "en", "speaker": "Ana"}
        await first.start(track="ana", epoch=1, **shared)
        await cut.start(track="ben", epoch=1, **shared | {"speaker": "Ben"})
        for at in range(0, half, 16_000):
            await first.speak(ana[at : at + 16_000], frame_samples=1_600)
            await cut.speak(ben[at : at + 16_000], frame_samples=1_600)
        while len(stored(cut)) < 5:
            await cut.until("caption", final=True)
        cut.socket._writer.transport.abort()  # what else was sent is lost with it
        await first.speak(ana[half:], frame_samples=1_600)
        committed = stored(cut)[-1]["committed"]
        newer = await service.connect(resume=True)
        await newer.start(
            track="ben", epoch=2, last_seq=5, resume_from=committed, **shared | {"speaker": "Ben"}
        )
        await newer.speak(ben[committed:], frame_samples=1_600)
        for client in (first, newer):
            await client.send(type="stop")
            await client.drained()
        finals = stored(first) + stored(cut, newer)
        assert sum(len(one["text"].split()) for one in finals) == 2 * TURNS * TURN_WORDS
        content = request(finals)
        size = ChunkWords(*ExtractivePolicy().chunk_words)
        chunks = len(list(chunks_of(parse_request(content).transcript.segments, size)))
        assert chunks > 1
        await until(lambda: sum(one["event"] == "notes_taken" for one in logs) == chunks)
        made = await coverage(service, content)
        assert made["cached"] == made["chunks"] == chunks


async def test_a_profile_without_a_synthesiser_refuses_notes(serving: Serving) -> None:
    """By name, before the meeting begins."""
    service = await serving()
    client = await service.connect()
    await client.start(notes=True)
    assert (await client.until("error"))["code"] == "unsupported_notes"
    await client.drained()
    assert client.code == 1003


async def test_notes_that_wait_do_not_hold_up_the_end(serving: Serving, engines: Engines) -> None:
    """Of the process: tracks get their finals, and notes are forgotten."""
    service = await serving(engines=engines, **FAST)
    client = await service.connect()
    await client.start(notes=True)
    await client.speak(talk(1)[:100_000], frame_samples=1_600)
    await client.until("caption", final=True)
    await asyncio.gather(service.stop(), client.drained())
    assert client.code == 1012
