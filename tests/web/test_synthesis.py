"""POST /v1/synthesis over real sockets: answers, events, retries, refusals, and callers who leave."""

import asyncio
import hashlib
import io
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.support import WAIT_S, Texts, transcript, until
from tests.synthesis.scripted import ScriptedSynthesiser
from tests.web.support import most_in_a_turn, shout
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.syntheses import Syntheses
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.errors import BadInput, EngineFailed
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.settings import Settings
from wordloop_ml.synthesis.chunks import ChunkWords
from wordloop_ml.tokens import Tokens
from wordloop_ml.web import event_stream
from wordloop_ml.web.event_stream import COMMENT, CONTENT_TYPE, EventStream, encode_event
from wordloop_ml.web.http_server import HttpRunner
from wordloop_ml.web.serve import make_app
from wordloop_ml.web.service import Service
from wordloop_ml.web.synthesis import (
    MAX_KEY_CHARS,
    idempotency_key,
    prefers,
)
from wordloop_ml.wire.synthesis import MAX_REQUEST_BYTES

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "wordloop_ml" / "wire" / "synthesis.json").read_text()
)
ROUTE = "/v1/synthesis"
JSON = {"Content-Type": "application/json"}
EVENTS = JSON | {"Accept": "text/event-stream"}
TOKENS = Tokens(
    tuple((tenant, hashlib.sha256(tenant.encode()).digest()) for tenant in ("acme", "globex"))
)

Event = tuple[str, dict[str, Any]]


