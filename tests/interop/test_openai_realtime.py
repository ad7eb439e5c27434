"""OpenAI's own clients transcribe speech by address and key alone, in Python and in JavaScript.

LiveKit's and pipecat's clients need versions of packages that the service cannot have beside them: what they say
is recorded here, from livekit-plugins-openai 1.8.9 and pipecat-ai 1.14.0.
"""

import asyncio
import base64
import json
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soxr
import trustme
from openai import AsyncOpenAI

from tests.page.node import NODE
from tests.speech import manifest, samples_of, word_error_rate
from tests.web.support import Running, Serving
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.settings import Settings

HERE = Path(__file__).parent
CLIP = "en_read_ls1272_1"
KEY = "secret-of-16-chars"
FRAME_BYTES = 4_800
WITHIN_S = 120.0

STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
COMMITTED = "input_audio_buffer.committed"
ADDED = "conversation.item.added"
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"

Event = dict[str, Any]


def engines() -> Engines:
    """The embedded weights."""
    return open_engines(replace(Settings(), workers=2))


def speech() -> bytes:
    """A clip and a pause behind it: s16le at OpenAI's 24 kHz."""
    resampled = soxr.resample(samples_of(CLIP), 16_000, 24_000)
    clip = np.rint(np.clip(resampled, -1, 1) * 32_767).astype("<i2")
    return np.concatenate([clip, np.zeros(36_000, np.int16)]).tobytes()


def check(events: list[Event]) -> None:
    """The clip was one turn, told in the documented order, and heard."""
    kinds = [event["type"] for event in events]
    assert [kind for kind in kinds if kind != DELTA] == [
        "session.created",
        "session.updated",
        STARTED,
        STOPPED,
        COMMITTED,
        ADDED,
        COMPLETED,
    ]
    text = events[-1]["transcript"]
    assert word_error_rate(manifest()[CLIP]["text"], text) < 0.2
    deltas = "".join(event["delta"] for event in events if event["type"] == DELTA)
    assert word_error_rate(text, deltas) < 0.2
    assert events[-1]["usage"]["type"] == "duration"


async def test_the_python_client_transcribes_a_turn(serving: Serving) -> None:
    """``client.realtime.connect`` with the intent, as its documents show it."""
    service = await serving(engines=engines(), token=KEY)
    client = AsyncOpenAI(base_url=f"{service.url}/v1", api_key=KEY)
    events: list[Event] = []
    connecting = client.realtime.connect(extra_query={"intent": "transcription"})
    async with asyncio.timeout(WITHIN_S), connecting as connection:
        await connection.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24_000},
                        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                        "turn_detection": {"type": "server_vad"},
                    }
                },
            }
        )
        audio = speech()
        for start in range(0, len(audio), FRAME_BYTES):
            piece = base64.b64encode(audio[start : start + FRAME_BYTES]).decode()
            await connection.input_audio_buffer.append(audio=piece)
        async for event in connection:
            events.append(event.to_dict())
            if event.type == COMPLETED:
                break
    await client.close()
    check(events)


async def test_the_python_client_commits_itself(serving: Serving) -> None:
    """Without turn detection; what it commits is completed."""
    service = await serving(engines=engines(), token=KEY)
    client = AsyncOpenAI(base_url=f"{service.url}/v1", api_key=KEY)
    connecting = client.realtime.connect(extra_query={"intent": "transcription"})
    transcripts: list[str] = []
    async with asyncio.timeout(WITHIN_S), connecting as connection:
        await connection.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "transcription": {"model": "gpt-realtime-whisper"},
                        "turn_detection": None,
                    }
                },
            }
        )
        piece = base64.b64encode(speech()).decode()
        await connection.input_audio_buffer.append(audio=piece)
        await connection.input_audio_buffer.commit()
        await connection.input_audio_buffer.commit()
        async for told in connection:
            event: Event = told.to_dict()
            assert event["type"] != "error"
            if event["type"] == COMPLETED:
                transcripts.append(event["transcript"])
                if len(transcripts) == 2:
                    break
    await client.close()
    assert word_error_rate(manifest()[CLIP]["text"], transcripts[0]) < 0.2
    assert transcripts[1] == ""


def update(**inner: Any) -> Event:
    """A ``session.update`` of these fields of the input, as both write it."""
    return {
        "type": "session.update",
        "session": {"type": "transcription", "audio": {"input": inner}},
    }


async def append(socket: aiohttp.ClientWebSocketResponse, audio: bytes, frame_bytes: int) -> None:
    """Append audio in frames of this length."""
    for start in range(0, len(audio), frame_bytes):
        piece = base64.b64encode(audio[start : start + frame_bytes]).decode()
        await socket.send_json({"type": "input_audio_buffer.append", "audio": piece})


