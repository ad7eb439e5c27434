"""The reference client against the real service: what breaks costs a reconnect, never words."""

import asyncio
import json
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from tests.client.support import FAST, FRAME_SAMPLES, STREAM, Listener, Standin, say
from tests.web.support import WAIT_S, Running, Serving, most_in_a_turn, until
from wordloop_ml.audio.streams import AudioInput
from wordloop_ml.client import connection
from wordloop_ml.client.track import StoppedError, TrackClient
from wordloop_ml.engines.scripted import BASE_LEVEL, silence, spoken
from wordloop_ml.errors import ErrorCode
from wordloop_ml.messages import Samples, Utterance
from wordloop_ml.replay.session import Record, ReplayPolicy, Standing
from wordloop_ml.web import meeting_socket
from wordloop_ml.wire.client_messages import ClientMessage


def client_of(service: Running, listener: Listener, **options: Any) -> TrackClient:
    url = f"{service.url}/v1/meetings/m/audio"
    options = {"policy": FAST, "clock_ms": lambda: 0, **options}
    return TrackClient(service.session, url, STREAM, listener, **options)


def cut(service: Running) -> None:
    """Break every connection of the client at once, without a close frame."""
    connector = service.session.connector
    assert connector is not None
    for protocol in list(connector._acquired):
        assert protocol.transport is not None
        protocol.transport.abort()


async def finished(client: TrackClient) -> Standing:
    client.end()
    async with asyncio.timeout(WAIT_S):
        return await client.run()


async def test_a_track_is_sent_and_every_final_stored(serving: Serving) -> None:
    """And run returns where the track stands."""
    listener = Listener()
    client = client_of(await serving(), listener)
    audio = np.concatenate([spoken([1, 2, 3]), silence(16_000), spoken([4, 5])])
    say(client, audio)
    standing = await finished(client)
    assert listener.words == ["w1", "w2", "w3", "w4", "w5"]
    assert (standing.committed, standing.last_seq, standing.epoch) == (len(audio), 2, 1)
    assert not listener.holes


async def test_a_track_without_a_sample_ends_in_order(serving: Serving) -> None:
    """start, stop, ended."""
    standing = await finished(client_of(await serving(), Listener()))
    assert standing == Standing(0, 0, 1)


async def test_a_connection_that_breaks_costs_no_word(serving: Serving) -> None:
    """In the middle of a word, with a final behind it and live audio after it."""
    service, listener = await serving(), Listener()
    client = client_of(service, listener)
    running = asyncio.create_task(client.run())
    await until(lambda: client.replay.epoch == 1)
    say(client, np.concatenate([spoken([1, 2]), silence(16_000), spoken([3, 4, 5])[:10_000]]))
    await listener.wait_for_final()
    cut(service)
    await until(lambda: client.replay.epoch == 2)
    say(client, np.concatenate([spoken([3, 4, 5])[10_000:], silence(16_000), spoken([6])]))
    client.end()
    standing = await running
    assert listener.words == ["w1", "w2", "w3", "w4", "w5", "w6"]
    assert [final.seq for final in listener.finals] == [1, 2, 3]
    assert [final.epoch for final in listener.finals] == [1, 2, 2]
    assert [final.replay for final in listener.finals] == [False, True, False]
    assert standing.epoch == 2
    assert listener.forgotten == 1


async def test_a_drain_is_followed_to_the_next_container(serving: Serving) -> None:
    """1012 is no failure; the open utterance is heard whole, elsewhere."""
    first, second = await serving(), await serving()
    listener = Listener()
    client = client_of(first, listener)
    running = asyncio.create_task(client.run())
    say(client, np.concatenate([spoken([1, 2]), silence(16_000), spoken([3, 4, 5])[:10_000]]))
    await listener.wait_for_final()
    client._url = f"{second.url}/v1/meetings/m/audio"  # what a balancer does
    await first.stop()
    say(client, np.concatenate([spoken([3, 4, 5])[10_000:], silence(16_000)]))
    client.end()
    async with asyncio.timeout(WAIT_S):
        await running
    assert listener.words == ["w1", "w2", "w3", "w4", "w5"]
    assert client.replay.attempt == 0
    assert not listener.holes


async def say_words_around_poison(client: TrackClient, listener: Listener) -> None:
    """Say 1 and 2, then 13 and 14, which break the server twice, then 3 and 4."""
    running = asyncio.create_task(client.run())
    say(client, np.concatenate([spoken([1, 2]), silence(16_000)]))
    await listener.wait_for_final()
    say(client, spoken([13, 14]))
    await until(lambda: client.replay.epoch == 3)
    say(client, np.concatenate([silence(32_000), spoken([3, 4]), silence(16_000)]))
    client.end()
    async with asyncio.timeout(WAIT_S):
        await running


