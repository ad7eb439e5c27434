"""What metrics and logs cost: how often each was told something in a run, times what that takes here.

Two runs, with and without, differ by more than either costs. So the events of one run are counted, by the
metrics themselves and by the lines of the log, and one of each is timed in this process right after.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import aiohttp
import structlog
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.report import Aim, Report, Table, percent, progress
from scripts.benchmark.scenario import Plan, run
from scripts.benchmark.server_process import free_ports, server_environment
from scripts.benchmark.speech import SpokenText
from wordloop_ml.metrics import CaptionStage, Metrics
from wordloop_ml.telemetry import configure_logs

MEETINGS = 4
SCRAPE_EVERY_S = 10.0
"""As the ServiceMonitor does."""

LOOK_EVERY_S = 2.0
AT_MOST_PERCENT = 2.0
TIMES, ROUNDS = 5_000, 7


def events_of(exposition: str) -> dict[str, float]:
    """Count what the metrics of a process were told, by type. A counter's value is at least that, or so."""
    counts = {"histogram": 0.0, "counter": 0.0}
    for family in text_string_to_metric_families(exposition):
        if family.name.startswith("wordloop_") and family.type in counts:
            suffix = {"histogram": "_count", "counter": "_total"}[family.type]
            counts[family.type] += sum(
                one.value for one in family.samples if one.name.endswith(suffix)
            )
    return counts


def report(
    profile: str, counts: Mapping[str, float], each_s: Mapping[str, float], cpu_s: float
) -> Report:
    """A row for each kind of event, and the aim. counts, each_s: by kind. cpu_s: of the server, in the run."""
    spent_s = {kind: count * each_s[kind] for kind, count in counts.items()}
    share = sum(spent_s.values()) / cpu_s
    rows = [
        [kind, f"{count:.0f}", f"{1e6 * each_s[kind]:.1f}", percent(spent_s[kind] / cpu_s)]
        for kind, count in counts.items()
    ]
    rows.append(["all", "", "", percent(share)])
    header = [
        f"{profile}, {MEETINGS} meetings, {cpu_s:.1f} CPU s",
        "times",
        "each, µs",
        "of the CPU",
    ]
    aim = Aim(f"{profile}: metrics and logs, of the CPU", AT_MOST_PERCENT, "%", 100 * share)
    document = {"overhead": {"counts": dict(counts), "each_s": dict(each_s), "cpu_s": cpu_s}}
    return Report([Table(header, rows)], [aim], document)


def measure_overhead(
    profile: str, seconds: float, speech: Sequence[SpokenText], log: Path
) -> Report:
    """Measure for some more than ``seconds``; blocking. Raises ``BenchmarkFailed``."""
    progress(f"overhead: {MEETINGS} meetings, {seconds:g} s")
    [port] = free_ports(1)
    own = {"WORDLOOP_PROFILE": profile, "WORDLOOP_METRICS_PORT": str(port)}
    plan = Plan(MEETINGS, seconds, 1)
    cpu_s, exposition = asyncio.run(_watched(plan, speech, server_environment(own), log, port))
    counts = events_of(exposition)
    counts["scrape"] = seconds / SCRAPE_EVERY_S
    counts["line of the log"] = len(log.read_text(encoding="utf-8").splitlines())
    return report(profile, counts, time_events(), cpu_s)


async def _watched(
    plan: Plan, speech: Sequence[SpokenText], environment: Mapping[str, str], log: Path, port: int
) -> tuple[float, str]:
    """Run the plan; return the server's CPU seconds and its last metrics."""
    last = ""

    async def look() -> None:
        nonlocal last
        async with aiohttp.ClientSession() as http:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                try:
                    async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
                        last = await answer.text()
                except aiohttp.ClientError:
                    continue  # it does not serve yet, or no longer

    looking = asyncio.create_task(look(), name="look")
    done = await run(plan, speech, environment, log)
    looking.cancel()
    if not last:
        raise BenchmarkFailed("the server gave no metrics")
    return done.cpu.server, last


def time_events() -> dict[str, float]:
    """Return the CPU seconds of one event of each kind, on this machine now; blocking."""
    metrics, before = Metrics(), structlog.get_config()
    facts = {f"fact{number}": number for number in range(10)}
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            configure_logs("info", "json", nowhere)
            line_s = _timed(lambda: structlog.get_logger().info("event", **facts), 500)
    finally:
        structlog.configure(**before)
    return {
        "histogram": _timed(lambda: metrics.caption_stage[CaptionStage.SEND].observe(0.4)),
        "counter": _timed(metrics.stable_words.inc),
        "scrape": _timed(lambda: generate_latest(metrics.registry), 20),
        "line of the log": line_s,
    }


def _timed(call: Callable[[], object], times: int = TIMES) -> float:
    """Return the CPU seconds of a call, in the quickest of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began_s = time.thread_time()
        for _ in range(times):
            call()
        rounds.append((time.thread_time() - began_s) / times)
    return min(rounds)
