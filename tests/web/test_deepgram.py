"""Deepgram's live interfaces on a whole service: every habit of a client that something once broke on."""

import asyncio
import json
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.audio.opus_packets import encode
from tests.web.support import WAIT_S, Client, Running, Serving
from tests.wire.recordings import HEADER, chromium, muxed, packets, simple_block
from wordloop_ml.engines.scripted import silence, spoken

Message = dict[str, Any]

RAW = "encoding=linear16&sample_rate=16000"
KNOWN = {
    "Results",
    "SpeechStarted",
    "UtteranceEnd",
    "Metadata",
    "Error",
    "ConfigureSuccess",
    "ConfigureFailure",
}
KNOWN_TO_FLUX = {
    "Connected",
    "TurnInfo",
    "Error",
    "Warning",
    "ConfigureSuccess",
    "ConfigureFailure",
}
KEY = "0123456789abcdef-s3cret"


class Listening:
    """One connection, and all that it was told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, known: set[str]) -> None:
        self.socket = socket
        self.known = known
        self.messages: list[Message] = []
        self.reason = ""

    async def say(self, *words: int, pause: int = 16_000) -> None:
        """Speak at once, in one frame, and pause."""
        await self.socket.send_bytes(np.concatenate([spoken(words), silence(pause)]).tobytes())

    async def send(self, kind: str, **fields: object) -> None:
        await self.socket.send_str(json.dumps({"type": kind, **fields}))

    async def receive(self) -> Message | None:
        async with asyncio.timeout(WAIT_S):
            frame = await self.socket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            self.reason = str(frame.extra)
            return None
        message: Message = json.loads(frame.data)
        assert message["type"] in self.known  # anything else ends a client
        self.messages.append(message)
        return message

    async def until(self, kind: str, **fields: object) -> Message:
        while (message := await self.receive()) is not None:
            if message["type"] == kind and fields.items() <= message.items():
                return message
        raise AssertionError(f"closed {self.socket.close_code} {self.reason}: {self.messages}")

    async def close(self) -> list[Message]:
        """End the stream, and read to the end."""
        await self.send("CloseStream")
        return await self.rest()

    async def rest(self) -> list[Message]:
        while await self.receive() is not None:
            pass
        return self.messages

    @property
    def code(self) -> int | None:
        return self.socket.close_code

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]

    def finals(self, channel: int = 0) -> list[str]:
        """The texts that are final, and are any."""
        texts = [
            one["channel"]["alternatives"][0]["transcript"]
            for one in self.messages
            if one["type"] == "Results" and one["is_final"] and one["channel_index"][0] == channel
        ]
        return [text for text in texts if text]


async def listen(
    service: Running, query: str = RAW, path: str = "/v1/listen", **options: Any
) -> Listening:
    url = f"{service.url}{path}?{query}"
    socket = await service.session.ws_connect(url, max_msg_size=0, **options)
    service.clients.append(Client(socket))  # who closes it
    return Listening(socket, KNOWN if path == "/v1/listen" else KNOWN_TO_FLUX)


async def test_a_stream_ends_in_finals_a_description_and_1000(serving: Serving) -> None:
    """Anything but 1000 makes the JavaScript client connect again, thirty times."""
    client = await listen(await serving(), f"{RAW}&tag=a&tag=b")
    await client.say(1, 2)
    await client.say(3)
    await client.close()
    assert client.finals() == ["w1 w2", "w3"]
    metadata = client.messages[-1]
    assert (metadata["type"], client.code) == ("Metadata", 1000)
    assert metadata["duration"] == pytest.approx(
        (len(spoken([1, 2])) + len(spoken([3]))) / 16_000 + 2
    )
    assert len(metadata["sha256"]) == 64
    assert metadata["request_id"] == client.messages[0]["metadata"]["request_id"]
    assert list(metadata["model_info"]) == metadata["models"]
    assert (metadata["channels"], metadata["tags"]) == (1, ["a", "b"])


async def test_interims_replace_one_another_and_finals_come_once(serving: Serving) -> None:
    """Only where they are asked for; a client shows the newest."""
    service = await serving()
    client = await listen(service, f"{RAW}&interim_results=true&vad_events=true")
    for start in range(0, 64_000, 320):
        await client.socket.send_bytes(
            np.concatenate([spoken(range(1, 9)), silence(64_000)])[start : start + 320].tobytes()
        )
    await client.until("Results", speech_final=True)
    assert client.kinds()[0] == "SpeechStarted"
    assert any(not one["is_final"] for one in client.messages if one["type"] == "Results")
    plain = await listen(service)
    await plain.say(1)
    await plain.close()
    assert plain.kinds() == ["Results", "Metadata"]


async def test_finalize_always_answers(serving: Serving) -> None:
    """pipecat sends it at every end of speech, and waits for the flag."""
    client = await listen(await serving())
    await client.send("Finalize")
    empty = await client.until("Results", from_finalize=True)
    assert empty["channel"]["alternatives"][0] == {"transcript": "", "confidence": 0.0, "words": []}
    await client.say(1, 2, pause=0)
    await client.send("Finalize")
    full = await client.until("Results", from_finalize=True)
    assert full["channel"]["alternatives"][0]["transcript"] == "w1 w2"
    await client.close()
    assert client.finals() == ["w1 w2"]


async def test_an_utterance_ends_by_the_clock_of_the_audio(serving: Serving) -> None:
    """Once, after so much silence that was heard, however fast it came."""
    client = await listen(await serving(), f"{RAW}&interim_results=true&utterance_end_ms=1000")
    await client.say(1, 2, pause=12_000)
    await client.until("Results", is_final=True)
    assert "UtteranceEnd" not in client.kinds()
    for _ in range(50):
        await client.socket.send_bytes(bytes(640))
    ended = await client.until("UtteranceEnd")
    last = client.messages[-2]["channel"]["alternatives"][0]["words"][-1]
    assert ended == {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last["end"]}
    await client.close()
    assert client.kinds().count("UtteranceEnd") == 1


async def test_keepalive_keeps_a_connection_that_hears_nothing(serving: Serving) -> None:
    """Without it the close is Deepgram's own, NET-0001."""
    service = await serving(idle_s=1.0)
    kept, silent = await listen(service), await listen(service)
    reading = asyncio.create_task(silent.rest())
    while not reading.done():
        await kept.send("KeepAlive")
        await asyncio.wait({reading}, timeout=0.2)
    assert (silent.code, silent.reason[:8]) == (1011, "NET-0001")
    await kept.close()
    assert kept.code == 1000


