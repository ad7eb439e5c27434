"""``scripts/bench_embeddings``: the service against a plain loop, and how long a short text takes.

The plain loop is what one would write in a notebook: the same graph and tokeniser, ONNX Runtime with
its default threads, the texts sorted by length in batches of 32. It runs in this process while the
server is idle, the service while this process waits for it; they take turns, in one run.
"""

import argparse
import asyncio
import base64
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import numpy as np
import onnxruntime as ort
import psutil

from scripts.benchmark.machine import processor
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.report import table
from scripts.benchmark.server_process import base_url, running_server, server_environment
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.messages import TokenisedText, Vectors
from wordloop_ml.settings import Settings

TEXTS, LOOP_BATCH = 256, 32
SHORT_TEXTS = (
    "budget approval",
    "what did we decide about the budget",
    "Ben said that the new release goes out on Friday, if nobody objects.",
)
"""A query of two words, a question, a sentence; the question's time is judged."""
SHORT_AT_MOST_MS = 8.0

Tokenise = Callable[[Sequence[str]], list[TokenisedText]]


def mixed_texts(settings: Settings, count: int = TEXTS) -> list[str]:
    """Texts of 3 to 240 words of the model's vocabulary, most of them short, a few long."""
    path = settings.weights / "all-minilm-l6-v2.tokenizer.json"
    vocabulary = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(word for word in vocabulary if word.isascii() and word.isalpha())
    chance = random.Random(1)
    lengths = [min(240, max(3, round(chance.lognormvariate(3.0, 0.9)))) for _ in range(count)]
    return [" ".join(chance.choice(words) for _ in range(length)) for length in lengths]


class PlainLoop:
    """Sorted batches of 32 on the same graph. threads: ONNX Runtime's; 0 takes every core."""

    def __init__(self, settings: Settings, tokenise: Tokenise, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        graph = settings.weights / "all-minilm-l6-v2.onnx"
        self._session = ort.InferenceSession(str(graph), options, ["CPUExecutionProvider"])
        self._tokenise = tokenise

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Every text, in order."""
        read = self._tokenise(texts)
        order = sorted(range(len(read)), key=lambda row: len(read[row].ids))
        vectors = np.zeros((len(read), 384), np.float32)
        for first in range(0, len(order), LOOP_BATCH):
            rows = order[first : first + LOOP_BATCH]
            longest = max(len(read[row].ids) for row in rows)
            ids = np.zeros((len(rows), longest), np.int64)
            mask = np.zeros((len(rows), longest), np.float32)
            for at, row in enumerate(rows):
                ids[at, : len(read[row].ids)] = read[row].ids
                mask[at, : len(read[row].ids)] = 1.0
            vectors[rows] = self._session.run(None, {"ids": ids, "mask": mask})[0]
        return vectors


async def ask(http: aiohttp.ClientSession, url: str, texts: Sequence[str] | str) -> Vectors:
    """The vectors that the service answers with, as OpenAI's client asks for them."""
    body = {"input": texts, "model": "all-minilm-l6-v2", "encoding_format": "base64"}
    async with http.post(f"{url}/v1/embeddings", json=body) as answer:
        answer.raise_for_status()
        data = json.loads(await answer.read())["data"]
    packed = [base64.b64decode(one["embedding"]) for one in data]
    return np.stack([np.frombuffer(one, "<f4") for one in packed])


def _seconds(began_s: float) -> float:
    return time.perf_counter() - began_s


async def measure(settings: Settings, rounds: int, short_texts: int) -> dict[str, Any]:
    """Every figure of one run."""
    texts = mixed_texts(settings)
    environment = server_environment({})
    url = base_url(environment)
    taken: dict[str, list[float]] = {"service": [], "loop": [], "loop, one thread": []}
    with TemporaryDirectory() as folder, open_embedder(settings) as embedder:
        tokens = sum(len(one.ids) for one in embedder.tokenise(texts))
        short_tokens = [len(one.ids) for one in embedder.tokenise(SHORT_TEXTS)]
        loops = {
            "loop": PlainLoop(settings, embedder.tokenise, 0),
            "loop, one thread": PlainLoop(settings, embedder.tokenise, 1),
        }
        async with (
            aiohttp.ClientSession() as http,
            running_server(environment, http, Path(folder) / "log") as server,
        ):
            process = psutil.Process(server.pid)
            await asyncio.sleep(1.0)
            idle = process.memory_info().rss
            short = {text: await _one_by_one(http, url, text, short_texts) for text in SHORT_TEXTS}
            differences = []
            for _ in range(rounds):
                began_s = time.perf_counter()
                vectors = await ask(http, url, texts)
                taken["service"].append(_seconds(began_s))
                for name, loop in loops.items():
                    began_s = time.perf_counter()
                    expected = loop.embed(texts)
                    taken[name].append(_seconds(began_s))
                    differences.append(float(np.abs(vectors - expected).max()))
            grown = process.memory_info().rss
    return {
        "processor": processor(),
        "tokens": tokens,
        "seconds": {name: statistics.median(times) for name, times in taken.items()},
        "short_ms": [
            {"tokens": count, **{f"p{at}": float(np.percentile(ms, at)) for at in (50, 95, 99)}}
            for count, ms in zip(short_tokens, short.values(), strict=True)
        ],
        "largest_difference": max(differences),
        "idle_mib": idle / MEBIBYTE,
        "grown_mib": grown / MEBIBYTE,
    }


async def _one_by_one(http: aiohttp.ClientSession, url: str, text: str, count: int) -> list[float]:
    """Milliseconds of one request after another, on one connection."""
    for _ in range(10):
        await ask(http, url, text)
    taken = []
    for _ in range(count):
        began_s = time.perf_counter()
        await ask(http, url, text)
        taken.append(1_000 * _seconds(began_s))
    return taken


def report(figures: dict[str, Any]) -> str:
    """The tables of docs/embeddings.md."""
    rows = [
        [name, f"{seconds:.2f}", f"{TEXTS / seconds:.0f}", f"{figures['tokens'] / seconds:.0f}"]
        for name, seconds in figures["seconds"].items()
    ]
    short = [
        [f"{one['tokens']} tokens", *(f"{one[name]:.1f}" for name in ("p50", "p95", "p99"))]
        for one in figures["short_ms"]
    ]
    return "\n\n".join(
        [
            f"{figures['processor']}; {TEXTS} texts, {figures['tokens']} tokens",
            table(["", "seconds", "texts/s", "tokens/s"], rows),
            table(["one text through HTTP, ms", "p50", "p95", "p99"], short),
            f"largest difference of a value: {figures['largest_difference']:.1e}",
            f"resident: {figures['idle_mib']:.0f} MiB idle, {figures['grown_mib']:.0f} MiB after it",
        ]
    )


def main() -> int:
    """Measure and print; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of service and loop")
    parser.add_argument("--short-texts", type=int, default=200, help="short texts, one by one")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures = asyncio.run(measure(Settings(), options.rounds, options.short_texts))
    print(report(figures))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    seconds = figures["seconds"]
    missed = {
        "throughput of the loop": seconds["service"] > seconds["loop"],
        f"p95 of a question under {SHORT_AT_MOST_MS:g} ms": figures["short_ms"][1]["p95"]
        >= SHORT_AT_MOST_MS,
        "values independent of batches": figures["largest_difference"] > 1e-5,
    }
    for aim, is_missed in missed.items():
        print(f"{'MISSED' if is_missed else 'met'}: {aim}")
    return 1 if any(missed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
