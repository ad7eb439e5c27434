"""Canaries: a token, a name, words and audio go through everything, and come out in answers only.

The real process, at debug level, with real sockets; captions, syntheses, refusals and errors of
every kind.
Meeting and track ids are logged on purpose: operators need them, and they say nothing of people.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import structlog

from scripts.benchmark.server_process import Server, free_ports
from scripts.drills.service_process import scripted_service
from tests.web.support import WAIT_S, Client, Serving
from wordloop_ml.engines.scripted import silence, spoken

TOKEN = "canary-token-0123456789"  # noqa: S105 - a test's own
NEXT = "canary-next-0123456789"
SPEAKER = "Canary McFeather"
WORDS = (12_321, 23_432)
LEVELS = tuple(str(1_000 + word) for word in WORDS)
"""What the samples of these words hold."""

CANARIES = ("canary", *(f"w{word}" for word in WORDS), *map(str, WORDS), *LEVELS)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@dataclass
class Told:
    """Everything that anybody was told besides captions."""

    texts: list[str] = field(default_factory=list)

    def leaks(self) -> list[str]:
        """Those with a canary, but for the time of a line: its digits may be those of a level."""
        texts = [_TIME.sub("", text) for text in self.texts]
        return [text for text in texts if any(one in text.lower() for one in CANARIES)]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Server]:
    (tmp_path / "tokens").write_text(f"acme: {TOKEN}\n")
    settings = {
        "WORDLOOP_TOKENS_FILE": str(tmp_path / "tokens"),
        "WORDLOOP_LOG_LEVEL": "debug",
        "WORDLOOP_NEW_MEETING_LOAD": "1000",
        "WORDLOOP_RESUME_LOAD": "1000",
        "WORDLOOP_METRICS_PORT": str(free_ports(1)[0]),
    }
    async with scripted_service(tmp_path, settings) as process:
        yield process


async def asks(told: Told, http: aiohttp.ClientSession, url: str, **headers: str) -> int:
    """A request whose whole answer is kept."""
    async with http.get(url, headers=headers) as answer:
        told.texts += [await answer.text(), str(answer.headers), str(answer.reason)]
        return answer.status


async def shouts(told: Told, port: int, content: bytes) -> None:
    """Raw bytes whose whole answer is kept."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    async with asyncio.timeout(WAIT_S):
        told.texts.append((await reader.read()).decode(errors="replace"))
    writer.close()
    await writer.wait_closed()


async def says(told: Told, http: aiohttp.ClientSession, url: str, *frames: Any) -> list[str]:
    """One connection; returns what its captions said, and keeps the rest."""
    socket = await http.ws_connect(url, headers={"Authorization": f"Bearer {TOKEN}"})
    client = Client(socket)
    for frame in frames:
        if isinstance(frame, bytes):
            await socket.send_bytes(frame)
        else:
            await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
    async with asyncio.timeout(WAIT_S):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            event = json.loads(message.data)
            client.messages.append(event)
            if event["type"] != "caption":
                told.texts.append(message.data)
    told.texts += [str(message.extra), str(socket.close_code)]
    return client.words


START = {
    "type": "start",
    "version": 1,
    "track": "t1",
    "encoding": "pcm_s16le",
    "sample_rate": 16_000,
    "channels": 1,
    "speaker": SPEAKER,
    "vocabulary": ["Canary Wharf"],
}
REFUSED: tuple[tuple[Any, ...], ...] = (
    ("canary",),
    ('{"type": "canary"',),
    ({"type": "canary"},),
    (START | {"track": "Canary McFeather"},),
    (START | {"encoding": "canary"},),
    (START | {"language": "canary"},),
    (START | {"task": "canary"},),
    (START | {"speaker": "canary\n"},),
    (START | {"vocabulary": ["canary\x07"]},),
    (START | {"canary": "canary", "first_sample": 2, "resume_from": 1},),
    (START, START),
    (START, b"canary!"),
    (START, b"canary" * 20_000),
    (START, {"type": "gap", "samples": "canary"}),
    (START | {"encoding": "pcm_f32le"}, b"canary\xc0\x7f"),
    (START | {"encoding": "opus", "sample_rate": 48_000}, b"canary"),
)


