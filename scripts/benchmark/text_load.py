"""A client process that keeps a server busy with texts: one synthesis and one call for embeddings
at any time, over HTTP, until it is told to stop.

``python -m scripts.benchmark.text_load URL SEED`` reads a line of JSON, the texts, prints ``loaded``
once both are under way, and on SIGTERM what was done, as JSON.
"""

import asyncio
import json
import random
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

TEXTS_A_CALL = 16
SEGMENTS = 400
"""Of the transcript: some thousand words."""


@dataclass(slots=True)
class Done:
    """What came back: calls and texts that were embedded, events of syntheses, and syntheses.

    refused: answers of another status than 200.
    """

    embedding_calls: int = 0
    embedded_texts: int = 0
    synthesis_events: int = 0
    syntheses: int = 0
    refused: int = 0


def transcript(texts: Sequence[str], randomness: random.Random) -> dict[str, Any]:
    """A meeting of four people that nobody has posted before."""
    segments = [
        {
            "id": f"s{at}",
            "track": f"t{randomness.randrange(4)}",
            "start": at * 4_000,
            "end": at * 4_000 + 3_500,
            "text": randomness.choice(texts),
        }
        for at in range(SEGMENTS)
    ]
    return {"meeting_id": f"load-{randomness.randrange(10**9)}", "segments": segments}


async def synthesise(
    http: aiohttp.ClientSession,
    texts: Sequence[str],
    randomness: random.Random,
    done: Done,
    begun: asyncio.Event,
) -> None:
    """One synthesis after the other."""
    while True:
        asked = transcript(texts, randomness)
        headers = {"Accept": "text/event-stream"}
        async with http.post("/v1/synthesis", json=asked, headers=headers) as answer:
            done.refused += answer.status != 200
            async for line in answer.content:
                done.synthesis_events += line.startswith(b"event: ")
                done.syntheses += line.startswith(b"event: result")
                if line.startswith(b"data: ") and b'"reading"' in line:
                    begun.set()
        await asyncio.sleep(0.1 * (answer.status != 200))


async def embed(
    http: aiohttp.ClientSession,
    texts: Sequence[str],
    randomness: random.Random,
    done: Done,
    begun: asyncio.Event,
) -> None:
    """One call after the other."""
    while True:
        asked = {
            "model": "all-minilm-l6-v2",
            "input": [randomness.choice(texts) for _ in range(TEXTS_A_CALL)],
            "encoding_format": "base64",
        }
        async with http.post("/v1/embeddings", json=asked) as answer:
            await answer.read()
            if answer.status == 200:
                done.embedding_calls += 1
                done.embedded_texts += TEXTS_A_CALL
                begun.set()
            else:
                done.refused += 1
        await asyncio.sleep(0.1 * (answer.status != 200))


async def load(url: str, texts: Sequence[str], seed: int) -> Done:
    """Keep the server busy until SIGTERM."""
    done, stopped = Done(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    randomness = random.Random(seed)
    begun = [asyncio.Event(), asyncio.Event()]
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=None)) as http:
        loads: list[asyncio.Task[Any]] = [
            asyncio.create_task(one(http, texts, randomness, done, begins), name=one.__name__)
            for one, begins in zip((synthesise, embed), begun, strict=True)
        ]
        for one in begun:
            await one.wait()
        print("loaded", flush=True)
        stopping: asyncio.Task[Any] = asyncio.create_task(stopped.wait(), name="stopped")
        ended, _ = await asyncio.wait({stopping, *loads}, return_when=asyncio.FIRST_COMPLETED)
        for task in loads:
            task.cancel()
        await asyncio.wait(loads)
        for task in ended - {stopping}:
            task.result()  # it ended by itself, so that something is wrong
    return done


def main() -> int:
    """Returns the exit status."""
    url, seed = sys.argv[1:]
    texts = json.loads(sys.stdin.readline())
    print(json.dumps(asdict(asyncio.run(load(url, texts, int(seed))))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
