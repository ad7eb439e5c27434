"""A plan's requests, performed in place by whoever waits for them: for commands and scripts."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Generated, TokenisedText, Vectors
from wordloop_ml.ports import Embedder, Generator
from wordloop_ml.synthesis.stepping import Done, Stepper
from wordloop_ml.synthesis.steps import Embed, Found, Generate, Pause, Progress, Steps

BATCH_TOKENS = 2048
"""So many tokens, the padding included, go into one native call."""
STEP_S = 1.0

T = TypeVar("T")


def run_in_place(
    steps: Steps[T],
    embedder: Embedder | None,
    generator: Generator | None = None,
    on_told: Callable[[Progress | Found], None] = lambda told: None,
) -> T:
    """Follow a plan to its end. Blocking. Raises what the plan raises.

    on_told: hears what the plan tells. A plan that asks for an engine that is not there is told
    that it failed.
    """
    stepper = Stepper(steps)
    try:
        step = stepper.start()
        while not isinstance(step, Done):
            try:
                answer = _perform(step, embedder, generator, on_told)
            except EngineFailed as error:
                step = stepper.fail(error)
            else:
                step = stepper.answer(answer)
        return step.result
    finally:
        stepper.close()


def _perform(
    request: Embed | Generate | Pause | Progress | Found,
    embedder: Embedder | None,
    generator: Generator | None,
    on_told: Callable[[Progress | Found], None],
) -> Vectors | Generated | None:
    match request:
        case Embed():
            if embedder is None:
                raise EngineFailed("no embedder is loaded")
            return embed_all(embedder, request.texts)
        case Generate():
            if generator is None:
                raise EngineFailed("no generator is loaded")
            return _generate(generator, request)
        case Pause():
            return None
        case Progress() | Found():
            on_told(request)
            return None


def embed_all(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The embedding of each text, in order, in calls of texts of about one length."""
    read = embedder.tokenise(texts)
    vectors = np.zeros((len(read), embedder.capabilities.dimensions), np.float32)
    for rows in _batches(read):
        vectors[rows] = embedder.embed([read[row] for row in rows])
    return vectors


def _batches(read: Sequence[TokenisedText]) -> Iterator[list[int]]:
    batch: list[int] = []
    for row in sorted(range(len(read)), key=lambda row: len(read[row].ids)):
        # in this order the newest is the longest, and the others are padded to it
        if batch and (len(batch) + 1) * len(read[row].ids) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _generate(generator: Generator, request: Generate) -> Generated:
    generation = generator.begin(request.prompt, request.options)
    try:
        while True:
            if (answer := generation.step(STEP_S)) is not None:
                return answer
    finally:
        generation.close()
