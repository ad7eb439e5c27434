"""What readers of the page see, measured in a browser: ``scripts/bench page``; docs/benchmarks.md defines it."""

import shutil
import tempfile
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.report import Aim, Report, Table, percentile, progress
from scripts.benchmark.speech import Script, SpokenText, script_of
from scripts.evaluation.words import said_twice
from tests.page.browser import CHROMIUM, HERE, Server, Tab, chromium
from tests.speech import plain
from wordloop_ml.messages import SAMPLE_RATE

LEAD_S, PAUSE_S = 1.5, 1.6
"""Before the first utterance, whose beginning a browser would lose; before each of the others."""

UTTERANCES, IN_DRILL, HOURS = 30, 18, 4
DRILL_S, KILLS_AT_S = 120.0, (20.0, 55.0, 90.0)
FIRST_P95_MS_AT_MOST, LONG_TASK_MS = 1_000.0, 50.0
GROWTH_MB_AT_MOST = 16.0
"""Of the heap in the last simulated hour: the words themselves, with their times."""

KEPT = 'localStorage.setItem("wordloop.preferences", JSON.stringify({processing: false}))'
CHOSEN = ["--js-flags=--expose-gc", "--enable-precise-memory-info"]
RUN_OF_WORDS = 3
"""So many in a row that are missing are a phrase, and no words that were misheard."""


def measure_page(speech: Sequence[SpokenText]) -> Report:
    """Measure all; blocking, some ten minutes. Raises ``BenchmarkFailed`` without a browser."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra
    except ImportError:
        raise BenchmarkFailed("scripts/setup browser installs what drives the browser") from None
    if CHROMIUM is None:
        raise BenchmarkFailed("there is no chromium")
    rng = np.random.default_rng(1)
    with sync_playwright() as playwright:
        first = _first_captions(playwright, _script(speech, rng, UTTERANCES))
        hours, long_ms = _load(playwright, _script(speech, rng, 1))
        drill = _drill(playwright, _script(speech, rng, IN_DRILL))
    return _report(first, hours, long_ms, drill)


def _script(speech: Sequence[SpokenText], rng: np.random.Generator, count: int) -> Script:
    chosen = [speech[int(index)] for index in rng.integers(len(speech), size=count)]
    return script_of([(LEAD_S if not at else PAUSE_S, one) for at, one in enumerate(chosen)], rng)


@contextmanager
def _speaking(playwright: Any, script: Script) -> Iterator[tuple[Server, Tab]]:
    """A server, and a page whose microphone hears the script from the moment at which it is started."""
    folder, server = Path(tempfile.mkdtemp()), Server(token="")
    try:
        with wave.open(str(folder / "talk.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(script.samples.tobytes())
        server.start()
        with chromium(playwright, folder / "talk.wav", more=CHOSEN) as browser:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.add_init_script(KEPT)
            yield server, Tab(context, server.url)
    finally:
        server.kill()
        shutil.rmtree(folder)


def _first_captions(playwright: Any, script: Script) -> list[float]:
    """From the first sound of an utterance to its first caption in the page, in ms, as the page measures it."""
    with _speaking(playwright, script) as (_, tab):
        tab.page.click("#start")
        tab.page.wait_for_timeout(1000 * len(script.samples) / SAMPLE_RATE + 3_000)
        found: list[float] = tab.page.evaluate(
            "import('/page/main.js').then(({meeting}) => [...meeting.tracks.values()][0].meter.first)"
        )
    progress(f"{len(found)} first captions")
    return found


def _load(playwright: Any, script: Script) -> tuple[list[dict[str, float]], list[float]]:
    """Nodes and heap after each simulated hour; then the long tasks of a minute of 60 captions a second."""
    with _speaking(playwright, script) as (_, tab):
        tab.page.set_default_timeout(600_000)
        tab.page.evaluate((HERE / "load.js").read_text("utf-8"))
        hours = [tab.page.evaluate("simulateHour()") for _ in range(HOURS)]
        progress(f"{HOURS} simulated hours")
        long_ms: list[float] = tab.page.evaluate("captionsPerSecond(60, 60)")
    return hours, long_ms


def _drill(playwright: Any, script: Script) -> dict[str, int]:
    """Words missing, twice or other than said, and holes, with the server killed while people speak."""
    with _speaking(playwright, script) as (server, tab):
        tab.page.click("#start")
        at_s = 0.0
        for kill_at_s in (*KILLS_AT_S, DRILL_S):
            tab.page.wait_for_timeout(1000 * (kill_at_s - at_s))
            at_s = kill_at_s
            if kill_at_s < DRILL_S:
                server.kill()
                progress(f"killed after {kill_at_s:g} s")
                server.start()
        tab.page.wait_for_timeout(1000 * max(0.0, len(script.samples) / SAMPLE_RATE - at_s))
        tab.page.click("#start")
        tab.wait_for("body[data-state=over]")
        said = plain(" ".join(one.text for one in script.said))
        errors = jiwer.process_words(said, tab.words)
        chunks = [chunk for line in errors.alignments for chunk in line]
        missing = [
            one.ref_end_idx - one.ref_start_idx >= RUN_OF_WORDS
            for one in chunks
            if one.type == "delete"
        ]
        twice = said_twice(said.split(), tab.words.split())
        return {
            "words said": len(said.split()),
            "words wrong": errors.substitutions + errors.insertions + errors.deletions,
            "phrases missing or twice": sum(missing) + len(twice),
            "holes": tab.page.locator(".missing").count(),
        }


def _report(
    first: list[float], hours: list[dict[str, float]], long_ms: list[float], drill: dict[str, int]
) -> Report:
    times = [f"{percentile(first, share):.0f}" for share in (50, 95)] if first else ["-", "-"]
    growth = hours[-1]["heap_mb"] - hours[-2]["heap_mb"]
    rows = [[str(at), *(f"{one[name]:.0f}" for name in one)] for at, one in enumerate(hours, 1)]
    return Report(
        [
            Table(
                ["first sound to first caption, ms", "p50", "p95", "of"],
                [["page", *times, str(len(first))]],
            ),
            Table(["after hour", *(name.replace("_", " ") for name in hours[0])], rows),
            Table(["three kills in two minutes", "count"], [[k, str(v)] for k, v in drill.items()]),
        ],
        [
            Aim(
                "first caption, p95", FIRST_P95_MS_AT_MOST, "ms", float(times[1]) if first else None
            ),
            Aim(
                "nodes after the last hour over those after the first",
                1.05,
                "",
                hours[-1]["nodes"] / hours[0]["nodes"],
            ),
            Aim("heap's growth in the last hour", GROWTH_MB_AT_MOST, "MB", growth),
            Aim(
                "longest task at 60 captions a second",
                LONG_TASK_MS,
                "ms",
                max(long_ms, default=0.0),
            ),
            Aim(
                "phrases missing or twice, and holes",
                0,
                "",
                drill["phrases missing or twice"] + drill["holes"],
            ),
        ],
        {"first_ms": first, "hours": hours, "long_tasks_ms": long_ms, "drill": drill},
    )