def check(kind: str, value: dict[str, Any]) -> None:
    """Hold a value to the published schema."""
    jsonschema.validate(value, {"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]})


@dataclass
class Stream:
    """The events of one response, and how many comments came between them."""

    response: aiohttp.ClientResponse
    comments: int = 0
    events: list[Event] = field(default_factory=list)

    async def next(self) -> Event | None:
        """The next event; None at the end."""
        name = ""
        async with asyncio.timeout(WAIT_S):
            async for line in self.response.content:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    self.events.append((name, json.loads(text.removeprefix("data: "))))
                    return self.events[-1]
                elif text.startswith(":"):
                    self.comments += 1
        return None

    async def rest(self) -> list[Event]:
        """Everything, to the end."""
        while await self.next() is not None:
            pass
        return self.events


def head(length: int) -> str:
    """The request line and headers of somebody who wants events."""
    return (
        f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme\r\n"
        f"Accept: text/event-stream\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )


class Scene:
    """A service of two tenants on scripted engines."""

    def __init__(self, service: Service, syntheses: Syntheses, texts: Texts) -> None:
        self.service = service
        self.syntheses = syntheses
        self.texts = texts
        self.port = 0
        self.http = aiohttp.ClientSession()

    def post(
        self,
        content: bytes,
        headers: dict[str, str] = JSON,
        *,
        tenant: str = "acme",
        key: str | None = None,
    ) -> Any:
        own = headers | {"Authorization": f"Bearer {tenant}"}
        if key is not None:
            own |= {"Idempotency-Key": key}
        return self.http.post(
            f"http://127.0.0.1:{self.port}{ROUTE}", data=io.BytesIO(content), headers=own
        )

    async def ask(self, content: bytes, **options: Any) -> tuple[int, dict[str, Any]]:
        """Status and answer."""
        async with asyncio.timeout(WAIT_S), self.post(content, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def stream(self, content: bytes, **options: Any) -> Stream:
        """A response of events, once it has begun."""
        async with asyncio.timeout(WAIT_S):
            response = await self.post(content, EVENTS, **options)
        assert response.content_type == "text/event-stream", await response.text()
        return Stream(response)

    def begin(self, content: bytes, **options: Any) -> "asyncio.Task[tuple[int, dict[str, Any]]]":
        return asyncio.create_task(self.ask(content, **options), name="caller")

    async def leave(self, caller: "asyncio.Task[Any]") -> None:
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller

    def working(self) -> int:
        """How many syntheses there are now."""
        return sum(task.get_name().startswith("synthesis-") for task in asyncio.all_tasks())


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    executor: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=2)
    texts = Texts()
    syntheses = Syntheses(
        PlanRunner(Jobs(executor), texts),
        {"extractive": ScriptedSynthesiser(ChunkWords(wanted=10, most=20))},
        at_once=1,
        waiting=1,
        notes_bytes=1 << 20,
    )
    service = Service(replace(Settings(), port=0), TOKENS)
    service.become_ready(
        Roster(executor, ScriptedVoiceDetector()), ScriptedTranscriber().capabilities, syntheses
    )
    runner = HttpRunner(make_app(service))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one = Scene(service, syntheses, texts)
    one.port = int(runner.addresses[0][1])
    try:
        yield one
    finally:
        await one.http.close()
        assert await syntheses.queue.drain(WAIT_S)
        await runner.cleanup()
        assert await asyncio.to_thread(executor.close, WAIT_S)


async def test_a_transcript_is_answered_with_json_unless_events_are_asked_for(scene: Scene) -> None:
    """By the published schema; nobody on the way may keep it."""
    async with scene.post(transcript()) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        made = await answer.json()
    check("synthesis", made)
    assert [one["segments"] for one in made["decisions"]] == [["s1"]]


async def test_events_tell_how_far_it_is_and_what_was_found_and_end_with_the_result(
    scene: Scene,
) -> None:
    """The same result that JSON would have, each event by the schema."""
    scene.texts.hold()
    stream = await scene.stream(transcript())
    assert stream.response.headers["Cache-Control"] == "no-store"
    assert await stream.next() == ("progress", {"stage": "waiting", "done": 1, "total": 1})
    scene.texts.go.set()
    events = await stream.rest()
    for name, data in events:
        check({"result": "synthesis"}.get(name, name), data)
    assert [name for name, _ in events].count("result") == 1
    assert events[-1][0] == "result"
    items = [data for name, data in events if name == "item"]
    result = events[-1][1]
    assert [one["item"] for one in items if one["kind"] == "decision"] == result["decisions"]
    _, again = await scene.ask(transcript())
    assert again["decisions"] == result["decisions"]


async def test_a_stream_on_which_nothing_moves_is_kept_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By comments, which no client sees as events."""
    monkeypatch.setattr(event_stream, "ALIVE_EVERY_S", 0.01)
    scene.texts.hold()
    stream = await scene.stream(transcript())
    while stream.comments < 3:
        line = await stream.response.content.readline()
        stream.comments += line.startswith(b":")
    scene.texts.go.set()
    assert (await stream.rest())[-1][0] == "result"


async def test_what_fails_before_the_stream_begins_has_a_status(scene: Scene) -> None:
    """And afterwards it is the last event."""
    for content, status in ((b"{}", 400), (b"canary", 400)):
        async with scene.post(content, EVENTS) as answer:
            assert answer.status == status
            assert answer.content_type == "application/problem+json"
    scene.texts.fail = lambda _: EngineFailed("scripted")
    stream = await scene.stream(transcript())
    name, data = (await stream.rest())[-1]
    assert (name, data["code"], data["status"]) == ("error", "engine_failed", 500)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bad_json"),
        (b"[1]", "bad_message"),
        (b'{"meeting_id": "m", "segments": []}', "transcript_empty"),
        (transcript(options={"engine": "generative"}), "unsupported_engine"),
        (transcript(canary=1), "unknown_field"),
    ],
)
async def test_a_wrong_request_is_named(scene: Scene, content: bytes, code: str) -> None:
    """As a problem of status 400, which repeats nothing of it."""
    status, problem = await scene.ask(content)
    assert (status, problem["code"]) == (400, code)
    assert "canary" not in problem["detail"]


async def test_a_body_may_be_as_large_as_the_route_allows(scene: Scene) -> None:
    """More than the application's own limit, and not more than its own."""
    padding = b" " * (MAX_REQUEST_BYTES - len(transcript()))
    status, _ = await scene.ask(transcript() + padding)
    assert status == 200
    answer = await shout(scene.port, head(MAX_REQUEST_BYTES + 1).encode())
    assert "413" in answer
    assert '"too_large"' in answer


async def test_other_media_types_are_refused(scene: Scene) -> None:
    """Named, before anything is read."""
    status, problem = await scene.ask(transcript(), headers={"Content-Type": "text/plain"})
    assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_without_a_token_nothing_is_read(scene: Scene) -> None:
    """The route is behind the same door as all others."""
    url = f"http://127.0.0.1:{scene.port}{ROUTE}"
    async with scene.http.post(url, data=transcript(), headers=JSON) as answer:
        assert answer.status == 401
    assert scene.texts.asked == []


async def test_a_retry_with_the_same_key_gets_the_same_bytes(scene: Scene) -> None:
    """While it runs and later, as JSON or as events; marked as what it is."""
    scene.texts.hold()
    first = scene.begin(transcript(), key='"k"')
    await until(lambda: bool(scene.texts.asked))
    stream = await scene.stream(transcript(), key="k")
    assert stream.response.headers["Idempotent-Replayed"] == "true"
    scene.texts.go.set()
    status, made = await first
    assert status == 200
    assert (await stream.rest())[-1] == ("result", made)
    asked = len(scene.texts.asked)
    async with scene.post(transcript(), key="k") as answer:
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert await answer.json() == made
    late = await scene.stream(transcript(), key="k")
    assert (await late.rest())[-1] == ("result", made)
    assert len(scene.texts.asked) == asked


async def test_the_same_key_with_another_body_is_422(scene: Scene) -> None:
    """For its tenant; another one's key is another key."""
    await scene.ask(transcript(), key="k")
    status, problem = await scene.ask(transcript(meeting_id="other"), key="k")
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    status, _ = await scene.ask(transcript(meeting_id="other"), key="k", tenant="globex")
    assert status == 200
    status, problem = await scene.ask(transcript(), key="a b c")
    assert (status, problem["code"]) == (400, "bad_request")


async def test_a_caller_who_leaves_takes_its_work_along(scene: Scene) -> None:
    """As JSON, as events, and while it waits for its turn."""
    scene.texts.hold()
    caller = scene.begin(transcript())
    await until(lambda: bool(scene.texts.asked))
    waiting = scene.begin(transcript(meeting_id="next"))
    await until(lambda: scene.working() == 2)
    await scene.leave(waiting)
    await until(lambda: scene.working() == 1)
    await scene.leave(caller)
    await until(lambda: scene.working() == 0)
    stream = await scene.stream(transcript())
    await until(lambda: scene.working() == 1)
    stream.response.close()
    await until(lambda: scene.working() == 0)


async def test_the_first_caller_of_a_key_may_leave(scene: Scene) -> None:
    """The second is served; when it has left, too, a retry begins anew."""
    scene.texts.hold()
    first = scene.begin(transcript(), key="k")
    await until(lambda: bool(scene.texts.asked))
    second = await scene.stream(transcript(), key="k")
    await scene.leave(first)
    scene.texts.go.set()
    assert (await second.rest())[-1][0] == "result"


async def test_a_full_desk_answers_503_and_says_when_to_come_back(scene: Scene) -> None:
    """As JSON and as events; who comes back is served."""
    scene.texts.hold()
    callers = [scene.begin(transcript(meeting_id=f"m{number}")) for number in range(2)]
    await until(lambda: scene.working() == 2)
    for headers in (JSON, EVENTS):
        async with scene.post(transcript(), headers) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert (await answer.json(content_type=None))["code"] == "busy"
    scene.texts.go.set()
    assert [status for status, _ in await asyncio.gather(*callers)] == [200, 200]
    assert (await scene.ask(transcript()))[0] == 200


async def test_on_the_way_out_everybody_is_sent_elsewhere(scene: Scene) -> None:
    """503 with Retry-After 0; a stream that has begun ends with the same error."""
    scene.texts.hold()
    stream = await scene.stream(transcript())
    waiting = scene.begin(transcript(meeting_id="next"))
    await until(lambda: scene.working() == 2)
    scene.service.become_unready()
    scene.syntheses.queue.refuse_waiting()
    status, problem = await waiting
    assert (status, problem["code"]) == (503, "draining")
    async with scene.post(transcript()) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "0"
    assert await scene.syntheses.queue.drain(WAIT_S)
    name, data = (await stream.rest())[-1]
    assert (name, data["code"], data["retry_after"]) == ("error", "draining", 0.0)
    assert await scene.service.wait_unconnected(WAIT_S)


async def test_a_reader_that_takes_nothing_is_cut_and_hurts_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its work ends with it."""
    monkeypatch.setattr(event_stream, "SEND_WITHIN_S", 0.05)
    monkeypatch.setattr(event_stream, "ALIVE_EVERY_S", 0.0001)
    monkeypatch.setattr(event_stream, "COMMENT", b":" + b" " * 65_536 + b"\n\n")
    scene.texts.hold()
    content = transcript()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(peer, ("127.0.0.1", scene.port))
        await loop.sock_sendall(peer, head(len(content)).encode() + content)
        await until(lambda: bool(scene.texts.asked))
        await until(lambda: scene.working() == 0)
    scene.texts.go.set()
    assert (await scene.ask(transcript()))[0] == 200


async def test_a_bug_is_told_to_nobody(scene: Scene) -> None:
    """500 and internal; the log has its place."""
    scene.texts.fail = lambda _: ValueError("canary")
    with structlog.testing.capture_logs() as logs:
        status, problem = await scene.ask(transcript())
    assert (status, problem["code"]) == (500, "internal")
    assert "canary" not in str(logs) + str(problem)


async def test_a_server_that_makes_none_says_so(scene: Scene) -> None:
    """404: its profile has nothing to make them with."""
    runner = scene.syntheses._runner
    none = Syntheses(runner, {}, at_once=1, waiting=1, notes_bytes=0)
    scene.service._syntheses = none
    status, problem = await scene.ask(transcript())
    assert (status, problem["code"]) == (404, "not_found")


async def test_a_turn_of_the_loop_sends_one_event() -> None:
    """A socket takes many events without making anybody wait."""
    sent = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = EventStream(request)
        await stream.open()
        while sent < 200:
            await stream.send("item", b"{}")
            sent += 1
        return await stream.end()

    app = web.Application()
    app.router.add_get("/", handle)
    runner = HttpRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with aiohttp.ClientSession() as http:
            asking = asyncio.create_task(http.get(url))
            assert await most_in_a_turn(lambda: sent, lambda: sent == 200) == 1
            async with await asking as response:
                assert (await response.text()).count("event: item") == 200
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (' "a b" ', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("x" * MAX_KEY_CHARS, "x" * MAX_KEY_CHARS),
    ],
)
def test_a_key_is_the_same_with_and_without_quotes(header: str, key: str) -> None:
    """RFC 8941 wants them; many clients leave them out."""
    assert idempotency_key([header]) == key


def test_a_request_may_come_without_a_key() -> None:
    """Then it is new each time."""
    assert idempotency_key([]) is None


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ['""'],
        ["a b"],
        ['"a'],
        ['a"b'],
        ['"a"b"'],
        ['"a\\b"'],
        ["ä"],
        ['"ä"'],
        ["a\tb"],
        ["x" * (MAX_KEY_CHARS + 1)],
        ["a", "a"],
    ],
)
def test_a_malformed_key_is_refused_without_repeating_it(values: list[str]) -> None:
    """Or one that comes twice."""
    with pytest.raises(BadInput) as refused:
        idempotency_key(values)
    assert "ä" not in str(refused.value)


@given(st.text(max_size=300))
def test_whatever_the_header_it_is_a_key_or_refused(text: str) -> None:
    """Nothing else escapes."""
    try:
        key = idempotency_key([text])
    except BadInput:
        return
    assert key is not None
    assert 1 <= len(key) <= MAX_KEY_CHARS


@pytest.mark.parametrize(
    ("accept", "events"),
    [
        ([], False),
        (["*/*"], False),
        (["application/json"], False),
        (["text/event-stream"], True),
        (["Text/Event-Stream; charset=utf-8"], True),
        (["text/event-stream, */*;q=0.1"], True),
        (["application/json, text/event-stream"], True),
        (["application/json", "text/event-stream;q=0.5"], False),
        (["application/json;q=0.2, text/event-stream;q=0.5"], True),
        (["text/event-stream;q=0"], False),
        (["text/event-stream;q=canary"], False),
        (["text/*"], False),
        ([";;,,=;q=,"], False),
    ],
)
def test_events_are_sent_to_those_who_ask_for_them(accept: list[str], events: bool) -> None:
    """By name, and at least as eagerly as for JSON."""
    assert prefers(accept, CONTENT_TYPE, "application/json") is events


@given(st.lists(st.text(max_size=100), max_size=3))
def test_any_accept_header_can_be_read(values: list[str]) -> None:
    """It says yes or no."""
    assert prefers(values, CONTENT_TYPE, "application/json") in {True, False}


def test_an_event_has_its_name_and_one_line_of_data() -> None:
    """And ends with an empty line."""
    assert encode_event("item", '{"text": "né"}'.encode()) == (
        'event: item\ndata: {"text": "né"}\n\n'.encode()
    )


@pytest.mark.parametrize("data", [b"a\nb", b"a\rb", b"\n"])
def test_data_of_several_lines_is_a_bug(data: bytes) -> None:
    """It would end the event early, and begin another."""
    with pytest.raises(ValueError, match="one line"):
        encode_event("item", data)


def test_a_comment_says_nothing() -> None:
    """To whoever parses the stream."""
    assert COMMENT.startswith(b":")
    assert COMMENT.endswith(b"\n\n")
