"""``scripts/bench generation``: what a language model costs, and how soon a cancelled answer stops.

Measured on one thread, without a server, with a twin of a real model's shape.
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmark.report import Report, Table, percentile, progress
from scripts.gguf_models import QWEN_05B, quantise, write_twin
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.engines.llama_cpp import LlamaCppGenerator
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Generated, GenerationOptions, Prompt
from wordloop_ml.settings import read_settings
from wordloop_ml.synthesis.generative.answers import NOTES_SCHEMA, SCHEMAS
from wordloop_ml.weights.manifest import RepositorySource, WeightsEntry, load_manifest
from wordloop_ml.weights.store import open_mapped

TWIN = Path("build/twins/qwen2.5-0.5b-twin-2.gguf")
"""Another recipe has another number."""

_SENTENCE = "We should decide about the rubber case before the meeting on Monday. "


def twin_file(path: Path = TWIN) -> Path:
    """Return the twin's file, made when it is not there; blocking, some minutes."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        progress(f"making {path}")
        whole, draft = path.with_suffix(".f16"), path.with_suffix(".part")
        folder = read_settings({}).weights
        vocabulary = load_manifest(folder / MANIFEST).entries["tiny.en-vocabulary"].file
        write_twin(whole, QWEN_05B, folder / vocabulary)
        quantise(whole, draft)
        whole.unlink()
        draft.replace(path)
    return path


def open_twin(path: Path) -> LlamaCppGenerator:
    """Open it as the catalogue opens a model."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size, source = path.stat().st_size, RepositorySource(path)
    entry = WeightsEntry(path.stem, path.name, size, digest, "MIT", "llama_cpp", (source,))
    with open_mapped(entry, path.parent) as weights:
        return LlamaCppGenerator.open(weights, schemas=SCHEMAS)


def answer(
    generator: LlamaCppGenerator, prompt: Prompt, options: GenerationOptions, step_s: float
) -> tuple[Generated, float]:
    """Generate a whole answer in steps of this length; it and the seconds that it took."""
    began_s = time.perf_counter()
    generation = generator.begin(prompt, options)
    try:
        while (generated := generation.step(step_s)) is None:
            pass
        return generated, time.perf_counter() - began_s
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


def _prompt(number: int, sentences: int) -> Prompt:
    """A prompt that shares no beginning with one of another number."""
    return Prompt("You take notes.", f"{number} " + _SENTENCE * sentences)


def _rates(generator: LlamaCppGenerator) -> Iterator[tuple[str, float]]:
    """Tokens in a second of what is done."""
    one = GenerationOptions(longest_tokens=1)
    for step_s in (0.04, 0.25, 1.0):
        read, took_s = answer(generator, _prompt(int(100 * step_s), 20), one, step_s)
        new = read.prompt_tokens - read.reused_tokens
        yield f"reading, in steps of {1_000 * step_s:.0f} ms", new / took_s
    for what, options in (
        ("writing", GenerationOptions(longest_tokens=40)),
        ("writing, held to the schema of the notes", GenerationOptions(NOTES_SCHEMA, 40)),
    ):
        answer(generator, _prompt(9, 5), one, 1.0)
        wrote, took_s = answer(generator, _prompt(9, 5), options, 1.0)
        yield what, wrote.tokens / took_s


def measure_generation(cancels: int) -> Report:
    """Measure everything, and so many cancels; blocking."""
    generator = open_twin(twin_file())
    rates = dict(_rates(generator))
    waits_ms = [
        1_000 * freed_after_s(generator, _prompt(1_000 + at, 60), 0.2 + 0.037 * at)
        for at in range(cancels)
    ]
    generator.close()
    rows = [[what, f"{rate:.1f} tokens/s"] for what, rate in rates.items()]
    freed = f"{percentile(waits_ms, 50):.0f} ms p50, {max(waits_ms):.0f} ms worst of {cancels}"
    rows.append(["from a cancel to a free thread, in the middle of a batch", freed])
    document = {"tokens_per_s": rates, "freed_ms": waits_ms}
    return Report([Table(["a twin of Qwen2.5-0.5B, one thread", ""], rows)], [], document)
