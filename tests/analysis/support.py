"""A transcript as it is posted, and vectors that come when a test lets them."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.executor import JobOwner
from wordloop_ml.messages import JobClass, Vectors

WAIT_S = 10.0

LINES = (
    "We meet about the budget of the garden project today.",
    "Decided: The garden gets a new fence in spring.",
    "Todo: Ben orders the fence by Friday.",
    "Open: Who waters the garden in summer?",
)


def transcript(lines: Sequence[str] = LINES, *, meeting_id: str = "m", **fields: Any) -> bytes:
    """A body of ``POST /v1/synthesis``; two people take turns."""
    segments = [
        {
            "id": f"s{at}",
            "track": "ab"[at % 2],
            "start": at * 5_000,
            "end": at * 5_000 + 4_000,
            "text": text,
        }
        for at, text in enumerate(lines)
    ]
    return json.dumps({"meeting_id": meeting_id, "segments": segments, **fields}).encode()


class Texts:
    """Embeds as the scripted embedder does; holds, and fails, as a test wants.

    asked: every text that was asked for.
    """

    def __init__(self) -> None:
        self._embedder = ScriptedEmbedder()
        self.go = asyncio.Event()
        self.go.set()
        self.asked: list[str] = []
        self.fail: Callable[[Sequence[str]], Exception | None] = lambda _: None

    async def __call__(
        self, texts: Sequence[str], job_class: JobClass, caller: JobOwner
    ) -> Vectors:
        self.asked += texts
        await self.go.wait()
        if (error := self.fail(texts)) is not None:
            raise error
        return self._embedder.embed(self._embedder.tokenise(texts))

    def hold(self) -> None:
        """From now on nothing is embedded, until ``go``."""
        self.go.clear()


async def until(condition: Callable[[], bool]) -> None:
    """Turn the loop until something holds that no event tells of."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - a thread or the loop itself is what is watched
            await asyncio.sleep(0)
