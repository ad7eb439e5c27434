"""The life of a serving process: start, stop, and every way in which either can go wrong."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest
import structlog

from tests.web.support import WAIT_S, Client, Message, Running, Serving, until
from wordloop_ml import __version__
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    ScriptedVoiceStream,
    silence,
    spoken,
)
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed, StartupHung
from wordloop_ml.messages import Utterance
from wordloop_ml.settings import Settings
from wordloop_ml.web import serve as serving_process
from wordloop_ml.web.drain import Signals
from wordloop_ml.web.serve import serve

LOCAL = replace(Settings(), port=0, workers=1, drain_listen_s=0.0)


async def status(service: Running, probe: str) -> int:
    async with service.session.get(f"{service.url}/{probe}") as answer:
        return answer.status


async def drained_by_stop(service: Running, client: Client) -> list[Message]:
    """Stop the service while the client reads on to the close."""
    stopping = asyncio.create_task(service.stop())
    messages = await client.drained()
    assert await stopping
    return messages


async def test_sigterm_flushes_a_track_that_cannot_resume(serving: Serving) -> None:
    """draining, the final of what was open, ended, 1012."""
    service = await serving()
    client = await service.connect()
    await client.start()
    await client.speak(spoken([1, 2, 3]))
    await client.until("caption")
    messages = await drained_by_stop(service, client)
    assert client.words == ["w1", "w2", "w3"]
    kinds = [one["type"] for one in messages]
    assert kinds.index("draining") < len(kinds) - 1
    assert messages[-1]["type"] == "ended"
    assert messages[-1]["reason"] == "draining"
    assert client.code == 1012


async def test_sigterm_leaves_an_open_utterance_to_the_next_container(serving: Serving) -> None:
    """With an epoch the client resumes: closed segments are final, the open one is not cut."""
    service = await serving()
    client = await service.connect()
    await client.start(epoch=1)
    await client.speak(np.concatenate([spoken([1, 2]), silence(16_000), spoken([3, 4])]))
    await client.until("caption", final=True)
    await client.until("caption", final=False)
    messages = await drained_by_stop(service, client)
    assert client.words == ["w1", "w2"]
    assert messages[-1]["committed"] <= 8_000 + 16_000
    assert messages[-1]["committed"] >= 8_000
    assert client.code == 1012


async def test_while_draining_probes_are_answered_and_new_meetings_refused(
    serving: Serving,
) -> None:
    """The listener stays open until the balancer has noticed; Retry-After is 0: elsewhere."""
    service = await serving(drain_listen_s=0.5)
    stopping = asyncio.create_task(service.stop())
    while await status(service, "readyz") != 503:
        pass
    assert await status(service, "livez") == 200
    async with service.session.get(f"{service.url}/v1/meetings/m/audio") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "0"
        assert (await answer.json(content_type=None))["code"] == "draining"
    assert await stopping


async def test_a_connection_that_has_not_started_is_sent_elsewhere_too(serving: Serving) -> None:
    """It would otherwise be cut with the listener."""
    service = await serving()
    client = await service.connect()
    messages = await drained_by_stop(service, client)
    assert [(one["type"], one["code"]) for one in messages] == [("error", "draining")]
    assert messages[0]["retry_after"] == 0
    assert client.code == 1012


async def test_a_hung_native_call_cannot_hold_the_exit(serving: Serving) -> None:
    """serve says so, and its caller ends the process."""
    hang = threading.Event()

    def fail(utterance: Utterance) -> None:
        if utterance.samples.any():
            assert hang.wait(WAIT_S)

    service = await serving(fail=fail, drain_deadline_s=0.1)
    client = await service.connect()
    await client.start()
    await client.speak(np.concatenate([spoken([1, 2]), silence(16_000)]))
    await client.until("speech_started")
    stopping = asyncio.create_task(service.stop())
    await client.drained()
    assert client.code == 1012
    assert not await stopping
    hang.set()
    service.abandon()


async def test_a_second_signal_cuts_every_wait_short(serving: Serving) -> None:
    """Not the listening time, not the deadline."""
    hang = threading.Event()

    def fail(utterance: Utterance) -> None:
        if utterance.samples.any():
            assert hang.wait(WAIT_S)

    service = await serving(fail=fail, drain_listen_s=60.0, drain_deadline_s=60.0)
    client = await service.connect()
    await client.start()
    await client.speak(np.concatenate([spoken([1, 2]), silence(16_000)]))
    await client.until("speech_started")
    service.signals.hear()
    service.signals.hear()
    hang.set()
    assert await service.stop()


async def test_before_the_models_are_loaded_probes_say_starting_and_a_signal_ends_it() -> None:
    """The listener opens first; a stop does not wait for the load."""
    loading, go_on = threading.Event(), threading.Event()

    def engines(settings: Settings) -> Engines:
        loading.set()
        assert go_on.wait(WAIT_S)
        raise StartupFailed("scripted")

    signals = Signals()
    task = asyncio.create_task(serve(LOCAL, engines=engines, signals=signals))
    await until(loading.is_set)
    signals.hear()
    async with asyncio.timeout(WAIT_S):
        assert not await task
    go_on.set()
    await until(no_loader)


def no_loader() -> bool:
    """Whether the loading thread has ended."""
    return all(thread.name != "load-engines" for thread in threading.enumerate())


async def test_an_engine_that_cannot_be_opened_stops_the_start() -> None:
    """By its name."""

    def engines(settings: Settings) -> Engines:
        raise StartupFailed("scripted", code=ErrorCode.ENGINE_INCOMPATIBLE)

    with pytest.raises(StartupFailed) as refused:
        await serve(LOCAL, engines=engines, signals=Signals())
    assert refused.value.code is ErrorCode.ENGINE_INCOMPATIBLE
    await until(no_loader)


async def test_an_engine_that_fails_its_first_inference_stops_the_start() -> None:
    """Readiness means one real inference on each worker."""
    broken = Engines(
        ScriptedTranscriber(fail=lambda _: EngineFailed("scripted")), ScriptedVoiceDetector()
    )
    with pytest.raises(EngineFailed):
        await serve(LOCAL, engines=lambda _: broken, signals=Signals())
    await until(no_loader)


class HungVoiceDetector(ScriptedVoiceDetector):
    """Its first window takes as long as a test wants."""

    def __init__(self, hang: threading.Event) -> None:
        super().__init__()
        self._hang = hang

    def open_stream(self) -> ScriptedVoiceStream:
        assert self._hang.wait(WAIT_S)
        return super().open_stream()


@pytest.mark.parametrize("what", ["transcriber", "voice detector"])
async def test_a_first_inference_that_hangs_stops_the_start(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name; whoever serves knows that a thread is left behind."""
    monkeypatch.setattr(serving_process, "TRY_WITHIN_S", 0.05)
    monkeypatch.setattr(serving_process, "CLOSE_S", 0.0)
    hang = threading.Event()

    def fail(utterance: Utterance) -> None:
        assert hang.wait(WAIT_S)

    engines = (
        Engines(ScriptedTranscriber(fail=fail), ScriptedVoiceDetector())
        if what == "transcriber"
        else Engines(ScriptedTranscriber(), HungVoiceDetector(hang))
    )
    try:
        with pytest.raises(StartupHung, match=r"did not end within 0.05 s") as refused:
            await serve(replace(LOCAL, workers=2), engines=lambda _: engines, signals=Signals())
        assert refused.value.code is ErrorCode.ENGINE_FAILED
    finally:
        hang.set()
    await until(no_loader)


