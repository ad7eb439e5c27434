"""What it costs that an engine is in another process: time of each decode, and what the worker saves."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import copy

import aiohttp

from scripts.benchmark.engine_process import Engine
from scripts.benchmark.meters import MEBIBYTE, Meters
from scripts.benchmark.report import Aim, Report, Table, milliseconds, percentile, progress, spread
from scripts.benchmark.server_process import running_server, server_environment
from scripts.benchmark.speech import SpokenText
from wordloop_ml.engines.remote_engines import RemoteTranscriber
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Utterance
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest

AUDIO_S = 5
WARM = 5
ADDED_MS_AT_MOST = {"triton": 6.0, "ray": 20.0}
START_S_AT_MOST, WORKER_AT_MOST_MIB = 2.0, 200.0
IDLE_AFTER_S = 2.0


def measure_serving(
    profile: str, name: str, decodes: int, speech: Sequence[SpokenText], log: Path
) -> Report:
    """Ask an engine for so many decodes, one after the other, then start a worker before it; blocking.

    Added is what a call takes beyond what the engine says that it decoded, in the same call.
    Raises ``BenchmarkFailed``.
    """
    settings = Settings(profile=profile)
    return asyncio.run(_measure(settings, name, decodes, speech, log))


async def _measure(
    settings: Settings, name: str, decodes: int, speech: Sequence[SpokenText], log: Path
) -> Report:
    roles = ("transcriber", "embedder")
    engine = Engine(name, log, roles=roles, settings={"WORDLOOP_PROFILE": settings.profile})
    async with aiohttp.ClientSession() as http:
        try:
            await engine.start(http)
            progress(f"{decodes} decodes of {AUDIO_S} s")
            added_s, took_s = await asyncio.to_thread(_decode, settings, engine, decodes, speech)
            progress("a worker before it")
            ready_s, worker_bytes = await _worker(settings, engine, roles, log)
        finally:
            await engine.kill()
    rows = [
        [f"added to a decode of {AUDIO_S} s", *milliseconds(spread(added_s))],
        ["the whole call", *milliseconds(spread(took_s))],
    ]
    mib = worker_bytes / MEBIBYTE
    worker = [["process start to readiness, s", f"{ready_s:.2f}"], ["resident, MiB", f"{mib:.0f}"]]
    added_ms = 1000 * percentile(added_s, 50)
    return Report(
        [
            Table([f"{settings.profile}, {name}, ms", "p50", "p95", "of"], rows),
            Table(["a worker without their weights", ""], worker),
        ],
        [
            Aim(f"{name}: added, p50", ADDED_MS_AT_MOST[name], "ms", added_ms),
            Aim(f"{name}: worker, start", START_S_AT_MOST, "s", ready_s),
            Aim(f"{name}: worker, idle", WORKER_AT_MOST_MIB, "MiB", mib),
        ],
        {"added_s": added_s, "took_s": took_s, "ready_s": ready_s, "worker_bytes": worker_bytes},
    )


def _decode(
    settings: Settings, engine: Engine, decodes: int, speech: Sequence[SpokenText]
) -> tuple[list[float], list[float]]:
    entry = load_manifest(settings.weights / "manifest.toml").profile(settings.profile)[
        "transcriber"
    ]
    model = RemoteModel(
        engine.url(), role="transcriber", model=entry.name, digest=entry.sha256, deadline_s=60.0
    )
    transcriber = RemoteTranscriber.open(model)
    worker = transcriber.open_worker()
    samples = [one.samples[: AUDIO_S * SAMPLE_RATE] / 32_768 for one in speech]
    long = [one.astype("float32") for one in samples if len(one) == AUDIO_S * SAMPLE_RATE]
    added_s, took_s = [], []
    for index in range(WARM + decodes):
        began_s = time.perf_counter()
        heard = worker.transcribe(Utterance(0, long[index % len(long)]), DecodeOptions())
        took_s.append(time.perf_counter() - began_s)
        added_s.append(heard.waited_s)
    worker.close()
    transcriber.close()
    return added_s[WARM:], took_s[WARM:]


async def _worker(
    settings: Settings, engine: Engine, roles: Sequence[str], log: Path
) -> tuple[float, int]:
    """Start a worker whose folder has the voice detector alone; its seconds to readiness, and its bytes."""
    manifest = load_manifest(settings.weights / "manifest.toml")
    with tempfile.TemporaryDirectory() as folder:
        for file in ("manifest.toml", manifest.profile(settings.profile)["voice_detector"].file):
            copy(settings.weights / file, folder)
        own = {f"WORDLOOP_{role.upper()}_URL": engine.url(role) for role in roles}
        own |= {"WORDLOOP_WEIGHTS": folder, "WORDLOOP_PROFILE": settings.profile}
        began_s = time.monotonic()
        async with running_server(server_environment(own), log.with_suffix(".worker.log")) as one:
            ready_s = time.monotonic() - began_s
            await asyncio.sleep(IDLE_AFTER_S)
            return ready_s, Meters(one.child.pid).rss_bytes()
