"""Wyoming on a whole service, with scripted engines, by the protocol's own client as Home Assistant uses it."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping, Pong

from tests.web.support import WAIT_S, Serving
from wordloop_ml.engines.scripted import silence, spoken, word_text
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.messages import Pcm16
from wordloop_ml.web import wyoming

CHUNK_BYTES = 2_048


class Client(AsyncTcpClient):
    """The official client, with what Home Assistant does in a row."""

    async def receive(self) -> Event | None:
        """The next event; None once the connection is closed."""
        async with asyncio.timeout(WAIT_S):
            return await self.read_event()

    async def until(self, wanted: Callable[[str], bool]) -> Event:
        """Read on to an event of a type."""
        while (event := await self.receive()) is not None:
            if wanted(event.type):
                return event
        raise AssertionError("the connection was closed before")

    async def speak(self, audio: Pcm16, **changes: Any) -> None:
        """Send audio in the chunks that Home Assistant sends."""
        audio_format = {"rate": 16_000, "width": 2, "channels": 1, **changes}
        content = audio.tobytes()
        for start in range(0, len(content), CHUNK_BYTES):
            chunk = content[start : start + CHUNK_BYTES]
            await self.write_event(AudioChunk(audio=chunk, **audio_format).event())

    async def utter(self, audio: Pcm16, **asked: Any) -> list[Event]:
        """Send one utterance; everything that came up to its end."""
        await self.write_event(Transcribe(**asked).event())
        await self.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        await self.speak(audio)
        await self.write_event(AudioStop().event())
        events: list[Event] = []
        while not events or events[-1].type != "transcript-stop":
            event = await self.receive()
            assert event is not None
            events.append(event)
        return events


@pytest.fixture
def port(unused_tcp_port: int) -> int:
    """Where the service speaks Wyoming."""
    return unused_tcp_port


async def test_home_assistant_learns_what_it_may_ask_for(serving: Serving, port: int) -> None:
    """Its set-up asks once, and reads a name, a model and languages."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(Describe().event())
        event = await client.until(Info.is_type)
    [program] = Info.from_event(event).asr
    assert (program.name, program.installed, program.supports_transcript_streaming) == (
        "wordloop",
        True,
        True,
    )
    assert [(model.name, model.languages) for model in program.models] == [("scripted", ["en"])]


async def test_an_utterance_becomes_its_transcript(serving: Serving, port: int) -> None:
    """Chunks append to one another and make the text; the transcript has it whole."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        events = await client.utter(spoken(range(10)), language="en")
    text = " ".join(map(word_text, range(10)))
    assert [event.type for event in events[:2]] == ["transcript-start", "transcript-chunk"]
    assert [event.type for event in events[-2:]] == ["transcript", "transcript-stop"]
    chunks = [TranscriptChunk.from_event(event).text for event in events[1:-2]]
    assert "".join(chunks) == text
    assert Transcript.from_event(events[-2]) == Transcript(text, language="en")
    assert TranscriptStart.from_event(events[0]).language == "en"
    assert TranscriptStop.is_type(events[-1].type)


async def test_a_connection_may_carry_one_utterance_after_the_other(
    serving: Serving, port: int
) -> None:
    """And what is between them: pings, unknown events, another question what it can do."""
    await serving(wyoming_port=port, max_meetings=1)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(SelectProgram("wordloop").event())
        for number in range(3):
            await client.write_event(Ping(text="x").event())
            assert Pong.from_event(await client.until(Pong.is_type)).text == "x"
            events = await client.utter(spoken([number]))
            assert Transcript.from_event(events[-2]).text == word_text(number)
        await client.write_event(Describe().event())
        await client.until(Info.is_type)


@pytest.mark.parametrize("audio", [silence(0), silence(20_000)])
async def test_nothing_said_is_an_empty_transcript(
    serving: Serving, port: int, audio: Pcm16
) -> None:
    """Home Assistant waits for one, whatever it sent."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        events = await client.utter(audio)
        assert [event.type for event in events] == [
            "transcript-start",
            "transcript",
            "transcript-stop",
        ]
        assert Transcript.from_event(events[1]).text == ""
        await client.write_event(AudioStop().event())
        assert Transcript.from_event(await client.until(Transcript.is_type)).text == ""


async def test_pauses_do_not_end_an_utterance(serving: Serving, port: int) -> None:
    """Its client knows where it ends; names are for the decoder alone."""
    await serving(wyoming_port=port)
    audio = np.concatenate([spoken([1]), silence(16_000), spoken([2, 3])])
    async with Client("127.0.0.1", port) as client:
        events = await client.utter(audio, transcript_names=["Ada"], transcript_terms=["hall"])
    assert Transcript.from_event(events[-2]).text == "w1 w2 w3"