async def test_a_port_that_is_taken_stops_the_start(serving: Serving) -> None:
    """One clear line, before any model is loaded."""
    service = await serving()
    port = int(service.url.rpartition(":")[2])
    with pytest.raises(StartupFailed, match="cannot listen on"):
        await serve(replace(LOCAL, port=port), signals=Signals())


async def test_connecting_and_vanishing_leaves_no_task_behind(serving: Serving) -> None:
    """A hundred times."""
    service = await serving()
    before = len(asyncio.all_tasks())
    for index in range(100):
        client = await service.connect(f"m{index % 7}")
        if index % 3:
            await client.start()
        if index % 3 == 2:
            await client.speak(spoken([1]))
        await client.socket.close()
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_ready_service_says_so_on_all_three_probes(serving: Serving) -> None:
    """livez, startupz and readyz."""
    service = await serving()
    for probe in ("livez", "startupz", "readyz"):
        async with service.session.get(f"{service.url}/{probe}") as answer:
            assert answer.status == 200


async def test_a_token_is_asked_for_on_every_route_but_health(serving: Serving) -> None:
    """401 before the upgrade, and again for a wrong one."""
    service = await serving(token="right")  # noqa: S106 - a test's own
    audio = f"{service.url}/v1/meetings/m/audio"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic right"}):
        async with service.session.get(audio, headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json(content_type=None))["code"] == "token_refused"
    async with service.session.get(f"{service.url}/readyz") as answer:
        assert answer.status == 200
    client = await service.connect(headers={"Authorization": "Bearer right"})
    await client.start()
    assert await client.until("ready")


