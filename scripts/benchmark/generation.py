"""What generation costs with a twin of a real model's shape, and how soon a cancelled one stops.

``scripts/measure_generation`` runs it, on one thread, without a server.
"""

import argparse
import hashlib
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from scripts.gguf_models import QWEN_05B, QWEN_15B, write_twin
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.engines.llama_cpp import LlamaCppGenerator
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Generated, GenerationOptions, Prompt
from wordloop_ml.settings import read_settings
from wordloop_ml.synthesis.generative.answers import NOTES_SCHEMA, SCHEMAS
from wordloop_ml.weights import RepositorySource, WeightsEntry, load_manifest, open_mapped

TWINS = Path("build/twins")
SHAPES = {"qwen2.5-0.5b": QWEN_05B, "qwen2.5-1.5b": QWEN_15B}
RECIPE = 1
"""Part of the file names: another recipe makes other files."""

_SENTENCE = "We should decide about the rubber case before the meeting on Monday. "
_SYSTEM = "You take notes."


def twin_file(name: str, folder: Path = TWINS) -> Path:
    """The file of a twin, made when it is not there; blocking."""
    path = folder / f"{name}-twin-{RECIPE}.gguf"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        write_twin(draft, SHAPES[name], _vocabulary())
        draft.replace(path)
    return path


def _vocabulary() -> Path:
    """A file with the tokens that Qwen's vocabulary begins with."""
    folder = read_settings({}).weights
    return folder / load_manifest(folder / MANIFEST).entries["tiny.en-q8_0"].file


def open_twin(path: Path) -> LlamaCppGenerator:
    """As the catalogue opens a model."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size, source = path.stat().st_size, RepositorySource(path)
    entry = WeightsEntry(path.stem, path.name, size, digest, "MIT", "llama_cpp", (source,))
    with open_mapped(entry, path.parent) as weights:
        return LlamaCppGenerator.open(weights, schemas=SCHEMAS)


def answer(
    generator: LlamaCppGenerator, prompt: Prompt, options: GenerationOptions, step_s: float
) -> Generated:
    """The whole of it, in steps of this length."""
    generation = generator.begin(prompt, options)
    try:
        while (generated := generation.step(step_s)) is None:
            pass
        return generated
    finally:
        generation.close()


def timed(call: Callable[[], Generated]) -> tuple[Generated, float]:
    """An answer, and the seconds that it took."""
    began_s = time.perf_counter()
    generated = call()
    return generated, time.perf_counter() - began_s


def freed_after_s(generator: LlamaCppGenerator, prompt: Prompt, wait_s: float) -> float:
    """From a cancel in the middle of a long step to the end of that step, on its thread."""
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


def measure(name: str, cancels: int) -> list[tuple[str, str]]:
    """Rows of what was measured, and the figures."""
    generator = open_twin(twin_file(name))
    short = GenerationOptions(longest_tokens=1)

    def prompt(number: int, sentences: int) -> Prompt:
        return Prompt(_SYSTEM, f"{number} " + _SENTENCE * sentences)

    rows = []
    for step_s in (0.04, 0.25, 1.0):
        read, took_s = timed(
            partial(answer, generator, prompt(int(100 * step_s), 20), short, step_s)
        )
        new = read.prompt_tokens - read.reused_tokens
        rows.append((f"reading, steps of {1_000 * step_s:.0f} ms", f"{new / took_s:.0f} tokens/s"))
    free = GenerationOptions(longest_tokens=40)
    for what, options in (
        ("writing", free),
        ("writing with a grammar", GenerationOptions(NOTES_SCHEMA, 40)),
    ):
        answer(generator, prompt(9, 5), short, 1.0)
        wrote, took_s = timed(partial(answer, generator, prompt(9, 5), options, 1.0))
        rows.append((what, f"{wrote.tokens / took_s:.1f} tokens/s"))
    waits = [
        freed_after_s(generator, prompt(1_000 + at, 60), 0.2 + 0.037 * at) for at in range(cancels)
    ]
    worst = f"{1_000 * statistics.median(waits):.0f} ms, worst {1_000 * max(waits):.0f} ms"
    rows.append((f"thread free after a cancel (median of {cancels})", worst))
    generator.close()
    return rows


def main() -> None:
    """Print a Markdown table."""
    options = argparse.ArgumentParser(prog="scripts/measure_generation", description=__doc__)
    options.add_argument("--twin", choices=[*SHAPES], default="qwen2.5-0.5b")
    options.add_argument("--cancels", type=int, default=20, metavar="N")
    args = options.parse_args()
    print(f"| {args.twin} twin, one thread | |\n|---|---|")
    for what, figure in measure(args.twin, args.cancels):
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