@pytest.mark.parametrize("closing", [b'{"type":"CloseStream"}', b'{"type": "CloseStream"}'])
async def test_control_messages_may_be_binary(serving: Serving, closing: bytes) -> None:
    """vocode sends them so."""
    client = await listen(await serving())
    await client.socket.send_bytes(b'{"type": "KeepAlive"}')
    await client.say(1)
    await client.socket.send_bytes(closing)
    await client.rest()
    assert (client.finals(), client.code) == (["w1"], 1000)


async def test_odd_frames_do_no_harm(serving: Serving) -> None:
    """Empty ones, half samples, and what follows the end."""
    client = await listen(await serving())
    audio = np.concatenate([spoken([1, 2]), silence(16_000)]).tobytes()
    for start in range(0, len(audio), 333):
        await client.socket.send_bytes(audio[start : start + 333])
        await client.socket.send_bytes(b"")
    await client.send("CloseStream")
    await client.socket.send_bytes(audio)
    await client.send("CloseStream")
    await client.send("KeepAlive")
    await client.rest()
    assert (client.finals(), client.code) == (["w1 w2"], 1000)


async def test_an_unknown_text_is_told_and_the_stream_goes_on(serving: Serving) -> None:
    """As Deepgram's own schema error."""
    client = await listen(await serving())
    for text in ('{"type":"Nonsense"}', "no json", "[]", '{"type":7}'):
        await client.socket.send_str(text)
        error = await client.until("Error")
        assert (error["variant"], error["message"]) == ("SchemaError", text)
    await client.say(1)
    await client.close()
    assert (client.finals(), client.code) == (["w1"], 1000)


async def test_terms_may_change(serving: Serving) -> None:
    """Python's client sends ``Configure``, and an older one of JavaScript's another form of it."""
    client = await listen(await serving(), f"{RAW}&keyterm=Ada")
    await client.send("Configure", keyterms=["Wordloop"], features={"numerals": True})
    assert (await client.until("ConfigureSuccess"))["keyterms"] == ["Wordloop"]
    await client.send("Configure", processors={"punctuate": True})
    assert (await client.until("ConfigureSuccess"))["keyterms"] == ["Wordloop"]
    await client.send("Configure", keyterms="Wordloop")
    failed = await client.until("ConfigureFailure")
    assert failed["code"].startswith("CONFIGURE_")
    await client.close()


