"""``scripts/bench generation``: what a profile's language model costs, and how soon it stops.

Measured on one thread, without a server. Rates are for its CPU time, which is the wall's on a quiet machine.
"""

import threading
import time
from collections.abc import Iterator

import psutil

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.report import Report, Table, percentile
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.engines.llama_cpp import LlamaCppGenerator
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Generated, GenerationOptions, Prompt
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import WeightsEntry, load_manifest
from wordloop_ml.weights.store import open_mapped

_SENTENCE = "We should decide about the rubber case before the meeting on Monday. "
_STORY = Prompt("You tell long stories.", "Tell a long story about a harbour.")


def generator_entry(settings: Settings) -> WeightsEntry:
    """The weights of the profile's language model; raises ``BenchmarkFailed`` where it has none."""
    entry = load_manifest(settings.weights / MANIFEST).profile(settings.profile).get("generator")
    if entry is None:
        raise BenchmarkFailed(f"the profile {settings.profile} names no generator")
    return entry


def answer(
    generator: LlamaCppGenerator, prompt: Prompt, longest_tokens: int, step_s: float
) -> tuple[Generated, float]:
    """Generate a whole answer in steps of this length; it and the CPU seconds of this thread."""
    began_s = time.thread_time()
    generation = generator.begin(prompt, GenerationOptions(longest_tokens=longest_tokens))
    try:
        while (generated := generation.step(step_s)) is None:
            pass
        return generated, time.thread_time() - began_s
    finally:
        generation.close()


def freed_after_s(generator: LlamaCppGenerator, prompt: Prompt, wait_s: float) -> float:
    """Seconds from a cancel in the middle of a long step to the end of that step, on its thread."""
    generation = generator.begin(prompt, GenerationOptions(longest_tokens=500))
    ended_s = 0.0

    def run() -> None:
        nonlocal ended_s
        try:
            generation.step(3_600.0)
        except EngineFailed:
            ended_s = time.perf_counter()

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(wait_s)
    cancelled_s = time.perf_counter()
    generation.cancel()
    thread.join()
    generation.close()
    return ended_s - cancelled_s


def resident_mb() -> dict[str, float]:
    """Of this process, now: anonymous memory, and pages of files."""
    used = psutil.Process().memory_info()
    return {"anonymous": (used.rss - used.shared) / 1e6, "file": used.shared / 1e6}


def _prompt(number: int, sentences: int) -> Prompt:
    """A prompt that shares no beginning with one of another number."""
    return Prompt("You take notes.", f"{number} " + _SENTENCE * sentences)


def _rates(generator: LlamaCppGenerator) -> Iterator[tuple[str, float]]:
    """Tokens in a second of CPU, of what is done."""
    for step_s in (0.04, 0.25, 1.0):
        read, took_s = answer(generator, _prompt(int(100 * step_s), 20), 1, step_s)
        new = read.prompt_tokens - read.reused_tokens
        yield f"reading, in steps of {1_000 * step_s:.0f} ms", new / took_s
    answer(generator, _STORY, 1, 1.0)
    wrote, took_s = answer(generator, _STORY, 60, 1.0)
    yield "writing", wrote.tokens / took_s


def measure_generation(settings: Settings, cancels: int) -> Report:
    """Measure everything, and so many cancels; blocking."""
    entry = generator_entry(settings)
    with open_mapped(entry, settings.weights) as weights:
        generator = LlamaCppGenerator.open(weights)
    rates = dict(_rates(generator))
    waits_ms = [
        1_000 * freed_after_s(generator, _prompt(1_000 + at, 60), 0.2 + 0.037 * at)
        for at in range(cancels)
    ]
    resident = resident_mb()
    generator.close()
    rows = [[what, f"{rate:.1f} tokens per s of CPU"] for what, rate in rates.items()]
    freed = f"{percentile(waits_ms, 50):.0f} ms p50, {max(waits_ms):.0f} ms worst of {cancels}"
    rows.append(["from a cancel to a free thread, in the middle of a batch", freed])
    parts = ", ".join(f"{what} {size:.0f}" for what, size in resident.items())
    rows.append(["resident", f"{sum(resident.values()):.0f} MB ({parts})"])
    document = {
        "generator": entry.name,
        "tokens_per_cpu_s": rates,
        "freed_ms": waits_ms,
        "resident_mb": resident,
    }
    return Report([Table([f"{entry.name}, one thread", ""], rows)], [], document)
