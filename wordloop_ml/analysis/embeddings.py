"""Embeddings of any number of texts, in short jobs that callers share fairly.

Texts of like length go through the model together, longest first, so that little is computed for
padding and threads end at about the same time. A batch is small: a batch of a few hundred tokens
is as fast, per token, as one of thousands (docs/embeddings.md), and whoever speaks or asks next
waits for one at most.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from wordloop_ml.analysis.jobs import Jobs, end_all
from wordloop_ml.errors import Busy, BusyReason, Draining
from wordloop_ml.executor import JobOwner
from wordloop_ml.messages import JobClass, TokenisedText, Vectors
from wordloop_ml.metrics import Metrics
from wordloop_ml.ports import Embedder, EmbedderCapabilities

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmbeddingPolicy:
    """The numbers that shape embeddings.

    batch_tokens, batch_tokens_beside_speech: what one native call takes, the padding included; a
        single text that is longer is a batch of its own.
    read_characters: of texts that are tokenised in one call.
    calls: how many callers of class EMBEDDING may be served at once.
    """

    batch_tokens: int = 256
    batch_tokens_beside_speech: int = 128
    read_characters: int = 8_192
    calls: int = 32


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embeddings of some texts, in the order asked.

    tokens: what the model read of each text. dropped: what it did not, because it was too long.
    """

    vectors: Vectors
    tokens: tuple[int, ...]
    dropped: tuple[int, ...]


class Embeddings:
    """One embedder for any number of callers; used in one event loop.

    metrics: what requests of class EMBEDDING are counted in; its own where nobody looks.
    """

    def __init__(
        self,
        jobs: Jobs,
        embedder: Embedder,
        policy: EmbeddingPolicy | None = None,
        *,
        metrics: Metrics | None = None,
    ) -> None:
        self._jobs = jobs
        self._metrics = metrics or Metrics()
        self._embedder = embedder
        self._policy = policy or EmbeddingPolicy()
        self._calls = dict.fromkeys(JobClass, 0)
        self._draining = False

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """What the model makes."""
        return self._embedder.capabilities

    def drain(self) -> None:
        """End calls with ``Draining`` before their next batch."""
        self._draining = True

    async def embed(self, texts: Sequence[str], job_class: JobClass, caller: JobOwner) -> Vectors:
        """Embed texts; float32, shape (texts, dimensions), in order. Raises as ``embed_and_count`` does."""
        return (await self.embed_and_count(texts, job_class, caller)).vectors

    async def embed_and_count(
        self, texts: Sequence[str], job_class: JobClass, caller: JobOwner
    ) -> Embedded:
        """Embed texts, and count the tokens that were read of each.

        caller: by whom threads are shared; a request of its own is a caller of its own.
        Cancelled, it ends when the batches that run have ended. Raises ``EngineFailed``, ``Busy``
        (too many callers of class EMBEDDING) and ``Draining``.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with self._called(job_class):
            read, vectors = await self._begin(texts, job_class, caller)
            if vectors is None:
                vectors = await self._embed_all(read, job_class, caller)
            if job_class is JobClass.EMBEDDING:
                self._metrics.embeddings.observe(loop.time() - began_s)
                self._metrics.embedding_texts.inc(len(read))
            return Embedded(
                vectors,
                tuple(len(one.ids) for one in read),
                tuple(one.dropped for one in read),
            )

    async def compute(self, call: Callable[[], T], job_class: JobClass, caller: JobOwner) -> T:
        """Run a call on an inference thread; raises what it raises, ``Draining`` and ``Busy``."""
        if self._draining:
            raise Draining
        return await self._jobs.run(job_class, caller, call)

    @contextmanager
    def _called(self, job_class: JobClass) -> Iterator[None]:
        if job_class is JobClass.EMBEDDING and self._calls[job_class] >= self._policy.calls:
            raise Busy(
                "too many requests for embeddings are being served", reason=BusyReason.EMBEDDINGS
            )
        self._calls[job_class] += 1
        try:
            yield
        finally:
            self._calls[job_class] -= 1

    async def _begin(
        self, texts: Sequence[str], job_class: JobClass, caller: JobOwner
    ) -> tuple[list[TokenisedText], Vectors | None]:
        """Tokenise slice by slice; embed in the same job where all fits into one batch.

        A single short text is one job, so that it waits for a thread once.
        """
        slices = list(_slices(texts, self._policy.read_characters))
        if len(slices) != 1:
            read = []
            for some in slices:
                tokenise = partial(self._embedder.tokenise, some)
                read += await self.compute(tokenise, job_class, caller)
            return read, None

        budget = self._budget()

        def tokenise_and_embed() -> tuple[list[TokenisedText], Vectors | None]:
            tokens = self._embedder.tokenise(texts)
            fits = len(tokens) * max(len(one.ids) for one in tokens) <= budget
            return tokens, self._embedder.embed(tokens) if fits or len(tokens) == 1 else None

        return await self.compute(tokenise_and_embed, job_class, caller)

    async def _embed_all(
        self, read: Sequence[TokenisedText], job_class: JobClass, caller: JobOwner
    ) -> Vectors:
        """Embed batch by batch, as many at once as there are threads for this caller."""
        vectors = np.zeros((len(read), self.capabilities.dimensions), np.float32)
        pending = sorted(range(len(read)), key=lambda row: len(read[row].ids))
        running: set[asyncio.Task[None]] = set()

        async def embed(rows: list[int]) -> None:
            batch = [read[row] for row in rows]
            vectors[rows] = await self.compute(
                lambda: self._embedder.embed(batch), job_class, caller
            )

        try:
            while pending or running:
                while pending and len(running) < self._at_once(job_class):
                    rows = _take(pending, read, self._budget())
                    running.add(asyncio.create_task(embed(rows), name=f"embed-{caller}"))
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                running -= done
        finally:
            await end_all(running)
        return vectors

    def _budget(self) -> int:
        policy = self._policy
        beside_speech = self._jobs.speech_lately
        return policy.batch_tokens_beside_speech if beside_speech else policy.batch_tokens

    def _at_once(self, job_class: JobClass) -> int:
        """Return a caller's share of the threads that there are for background work."""
        threads = self._jobs.workers - self._jobs.speech_lately
        return max(1, -(-threads // self._calls[job_class]))


def _slices(texts: Sequence[str], characters: int) -> Iterator[Sequence[str]]:
    """Divide texts into slices of at most so many characters; a longer text is one by itself."""
    first, held = 0, 0
    for index, text in enumerate(texts):
        if held and held + len(text) > characters:
            yield texts[first:index]
            first, held = index, 0
        held += len(text)
    if first < len(texts):
        yield texts[first:]


def _take(pending: list[int], read: Sequence[TokenisedText], budget: int) -> list[int]:
    """Take the longest texts that are left, up to the budget; one at least."""
    longest = len(read[pending[-1]].ids)
    count = max(1, budget // longest)
    rows = pending[-count:]
    del pending[-count:]
    return rows
