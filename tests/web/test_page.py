"""The page's files, and which pages may speak to the service."""

import base64
from typing import Any

import aiohttp
import pytest

from tests.web.support import Running, Serving
from wordloop_ml.web.page import FOLDER
from wordloop_ml.web.static_files import CONTENT_TYPES

TOKEN = "0123456789abcdef"  # noqa: S105
ADMITTED = 404
"""What a synthesis is answered by a service that makes none, once the door is passed."""

FILES = {
    one.relative_to(FOLDER).as_posix(): one.read_bytes() for one in FOLDER.rglob("*") if one.suffix
}


async def on(serving: Serving, **settings: Any) -> Running:
    return await serving(page="on", **settings)


def origin(service: Running, host: str = "127.0.0.1") -> dict[str, str]:
    """The headers of a page that came from ``host``, at the service's port."""
    name = f"{host}:{service.url.rpartition(':')[2]}"
    return {"Origin": f"http://{name}", "Host": name}


async def status(service: Running, headers: dict[str, str]) -> int:
    async with service.session.post(f"{service.url}/v1/synthesis", headers=headers) as answer:
        return answer.status


async def test_there_is_no_page_unless_it_is_wanted(serving: Serving) -> None:
    """Nor may one speak to the service."""
    service = await serving()
    async with service.session.get(f"{service.url}/") as answer:
        assert answer.status == 404
    assert await status(service, origin(service)) == 403


async def test_each_file_has_its_type_and_a_strict_policy(serving: Serving) -> None:
    """For whoever asks, without a token: they are no secret."""
    service = await on(serving, token=TOKEN)
    assert {"index.html", "client/session.js", "capture.worklet.js"} <= set(FILES)
    for name, content in FILES.items():
        path = "/" if name == "index.html" else f"/page/{name}"
        async with service.session.get(service.url + path) as answer:
            assert answer.status == 200, name
            assert answer.content_type == CONTENT_TYPES[f".{name.rpartition('.')[2]}"]
            assert "'unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert await answer.read() == content


async def test_what_a_browser_has_is_not_sent_again(serving: Serving) -> None:
    """It asks each time, so that a new version is there at once."""
    service = await on(serving)
    async with service.session.get(f"{service.url}/") as answer:
        tag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "no-cache"
    async with service.session.get(f"{service.url}/", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


@pytest.mark.parametrize("path", ["/page/", "/page/../page.py", "/page/%2e%2e/serve.py", "/page"])
async def test_there_is_nothing_but_the_files(serving: Serving, path: str) -> None:
    """Paths are routes, not places on a disk."""
    service = await on(serving)
    async with service.session.get(service.url + path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_its_own_page_may_speak_to_the_service(serving: Serving, host: str) -> None:
    """From the address at which it was asked for."""
    service = await on(serving)
    assert await status(service, origin(service, host)) == ADMITTED


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://evil.example", "Host": "evil.example"},
        {"Origin": "http://127.0.0.1.evil.example:1", "Host": "127.0.0.1.evil.example:1"},
    ],
)
async def test_another_page_may_not(serving: Serving, headers: dict[str, str]) -> None:
    """Nor one whose name was made to point to this machine, where no token stands in its way."""
    assert await status(await on(serving), headers) == 403


async def test_with_a_token_any_name_of_the_server_will_do(serving: Serving) -> None:
    """Then the token is what keeps strangers out."""
    service = await on(serving, token=TOKEN)
    headers = origin(service, "captions.example")
    assert await status(service, headers) == 401
    assert await status(service, {**headers, "Authorization": f"Bearer {TOKEN}"}) == ADMITTED


async def test_a_page_s_socket_brings_the_token_as_a_subprotocol(serving: Serving) -> None:
    """Which is not selected: the token is never sent back."""
    service = await on(serving, token=TOKEN)
    key = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    offered = ("wordloop.v1", f"wordloop.bearer.{key}")
    client = await service.connect(headers=origin(service), protocols=offered)
    assert client.socket.protocol == "wordloop.v1"
    await client.start()
    await client.until("ready")
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await service.connect(headers=origin(service), protocols=("wordloop.v1",))