async def test_audio_that_breaks_the_server_is_given_up_as_one_hole(serving: Serving) -> None:
    """After two breaks; what was said before and after is whole."""

    def fail(utterance: Utterance) -> Exception | None:
        poison = np.any(np.rint(utterance.samples * 32_768) == BASE_LEVEL + 13)
        return ZeroDivisionError("scripted") if poison else None

    service, listener = await serving(fail=fail), Listener()
    client = client_of(service, listener)
    await say_words_around_poison(client, listener)
    assert listener.words == ["w1", "w2", "w3", "w4"]
    [hole] = listener.holes
    assert hole.code == "gap"
    assert client.replay.epoch == 3


async def test_audio_that_fell_out_of_the_buffer_is_one_named_hole(serving: Serving) -> None:
    """The microphone does not wait for a connection."""
    service, listener = await serving(), Listener()
    client = client_of(service, listener, policy=ReplayPolicy(replay_s=2.0))
    say(client, np.concatenate([spoken(range(1, 9)), silence(16_000), spoken([9, 10])]))
    standing = await finished(client)
    assert listener.words == ["w7", "w8", "w9", "w10"]
    [hole] = listener.holes
    assert (hole.code, hole.start, hole.end) == ("gap", 0, 1_500)
    assert standing.committed == 10 * 4_000 + 16_000


async def test_a_source_that_can_wait_loses_nothing(serving: Serving) -> None:
    """It waits for room, however small the buffer is."""
    service, listener = await serving(), Listener()
    client = client_of(service, listener, policy=ReplayPolicy(replay_s=20.0), live=False)
    running = asyncio.create_task(client.run())
    words = list(range(1, 121))
    audio = spoken(words, pause_samples=4_000)
    for start in range(0, len(audio), 3_200):
        frame = audio[start : start + 3_200]
        await client.wait_for_room(len(frame))
        client.put(frame.tobytes(), len(frame))
    client.end()
    await running
    assert listener.words == [f"w{number}" for number in words]
    assert not listener.holes
    assert all(final.replay for final in listener.finals)


async def test_a_crashed_client_goes_on_from_its_store(serving: Serving) -> None:
    """What it held in memory is a hole; what was stored does not come again."""
    service, listener = await serving(), Listener()
    client = client_of(service, listener, clock_ms=lambda: 5)
    running = asyncio.create_task(client.run())
    say(client, np.concatenate([spoken([1, 2]), silence(16_000), spoken([3])]))
    await listener.wait_for_final()
    position = client.replay.position
    running.cancel()
    await asyncio.wait({running})
    after = client_of(
        service, listener, standing=listener.standing, position=position, clock_ms=lambda: 9
    )
    say(after, np.concatenate([spoken([4, 5]), silence(16_000)]))
    standing = await finished(after)
    assert listener.words == ["w1", "w2", "w4", "w5"]
    assert [final.seq for final in listener.finals] == [1, 2]
    [hole] = listener.holes
    assert hole.end == position // 16
    assert standing.epoch == 9


class BrokenStore(Listener):
    """A disk that is full."""

    async def store(self, record: Record, standing: Standing) -> None:
        raise OSError("full")


async def test_without_a_store_a_track_ends_and_nothing_is_acknowledged(serving: Serving) -> None:
    """Its error is the owner's to handle."""
    client = client_of(await serving(), BrokenStore())
    say(client, np.concatenate([spoken([1, 2]), silence(16_000)]))
    with pytest.raises(OSError, match="full"):
        await finished(client)
    assert (client.replay.committed, client.replay.last_seq) == (0, 0)
    await client.wait_for_room(1 << 30)  # nobody waits for a client that has ended


async def test_a_client_that_is_replaced_stops(serving: Serving) -> None:
    """4503: a newer connection is in charge."""
    service = await serving()
    older = client_of(service, Listener(), clock_ms=lambda: 1)
    running = asyncio.create_task(older.run())
    await until(lambda: older.replay.epoch == 1)
    listener = Listener()
    newer = client_of(service, listener, clock_ms=lambda: 2)
    say(newer, spoken([1, 2]))
    await finished(newer)
    assert listener.words == ["w1", "w2"]
    running.cancel()
    await asyncio.wait({running})


