"""Deepgram's own clients transcribe speech by address and key alone, in Python and in JavaScript."""

import asyncio
import io
import json
import os
import threading
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClient, DeepgramClientEnvironment
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType

from tests.page.node import NODE
from tests.speech import manifest, samples_of, word_error_rate
from tests.web.support import Running, Serving
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.settings import Settings

# the client imports names of websockets that are on their way out
pytestmark = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning")

HERE = Path(__file__).parent
CLIP = "en_read_ls1272_1"
KEY = "0123456789abcdef"
WITHIN_S = 60.0
RAW: dict[str, Any] = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}
TURNS: dict[str, Any] = {"model": "flux-general-en", "encoding": "linear16", "sample_rate": 16_000}


def engines() -> Engines:
    """The embedded weights."""
    return open_engines(replace(Settings(), workers=2))


def speech() -> bytes:
    """A clip and a pause behind it: s16le at 16 kHz."""
    clip = np.rint(samples_of(CLIP) * 32_767).astype("<i2")
    return np.concatenate([clip, np.zeros(24_000, np.int16)]).tobytes()


def as_wav(audio: bytes) -> bytes:
    """The same in a container."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(audio)
    return written.getvalue()


def environment(service: Running) -> DeepgramClientEnvironment:
    """The addresses of a service, which are all that changes."""
    socket = service.url.replace("http", "ws")
    return DeepgramClientEnvironment(
        base=service.url, production=socket, agent=socket, agent_rest=service.url
    )


def check(texts: list[str]) -> None:
    """The clip was heard."""
    assert word_error_rate(manifest()[CLIP]["text"], " ".join(texts)) < 0.2


def check_results(messages: list[dict[str, Any]]) -> None:
    """Interims came, then finals with the clip's words, then the end."""
    results = [message for message in messages if message["type"] == "Results"]
    assert any(not one["is_final"] for one in results)
    finals = [one for one in results if one["is_final"]]
    check([one["channel"]["alternatives"][0]["transcript"] for one in finals])
    words = [word for one in finals for word in one["channel"]["alternatives"][0]["words"]]
    assert all(word["start"] <= word["end"] for word in words)
    assert messages[-1]["type"] == "Metadata"


def listen_as_documented(connection: Any, audio: bytes, seen: list[Any]) -> list[str]:
    """Listen as the README's live example does, and speak from another thread; what happened."""
    happened: list[str] = []

    def on_message(message: Any) -> None:
        happened.append(f"Received {message.type} event")
        seen.append(message)

    connection.on(EventType.OPEN, lambda _: happened.append("Connection opened"))
    connection.on(EventType.MESSAGE, on_message)
    connection.on(EventType.CLOSE, lambda _: happened.append("Connection closed"))
    connection.on(EventType.ERROR, lambda error: happened.append(f"Error: {error}"))

    def speak() -> None:
        for start in range(0, len(audio), 8_192):
            connection.send_media(audio[start : start + 8_192])
        connection.send_close_stream()

    speaking = threading.Thread(target=speak)
    speaking.start()
    connection.start_listening()
    speaking.join()
    return happened


async def test_the_live_example_of_the_python_client(serving: Serving) -> None:
    """Flux: the README's own, to the end of its turns."""
    service = await serving(engines=engines(), token=KEY)
    seen: list[Any] = []

    def example() -> list[str]:
        client = DeepgramClient(api_key=KEY, environment=environment(service))
        with client.listen.v2.connect(**TURNS) as connection:
            return listen_as_documented(connection, speech(), seen)

    async with asyncio.timeout(WITHIN_S):
        happened = await asyncio.to_thread(example)
    assert happened[:2] == ["Connection opened", "Received Connected event"]
    assert happened[-1] == "Connection closed"
    assert not [one for one in happened if one.startswith("Error")]
    turns = [message for message in seen if message.type == "TurnInfo"]
    assert turns[0].event == "StartOfTurn"
    check([one.transcript for one in turns if one.event == "EndOfTurn"])
    assert [one.sequence_id for one in seen] == list(range(len(seen)))


