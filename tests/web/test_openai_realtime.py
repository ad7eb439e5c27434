"""OpenAI's Realtime transcription on a whole service, with scripted engines, as its clients use it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.web.support import WAIT_S, Running, Serving
from wordloop_ml.engines.scripted import silence, spoken, word_text
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Pcm16, Utterance

STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
COMMITTED = "input_audio_buffer.committed"
ADDED = "conversation.item.added"
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"

Event = dict[str, Any]

PAUSE = silence(16_000)


def session(**inner: Any) -> Event:
    """An update of these fields of the input."""
    return {
        "type": "session.update",
        "session": {"type": "transcription", "audio": {"input": inner}},
    }


AT_16_KHZ = session(format={"type": "audio/pcm", "rate": 16_000})
"""What scripted engines need: no resampling."""


class RealtimeClient:
    """One connection; remembers every event that it was sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[Event] = []

    async def send(self, kind: str | Event, **fields: Any) -> None:
        """Send an event, by its type or as it is."""
        event = {"type": kind} if isinstance(kind, str) else kind
        await self.socket.send_str(json.dumps(event | fields))

    async def speak(self, audio: Pcm16, frame_samples: int = 800) -> None:
        """Append audio in frames, as fast as the server takes it."""
        for start in range(0, len(audio), frame_samples):
            await self.append(audio[start : start + frame_samples].tobytes())

    async def append(self, audio: bytes) -> None:
        """Append bytes."""
        await self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    async def receive(self) -> Event | None:
        """The next event; None once the connection is closed."""
        async with asyncio.timeout(WAIT_S):
            frame = await self.socket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            return None
        event: Event = json.loads(frame.data)
        self.events.append(event)
        return event

    async def until(self, kind: str, times: int = 1) -> Event:
        """Read on to an event of this type, or the so manieth."""
        while (event := await self.receive()) is not None:
            if event["type"] == kind:
                times -= 1
                if not times:
                    return event
        raise AssertionError(f"no {kind} before the close {self.socket.close_code}: {self.kinds}")

    @property
    def kinds(self) -> list[str]:
        """The types of what came, in order."""
        return [event["type"] for event in self.events]

    def said(self, kind: str, field: str) -> list[Any]:
        """One field of the events of one type."""
        return [event[field] for event in self.events if event["type"] == kind]


Connecting = Callable[..., Awaitable[RealtimeClient]]


@pytest.fixture
async def connect() -> AsyncIterator[Connecting]:
    """Connect to a service; the connection is closed when the test is over."""
    clients: list[RealtimeClient] = []

    async def begin(
        service: Running, query: str = "?intent=transcription", **options: Any
    ) -> RealtimeClient:
        socket = await service.session.ws_connect(
            f"{service.url}/v1/realtime{query}", max_msg_size=0, **options
        )
        clients.append(RealtimeClient(socket))
        return clients[-1]

    yield begin
    for client in clients:
        await client.socket.close()


