"""A client process that keeps a server busy with texts: one synthesis and one call for embeddings
at any time, over HTTP.

``python -m scripts.benchmark.text_load URL SEED`` reads a line of JSON, the texts, prints ``loaded``
once both are under way, and goes on until it is killed.
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from typing import Any

import aiohttp

TEXTS_A_CALL = 16
SEGMENTS = 400
"""Of the transcript: some thousand words."""

REFUSED_S = 0.1
"""Until a refused request is sent again."""


def transcript(texts: Sequence[str], chance: random.Random) -> dict[str, Any]:
    """A meeting of four people that nobody has posted before."""
    segments = [
        {
            "id": f"s{at}",
            "track": f"t{chance.randrange(4)}",
            "start": at * 4_000,
            "end": at * 4_000 + 3_500,
            "text": chance.choice(texts),
        }
        for at in range(SEGMENTS)
    ]
    return {"meeting_id": f"load-{chance.randrange(10**9)}", "segments": segments}


async def load(url: str, texts: Sequence[str], chance: random.Random) -> None:
    """Keep the server busy; raises ``aiohttp.ClientError`` when it breaks off."""
    synthesising, embedded = asyncio.Event(), asyncio.Event()
    untimed = aiohttp.ClientTimeout(total=None)

    async def synthesise() -> None:
        headers = {"Accept": "text/event-stream"}
        while True:
            asked = transcript(texts, chance)
            async with http.post("/v1/synthesis", json=asked, headers=headers) as answer:
                async for line in answer.content:
                    if line.startswith(b"data: ") and b'"reading"' in line:
                        synthesising.set()
                await asyncio.sleep(0 if answer.ok else REFUSED_S)

    async def embed() -> None:
        while True:
            some = [chance.choice(texts) for _ in range(TEXTS_A_CALL)]
            asked = {"model": "all-minilm-l6-v2", "input": some, "encoding_format": "base64"}
            async with http.post("/v1/embeddings", json=asked) as answer:
                await answer.read()
                if answer.ok:
                    embedded.set()
                await asyncio.sleep(0 if answer.ok else REFUSED_S)

    async with (
        aiohttp.ClientSession(url, timeout=untimed) as http,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(synthesise(), name="synthesise")
        group.create_task(embed(), name="embed")
        await synthesising.wait()
        await embedded.wait()
        print("loaded", flush=True)


if __name__ == "__main__":
    asyncio.run(load(sys.argv[1], json.loads(sys.stdin.readline()), random.Random(sys.argv[2])))