async def test_audio_start_may_be_left_out(serving: Serving, port: int) -> None:
    """Each chunk names its format."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        await client.speak(spoken([4]))
        await client.write_event(AudioStop().event())
        assert Transcript.from_event(await client.until(Transcript.is_type)).text == "w4"


async def error_of(client: Client) -> Error:
    """The error after which the connection is closed."""
    error = Error.from_event(await client.until(Error.is_type))
    assert await client.receive() is None
    return error


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Transcribe(language="xx-nothing").event(), "bad_message"),
        (AudioStart(rate=16_000, width=4, channels=1).event(), "unsupported_encoding"),
        (AudioStart(rate=1, width=2, channels=1).event(), "bad_message"),
    ],
)
async def test_what_is_wrong_is_named(serving: Serving, port: int, event: Event, code: str) -> None:
    """And the connection is closed: the stream may mean anything from there on."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(event)
        assert (await error_of(client)).code == code


async def test_a_language_that_the_model_does_not_know_is_refused(
    serving: Serving, port: int
) -> None:
    """When its audio begins."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(Transcribe(language="fr").event())
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        assert (await error_of(client)).code == "unsupported_language"


@pytest.mark.parametrize(
    "event",
    [
        AudioStart(rate=16_000, width=2, channels=1).event(),
        Transcribe().event(),
        AudioChunk(rate=8_000, width=2, channels=1, audio=b"").event(),
    ],
)
async def test_an_utterance_is_not_begun_inside_another(
    serving: Serving, port: int, event: Event
) -> None:
    """Nor does its format change."""
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        await client.write_event(event)
        assert (await error_of(client)).code == "unexpected_message"


async def test_whoever_speaks_something_else_is_told_and_closed(
    serving: Serving, port: int
) -> None:
    """A browser that found the port."""
    await serving(wyoming_port=port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(WAIT_S):
        answer = await reader.read()
    assert b'"code": "bad_json"' in answer
    writer.close()
    await writer.wait_closed()


async def test_a_full_service_says_so(serving: Serving, port: int) -> None:
    """Admission holds here as everywhere."""
    service = await serving(wyoming_port=port, max_meetings=1)
    await service.connect()
    async with Client("127.0.0.1", port) as client:
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        assert (await error_of(client)).code == "busy"


async def test_a_client_that_leaves_inside_an_utterance_leaves_nothing_behind(
    serving: Serving, port: int
) -> None:
    """Its meeting ends, and makes room."""
    await serving(wyoming_port=port, max_meetings=1)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        await client.speak(spoken(range(8)))
        await client.until(TranscriptChunk.is_type)
    async with asyncio.timeout(WAIT_S):
        while True:
            async with Client("127.0.0.1", port) as client:
                await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
                await client.write_event(AudioStop().event())
                event = await client.until(lambda kind: kind in {"transcript", "error"})
                if event.type == "transcript":
                    return


async def test_a_drain_gives_the_transcript_of_what_was_said(serving: Serving, port: int) -> None:
    """And closes; a connection without an utterance is closed too."""
    service = await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client, Client("127.0.0.1", port) as idle:
        await idle.write_event(Ping().event())
        await idle.until(Pong.is_type)
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        await client.speak(spoken(range(8)))
        await client.until(TranscriptChunk.is_type)
        service.signals.hear()
        transcript = Transcript.from_event(await client.until(Transcript.is_type))
        assert transcript.text.startswith("w0 w1")
        assert (await error_of(client)).code == "draining"
        assert (await error_of(idle)).code == "draining"


async def test_a_silent_client_is_let_go(serving: Serving, port: int) -> None:
    """Sooner or later a place is needed."""
    await serving(wyoming_port=port, idle_s=1.0)
    async with Client("127.0.0.1", port) as client:
        assert (await error_of(client)).code == "idle"


async def test_connections_have_a_bound(
    serving: Serving, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More are cut before they say anything."""
    monkeypatch.setattr(wyoming, "MAX_CONNECTIONS", 1)
    await serving(wyoming_port=port)
    async with Client("127.0.0.1", port) as client:
        await client.write_event(Ping().event())
        await client.until(Pong.is_type)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_without_a_port_nothing_listens(serving: Serving, port: int) -> None:
    """It is off unless an operator wants it: the protocol has no authentication."""
    await serving()
    with pytest.raises(ConnectionRefusedError):
        await Client("127.0.0.1", port).connect()


async def test_a_port_that_is_taken_stops_the_start(serving: Serving, port: int) -> None:
    """By name, as every bad setting does."""
    await serving(wyoming_port=port)
    with pytest.raises(StartupFailed, match="cannot listen") as failed:
        await serving(wyoming_port=port)
    assert failed.value.code is ErrorCode.BAD_SETTING