async def test_a_session_is_created_before_the_client_says_anything(
    serving: Serving, connect: Connecting
) -> None:
    """pipecat sends nothing until then, and no audio until ``session.updated``."""
    client = await connect(await serving())
    created = await client.receive()
    assert created is not None
    assert created["type"] == "session.created"
    assert created["event_id"] == "event_1"
    assert created["session"]["type"] == "transcription"
    assert created["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    await client.send(session(transcription={"model": "gpt-transcribe"}))
    updated = await client.until("session.updated")
    assert updated["session"]["audio"]["input"]["transcription"] == {"model": "gpt-transcribe"}
    assert updated["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


async def test_the_server_finds_the_turns(serving: Serving, connect: Connecting) -> None:
    """Each is told in the documented order, and its words are those that were said."""
    client = await connect(await serving())
    await client.send(AT_16_KHZ)
    await client.speak(spoken([1, 2, 3]))
    await client.speak(PAUSE)
    first = await client.until(COMPLETED)
    await client.speak(spoken([4, 5]))
    await client.speak(PAUSE)
    second = await client.until(COMPLETED)
    assert (first["transcript"], second["transcript"]) == ("w1 w2 w3", "w4 w5")
    assert first["usage"]["type"] == "duration"
    without_deltas = [kind for kind in client.kinds if kind != DELTA]
    turn = [STARTED, STOPPED, COMMITTED, ADDED, COMPLETED]
    assert without_deltas == ["session.created", "session.updated", *turn, *turn]
    assert client.said(COMMITTED, "previous_item_id") == [None, first["item_id"]]
    deltas: dict[str, str] = {}
    for event in client.events:
        if event["type"] == DELTA:
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
    assert deltas == {first["item_id"]: "w1 w2 w3", second["item_id"]: "w4 w5"}
    assert len({event["event_id"] for event in client.events}) == len(client.events)


async def test_words_come_while_somebody_speaks(serving: Serving, connect: Connecting) -> None:
    """Each delta is appended to what the client shows, and none is taken back."""
    client = await connect(await serving())
    await client.send(AT_16_KHZ)
    for number in range(12):
        await client.speak(spoken([number]))
        if number == 11:
            await client.speak(PAUSE)
    await client.until(COMPLETED)
    assert client.kinds.index(DELTA) < client.kinds.index(STOPPED)
    assert "".join(client.said(DELTA, "delta")) == " ".join(map(word_text, range(12)))


async def test_the_client_commits_where_turns_are_not_detected(
    serving: Serving, connect: Connecting
) -> None:
    """One ``completed`` for each commit, with all that was said before it, however often it paused."""
    client = await connect(await serving())
    await client.send(session(format={"type": "audio/pcm", "rate": 16_000}, turn_detection=None))
    await client.speak(spoken([1, 2]))
    await client.speak(PAUSE)
    await client.speak(spoken([3]))
    await client.send("input_audio_buffer.commit")
    await client.speak(spoken([4]))
    await client.send("input_audio_buffer.commit")
    await client.until(COMPLETED, 2)
    assert client.said(COMPLETED, "transcript") == ["w1 w2 w3", "w4"]
    assert client.said(COMMITTED, "item_id") == client.said(COMPLETED, "item_id")
    assert STARTED not in client.kinds


@pytest.mark.parametrize("turns", [True, False])
async def test_every_commit_is_completed(
    serving: Serving, connect: Connecting, turns: bool
) -> None:
    """Of nothing and of silence, too: OpenAI's error for an empty buffer ends clients."""
    client = await connect(await serving())
    detection = {"type": "semantic_vad"} if turns else None
    await client.send(
        session(format={"type": "audio/pcm", "rate": 16_000}, turn_detection=detection)
    )
    await client.send("input_audio_buffer.commit")
    await client.speak(PAUSE)
    await client.send("input_audio_buffer.commit")
    await client.send("input_audio_buffer.commit")
    await client.until(COMPLETED, 3)
    assert client.said(COMPLETED, "transcript") == ["", "", ""]
    assert len(set(client.said(COMPLETED, "item_id"))) == 3
    assert "error" not in client.kinds


async def test_a_client_may_commit_what_the_server_ends(
    serving: Serving, connect: Connecting
) -> None:
    """LiveKit does, by its own detector, with models that it knows to detect no turns."""
    client = await connect(await serving())
    at_16_khz = {"type": "audio/pcm", "rate": 16_000}
    await client.send(session(format=at_16_khz, transcription={"model": "gpt-realtime-whisper"}))
    await client.speak(np.concatenate([spoken([1, 2]), silence(6_000)]))
    await client.send("input_audio_buffer.commit")  # before the server's pause
    await client.speak(np.concatenate([PAUSE, spoken([3]), PAUSE]))
    await client.until(COMPLETED, 2)
    await client.send("input_audio_buffer.commit")  # after the server's: there is nothing left
    await client.until(COMPLETED)
    assert client.said(COMPLETED, "transcript") == ["w1 w2", "w3", ""]
    assert client.said(COMMITTED, "item_id") == client.said(COMPLETED, "item_id")


async def test_what_is_cleared_is_not_transcribed(serving: Serving, connect: Connecting) -> None:
    """Nor does it hold up what follows."""
    client = await connect(await serving())
    await client.send(session(format={"type": "audio/pcm", "rate": 16_000}, turn_detection=None))
    await client.speak(spoken([1, 2]))
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")
    await client.speak(spoken([3]))
    await client.send("input_audio_buffer.commit")
    assert (await client.until(COMPLETED))["transcript"] == "w3"


async def test_audio_may_come_before_the_update_and_be_cut_anywhere(
    serving: Serving, connect: Connecting
) -> None:
    """LiveKit's first frames cross the update; a frame may end inside a sample."""
    client = await connect(await serving())
    await client.speak(silence(2_400))
    await client.send(AT_16_KHZ)
    content = np.concatenate([spoken([1, 2, 3]), PAUSE]).tobytes()
    for start in range(0, len(content), 1_601):
        await client.append(content[start : start + 1_601])
    assert (await client.until(COMPLETED))["transcript"] == "w1 w2 w3"


async def test_an_append_may_hold_many_seconds(serving: Serving, connect: Connecting) -> None:
    """A file is sent as fast as it is taken; nothing but back-pressure slows it down."""
    client = await connect(await serving(realtime_factor=1))
    await client.send(AT_16_KHZ)
    audio = np.concatenate([spoken(range(80)), PAUSE])
    await client.append(audio.tobytes())
    words = " ".join(map(word_text, range(80)))
    assert (await client.until(COMPLETED))["transcript"] == words


async def test_short_frames_may_come_as_fast_as_they_are_taken(
    serving: Serving, connect: Connecting
) -> None:
    """A resampler holds most of them back, and gives several at once: each is audio all the same."""
    client = await connect(await serving(audio_frames_per_s=10))
    await client.send(session(format={"type": "audio/pcmu"}, turn_detection=None))
    for _ in range(1_000):
        await client.append(b"\xff" * 80)
    await client.send("input_audio_buffer.commit")
    assert (await client.until(COMPLETED))["usage"] == {"type": "duration", "seconds": 10.0}


async def test_empty_frames_are_held_to_the_limit_of_messages(
    serving: Serving, connect: Connecting
) -> None:
    """They are no audio, however many there are."""
    client = await connect(await serving(audio_frames_per_s=10))
    for _ in range(700):
        await client.append(b"")
    assert (await client.until("error"))["error"]["code"] == "too_fast"


async def test_the_beta_is_answered_in_its_form(serving: Serving, connect: Connecting) -> None:
    """By its header, and by its update."""
    client = await connect(await serving(), headers={"OpenAI-Beta": "realtime=v1"})
    created = await client.until("transcription_session.created")
    assert created["session"]["input_audio_format"] == "pcm16"
    await client.send(
        "transcription_session.update",
        session={
            "input_audio_format": "pcm16",
            "input_audio_transcription": {"model": "whisper-1", "prompt": "", "language": "en"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
        },
    )
    updated = await client.until("transcription_session.updated")
    assert updated["session"]["input_audio_transcription"]["language"] == "en"
    await client.send(AT_16_KHZ)
    await client.until("session.updated")
    await client.speak(np.concatenate([spoken([7]), PAUSE]))
    await client.until(COMPLETED)
    assert "conversation.item.created" in client.kinds


async def test_a_format_of_telephony_is_decoded(serving: Serving, connect: Connecting) -> None:
    """8 kHz, one byte a sample: a second of them is one second of audio."""
    client = await connect(await serving())
    await client.send(session(format={"type": "audio/pcma"}, turn_detection=None))
    await client.append(b"\xd5" * 8_000)
    await client.send("input_audio_buffer.commit")
    assert (await client.until(COMPLETED))["usage"] == {"type": "duration", "seconds": 1.0}


async def test_what_is_refused_leaves_the_session_as_it_was(
    serving: Serving, connect: Connecting
) -> None:
    """An error names the event and the field; the connection goes on."""
    client = await connect(await serving())
    await client.send(AT_16_KHZ)
    refused = session(format={"type": "audio/opus"})
    await client.send(refused | {"event_id": "mine"})
    error = (await client.until("error"))["error"]
    assert (error["event_id"], error["type"]) == ("mine", "invalid_request_error")
    assert error["param"] == "session.audio.input.format.type"
    await client.send(session(transcription={"language": "fr"}))
    assert (await client.until("error"))["error"]["code"] == "unsupported_language"
    await client.send("response.create")
    assert (await client.until("error"))["error"]["code"] == "unknown_message"
    await client.socket.send_str("no JSON")
    assert (await client.until("error"))["error"]["code"] == "bad_json"
    await client.speak(np.concatenate([spoken([1]), PAUSE]))
    assert (await client.until(COMPLETED))["transcript"] == "w1"


async def test_what_is_not_known_is_ignored(serving: Serving, connect: Connecting) -> None:
    """Events, fields and values of other servers and later versions."""
    client = await connect(await serving(), "?intent=transcription&model=whatever")
    await client.send("output_audio_buffer.clear")
    await client.send(
        session(
            format={"type": "audio/pcm", "rate": 16_000},
            noise_reduction={"type": "far_field", "strength": 1},
            transcription={"model": "any", "delay": "low", "keywords": [""], "new": 1},
            turn_detection={"type": "semantic_vad", "eagerness": "auto"},
            something={"else": []},
        )
    )
    await client.send(AT_16_KHZ, event_id="x", more=None)
    await client.speak(np.concatenate([spoken([1]), PAUSE]))
    assert (await client.until(COMPLETED))["transcript"] == "w1"
    assert "error" not in client.kinds


async def test_bytes_that_are_no_samples_end_the_session_by_name(
    serving: Serving, connect: Connecting
) -> None:
    """A WAV file is noise if it is read as samples: the client is told, and not to try again."""
    client = await connect(await serving())
    await client.append(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    assert (await client.until("error"))["error"]["code"] == "bad_audio"
    assert await client.receive() is None
    assert client.socket.close_code == 1008


async def test_a_decode_that_fails_is_told(serving: Serving, connect: Connecting) -> None:
    """``failed`` takes the place of ``completed``; the session goes on."""

    def fail(utterance: Utterance) -> EngineFailed | None:
        return EngineFailed("lost") if utterance.samples.any() else None

    client = await connect(await serving(fail=fail))
    await client.send(AT_16_KHZ)
    await client.speak(np.concatenate([spoken([1]), PAUSE]))
    assert (await client.until(FAILED))["error"]["type"] == "server_error"


async def test_a_drain_gives_the_last_transcript_and_no_error(
    serving: Serving, connect: Connecting
) -> None:
    """1012 means: connect elsewhere. After an ``error`` LiveKit would not."""
    service = await serving()
    client = await connect(service)
    await client.send(session(format={"type": "audio/pcm", "rate": 16_000}, turn_detection=None))
    await client.speak(spoken(range(8)))
    await client.until(DELTA)
    service.signals.hear()
    while await client.receive() is not None:
        pass
    assert client.socket.close_code == 1012
    assert "error" not in client.kinds


async def test_a_silent_client_is_let_go_without_an_error(
    serving: Serving, connect: Connecting
) -> None:
    """It may come back whenever it has something to say."""
    client = await connect(await serving(idle_s=1.0))
    while await client.receive() is not None:
        pass
    assert client.socket.close_code == 1001
    assert client.kinds == ["session.created"]


@pytest.mark.parametrize(
    ("subprotocols", "status"),
    [
        (("realtime", "openai-insecure-api-key.secret-of-16-chars"), 101),
        (("realtime", "openai-insecure-api-key.another-one"), 401),
        (("realtime",), 401),
    ],
)
async def test_a_page_sends_its_key_as_a_subprotocol(
    serving: Serving, connect: Connecting, subprotocols: tuple[str, ...], status: int
) -> None:
    """Browsers cannot send headers; ``realtime`` is selected, the key is never said again."""
    service = await serving(token="secret-of-16-chars")  # noqa: S106
    if status == 101:
        client = await connect(service, protocols=subprotocols)
        assert client.socket.protocol == "realtime"
        return
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(service, protocols=subprotocols)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("?intent=conversation", 400, "bad_request"), ("", 400, "bad_request")],
)
async def test_what_is_refused_before_the_upgrade_has_openais_form(
    serving: Serving, query: str, status: int, code: str
) -> None:
    """Another intent, and a request that is no WebSocket."""
    service = await serving()
    async with service.session.get(f"{service.url}/v1/realtime{query}") as answer:
        assert answer.status == status
        assert (await answer.json())["error"]["code"] == code


async def test_a_full_service_refuses_before_the_upgrade(
    serving: Serving, connect: Connecting
) -> None:
    """503 with ``Retry-After``: clients try again."""
    service = await serving(max_meetings=1)
    await connect(service)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(service)
    assert refused.value.status == 503
    assert refused.value.headers is not None
    assert "Retry-After" in refused.value.headers


async def test_a_client_that_leaves_leaves_nothing_behind(
    serving: Serving, connect: Connecting
) -> None:
    """Its meeting ends with it, and makes room."""
    service = await serving(max_meetings=1)
    client = await connect(service)
    await client.send(AT_16_KHZ)
    await client.speak(spoken([1, 2]))
    await client.until(STARTED)
    await client.socket.close()

    async def again() -> bool:
        try:
            await connect(service)
        except aiohttp.WSServerHandshakeError:
            return False
        return True

    async with asyncio.timeout(WAIT_S):
        while not await again():
            pass