async def test_a_refused_token_stops_it_at_once(serving: Serving) -> None:
    """And a right one, asked for anew with each connection, lets it in."""
    service = await serving(token="right")  # noqa: S106 - the token of this test
    asked: list[str] = []

    def token() -> str:
        asked.append("wrong" if not asked else "right")
        return asked[-1]

    client = client_of(service, Listener(), token=token)
    say(client, silence(320))
    with pytest.raises(StoppedError) as stopped:
        await finished(client)
    assert stopped.value.code is ErrorCode.TOKEN_REFUSED
    await finished(client_of(service, Listener(), token=token))
    assert asked == ["wrong", "right"]


async def test_a_full_server_is_asked_again_when_it_said(standin: Standin) -> None:
    """503 with Retry-After before the upgrade, then 4503 for good."""
    answers: list[float] = []
    loop = asyncio.get_running_loop()

    async def handle(request: web.Request) -> web.StreamResponse:
        answers.append(loop.time())
        if len(answers) == 1:
            return web.Response(status=503, headers={"Retry-After": "1"})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        await socket.close(code=4503)
        return socket

    async with aiohttp.ClientSession() as http:
        client = TrackClient(http, await standin(handle), STREAM, Listener(), policy=FAST)
        say(client, silence(320))
        with pytest.raises(StoppedError) as stopped:
            await finished(client)
    assert stopped.value.code is ErrorCode.SUPERSEDED
    assert answers[1] - answers[0] >= 0.99


@pytest.mark.parametrize(
    "nonsense",
    ["{", "[]", json.dumps({"type": "ready", "accept_from": 9, "next_seq": 1, "limits": {}})],
)
async def test_a_server_that_talks_nonsense_is_left_and_tried_again(
    standin: Standin, nonsense: str
) -> None:
    """As often as the policy says, and no longer."""
    connections = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        await socket.send_str(nonsense)
        await socket.receive()
        return socket

    policy = ReplayPolicy(first_wait_s=0.001, failures_before_stop=2)
    async with aiohttp.ClientSession() as http:
        client = TrackClient(http, await standin(handle), STREAM, Listener(), policy=policy)
        say(client, silence(320))
        with pytest.raises(StoppedError, match="broke the protocol"):
            await finished(client)
    assert connections == 3


async def test_a_server_that_is_not_there_is_given_up_by_policy(standin: Standin) -> None:
    """For a person at a terminal; a service that proxies meetings never gives up."""
    policy = ReplayPolicy(first_wait_s=0.001, failures_before_stop=3)
    async with aiohttp.ClientSession() as http:
        client = TrackClient(
            http, "http://127.0.0.1:9/v1/meetings/m/audio", STREAM, Listener(), policy=policy
        )
        say(client, silence(320))
        with pytest.raises(StoppedError) as stopped:
            await finished(client)
    assert stopped.value.code is ErrorCode.SERVER_UNREACHABLE


async def test_a_replay_leaves_a_turn_to_everybody_else_after_each_frame(
    serving: Serving,
) -> None:
    """A socket takes many frames without making anybody wait."""
    client = client_of(await serving(), Listener())
    say(client, silence(500 * FRAME_SAMPLES))
    running = asyncio.create_task(finished(client))
    sent = client.replay
    most = await most_in_a_turn(lambda: sent._cursor, lambda: sent._cursor == sent.position)
    assert most == FRAME_SAMPLES
    await running


async def test_audio_that_breaks_the_servers_reader_is_given_up_as_one_hole(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug before audio reaches a meeting is the server's fault, too, and may be the audio's."""

    class Failing(AudioInput):
        def audio(self, payload: bytes) -> Samples:
            if np.any(np.frombuffer(payload, "<i2") == BASE_LEVEL + 13):
                raise ZeroDivisionError("scripted")
            return super().audio(payload)

    monkeypatch.setattr(meeting_socket, "AudioInput", Failing)
    service, listener = await serving(), Listener()
    client = client_of(service, listener)
    await say_words_around_poison(client, listener)
    assert listener.words == ["w1", "w2", "w3", "w4"]
    assert [hole.code for hole in listener.holes] == ["gap"]


async def test_a_bug_in_the_sending_half_ends_the_track_at_once(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would be sent any more, and the server would be asked again and again."""

    def encode(message: ClientMessage) -> str:
        raise ZeroDivisionError("scripted")

    monkeypatch.setattr(connection, "encode_client", encode)
    client = client_of(await serving(), Listener())
    with pytest.raises(ZeroDivisionError):
        await finished(client)
