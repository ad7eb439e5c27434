"""Who may come in: tokens, and the pages that browsers speak for."""

import io
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import structlog

from tests.web.support import Client, Running, Serving, until
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    silence,
    spoken,
)
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.tokens import Tokens
from wordloop_ml.web import access
from wordloop_ml.web.access import TokenFile

ACME, NEXT, GLOBEX = "acme-token-012345", "next-token-012345", "globex-token-0123"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def refused(
    service: Running, headers: Any = None, meeting: str = "m"
) -> tuple[int, str, str]:
    """Status, code and WWW-Authenticate of the answer to a request for the meeting route."""
    audio = f"{service.url}/v1/meetings/{meeting}/audio"
    async with service.session.get(audio, headers=headers) as answer:
        code: str = (await answer.json(content_type=None))["code"]
        return answer.status, code, answer.headers.get("WWW-Authenticate", "")


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file with a token of each of two tenants."""
    path = tmp_path / "tokens"
    path.write_text(f"acme: {ACME}\nglobex: {GLOBEX}\n")
    return path


def rotate(tokens: Path) -> None:
    tokens.write_text(f"acme: {NEXT}\nglobex: {GLOBEX}\n")


async def says(client: Client, *words: int) -> list[str]:
    """Speak and stop; what came back as finals."""
    await client.speak(np.concatenate([spoken(words), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    return client.words


async def test_a_request_without_a_token_is_told_the_scheme(serving: Serving) -> None:
    """RFC 6750: an error is named only to who presented a token."""
    service = await serving(token="right")  # noqa: S106 - a test's own
    assert await refused(service) == (401, "token_refused", 'Bearer realm="wordloop"')
    assert await refused(service, {"Authorization": "Basic cmlnaHQ="}) == (
        401,
        "token_refused",
        'Bearer realm="wordloop"',
    )


@pytest.mark.parametrize("token", ["wrong", "", "righ", "right right", "t\u00f6ken", "x" * 4_000])
async def test_a_wrong_token_is_refused(serving: Serving, token: str) -> None:
    """Whatever it is made of."""
    service = await serving(token="right")  # noqa: S106 - a test's own
    status, code, scheme = await refused(service, bearer(token))
    assert (status, code) == (401, "token_refused")
    assert scheme == 'Bearer realm="wordloop", error="invalid_token"'


async def test_a_page_offers_its_token_as_a_subprotocol(serving: Serving) -> None:
    """A browser cannot set a header of a WebSocket; the answer selects what is no secret."""
    service = await serving(token="right/+=")  # noqa: S106 - a test's own
    offered = ("wordloop.v1", "wordloop.bearer.cmlnaHQvKz0")
    client = await service.connect(protocols=offered)
    assert client.socket.protocol == "wordloop.v1"
    await client.start()
    assert await says(client, 1) == ["w1"]
    with pytest.raises(aiohttp.WSServerHandshakeError) as wrong:
        await service.connect(protocols=("wordloop.v1", "wordloop.bearer.d3Jvbmc"))
    assert wrong.value.status == 401


@pytest.mark.parametrize("key", ["right-s3cret", "wrong-s3cret"])
async def test_no_subprotocol_that_is_offered_reaches_the_log(
    serving: Serving, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp warns of subprotocols that it does not know, and one of them is a key."""
    written = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    configure_logs("debug", "json", written)
    service = await serving(token="right-s3cret")  # noqa: S106 - a test's own
    for offered in (("token", key), ("realtime", f"openai-insecure-api-key.{key}")):
        with suppress(aiohttp.WSServerHandshakeError):
            await service.connect(protocols=offered)
    assert "library_log" in written.getvalue() or key.startswith("wrong")
    assert "s3cret" not in written.getvalue()
    structlog.reset_defaults()


async def test_two_authorisations_are_none(serving: Serving) -> None:
    """A proxy in between may have read the other one."""
    service = await serving(token="right")  # noqa: S106 - a test's own
    both = [("Authorization", "Bearer right"), ("Authorization", "Bearer wrong")]
    assert (await refused(service, both))[0] == 401


@pytest.mark.parametrize("path", ["/", "/nothing", "/v1/meetings", "/metrics", "/livez/x"])
async def test_without_a_token_nobody_learns_which_routes_there_are(
    serving: Serving, path: str
) -> None:
    """401 comes before 404."""
    service = await serving(token="right")  # noqa: S106 - a test's own
    async with service.session.get(service.url + path) as answer:
        assert answer.status == 401


