"""Embeddings in jobs: the order asked, small batches, fair between callers, and their end."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.executing import owner_of
from wordloop_ml.analysis.embeddings import EmbeddingPolicy, Embeddings
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.engines.scripted import (
    EMBEDDER_CAPABILITIES,
    ScriptedEmbedder,
    ScriptedTranscriber,
)
from wordloop_ml.errors import Busy, Draining, EngineFailed
from wordloop_ml.executor import Executor
from wordloop_ml.messages import JobClass, TokenisedText

WAIT_S = 10.0

LONG = "word " * 500


class Watched:
    """Remembers each batch by its lengths; holds them up where it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None

    def __call__(self, batch: Sequence[TokenisedText]) -> None:
        self.batches.append([len(one.ids) for one in batch])
        self.begun.set()
        assert self.go.wait(WAIT_S)
        if self.error is not None:
            raise self.error

    @property
    def embedder(self) -> ScriptedEmbedder:
        return ScriptedEmbedder(before=self)

    async def wait_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, WAIT_S)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture(params=[1, 2])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor[Any]]:
    """One or two inference threads."""
    yield from made(request.param)


def made(workers: int) -> Iterator[Executor[Any]]:
    one: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=workers)
    yield one
    assert one.close(WAIT_S)


@pytest.fixture
def single() -> Iterator[Executor[Any]]:
    """One inference thread."""
    yield from made(1)


def alone(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """What each text's embedding is by itself."""
    embedder = ScriptedEmbedder()
    return np.concatenate([embedder.embed(embedder.tokenise([text])) for text in texts])


def sizes(batches: list[list[int]]) -> list[int]:
    """The tokens of each batch, the padding included."""
    return [len(batch) * max(batch) for batch in batches]


async def test_vectors_come_in_the_order_asked(executor: Executor[Any], watched: Watched) -> None:
    """Though long texts go first, in batches within the budget."""
    embeddings = Embeddings(Jobs(executor), watched.embedder)
    texts = [f"text {number} " * (1 + number % 37) for number in range(100)]
    made = await embeddings.embed_and_count(texts, JobClass.EMBEDDING, owner_of("a"))
    np.testing.assert_array_equal(made.vectors, alone(texts))
    assert made.tokens == tuple(len(text.split()) + 2 for text in texts)
    assert set(made.dropped) == {0}
    assert max(sizes(watched.batches)) <= 256
    assert len(watched.batches) < 30


async def test_what_is_too_long_is_cut_and_counted(executor: Executor[Any]) -> None:
    """By text."""
    embeddings = Embeddings(Jobs(executor), ScriptedEmbedder())
    made = await embeddings.embed_and_count(
        ["short", LONG, "short"], JobClass.EMBEDDING, owner_of("a")
    )
    assert made.tokens == (3, EMBEDDER_CAPABILITIES.longest_tokens, 3)
    assert made.dropped == (0, 500 + 2 - EMBEDDER_CAPABILITIES.longest_tokens, 0)
    np.testing.assert_array_equal(
        await embeddings.embed([LONG], JobClass.SYNTHESIS, owner_of("a")), made.vectors[1:2]
    )


async def test_no_texts_have_no_vectors(executor: Executor[Any]) -> None:
    """And empty ones do."""
    embeddings = Embeddings(Jobs(executor), ScriptedEmbedder())
    assert (await embeddings.embed([], JobClass.SYNTHESIS, owner_of("a"))).shape == (0, 64)
    assert (await embeddings.embed(["", ""], JobClass.SYNTHESIS, owner_of("a"))).shape == (2, 64)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 600), st.integers(1, 1_000))
def test_any_budget_covers_every_text_once(
    lengths: list[int], budget: int, characters: int
) -> None:
    """Whatever their lengths, and however they are sliced for the tokeniser."""
    watched = Watched()
    texts = [f"t{row} " * length for row, length in enumerate(lengths)]

    async def run(executor: Executor[Any]) -> np.ndarray[Any, Any]:
        policy = EmbeddingPolicy(batch_tokens=budget, read_characters=characters)
        embeddings = Embeddings(Jobs(executor), watched.embedder, policy)
        return await embeddings.embed(texts, JobClass.EMBEDDING, owner_of("a"))

    for executor in made(2):
        vectors = asyncio.run(run(executor))
    if texts:
        np.testing.assert_array_equal(vectors, alone(texts))
    assert sum(map(len, watched.batches)) == len(texts)
    assert all(
        size <= budget or len(batch) == 1
        for batch, size in zip(watched.batches, sizes(watched.batches), strict=True)
    )