async def test_channels_are_told_apart_where_that_is_wanted(serving: Serving) -> None:
    """Each with results of its own; else they are mixed."""
    service = await serving()
    stereo = np.stack([spoken([1, 2]), spoken([3, 4])], axis=1)
    audio = np.concatenate([stereo, np.zeros((16_000, 2), np.int16)]).tobytes()
    apart = await listen(service, f"{RAW}&channels=2&multichannel=true")
    await apart.socket.send_bytes(audio)
    await apart.send("Finalize")
    await apart.close()
    assert (apart.finals(0), apart.finals(1)) == (["w1 w2"], ["w3 w4"])
    assert sum(one.get("from_finalize", False) for one in apart.messages) == 2
    assert {tuple(one["channel_index"]) for one in apart.messages[:-1]} == {(0, 2), (1, 2)}
    assert apart.messages[-1]["channels"] == 2
    mixed = await listen(service, f"{RAW}&channels=2")
    await mixed.socket.send_bytes(audio)
    await mixed.close()
    assert {tuple(one["channel_index"]) for one in mixed.messages[:-1]} <= {(0, 1)}
    assert (mixed.messages[-1]["channels"], mixed.code) == (2, 1000)


@pytest.mark.parametrize(
    ("query", "recording"),
    [
        ("", chromium([simple_block(packet) for packet in packets()])),
        ("", muxed("ogg", "libopus")),
        ("", muxed("wav", "pcm_s16le", 16_000)),
        ("encoding=ogg-opus&sample_rate=48000", muxed("ogg", "libopus")),
    ],
)
async def test_a_container_needs_no_encoding(
    serving: Serving, query: str, recording: bytes
) -> None:
    """As a page sends what its ``MediaRecorder`` gives, and the JavaScript client's example does."""
    client = await listen(await serving(), query)
    for start in range(0, len(recording), 777):
        await client.socket.send_bytes(recording[start : start + 777])
    await client.close()
    assert client.code == 1000
    assert client.messages[-1]["duration"] == pytest.approx(0.6, abs=0.07)


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("", bytes(100)),
        ("", b"ID3\4\0\0\0\0\0\0" + bytes(100)),
        ("", HEADER + b"\0" * 20),
        ("encoding=opus&sample_rate=48000", b"\xff"),
        (RAW, muxed("ogg", "libopus")),
    ],
)
async def test_audio_that_cannot_be_decoded_closes_with_1008(
    serving: Serving, query: str, sent: bytes
) -> None:
    """And Deepgram's name for it; no code of the service's own."""
    client = await listen(await serving(), query)
    await client.socket.send_bytes(sent)
    await client.rest()
    assert (client.code, client.reason[:10]) == (1008, "DATA-0000:")
    assert client.messages == []


async def test_opus_packets_and_g711_are_decoded(serving: Serving) -> None:
    """One packet a message; a byte a sample."""
    service = await serving()
    opus = await listen(service, "encoding=opus&sample_rate=16000")
    for packet in encode(np.zeros(24_000, np.float32)):
        await opus.socket.send_bytes(packet)
    await opus.close()
    assert opus.messages[-1]["duration"] == pytest.approx(0.5)
    for encoding in ("mulaw", "alaw"):
        client = await listen(service, f"encoding={encoding}&sample_rate=8000")
        await client.socket.send_bytes(b"\xd5" * 8_000)
        await client.close()
        assert client.messages[-1]["duration"] == 1.0


async def test_a_file_that_is_pushed_is_held_back_and_not_refused(serving: Serving) -> None:
    """Two minutes in frames of 8 kB, as fast as the socket takes them."""
    client = await listen(await serving(realtime_factor=1, cost=lambda _: 0.005))
    audio = np.concatenate([spoken(range(1, 20)), silence(16_000)]).tobytes() * 8
    reading = asyncio.create_task(client.rest())
    for start in range(0, len(audio), 8_192):
        await client.socket.send_bytes(audio[start : start + 8_192])
    await client.send("CloseStream")
    await reading
    assert client.code == 1000
    assert " ".join(client.finals()).split() == [f"w{number}" for number in range(1, 20)] * 8


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        (("token", KEY), "token"),
        (("bearer", KEY), "bearer"),
        (("token", KEY, "x-deepgram-session-id", "0b9c"), "token"),
    ],
)
async def test_a_page_s_key_is_a_subprotocol(
    serving: Serving, offered: tuple[str, ...], selected: str
) -> None:
    """Chromium fails a handshake whose answer selects another one, or none."""
    client = await listen(await serving(token=KEY), protocols=offered)
    assert client.socket.protocol == selected
    await client.close()


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer"])
async def test_a_program_s_key_is_a_header(serving: Serving, scheme: str) -> None:
    """``Token`` from every client, ``bearer`` where Python's has a short-lived one."""
    headers = {"Authorization": f"{scheme} {KEY}", "X-Fern-Language": "Python"}
    client = await listen(await serving(token=KEY), headers=headers)
    await client.close()


