"""Who may come in: tokens, tenants and origins, before the upgrade."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.web.support import Client, Running, Serving, until
from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.errors import ErrorCode, StartupFailed

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
