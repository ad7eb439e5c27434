"""What a peer may not do for long: flood, hurry, not read, vanish, or come when it is full."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.support import Client, Running, Serving, until
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.errors import BadInput, ErrorCode, WordloopError
from wordloop_ml.meetings.session import CaptionTiming, Outbox, OutboxEvent, Ping
from wordloop_ml.web import meeting_socket, track_socket
from wordloop_ml.web.track_socket import ANSWER_WITHIN_S, PING_EVERY_S, Liveness, TokenBucket
from wordloop_ml.wire.close_codes import close_reason
from wordloop_ml.wire.server_messages import Limits

SLOW = {"audio_frames_per_s": 10, "realtime_factor": 1}
"""Limits that are reached soon: 1200 messages at once, or 120 s of audio."""

FLOOD = 1_500

FULL = {"stretch_load": 0.01, "drop_load": 0.01, "new_meeting_load": 0.01, "resume_load": 1_000.0}
"""One meeting is all that there is room for."""


async def ended(client: Client) -> tuple[str, int | None]:
    """The error and the close code."""
    errors = [one["code"] for one in await client.drained() if one["type"] == "error"]
    assert len(errors) == 1
    return errors[0], client.code


@pytest.mark.parametrize("frame", [b"", '{"type":"keepalive"}', b"\0\0"])
async def test_a_flood_of_messages_with_little_or_no_audio_is_ended(
    serving: Serving, frame: bytes | str
) -> None:
    """4505, too_fast."""
    client = await (await serving(**SLOW)).connect()
    await client.start()
    with suppress(aiohttp.ClientConnectionResetError):
        for _ in range(FLOOD):
            if isinstance(frame, bytes):
                await client.socket.send_bytes(frame)
            else:
                await client.socket.send_str(frame)
    assert await ended(client) == ("too_fast", 4505)


async def test_a_peer_that_has_stopped_may_be_silent_while_its_finals_are_made() -> None:
    """However long that takes under load; pongs are still wanted of it."""
    waiting, talking = (Liveness(Outbox(), within_s=1.0) for _ in range(2))
    waiting.stopped()
    for liveness in (waiting, talking):
        liveness.waited(1.5)
    waiting.check_silence()
    with pytest.raises(BadInput):
        talking.check_silence()
    waiting.waited(1_000.0)  # a ping goes out
    with pytest.raises(WordloopError):
        waiting.waited(1_000.0)


@pytest.mark.parametrize("beat", ["ping", "pong"])
async def test_a_flood_of_heartbeats_is_ended(serving: Serving, beat: str) -> None:
    """They are messages, too."""
    client = await (await serving(**SLOW)).connect()
    await client.start()
    with suppress(aiohttp.ClientConnectionResetError):
        for _ in range(FLOOD):
            await getattr(client.socket, beat)()
    assert await ended(client) == ("too_fast", 4505)


async def test_live_audio_that_is_too_fast_is_ended_and_a_replay_is_not(serving: Serving) -> None:
    """More than two minutes at once, and the same amount with ``live_from`` behind it."""
    service = await serving(**SLOW)
    audio = silence(16_000 * 130)
    replay = await service.connect("replay")
    await replay.start(epoch=2, live_from=len(audio))
    await replay.speak(audio, frame_samples=16_000)
    await replay.send(type="stop")
    assert (await replay.drained())[-1]["received"] == len(audio)
    live = await service.connect("live")
    await live.start()
    reading = asyncio.create_task(ended(live))
    with suppress(aiohttp.ClientConnectionResetError):
        await live.speak(np.tile(audio, 2), frame_samples=16_000)
    assert await reading == ("too_fast", 4505)


async def test_ready_announces_the_limits_that_hold(serving: Serving) -> None:
    """As they are set."""
    client = await (await serving(audio_frames_per_s=50, realtime_factor=3)).connect()
    await client.start()
    limits = (await client.until("ready"))["limits"]
    assert (limits["audio_frames_per_s"], limits["realtime_factor"]) == (50, 3)


def sending_tasks() -> int:
    """How many connections are being served."""
    return sum(task.get_name().startswith("send-") for task in asyncio.all_tasks())


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pulse in which a test has no time to fall asleep."""
    monkeypatch.setattr(track_socket, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(track_socket, "ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr(track_socket, "LOOK_EVERY_S", 0.02)


@pytest.mark.usefixtures("hurried")
async def test_a_peer_that_does_not_read_is_ended_though_it_sends(serving: Serving) -> None:
    """4001, whatever the buffers in between could still hold."""
    client = await (await serving()).connect(autoping=False)
    await client.start()
    await until(lambda: sending_tasks() == 1)
    while sending_tasks():
        with suppress(aiohttp.ClientConnectionResetError):
            await client.socket.send_bytes(bytes(640))
        await asyncio.sleep(0)
    seen = []
    while (frame := await client.socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
        seen.append(frame)
    assert "slow_consumer" in seen[-1].data
    assert frame.data == 4001


@pytest.mark.usefixtures("hurried")
async def test_a_peer_that_reads_stays_however_little_it_says(serving: Serving) -> None:
    """Its pongs are its life."""
    client = await (await serving()).connect(autoping=False)
    await client.start()
    answered = 0
    while answered < 5:
        frame = await client.socket.receive()
        if frame.type is aiohttp.WSMsgType.PING:
            await client.socket.pong(frame.data)
            answered += 1
    await client.send(type="stop")
    await client.drained()
    assert client.code == 1000


@pytest.mark.usefixtures("hurried")
async def test_answers_to_pings_do_not_keep_an_idle_connection(serving: Serving) -> None:
    """4003: what a WebSocket library answers by itself says nothing, and the text says what would."""
    client = await (await serving(idle_s=1.0)).connect()
    await client.start()
    assert await ended(client) == ("idle", 4003)
    assert client.messages[-1]["message"] == "no audio, keepalive or ping of yours for 1 s"


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("beat", ["ping", "pong"])
async def test_a_client_that_sends_heartbeats_is_there_though_it_is_muted(
    serving: Serving, beat: str
) -> None:
    """As libraries for Python and Go send pings, and those for .NET pongs that nobody asked for."""
    service = await serving(idle_s=1.0)
    muted = await service.connect("muted")
    await muted.start()
    reading = asyncio.create_task(muted.drained())
    for _ in range(2):
        silent = await service.connect("silent")
        await silent.start()
        waiting = asyncio.create_task(ended(silent))
        while not waiting.done():
            await getattr(muted.socket, beat)()
            await asyncio.wait({waiting}, timeout=0.1)
        assert await waiting == ("idle", 4003)
    await muted.send(type="stop")
    await reading
    assert muted.code == 1000


async def test_heartbeats_do_not_stand_in_for_start(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds a place has to say what for."""
    monkeypatch.setattr(meeting_socket, "START_WITHIN_S", 0.2)
    client = await (await serving()).connect()
    reading = asyncio.create_task(ended(client))
    while not reading.done():
        with suppress(aiohttp.ClientConnectionResetError):
            await client.socket.ping()
        await asyncio.wait({reading}, timeout=0.02)
    assert await reading == ("idle", 4003)
    assert client.messages[-1]["message"] == "no start for 0.2 s"


async def loaded(serving: Serving) -> tuple[Running, Client]:
    """A service with one meeting, which is all that it takes."""
    service = await serving(cost=lambda _: 0.02, **FULL)
    client = await service.connect("first")
    await client.start(epoch=1)
    await client.speak(np.concatenate([spoken(range(1, 40)), silence(16_000)]))
    await client.until("caption", final=True)
    return service, client


async def test_a_new_meeting_is_refused_before_the_upgrade_and_a_resumed_one_is_not(
    serving: Serving,
) -> None:
    """503 with Retry-After; what says that it resumes has to."""
    service, first = await loaded(serving)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await service.connect("new")
    assert refused.value.status == 503
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) > 0
    resumed = await service.connect("moved", resume=True)
    await resumed.start(epoch=2, resume_from=16_000, last_seq=1)
    await resumed.until("ready")
    liar = await service.connect("liar", resume=True)
    await liar.start(epoch=1)
    assert await ended(liar) == ("busy", 1013)
    assert "retry_after" in liar.messages[-1]
    another = await service.connect("first")
    await another.start(track="b")
    await another.until("ready")
    assert first.code is None


async def test_clients_hear_that_interims_come_less_often_and_get_every_final(
    serving: Serving,
) -> None:
    """``degraded``; nothing that was said is lost."""
    _, client = await loaded(serving)
    said = [*range(1, 40)]
    degraded = {"type": "notice", "code": "degraded"}
    while degraded not in client.messages:  # the load is looked at a few times in a second
        said += [said[-1] + 2, said[-1] + 3]
        await client.speak(np.concatenate([spoken(said[-2:]), silence(16_000)]))
        await client.until("caption", final=True)
    await client.send(type="stop")
    await client.drained()
    assert [one for one in client.messages if one["type"] == "notice"] == [degraded]
    assert client.words == [f"w{number}" for number in said]


async def test_hundreds_of_peers_that_connect_and_vanish_leave_no_task_and_no_file(
    serving: Serving,
) -> None:
    """In every state that a connection can be in, mostly without a close frame."""
    service = await serving()
    process = psutil.Process()
    tasks, files = len(asyncio.all_tasks()), process.num_fds()
    for index in range(200):
        client = await service.connect(f"m{index % 7}")
        if index % 4:
            await client.start(track=f"t{index % 5}", epoch=index)
        if index % 4 == 2:
            await client.speak(spoken([1]))
        if index % 4:
            assert client.socket._response.connection is not None
            transport = client.socket._response.connection.transport
            assert transport is not None
            transport.abort()
        await client.socket.close()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    await until(lambda: process.num_fds() <= files + 8)  # the session keeps a few of its own


class CountingOutbox(Outbox):
    """Counts the pings that are put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.pings = 0

    def put(self, event: OutboxEvent, timing: CaptionTiming | None = None) -> None:
        self.pings += isinstance(event, Ping)
        super().put(event, timing)


def test_a_peer_is_pinged_and_has_time_to_answer() -> None:
    """Again and again."""
    outbox = CountingOutbox()
    liveness = Liveness(outbox, within_s=60.0)
    for asked in range(3):
        assert outbox.pings == asked
        liveness.waited(PING_EVERY_S)
        assert outbox.pings == asked + 1
        liveness.waited(ANSWER_WITHIN_S - 0.1)
        assert outbox.pings == asked + 1
        assert liveness.answered()


def test_a_peer_that_does_not_answer_is_a_slow_consumer() -> None:
    """Within ten seconds in all, its close included."""
    liveness = Liveness(Outbox(), within_s=60.0)
    liveness.waited(PING_EVERY_S)
    with pytest.raises(BadInput) as caught:
        liveness.waited(ANSWER_WITHIN_S)
    assert caught.value.code is ErrorCode.SLOW_CONSUMER
    assert PING_EVERY_S + ANSWER_WITHIN_S + 2.0 < 10.0


def test_a_pong_without_a_ping_is_a_heartbeat_of_the_peer_s_own() -> None:
    """It does not put off our ping."""
    outbox = CountingOutbox()
    liveness = Liveness(outbox, within_s=60.0)
    liveness.waited(PING_EVERY_S / 2)
    assert not liveness.answered()
    liveness.waited(PING_EVERY_S / 2)
    assert outbox.pings == 1


LIMITS = Limits()


def messages_until_refused(bucket: TokenBucket, now_s: float = 0.0) -> int:
    """How many messages without audio are taken at one moment."""
    for count in range(100_000):
        if not taken(bucket, now_s):
            return count
    raise AssertionError


def taken(bucket: TokenBucket, now_s: float, **audio: Any) -> bool:
    """Whether a message is, or is named as being too fast."""
    try:
        bucket.spend(now_s, **audio)
    except BadInput as error:
        return error.code is not ErrorCode.TOO_FAST
    return True


@given(st.lists(st.sampled_from([0.005, 0.01, 0.02, 0.06, 0.1]), min_size=1, max_size=50))
def test_audio_at_the_speed_of_speech_is_never_too_fast(frames_s: list[float]) -> None:
    """For an hour, in frames of 5 ms or longer, after any stall of up to two minutes."""
    bucket = TokenBucket(LIMITS)
    bucket.spend(0.0)
    said_s = 0.0
    for round_ in range(30):
        stall_s = 110.0 if round_ % 10 == 9 else 0.0
        for audio_s in frames_s:
            said_s += audio_s
            bucket.spend(said_s + stall_s, audio_s=audio_s)
        said_s += stall_s


@pytest.mark.parametrize("frame_s", [128 / 48_000, 128 / 44_100, 0.0025])
def test_the_shortest_frames_in_use_are_never_too_fast(frame_s: float) -> None:
    """An AudioWorklet's, and Opus packets of 2.5 ms: an hour, with a stall of a minute in between."""
    bucket = TokenBucket(LIMITS)
    for index in range(round(3_600 / frame_s)):
        at_s = index * frame_s
        stalled = 600.0 < at_s < 660.0
        bucket.spend(660.0 if stalled else at_s, audio_s=frame_s)


@pytest.mark.parametrize(
    ("audio_s", "limit"),
    [
        (0.1, "over 2 s of live audio a second (realtime_factor)"),
        (0.001, "over 500 messages a second (audio_frames_per_s)"),
        (0.0, "over 500 messages a second (audio_frames_per_s)"),
    ],
)
def test_what_is_too_fast_is_told_which_limit_it_broke(audio_s: float, limit: str) -> None:
    """By the name that ``ready`` gave it, in words that fit into a close frame."""
    bucket = TokenBucket(LIMITS)

    def flood() -> None:
        for _ in range(100_000):
            bucket.spend(0.0, audio_s=audio_s)

    with pytest.raises(BadInput) as caught:
        flood()
    assert str(caught.value) == limit
    assert close_reason(caught.value.code, limit).endswith(limit)


def test_twice_the_speed_of_speech_is_allowed_and_more_is_not_for_long() -> None:
    """Three times is too fast after the credit of two minutes."""
    for factor, allowed in ((2, True), (3, False)):
        bucket = TokenBucket(LIMITS)
        frames = range(4_000)
        assert all(taken(bucket, index * 0.1 / factor, audio_s=0.1) for index in frames) is allowed


def test_a_flood_without_audio_is_bounded_at_once_and_in_the_long_run() -> None:
    """30,000 messages, then five hundred a second."""
    bucket = TokenBucket(LIMITS)
    assert messages_until_refused(bucket) == pytest.approx(30_000, abs=2)
    assert messages_until_refused(bucket, 10.0) == pytest.approx(5_000, abs=3)


def test_a_replay_costs_nothing_unless_it_is_a_flood_in_disguise() -> None:
    """Any amount of audio, but in frames of some length."""
    bucket = TokenBucket(LIMITS)
    assert all(taken(bucket, 0.0, audio_s=1.0, replay=True) for _ in range(10_000))
    assert not all(taken(bucket, 0.0, audio_s=1 / 16_000, replay=True) for _ in range(50_000))