async def events_until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> list[Event]:
    """Everything up to the first event of this type; an ``error`` ends both clients."""
    events: list[Event] = []
    async with asyncio.timeout(WITHIN_S):
        while not events or events[-1]["type"] != kind:
            events.append(await socket.receive_json())
            assert events[-1]["type"] != "error"
    return events


async def test_livekit_hears_a_turn(serving: Serving) -> None:
    """It updates the session before it has read anything, and shows the sum of the deltas."""
    service = await serving(engines=engines(), token=KEY)
    url = f"{service.url}/v1/realtime?intent=transcription&model=gpt-4o-mini-transcribe"
    headers = {"User-Agent": "LiveKit Agents", "Authorization": f"Bearer {KEY}"}
    async with service.session.ws_connect(url, headers=headers) as socket:
        await socket.send_json(
            update(
                format={"rate": 24_000, "type": "audio/pcm"},
                transcription={"model": "gpt-4o-mini-transcribe", "language": "en"},
                turn_detection={
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 600,
                    "silence_duration_ms": 350,
                },
            )
        )
        await append(socket, speech(), 2_400)
        events = await events_until(socket, COMPLETED)
    check(events)
    assert isinstance(events[-1]["usage"].get("input_tokens", 0), int)
    assert all(language["code"] for language in events[-1].get("languages") or [])


async def test_pipecat_hears_what_it_commits(serving: Serving) -> None:
    """It waits for ``session.created``, drops audio until ``session.updated``, and detects speech itself."""
    service = await serving(engines=engines(), token=KEY)
    url = f"{service.url}/v1/realtime?intent=transcription"
    headers = {"Authorization": f"Bearer {KEY}"}
    async with service.session.ws_connect(url, headers=headers) as socket:
        await events_until(socket, "session.created")
        await socket.send_json(
            update(
                format={"type": "audio/pcm", "rate": 24_000},
                transcription={"model": "gpt-realtime-whisper", "language": "en"},
                turn_detection=None,
            )
        )
        await events_until(socket, "session.updated")
        await append(socket, speech(), 960)
        await socket.send_json({"type": "input_audio_buffer.commit"})
        events = await events_until(socket, COMPLETED)
    assert STARTED not in {event["type"] for event in events}
    assert word_error_rate(manifest()[CLIP]["text"], events[-1]["transcript"]) < 0.2


async def test_pipecat_hears_the_turns_of_the_server(serving: Serving) -> None:
    """It leaves the detection to the server, beside a model that OpenAI's own knows to have none."""
    service = await serving(engines=engines(), token=KEY)
    url = f"{service.url}/v1/realtime?intent=transcription"
    headers = {"Authorization": f"Bearer {KEY}"}
    async with service.session.ws_connect(url, headers=headers) as socket:
        events = await events_until(socket, "session.created")
        await socket.send_json(
            update(
                format={"type": "audio/pcm", "rate": 24_000},
                transcription={"model": "gpt-realtime-whisper", "language": "en"},
            )
        )
        events += await events_until(socket, "session.updated")
        await append(socket, speech(), 960)
        events += await events_until(socket, COMPLETED)
    check(events)


@asynccontextmanager
async def behind_tls(service: Running, folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """A proxy that speaks TLS, with a certificate of the test's own: its address, and the authority's file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    root = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(root))
    port = int(service.url.rpartition(":")[2])

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while content := await reader.read(65_536):
                writer.write(content)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        for one in (writer, inner_writer):
            with suppress(ConnectionError, ssl.SSLError):
                await one.wait_closed()

    server = await asyncio.start_server(join, "localhost", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", root


@pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "openai").is_dir(),
    reason="there is no node, or no package: npm ci --prefix tests/interop",
)
async def test_the_javascript_client_transcribes_a_turn(serving: Serving, tmp_path: Path) -> None:
    """It insists on TLS."""
    assert NODE is not None
    service = await serving(engines=engines(), token=KEY)
    audio = tmp_path / "speech.raw"
    audio.write_bytes(speech())
    async with behind_tls(service, tmp_path) as (url, root):
        process = await asyncio.create_subprocess_exec(
            NODE,
            str(HERE / "openai_realtime.mjs"),
            env={
                **os.environ,
                "BASE_URL": f"{url}/v1",
                "KEY": KEY,
                "AUDIO": str(audio),
                "NODE_EXTRA_CA_CERTS": str(root),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WITHIN_S):
            out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2_000:]
    check(json.loads(out))