async def test_two_tenants_with_one_meeting_id_do_not_meet(serving: Serving, tokens: Path) -> None:
    """The same meeting, the same track: each hears its own, and nobody is superseded."""
    service = await serving(tokens_file=str(tokens))
    ours = await service.connect("standup", headers=bearer(ACME))
    theirs = await service.connect("standup", headers=bearer(GLOBEX))
    for client in (ours, theirs):
        await client.start(epoch=1)
        await client.until("ready")
    assert await says(ours, 1, 2) == ["w1", "w2"]
    assert await says(theirs, 8, 9) == ["w8", "w9"]
    assert (ours.code, theirs.code) == (1000, 1000)


async def test_a_full_meeting_of_one_tenant_does_not_fill_another_s(
    serving: Serving, tokens: Path
) -> None:
    """Tracks are counted in a tenant's own meeting."""
    service = await serving(tokens_file=str(tokens), max_tracks=1)
    ours = await service.connect("standup", headers=bearer(ACME))
    await ours.start()
    await ours.until("ready")
    assert (await refused(service, bearer(ACME), "standup"))[:2] == (503, "busy")
    theirs = await service.connect("standup", headers=bearer(GLOBEX))
    await theirs.start()
    await theirs.until("ready")


async def test_a_token_that_is_taken_away_lets_nobody_in_and_throws_nobody_out(
    serving: Serving, tokens: Path
) -> None:
    """Old and new are both good in between."""
    service = await serving(tokens_file=str(tokens))
    live = await service.connect(headers=bearer(ACME))
    await live.start()
    await live.until("ready")
    rotate(tokens)
    answers: list[int] = []
    while 401 not in answers:  # the file is read every two seconds
        answers.append((await refused(service, bearer(ACME)))[0])
    assert (await refused(service, bearer(NEXT)))[1] == "bad_request"
    assert await says(live, 5, 6) == ["w5", "w6"]
    assert live.code == 1000


async def test_a_bad_tokens_file_stops_the_start(serving: Serving, tmp_path: Path) -> None:
    """Before the service listens."""
    with pytest.raises(StartupFailed) as error:
        await serving(tokens_file=str(tmp_path / "missing"))
    assert error.value.code is ErrorCode.BAD_TOKENS_FILE


@pytest.mark.parametrize(
    ("origins", "status"),
    [
        (["https://app.example.org"], 400),  # let in, and then no upgrade is asked for
        (["http://localhost:3000"], 400),
        (["https://app.example.org", "http://localhost:3000"], 400),
        (["https://app.example.org/"], 403),
        (["https://APP.example.org"], 403),
        (["https://evil.example"], 403),
        (["https://app.example.org.evil.example"], 403),
        (["http://app.example.org"], 403),
        (["null"], 403),
        ([""], 403),
        (["https://app.example.org", "https://evil.example"], 403),
    ],
)
async def test_only_listed_origins_come_in(
    serving: Serving, origins: list[str], status: int
) -> None:
    """As browsers write them, all of them, to the letter."""
    service = await serving(allowed_origins="https://app.example.org, http://localhost:3000")
    answer = await refused(service, [("Origin", one) for one in origins])
    assert answer[0] == status
    assert answer[1] == ("origin_refused" if status == 403 else "bad_request")


async def test_a_listed_origin_still_needs_a_token(serving: Serving) -> None:
    """The list keeps pages out; it lets nobody in."""
    service = await serving(
        token="right",  # noqa: S106 - a test's own
        allowed_origins="https://app.example.org",
    )
    assert (await refused(service, {"Origin": "https://app.example.org"}))[0] == 401
    client = await service.connect(headers={"Origin": "https://app.example.org", **bearer("right")})
    await client.start()
    await client.until("ready")
    await client.send(type="stop")
    await client.drained()
    await until(lambda: client.code is not None)


TOKEN = "right-token-012345"  # noqa: S105 - a test's own
PAGE, OTHER, EVIL = "https://app.example.org", "http://localhost:3000", "https://evil.example"
ROUTES = ["/v1/embeddings", "/v1/synthesis", "/v1/meetings/m/audio", "/readyz"]
TRANSCRIPT = {
    "meeting_id": "m",
    "segments": [
        {"id": "a", "track": "a", "start": 0, "end": 9, "text": "We decided to ship on Friday."}
    ],
}


async def started(serving: Serving, **changes: Any) -> Running:
    engines = Engines(ScriptedTranscriber(), ScriptedVoiceDetector(), embedder=ScriptedEmbedder())
    listed = {"allowed_origins": f"{PAGE}, {OTHER}", "token": TOKEN}
    return await serving(engines=engines, **(listed | changes))