async def test_the_python_client_listens_to_results(serving: Serving) -> None:
    """``listen.v1``, with what it can be asked for; every message is one that it knows."""
    service = await serving(engines=engines(), token=KEY)
    seen: list[Any] = []

    def example() -> list[str]:
        client = DeepgramClient(api_key=KEY, environment=environment(service))
        wanted = {"interim_results": True, "vad_events": True, "utterance_end_ms": 1_000}
        with client.listen.v1.connect(**RAW, **wanted) as connection:
            connection.send_keep_alive()
            connection.send_finalize()
            return listen_as_documented(connection, speech(), seen)

    async with asyncio.timeout(WITHIN_S):
        happened = await asyncio.to_thread(example)
    assert not [one for one in happened if one.startswith("Error")]
    assert seen[0].from_finalize
    assert {type(message).__name__ for message in seen} == {
        "ListenV1Results",
        "ListenV1Metadata",
        "ListenV1UtteranceEnd",
        "ListenV1SpeechStarted",
    }
    check_results([message.dict() for message in seen])


async def test_the_python_client_with_a_short_lived_key(serving: Serving) -> None:
    """It sends ``bearer`` in lower case."""
    service = await serving(engines=engines(), token=KEY)
    client = AsyncDeepgramClient(access_token=KEY, environment=environment(service))
    async with asyncio.timeout(WITHIN_S), client.listen.v1.connect(model="nova-3") as connection:
        await connection.send_media(as_wav(speech()))
        await connection.send_close_stream()
        texts = [
            message.channel.alternatives[0].transcript
            async for message in connection
            if message.type == "Results"
        ]
    check(texts)


async def test_the_python_client_is_told_of_a_wrong_key(serving: Serving) -> None:
    """By the status."""
    service = await serving(token=KEY)
    client = AsyncDeepgramClient(api_key="wrong", environment=environment(service))
    with pytest.raises(ApiError) as caught:
        async with client.listen.v1.connect(model="nova-3"):
            pass
    assert caught.value.status_code == 401


async def test_the_file_example_of_the_python_client(serving: Serving) -> None:
    """Its README's own."""
    service = await serving(engines=engines(), token=KEY)

    def example() -> Any:
        with httpx.Client() as http:  # the client closes none of its own
            client = DeepgramClient(
                api_key=KEY, environment=environment(service), httpx_client=http
            )
            return client.listen.v1.media.transcribe_file(
                request=as_wav(speech()), model="nova-3", language="en"
            )

    async with asyncio.timeout(WITHIN_S):
        response = await asyncio.to_thread(example)
    check([response.results.channels[0].alternatives[0].transcript])
    assert response.metadata.channels == 1


@pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "@deepgram" / "sdk").is_dir(),
    reason="there is no node, or no package: npm ci --prefix tests/interop",
)
async def test_the_live_example_of_the_javascript_client(serving: Serving, tmp_path: Path) -> None:
    """Its README's own: no encoding is named, so that the audio is in a container."""
    assert NODE is not None
    service = await serving(engines=engines(), token=KEY)
    audio = tmp_path / "speech.wav"
    audio.write_bytes(as_wav(speech()))
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(HERE / "deepgram.mjs"),
        env={**os.environ, "BASE_URL": service.url, "KEY": KEY, "AUDIO": str(audio)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2_000:]
    told = json.loads(out)
    check_results(told["results"])
    assert set(told["closed"]) == {1000}  # its own close() is told as another one
    check([told["file"]["results"]["channels"][0]["alternatives"][0]["transcript"]])
    turns = [one for one in told["turns"] if one["type"] == "TurnInfo"]
    check([one["transcript"] for one in turns if one["event"] == "EndOfTurn"])
