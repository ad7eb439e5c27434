"""``scripts/bench embeddings``: many texts in one request, and how long a short one takes."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from scripts.benchmark.report import Aim, Report, Table, percentile
from scripts.benchmark.server_process import running_server, server_environment
from wordloop_ml.settings import Settings

TEXTS = 256
SHORT_TEXTS = (
    "budget approval",
    "what did we decide about the budget",
    "Ben said that the new release goes out on Friday, if nobody objects.",
)
QUESTION_AT_MOST_MS = 8.0
WARM = 10
"""Requests before the first that counts."""


def mixed_texts(settings: Settings, count: int = TEXTS) -> list[str]:
    """Texts of 3 to 240 words of the model's vocabulary, most of them short, a few long."""
    path = settings.weights / "all-minilm-l6-v2.tokenizer.json"
    vocabulary = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(word for word in vocabulary if word.isascii() and word.isalpha())
    chance = random.Random(1)
    lengths = [min(240, max(3, round(chance.lognormvariate(3.0, 0.9)))) for _ in range(count)]
    return [" ".join(chance.choice(words) for _ in range(length)) for length in lengths]


async def ask(http: aiohttp.ClientSession, texts: Sequence[str]) -> tuple[float, int]:
    """Ask as OpenAI's client does; seconds until the vectors are there, and tokens that they took."""
    body = {"input": texts, "model": "all-minilm-l6-v2", "encoding_format": "base64"}
    began_s = time.perf_counter()
    async with http.post("/v1/embeddings", json=body) as answer:
        answer.raise_for_status()
        usage = json.loads(await answer.read())["usage"]
    return time.perf_counter() - began_s, int(usage["prompt_tokens"])


async def _measure(rounds: int, short_texts: int, log: Path) -> list[list[tuple[float, int]]]:
    """Every answer to the mixed texts, then those to each short text."""
    environment = server_environment({})
    async with (
        running_server(environment, log) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        asked = [(mixed_texts(Settings()), 0, rounds)]
        asked += [([text], WARM, short_texts) for text in SHORT_TEXTS]
        return [
            [await ask(http, texts) for _ in range(warm + times)][warm:]
            for texts, warm, times in asked
        ]


def report(mixed: Sequence[tuple[float, int]], *short: Sequence[tuple[float, int]]) -> Report:
    """The tables and the aim; medians and percentiles by nearest rank."""
    seconds, tokens = percentile([one for one, _ in mixed], 50), mixed[0][1]
    row = [f"{seconds:.2f}", f"{TEXTS / seconds:.0f}", f"{tokens / seconds:.0f}"]
    rows = []
    for answers in short:
        times_ms = [1_000 * one for one, _ in answers]
        cells = [f"{percentile(times_ms, at):.1f}" for at in (50, 95, 99)]
        rows.append([f"{answers[0][1]} tokens", *cells])
    question_ms = 1_000 * percentile([one for one, _ in short[1]], 95)
    return Report(
        [
            Table([f"{TEXTS} texts, {tokens} tokens: seconds", "texts/s", "tokens/s"], [row]),
            Table(["one text through HTTP, ms", "p50", "p95", "p99"], rows),
        ],
        [Aim("a question, p95", QUESTION_AT_MOST_MS, "ms", question_ms)],
        {"embeddings": {"mixed": list(mixed), "short": [list(one) for one in short]}},
    )


def measure_embeddings(rounds: int, short_texts: int, log: Path) -> Report:
    """Ask so often; blocking. Raises ``BenchmarkFailed``."""
    return report(*asyncio.run(_measure(rounds, short_texts, log)))
