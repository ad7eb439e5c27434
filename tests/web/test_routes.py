"""Health, access and problems: what the routes say besides captions."""

import pytest

from tests.web.support import Serving


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
