"""Notes of one chunk."""

import numpy as np
import pytest

from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import DIMENSIONS, ScriptedEmbedder
from wordloop_ml.errors import EngineFailed
from wordloop_ml.synthesis.chunks import Chunk
from wordloop_ml.synthesis.extractive.notes import ChunkNotes, notes_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.messages import Segment


def chunk(*said: str, begin: int = 0) -> Chunk:
    segments = tuple(
        Segment(f"{begin}-{at}", "ann", text, begin + at, begin + at + 1)
        for at, text in enumerate(said)
    )
    return Chunk(segments, "digest")


def notes(one: Chunk, english: bool = True) -> ChunkNotes:
    return run_plan(notes_of(one, english, ExtractivePolicy()), ScriptedEmbedder())


SAID = ("We decided to use the red logo.", "Okay.", "I'll send the invoice to the supplier.")


def test_notes_hold_sentences_vectors_and_hits() -> None:
    """One vector for each sentence that is long enough, which nobody can write to."""
    taken = notes(chunk(*SAID))
    assert taken.embedded == (0, 2)
    assert taken.vectors.shape == (2, DIMENSIONS)
    assert not taken.vectors.flags.writeable
    assert [at for at, _ in taken.decisions] == [0]
    assert [at for at, _ in taken.tasks] == [2]


def test_notes_do_not_depend_on_where_the_chunk_stands() -> None:
    """Neither ids nor times are in them."""
    one, other = notes(chunk(*SAID)), notes(chunk(*SAID, begin=1_000))
    assert one.sentences == other.sentences
    assert np.array_equal(one.vectors, other.vectors)


def test_a_chunk_without_words_asks_for_nothing() -> None:
    """No embedder is needed for it."""
    empty = run_plan(notes_of(chunk("", "um"), True, ExtractivePolicy()), None)
    assert (empty.sentences, empty.embedded, len(empty.vectors)) == ((), (), 0)


def test_a_failed_embedding_fails_the_notes() -> None:
    """Whoever drives the plan decides what then."""
    with pytest.raises(EngineFailed):
        run_plan(notes_of(chunk(*SAID), True, ExtractivePolicy()), None)