async def ask(
    service: Running, method: str, path: str, origin: str | None = PAGE, **options: Any
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and content of an answer."""
    headers = {} if origin is None else {"Origin": origin}
    headers |= options.pop("headers", {})
    async with service.session.request(
        method, service.url + path, headers=headers, **options
    ) as answer:
        return answer.status, answer.headers, await answer.read()


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
}


def allowed(headers: Mapping[str, str]) -> str | None:
    """Which page may read the answer."""
    assert "Access-Control-Allow-Credentials" not in headers
    return headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("path", [*ROUTES, "/nothing"])
@pytest.mark.parametrize("origin", [PAGE, OTHER])
async def test_a_listed_page_may_ask_before_it_sends_a_token(
    serving: Serving, path: str, origin: str
) -> None:
    """On every path, so that nobody learns which routes there are."""
    service = await started(serving)
    status, headers, content = await ask(service, "OPTIONS", path, origin, headers=PREFLIGHT)
    assert (status, content) == (204, b"")
    assert allowed(headers) == origin
    assert "POST" in headers["Access-Control-Allow-Methods"].split(", ")
    for name in ("Authorization", "Content-Type", "Idempotency-Key", "*"):
        assert name in headers["Access-Control-Allow-Headers"].split(", ")
    assert headers["Vary"] == "Origin"
    assert int(headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("origin", [EVIL, "null", PAGE.upper()])
async def test_another_page_is_refused(serving: Serving, origin: str) -> None:
    """Before the question is looked at, and without a word that its browser would let it read."""
    service = await started(serving)
    for path in ROUTES[:3]:
        status, headers, _ = await ask(service, "OPTIONS", path, origin, headers=PREFLIGHT)
        assert (status, allowed(headers)) == (403, None)
    status, headers, _ = await ask(service, "OPTIONS", "/readyz", origin, headers=PREFLIGHT)
    assert (status, allowed(headers)) == (405, None)
    status, headers, _ = await ask(service, "GET", "/readyz", origin)
    assert (status, allowed(headers)) == (200, None)


async def test_without_a_list_no_page_is_answered(serving: Serving) -> None:
    """As before there was one."""
    service = await started(serving, allowed_origins="")
    assert (await ask(service, "OPTIONS", ROUTES[0], headers=PREFLIGHT))[0] == 403
    status, headers, _ = await ask(service, "GET", "/readyz")
    assert (status, allowed(headers)) == (200, None)
    assert "Vary" not in headers


async def test_options_is_a_question_only_as_browsers_ask_it(serving: Serving) -> None:
    """Without an origin, or a method, it is a method that no route has."""
    service = await started(serving)
    assert (await ask(service, "OPTIONS", ROUTES[0], None, headers=PREFLIGHT))[0] == 401
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert (await ask(service, "OPTIONS", ROUTES[0], headers=token))[0] == 405


async def test_a_listed_page_may_read_every_answer(serving: Serving) -> None:
    """What was asked for, what was refused, and a stream of events."""
    service = await started(serving)
    token = {"Authorization": f"Bearer {TOKEN}"}
    events = token | {"Accept": "text/event-stream"}
    asked: list[tuple[int, str, str, dict[str, Any]]] = [
        (200, "POST", "/v1/embeddings", {"json": {"input": "a word"}, "headers": token}),
        (200, "POST", "/v1/synthesis", {"json": TRANSCRIPT, "headers": token}),
        (200, "POST", "/v1/synthesis", {"json": TRANSCRIPT, "headers": events}),
        (200, "GET", "/readyz", {}),
        (401, "POST", "/v1/embeddings", {"json": {"input": "a word"}}),
        (400, "POST", "/v1/embeddings", {"json": {"inputs": ""}, "headers": token}),
        (415, "POST", "/v1/synthesis", {"data": b"text", "headers": token}),
        (404, "GET", "/nothing", {"headers": token}),
        (405, "GET", "/v1/embeddings", {"headers": token}),
        (400, "GET", "/v1/meetings/m/audio", {"headers": token}),
    ]
    for expected, method, path, options in asked:
        status, headers, content = await ask(service, method, path, **options)
        assert (status, allowed(headers), headers["Vary"]) == (expected, PAGE, "Origin")
        assert "Retry-After" in headers["Access-Control-Expose-Headers"]
    assert content


async def test_who_is_no_page_is_not_told_of_any(serving: Serving) -> None:
    """But caches are told that pages get other headers."""
    service = await started(serving)
    status, headers, _ = await ask(service, "GET", "/readyz", None)
    assert (status, allowed(headers), headers["Vary"]) == (200, None, "Origin")


OLD, NEW = "old-token-0123456", "new-token-0123456"

Watch = Callable[[Path], TokenFile]


class Used:
    """The tokens that are in use now, and how often they changed."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.changes = 0

    def __call__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.changes += 1

    def lets_in(self, token: str) -> bool:
        return self.tokens.required and self.tokens.tenant_of(token.encode()) is not None


@pytest.fixture
def used() -> Used:
    return Used()


@pytest.fixture
async def watch(used: Used) -> AsyncIterator[Watch]:
    """Watch a file closely; every watch ends with the test."""
    files: list[TokenFile] = []

    def begin(path: Path) -> TokenFile:
        files.append(TokenFile(path, used, read_every_s=0.005))
        return files[-1]

    yield begin
    for one in files:
        one.close()


def replaced(path: Path, content: str) -> None:
    """As Kubernetes does it: another file, and a link that is swapped."""
    target = path.with_name(f"target-{len(list(path.parent.iterdir()))}")
    target.write_text(content)
    link = path.with_name("..new")
    link.symlink_to(target)
    link.rename(path)


async def test_tokens_rotate_by_way_of_both(tmp_path: Path, used: Used, watch: Watch) -> None:
    """Old, old and new, new."""
    path = tmp_path / "tokens"
    replaced(path, f"acme: {OLD}")
    await watch(path).open()
    assert used.lets_in(OLD)
    assert not used.lets_in(NEW)
    replaced(path, f"acme: {OLD}\nacme: {NEW}")
    await until(lambda: used.lets_in(NEW))
    assert used.lets_in(OLD)
    replaced(path, f"acme: {NEW}")
    await until(lambda: not used.lets_in(OLD))
    assert used.lets_in(NEW)
    assert used.changes == 3


async def test_an_edit_that_changes_neither_size_nor_time_is_seen(
    tmp_path: Path, used: Used, watch: Watch
) -> None:
    """What the file holds is compared."""
    path = tmp_path / "tokens"
    path.write_text(f"acme: {OLD}")
    before = path.stat()
    await watch(path).open()
    path.write_text(f"acme: {NEW}")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    await until(lambda: used.lets_in(NEW))


async def test_a_bad_file_changes_nothing_and_is_named_once(
    tmp_path: Path, used: Used, watch: Watch
) -> None:
    """Until it is mended; the line is named and not quoted."""
    path = tmp_path / "tokens"
    replaced(path, f"acme: {OLD}")
    with structlog.testing.capture_logs() as logs:
        await watch(path).open()
        replaced(path, f"acme {NEW}")
        await until(lambda: len(logs) == 2)
        path.unlink()
        await until(lambda: len(logs) == 3)
        assert used.lets_in(OLD)
        assert used.changes == 1
        replaced(path, f"acme: {OLD}")
        await until(lambda: len(logs) == 4)
    assert [one["event"] for one in logs] == [
        "tokens_read",
        "tokens_refused",
        "tokens_refused",
        "tokens_read",
    ]
    assert logs[1]["code"] == "bad_tokens_file"
    assert "line 1" in logs[1]["reason"]
    assert NEW not in str(logs)


async def test_a_bad_first_file_is_refused(tmp_path: Path, used: Used, watch: Watch) -> None:
    """Nobody is let in by it."""
    with pytest.raises(StartupFailed, match="cannot be read"):
        await watch(tmp_path / "missing").open()
    assert used.changes == 0


async def test_a_bug_ends_no_watch(
    tmp_path: Path, used: Used, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails the start; later on the thread goes on reading."""
    path = tmp_path / "tokens"
    replaced(path, f"acme: {OLD}")

    def fail(content: str) -> Tokens:
        raise ZeroDivisionError("canary")

    def refused() -> list[object]:
        return [one.get("error") for one in logs if one["event"] == "tokens_refused"]

    with structlog.testing.capture_logs() as logs:
        with monkeypatch.context() as patched:
            patched.setattr(access, "parse_tokens", fail)
            first = watch(path)
            with pytest.raises(ZeroDivisionError):
                await first.open()
            first.close()
        await watch(path).open()
        with monkeypatch.context() as patched:
            patched.setattr(access, "parse_tokens", fail)
            await until(lambda: refused() == ["ZeroDivisionError"])
        replaced(path, f"acme: {NEW}")
        await until(lambda: used.lets_in(NEW))
    assert "canary" not in str(logs)