async def test_a_single_short_text_is_one_job(single: Executor[Any]) -> None:
    """It waits for a thread once."""
    embeddings = Embeddings(Jobs(single), ScriptedEmbedder())
    await embeddings.embed(["what did we decide"], JobClass.EMBEDDING, owner_of("a"))
    assert single.statistics().done == 1


async def test_batches_are_small_while_people_speak(
    single: Executor[Any], watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever speaks next waits for half as much."""
    monkeypatch.setattr(Executor, "speech_lately", True)
    embeddings = Embeddings(Jobs(single), watched.embedder)
    await embeddings.embed(["one two three"] * 100, JobClass.EMBEDDING, owner_of("a"))
    assert max(sizes(watched.batches)) <= 128


async def test_a_short_text_waits_for_one_batch_of_another_caller(
    single: Executor[Any], watched: Watched
) -> None:
    """However much the other has asked for."""
    embeddings = Embeddings(Jobs(single), watched.embedder)
    watched.go.clear()
    many = asyncio.create_task(
        embeddings.embed(["one two three four"] * 500, JobClass.EMBEDDING, owner_of("many")),
        name="many",
    )
    await watched.wait_begun()
    few = asyncio.create_task(
        embeddings.embed(["few"], JobClass.EMBEDDING, owner_of("few")), name="few"
    )
    await asyncio.sleep(0)
    watched.go.set()
    await few
    assert watched.batches[1] == [3]
    assert not many.done()
    await many


async def test_a_caller_who_leaves_frees_its_thread(
    executor: Executor[Any], watched: Watched
) -> None:
    """After the batches that run; nothing of it runs afterwards, and no task is left."""
    embeddings = Embeddings(Jobs(executor), watched.embedder)
    watched.go.clear()
    task = asyncio.create_task(
        embeddings.embed(["one two three"] * 500, JobClass.EMBEDDING, owner_of("a")), name="leaves"
    )
    await watched.wait_begun()
    task.cancel()
    watched.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(watched.batches) <= executor.workers
    assert executor.statistics().running == 0


async def test_a_call_that_hangs_can_be_left(single: Executor[Any], watched: Watched) -> None:
    """By a second cancellation, at the end of a process."""
    embeddings = Embeddings(Jobs(single), watched.embedder)
    watched.go.clear()
    task = asyncio.create_task(
        embeddings.embed(["one two three"] * 500, JobClass.EMBEDDING, owner_of("a")), name="hangs"
    )
    await watched.wait_begun()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    watched.go.set()


async def test_an_engine_that_fails_ends_the_call(
    executor: Executor[Any], watched: Watched
) -> None:
    """With its error, once, and the next call is served."""
    embeddings = Embeddings(Jobs(executor), watched.embedder)
    watched.error = EngineFailed("no vectors")
    with pytest.raises(EngineFailed, match="no vectors"):
        await embeddings.embed(["one two three"] * 500, JobClass.EMBEDDING, owner_of("a"))
    watched.error = None
    assert len(await embeddings.embed(["one"], JobClass.EMBEDDING, owner_of("a"))) == 1


async def test_too_many_callers_are_refused_but_not_syntheses(
    single: Executor[Any], watched: Watched
) -> None:
    """Those are bounded where they are taken in."""
    embeddings = Embeddings(Jobs(single), watched.embedder, EmbeddingPolicy(calls=1))
    watched.go.clear()
    first = asyncio.create_task(
        embeddings.embed(["a"], JobClass.EMBEDDING, owner_of("a")), name="first"
    )
    await watched.wait_begun()
    with pytest.raises(Busy):
        await embeddings.embed(["b"], JobClass.EMBEDDING, owner_of("b"))
    third = asyncio.create_task(
        embeddings.embed(["c"], JobClass.SYNTHESIS, owner_of("c")), name="third"
    )
    await asyncio.sleep(0)
    watched.go.set()
    await asyncio.gather(first, third)
    await embeddings.embed(["d"], JobClass.EMBEDDING, owner_of("d"))


async def test_draining_ends_a_call_before_its_next_batch(
    single: Executor[Any], watched: Watched
) -> None:
    """And takes no new one."""
    embeddings = Embeddings(Jobs(single), watched.embedder)
    watched.go.clear()
    task = asyncio.create_task(
        embeddings.embed(["one two three"] * 500, JobClass.EMBEDDING, owner_of("a")), name="drained"
    )
    await watched.wait_begun()
    embeddings.drain()
    watched.go.set()
    with pytest.raises(Draining):
        await task
    assert len(watched.batches) == 1
    with pytest.raises(Draining):
        await embeddings.embed(["a"], JobClass.EMBEDDING, owner_of("a"))