async def test_a_browser_page_is_refused(serving: Serving) -> None:
    """Whatever its token: meetings are proxied by core."""
    service = await serving()
    audio = f"{service.url}/v1/meetings/m/audio"
    async with service.session.get(audio, headers={"Origin": "https://example.org"}) as answer:
        assert answer.status == 403
        assert (await answer.json(content_type=None))["code"] == "origin_refused"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/livez", 405, "bad_request"),
        ("GET", "/v1/meetings/m/audio", 400, "bad_request"),
        ("GET", "/v1/meetings/m%20m/audio", 400, "bad_request"),
        ("GET", f"/v1/meetings/{'m' * 65}/audio", 400, "bad_request"),
    ],
)
async def test_what_cannot_be_served_is_a_problem_with_a_code(
    serving: Serving, method: str, path: str, status: int, code: str
) -> None:
    """RFC 9457, never a traceback."""
    service = await serving()
    async with service.session.request(method, f"{service.url}{path}") as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        body = await answer.json(content_type=None)
        assert body["code"] == code
        assert body["status"] == status


async def test_more_meetings_than_allowed_are_refused_before_the_upgrade(serving: Serving) -> None:
    """503 with Retry-After; a second track of a live meeting still gets in."""
    service = await serving(max_meetings=1, max_tracks=2)
    first = await service.connect("one")
    await first.start(track="a")
    await first.until("ready")
    async with service.session.get(f"{service.url}/v1/meetings/two/audio") as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await answer.json(content_type=None))["code"] == "busy"
    second = await service.connect("one")
    await second.start(track="b")
    await second.until("ready")
    async with service.session.get(f"{service.url}/v1/meetings/one/audio") as answer:
        assert answer.status == 503


async def test_the_log_says_what_runs_and_how_it_leaves(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version, the threads and the limits; the signal, what is waited for, and how long it took."""
    monkeypatch.setattr("wordloop_ml.web.drain.TELL_EVERY_S", 0.01)
    with structlog.testing.capture_logs() as logs:
        service = await serving(drain_listen_s=0.3)
        client = await service.connect()
        await client.start()
        await client.until("ready")
        await drained_by_stop(service, client)
    ready, started, progress, ended = (
        next(one for one in logs if one["event"] == event)
        for event in ("ready", "drain_started", "drain_progress", "drain_ended")
    )
    assert (ready["version"], ready["workers"], ready["max_meetings"]) == (__version__, 2, 64)
    assert (started["signal"], started["tracks"], started["connections"]) == ("SIGTERM", 1, 1)
    assert (progress["tracks"], progress["forced"]) == (1, False)
    assert ended["in_time"]
    assert ended["seconds"] >= 0.3