def posted(**changes: Any) -> bytes:
    """A transcript full of canaries."""
    segment = {"id": "s1", "track": "a", "speaker": SPEAKER, "start": 0, "end": 2_000}
    said = f"We decided that the canary w{WORDS[0]} will sing for {SPEAKER} by Friday."
    return json.dumps(
        {"meeting_id": "m", "segments": [segment | {"text": said}]} | changes
    ).encode()


WRONG = (
    b"canary",
    b'{"canary": "canary", "canary": 1}',
    b"\xffcanary",
    posted(canary="canary"),
    posted(meeting_id="canary m"),
    posted(language="canary"),
    posted(options={"engine": "canary"}),
    posted(options={"engine": "generative"}),
    posted(options={"canary": "canary"}),
    posted(segments=["canary"]),
    posted(segments=[{"id": "canary canary", "text": "canary", "start": "canary"}]),
    posted(segments=2 * json.loads(posted())["segments"]),
)


async def synthesise(
    told: Told, http: aiohttp.ClientSession, url: str, content: bytes, **headers: str
) -> int:
    """One request; its answer is kept unless it is a synthesis, and the headers in any case."""
    own = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers}
    async with http.post(url, data=content, headers=own) as answer:
        told.texts.append(str(answer.headers))
        if answer.status != 200:
            told.texts += [await answer.text(), str(answer.reason)]
        else:
            assert SPEAKER in await answer.text()
        return answer.status


async def synthesises(told: Told, http: aiohttp.ClientSession, url: str) -> None:
    """Syntheses that are made, repeated, refused and left."""
    key = {"Idempotency-Key": "canary-key"}
    for headers in ({}, key, key, {"Accept": "text/event-stream"}):
        assert await synthesise(told, http, url, posted(), **headers) == 200
    for wrong in WRONG:
        for accept in ("application/json", "text/event-stream"):
            assert await synthesise(told, http, url, wrong, Accept=accept) == 400
    other = posted(meeting_id="n")
    assert await synthesise(told, http, url, other, **key) == 422
    for status, headers in (
        (400, {"Idempotency-Key": "canary canary"}),
        (401, {"Authorization": "Bearer canary-wrong"}),
        (415, {"Content-Type": "text/canary; charset=canary"}),
        (400, {"Content-Encoding": "gzip"}),
    ):
        assert await synthesise(told, http, url, posted(), **headers) == status


WRONG_TEXTS = (
    b"canary",
    b'{"canary": "canary"}',
    b'{"input": 7, "user": "canary"}',
    b'{"input": "canary", "model": "canary"}',
    b'{"input": "canary", "encoding_format": "canary"}',
    b'{"input": "canary", "dimensions": "canary"}',
    json.dumps({"input": "canary " * 6_000}).encode(),
)


