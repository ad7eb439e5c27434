"""The page that shows the OpenAPI document, in a browser: every route, no complaint, at every width."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.browser import TOKEN, Server, Tab, chromium, needs_axe, needs_browser, write_talk
from wordloop_ml.web.openapi.document import make_document

pytestmark = [needs_browser, pytest.mark.timeout(400)]

OPEN_SOME = """
[...document.querySelectorAll("main details:not([open])")].slice(0, 12).forEach((one) => { one.open = true; })
"""

ROUTES = [
    operation["operationId"]
    for item in make_document()["paths"].values()
    for operation in item.values()
    if not operation.get("x-internal")
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    talk: Path = tmp_path_factory.mktemp("talk") / "talk.wav"
    write_talk(talk)
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright, chromium(playwright, talk) as one:
        yield one


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    one = Server()
    one.start()
    yield one
    one.kill()


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_route_is_shown_once_the_token_is_given(
    browser: Any, server: Server, width: int, scheme: str
) -> None:
    """A wrong token is said to be wrong; nothing is cut off or unreadable, and no policy is broken."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    tab = Tab(context, f"{server.url}docs")
    tab.wait_for("#access")
    assert tab.violations() == []
    for token, said in (("wrong", "refused"), (TOKEN, "")):
        tab.page.fill("#token", token)
        tab.page.keyboard.press("Enter")
        if said:
            tab.wait_for("#status", said)
    tab.wait_for("article")
    shown = tab.page.locator("article").evaluate_all("all => all.map(one => one.id)")
    assert sorted(shown) == sorted(f"route-{one}" for one in ROUTES)
    for _ in range(2):
        tab.page.evaluate(OPEN_SOME)
    assert tab.violations() == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert [one for one in tab.errors if "401" not in one] == []
    context.close()
