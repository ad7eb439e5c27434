"""``scripts/bench embeddings``: the service against a plain loop, and how long a short text takes.

The plain loop is what one would write in a notebook: the same graph and tokeniser, ONNX Runtime with
its default threads, the texts sorted by length in batches of 32. It runs in this process while the
server is idle, the service while this process waits for it; they take turns, in one run.
"""

import asyncio
import base64
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import onnxruntime as ort

from scripts.benchmark.report import Aim, Report, Table, percentile
from scripts.benchmark.server_process import (
    MEBIBYTE,
    Meters,
    base_url,
    running_server,
    server_environment,
)
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.messages import TokenisedText, Vectors
from wordloop_ml.settings import Settings

TEXTS, LOOP_BATCH = 256, 32
QUESTION = "what did we decide about the budget"
SHORT_TEXTS = (
    "budget approval",
    QUESTION,
    "Ben said that the new release goes out on Friday, if nobody objects.",
)
QUESTION_AT_MOST_MS = 8.0
DIFFERENCE_AT_MOST = 1e-5
"""Of a value, between the service and the loop, which batches otherwise."""

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
    """Sorted batches of 32 on the same graph, on every core."""

    def __init__(self, settings: Settings, tokenise: Tokenise) -> None:
        graph = settings.weights / "all-minilm-l6-v2.onnx"
        self._session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
        self._tokenise = tokenise

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed every text: float32, shape (texts, 384), in order."""
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
    """Return the vectors that the service answers with, as OpenAI's client asks for them."""
    body = {"input": texts, "model": "all-minilm-l6-v2", "encoding_format": "base64"}
    async with http.post(f"{url}/v1/embeddings", json=body) as answer:
        answer.raise_for_status()
        data = json.loads(await answer.read())["data"]
    packed = [base64.b64decode(one["embedding"]) for one in data]
    return np.stack([np.frombuffer(one, "<f4") for one in packed])


async def _measure(rounds: int, short_texts: int, log: Path) -> dict[str, Any]:
    """Seconds of each way, milliseconds of each short text, differences, and resident bytes."""
    settings, environment = Settings(), server_environment({})
    texts, url = mixed_texts(settings), base_url(environment)
    service_s, loop_s, difference = [], [], 0.0
    with open_embedder(settings) as embedder:
        tokens = sum(len(one.ids) for one in embedder.tokenise(texts))
        short_tokens = [len(one.ids) for one in embedder.tokenise(SHORT_TEXTS)]
        loop = PlainLoop(settings, embedder.tokenise)
        async with (
            aiohttp.ClientSession() as http,
            running_server(environment, http, log) as server,
        ):
            meters = Meters(server.pid)
            await asyncio.sleep(1.0)
            idle = meters.rss_bytes()
            short = [await _one_by_one(http, url, text, short_texts) for text in SHORT_TEXTS]
            for _ in range(rounds):
                began_s = time.perf_counter()
                vectors = await ask(http, url, texts)
                served_s = time.perf_counter()
                expected = loop.embed(texts)
                service_s.append(served_s - began_s)
                loop_s.append(time.perf_counter() - served_s)
                difference = max(difference, float(np.abs(vectors - expected).max()))
            grown = meters.rss_bytes()
    return {
        "tokens": tokens,
        "seconds": {"service": service_s, "loop": loop_s},
        "short_tokens": short_tokens,
        "short_ms": short,
        "difference": difference,
        "rss": [idle, grown],
    }


async def _one_by_one(http: aiohttp.ClientSession, url: str, text: str, count: int) -> list[float]:
    """Milliseconds of one request after another, on one connection."""
    for _ in range(10):
        await ask(http, url, text)
    taken = []
    for _ in range(count):
        began_s = time.perf_counter()
        await ask(http, url, text)
        taken.append(1_000 * (time.perf_counter() - began_s))
    return taken


def report(figures: dict[str, Any]) -> Report:
    """The tables and the aims; medians and percentiles by nearest rank."""
    seconds = {name: percentile(times, 50) for name, times in figures["seconds"].items()}
    rows = [
        [name, f"{one:.2f}", f"{TEXTS / one:.0f}", f"{figures['tokens'] / one:.0f}"]
        for name, one in seconds.items()
    ]
    short = [
        [f"{tokens} tokens", *(f"{percentile(ms, at):.1f}" for at in (50, 95, 99))]
        for tokens, ms in zip(figures["short_tokens"], figures["short_ms"], strict=True)
    ]
    question_ms = percentile(figures["short_ms"][SHORT_TEXTS.index(QUESTION)], 95)
    idle, grown = (f"{one / MEBIBYTE:.0f}" for one in figures["rss"])
    return Report(
        [
            Table(["", "seconds", "texts/s", "tokens/s"], rows),
            Table(["one text through HTTP, ms", "p50", "p95", "p99"], short),
        ],
        [
            Aim("seconds of the service", seconds["loop"], "s", seconds["service"]),
            Aim("a question, p95", QUESTION_AT_MOST_MS, "ms", question_ms),
            Aim("largest difference of a value", DIFFERENCE_AT_MOST, "", figures["difference"]),
        ],
        {"embeddings": figures},
        [
            f"{TEXTS} texts, {figures['tokens']} tokens",
            f"resident: {idle} MiB idle, {grown} MiB after it",
        ],
    )


def measure_embeddings(rounds: int, short_texts: int, log: Path) -> Report:
    """Let the service and the loops take so many turns; blocking. Raises ``BenchmarkFailed``."""
    return report(asyncio.run(_measure(rounds, short_texts, log)))
