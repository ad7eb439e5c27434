"""Pages of other origins, as browsers ask for them: the protocol of CORS."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.web.support import Running, Serving
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
)

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