async def embeds(told: Told, http: aiohttp.ClientSession, url: str) -> None:
    """Texts that are embedded, and requests that are refused; vectors hold no words."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    right = json.dumps({"input": [f"canary w{WORDS[0]}", SPEAKER], "user": "canary"}).encode()
    for content in (right, *WRONG_TEXTS):
        async with http.post(url, data=content, headers=headers) as answer:
            assert (answer.status == 200) is (content is right)
            told.texts.append(str(answer.headers))
            if content is not right:
                told.texts += [await answer.text(), str(answer.reason)]


async def test_nothing_but_an_answer_says_what_was_said_or_by_whom(
    service: Server, tmp_path: Path
) -> None:
    """Nor a token, a header or a line of a bad file; in no log, metric, error, close or probe."""
    told = Told()
    url = f"http://127.0.0.1:{service.port}"
    audio = f"{url}/v1/meetings/standup/audio"
    right = {"Authorization": f"Bearer {TOKEN}"}
    speech = np.concatenate([spoken(WORDS), silence(16_000)]).tobytes()
    frames = [speech[at : at + 6_400] for at in range(0, len(speech), 6_400)]
    async with aiohttp.ClientSession() as http:
        heard = await says(told, http, audio, START, *frames, {"type": "stop"})
        assert heard == [f"w{word}" for word in WORDS]
        for attack in REFUSED:
            await says(told, http, audio, *attack)
        for headers in (
            {},
            {"Authorization": "Bearer canary-wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Cookie": TOKEN, "Sec-WebSocket-Protocol": TOKEN},
            right | {"Origin": "https://canary.example"},
        ):
            assert await asks(told, http, f"{audio}?token={TOKEN}", **headers) in {401, 403}
        await synthesises(told, http, f"{url}/v1/synthesis")
        await embeds(told, http, f"{url}/v1/embeddings")
        assert await asks(told, http, f"{url}/canary/{TOKEN}", **right) == 404
        assert await asks(told, http, f"{url}/v1/meetings/Canary%20M/audio", **right) == 400
        assert await asks(told, http, audio, Referer="canary", **right) == 400
        upgrade = (
            f"GET /v1/meetings/m/audio HTTP/1.1\r\nHost: canary\r\nAuthorization: Bearer {TOKEN}"
        )
        for raw in (
            "canary\r\n\r\n",
            "GET /canary HTTP/1.1\r\nHost: x\r\ncanary\r\n\r\n",
            f"GET /{'canary' * 2_000} HTTP/1.1\r\n\r\n",
            f"{upgrade}\r\nConnection: close\r\nUpgrade: canary\r\n\r\n",
            f"{upgrade}\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: canary\r\n\r\n",
        ):
            await shouts(told, service.port, raw.encode())
        # a subprotocol that nobody knows is a warning of aiohttp's, with its name
        socket = await http.ws_connect(audio, headers=right, protocols=("canary",))
        await socket.close()
        await rotate_badly(tmp_path / "tokens", service)
        for probe in ("livez", "readyz", "startupz"):
            assert await asks(told, http, f"{url}/{probe}") == 200
        told.texts.append(await metrics_of(service, http))
        # live while the process leaves
        meetings = times_logged(service, "meeting_started")
        leaving = asyncio.create_task(says(told, http, audio, START, *frames))
        await wait_logged(service, "meeting_started", meetings + 1)
        assert await service.stop() == 0
        await leaving
    log = service.log.read_text()
    told.texts += log.splitlines()
    assert told.leaks() == []
    for event in (
        *("track_ended", "connection_refused", "request_refused", "tokens_refused"),
        *("synthesis_made", "work_failed"),
    ):
        assert event in log
    assert '"meeting": "acme/standup"' in log
    assert '"library": "aiohttp.websocket"' in log


async def metrics_of(service: Server, http: aiohttp.ClientSession) -> str:
    """The metrics, which name no tenant, meeting or track either."""
    [port] = [one["port"] for one in service.events() if one.get("protocol") == "metrics"]
    async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
        metrics = await answer.text()
    assert "wordloop_meetings 0.0" in metrics
    for label in ("acme", "standup", '"t1"'):
        assert label not in metrics
    return metrics


async def rotate_badly(tokens: Path, service: Server) -> None:
    """Two bad files, one after the other, as a hurried operator leaves them."""
    for times, content in enumerate((f"acme {NEXT}", f"acme: {NEXT}\nglobex: {NEXT}"), start=1):
        # in one step, so that half a file is never read
        part = tokens.with_name("part")
        await asyncio.to_thread(part.write_text, content)
        await asyncio.to_thread(part.replace, tokens)
        await wait_logged(service, "tokens_refused", times)


def times_logged(service: Server, event: str) -> int:
    """How often an event is in the log of a process."""
    return sum(one["event"] == event for one in service.events())


async def wait_logged(service: Server, event: str, times: int) -> None:
    """Wait until an event has been logged so often."""
    async with asyncio.timeout(WAIT_S):
        while times_logged(service, event) < times:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


async def test_a_bug_does_not_say_what_it_was_about(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """An engine that puts what it heard into an exception: the log has its type and place."""

    def fail(utterance: Any) -> Exception | None:
        return ValueError(f"Canary said w{WORDS[0]}") if utterance.samples.any() else None

    told = Told()
    with structlog.testing.capture_logs() as logs:
        service = await serving(fail=fail)
        url = f"{service.url}/v1/meetings/m/audio"
        speech = np.concatenate([spoken(WORDS), silence(16_000)]).tobytes()
        assert await says(told, service.session, url, START, speech) == []
        await service.stop()
    told.texts += [str(logs), caplog.text]
    assert "track_failed" in str(logs)
    assert told.leaks() == []
