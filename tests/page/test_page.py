"""The page, in a real browser, with real speech and the real models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
import pytest

from tests.page.browser import (
    AXE,
    SAID,
    TOKEN,
    Server,
    Tab,
    chromium,
    needs_axe,
    needs_browser,
    write_talk,
)
from tests.speech import manifest, path_of, plain

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
LAST_WORD = "gospel"
WRONG_AT_MOST = 5
"""Of the 45 words: what the smallest model mishears, and no phrase twice or missing."""

KEPT = f"""
sessionStorage.setItem("wordloop.token", {TOKEN!r});
localStorage.setItem("wordloop.preferences", '{{"processing": false}}');
"""

pytestmark = [needs_browser, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for the tests of this module; it is killed and started again by one of them."""
    one = Server()
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears."""
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    write_talk(path)
    return path


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """What drives browsers; one at a time."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as one:
        yield one


@pytest.fixture(scope="module")
def browser(playwright: Any, talk: Path) -> Iterator[Any]:
    """A browser that lets the page listen."""
    with chromium(playwright, talk) as one:
        yield one


def opened(browser: Any, server: Server, **options: Any) -> Tab:
    context = browser.new_context(**{"viewport": DESKTOP, **options})
    context.add_init_script(KEPT)
    return Tab(context, server.url)


def wrong(heard: str) -> jiwer.WordOutput:
    return jiwer.process_words(SAID, heard)


def says_everything_once(tab: Tab) -> None:
    heard = tab.words
    errors = wrong(heard)
    assert errors.deletions + errors.insertions + errors.substitutions <= WRONG_AT_MOST, heard
    assert tab.page.locator(".missing").count() == 0


def axe_is_content(tab: Tab) -> None:
    if AXE.is_file():
        assert tab.violations() == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_words_appear_and_come_to_a_summary(
    browser: Any, server: Server, viewport: dict[str, int]
) -> None:
    """One click to captions, one to the summary, one to where something was said."""
    tab = opened(browser, server, viewport=viewport)
    axe_is_content(tab)
    tab.page.click("#start")
    tab.wait_for("#live .word")
    tab.wait_for("#connection-text", "Live")
    axe_is_content(tab)
    tab.wait_for("#log .text", LAST_WORD)
    tab.page.click("#start")
    tab.wait_for("body[data-state=over]")
    says_everything_once(tab)
    tab.wait_for("#latency", "first caption")
    tab.page.click("#summarise")
    tab.wait_for("#synthesis .made")
    axe_is_content(tab)
    tab.page.locator("#synthesis .cite").first.click()
    tab.wait_for("#log .cited")
    assert tab.page.evaluate("document.activeElement.classList.contains('cited')")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert tab.errors == []


def test_a_server_that_is_killed_costs_no_word(browser: Any, server: Server) -> None:
    """In the middle of a sentence; the page says that it keeps the sound, and catches up."""
    tab = opened(browser, server)
    tab.page.click("#start")
    tab.wait_for("#log .text", "lobster")
    tab.wait_for("#live .word")
    server.kill()
    tab.wait_for("#connection-text", "of sound kept")
    server.start()
    tab.wait_for("#log .text", LAST_WORD)
    tab.page.click("#start")
    tab.wait_for("body[data-state=over]")
    says_everything_once(tab)


def test_a_file_becomes_a_transcript_that_can_be_searched_and_saved(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    """Faster than it was spoken; with the words' times, if they are wanted."""
    tab = opened(browser, server)
    with tab.page.expect_file_chooser() as choosing:
        tab.page.click("#file")
    choosing.value.set_files(path_of("en_read_jfk_1"))
    tab.wait_for("body[data-state=over]")
    tab.page.keyboard.press("/")
    tab.page.fill("#query", "america")
    tab.wait_for("#search-note", "1 place with the words")
    tab.page.fill("#query", "serving the nation")
    tab.wait_for("#results li", "near in meaning")
    tab.page.keyboard.press("Escape")
    tab.page.click("#download summary")
    with tab.page.expect_download() as saving:
        tab.page.click("[data-format=vtt]")
    saving.value.save_as(tmp_path / "talk.vtt")
    saved = plain((tmp_path / "talk.vtt").read_text("utf-8"))
    assert saved.startswith("webvtt")
    assert "country" in plain(manifest()["en_read_jfk_1"]["text"])
    assert "country" in saved
    assert tab.errors == []


def test_a_page_without_the_token_asks_for_it(browser: Any, server: Server) -> None:
    """And uses it for the socket, in letters that a subprotocol may have."""
    tab = Tab(browser.new_context(viewport=PHONE), server.url)
    tab.wait_for("#door h2")
    axe_is_content(tab)
    tab.page.fill("#token", TOKEN)
    tab.page.keyboard.press("Enter")
    tab.page.locator("#door").wait_for(state="hidden")
    tab.page.click("#start")
    tab.wait_for("#connection-text", "Live")
    assert TOKEN not in tab.page.url
    assert [one for one in tab.errors if "401" not in one] == []


def test_a_refused_microphone_is_said(playwright: Any, talk: Path, server: Server) -> None:
    """With what to do about it."""
    with chromium(playwright, talk, allowed=False) as browser:
        tab = opened(browser, server)
        tab.page.click("#start")
        tab.wait_for("#alert", "Allow the microphone")
        axe_is_content(tab)
        assert tab.page.inner_text("#start-text") == "Start"
        assert tab.errors == []


def test_captions_float_and_stand_alone(browser: Any, server: Server) -> None:
    """In a window above others, and in the whole page."""
    tab = opened(browser, server)
    tab.page.click("#start")
    tab.wait_for("#live .word")
    with tab.page.context.expect_page() as opening:
        tab.page.click("#float")
    opening.value.locator(".captions .word, .captions .last:not(:empty)").first.wait_for()
    tab.page.keyboard.press("c")
    tab.wait_for("#captions .lines")
    assert tab.errors == []


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_every_theme_and_dialog_can_be_read(browser: Any, server: Server, theme: str) -> None:
    """At 320 pixels, where nothing is cut off; and in the colours that a reader forces."""
    tab = opened(browser, server, viewport=NARROW)
    tab.page.click("#settings-open")
    tab.page.select_option("select[name=theme]", theme)
    assert tab.violations() == []
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("?")
    tab.wait_for("#help dt")
    assert tab.violations() == []
    tab.page.keyboard.press("Escape")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    tab.page.emulate_media(forced_colors="active")
    assert tab.violations("color-contrast") == []  # axe reads the colours that are not used then
    assert tab.errors == []
