"""Errors in the form of their path, wherever they come from."""

from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from tests.web.support import Running, Serving
from wordloop_ml.errors import Busy
from wordloop_ml.web.errors import FORMS, errors, request_id
from wordloop_ml.web.http_server import HttpRunner
from wordloop_ml.web.serve import ERROR_FORMS

TOKEN = "right-token-012345"  # noqa: S105 - a test's own


async def ask(service: Running, path: str, token: str = TOKEN, **options: Any) -> Any:
    """Status, headers and JSON of an answer."""
    headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
    method = options.pop("method", "GET")
    async with service.session.request(
        method, service.url + path, headers=headers, **options
    ) as answer:
        return answer.status, answer.headers, await answer.json(content_type=None)


@pytest.mark.parametrize("path", sorted(ERROR_FORMS))
async def test_what_access_refuses_has_the_form_of_its_path(serving: Serving, path: str) -> None:
    """A wrong token, and a page of another origin."""
    service = await serving(token=TOKEN)
    for status, headers, fields in [
        await ask(service, path, token="wrong"),  # noqa: S106 - likewise
        await ask(service, path, headers={"Origin": "https://evil.example"}),
    ]:
        assert status in (401, 403)
        assert (status == 401) == ("WWW-Authenticate" in headers)
        assert headers["Content-Type"].startswith("application/json")
        assert "status" not in fields


async def test_a_path_that_does_not_exist_has_the_form_of_those_beside_it(
    serving: Serving,
) -> None:
    """And one elsewhere is a problem."""
    service = await serving(token=TOKEN)
    status, headers, fields = await ask(service, "/v1/audio/speech")
    assert (status, fields["error"]["code"]) == (404, "not_found")
    assert headers["x-request-id"]
    status, headers, fields = await ask(service, "/v1/nothing")
    assert (status, fields["code"]) == (404, "not_found")
    assert headers["Content-Type"].startswith("application/problem+json")


async def test_a_bug_and_a_bound_have_the_form_of_their_path() -> None:
    """The log has the id that the caller is told."""
    told: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        told.append(request_id(request))
        if "busy" in request.query:
            raise Busy("full", retry_after_s=1.5)
        raise ZeroDivisionError("canary")

    app = web.Application(middlewares=[errors])
    app[FORMS] = ERROR_FORMS
    app.router.add_get("/v1/audio/x", handle)
    runner = HttpRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/audio/x"
    with structlog.testing.capture_logs() as logs:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (500, "internal")
            assert answer.headers["x-request-id"] == told[0]
        async with aiohttp.ClientSession() as http, http.get(url + "?busy") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
            assert (await answer.json())["error"]["type"] == "server_error"
        async with aiohttp.ClientSession() as http, http.post(url) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
            assert (await answer.json())["error"]["code"] == "bad_request"
    await runner.cleanup()
    [logged] = [one for one in logs if one["event"] == "request_failed"]
    assert logged["request_id"] == told[0]
    assert "canary" not in str(logs)