@pytest.mark.parametrize("path", ["/v1/listen", "/v2/listen"])
async def test_refusals_come_before_the_upgrade_in_deepgram_s_form(
    serving: Serving, path: str
) -> None:
    """Overload is 503, since clients give up at any 4xx."""
    service = await serving(token=KEY, max_meetings=1)
    right = {"Authorization": f"Token {KEY}"}

    async def refused(query: str, headers: dict[str, str]) -> tuple[int, Message]:
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        url = f"{service.url}{path}?{query}"
        async with service.session.get(url, headers={**upgrade, **headers}) as answered:
            body: Message = await answered.json()
            assert set(body) == {"err_code", "err_msg", "request_id"}
            assert answered.headers["dg-request-id"] == body["request_id"]
            assert answered.headers["dg-error"]
            return answered.status, body

    status, body = await refused(RAW, {"Authorization": "Token wrong"})
    assert (status, body["err_code"]) == (401, "INVALID_AUTH")
    for query in ("encoding=flac", f"{RAW}&callback=x", f"{RAW}&language=de"):
        status, _ = await refused(query, right)
        assert 400 <= status < 500
    first = await listen(service, RAW, path, headers=right)
    status, _ = await refused(RAW, right)
    assert status == 503
    await first.close()


async def test_a_drain_lets_finals_out_and_closes_with_1012(serving: Serving) -> None:
    """Of the service's own messages it shows none."""
    service = await serving()
    client = await listen(service)
    await client.say(1, 2, pause=0)
    await client.send("Nonsense")
    await client.until("Error")
    reading = asyncio.create_task(client.rest())
    await service.stop()
    await reading
    assert (client.finals(), client.code) == (["w1 w2"], 1012)
    assert "Metadata" not in client.kinds()


async def test_flux_tells_turns(serving: Serving) -> None:
    """Numbered, from ``Connected`` on; a turn is all of its text."""
    query = "model=flux-general-en&encoding=linear16&sample_rate=16000&eot_threshold=0.7"
    client = await listen(await serving(), query, "/v2/listen")
    await client.until("Connected", sequence_id=0)
    await client.say(1, 2)
    await client.until("TurnInfo", event="EndOfTurn")
    await client.send("Configure", thresholds={"eot_threshold": 0.8}, keyterms=["Wordloop"])
    configured = await client.until("ConfigureSuccess")
    assert (configured["thresholds"], configured["keyterms"]) == (
        {"eot_threshold": 0.8},
        ["Wordloop"],
    )
    await client.socket.send_str("no json")
    await client.until("Warning")
    await client.say(3, pause=0)
    await client.send("ForceEndTurn")
    forced = await client.until("TurnInfo", event="EndOfTurn", turn_index=1)
    assert (forced["transcript"], forced["trigger"]) == ("w3", "manual")
    await client.say(4, pause=0)
    await client.close()
    assert client.code == 1000
    turns = [one for one in client.messages if one["type"] == "TurnInfo"]
    ended = [one["transcript"] for one in turns if one["event"] == "EndOfTurn"]
    assert ended == ["w1 w2", "w3", "w4"]
    assert [one["sequence_id"] for one in client.messages] == list(range(len(client.messages)))


async def test_flux_names_what_ends_it(serving: Serving) -> None:
    """``Error``, then 1008."""
    client = await listen(await serving(), "", "/v2/listen")
    await client.socket.send_bytes(bytes(100))
    await client.rest()
    assert client.kinds() == ["Connected", "Error"]
    assert (client.messages[-1]["code"], client.code) == ("BAD_AUDIO", 1008)


async def test_a_busy_service_tells_no_notice_of_its_own(serving: Serving) -> None:
    """Interims come less often, and nothing says so: what is not Deepgram's ends a client."""
    service = await serving(
        cost=lambda _: 0.02, stretch_load=0.01, drop_load=0.01, new_meeting_load=0.01
    )
    client = await listen(service, f"{RAW}&interim_results=true")
    for round_ in range(4):
        await client.say(*range(1 + 40 * round_, 40 + 40 * round_))
    await client.close()
    assert len(" ".join(client.finals()).split()) == 4 * 39
    assert client.code == 1000
