"""What is kept of a chunk: its sentences, their embeddings, what the rules found; pure."""

from dataclasses import dataclass

import numpy as np

from wordloop_ml.messages import Vectors
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.rules import (
    Task,
    decision_in,
    question_in,
    takes_back,
    task_in,
)
from wordloop_ml.synthesis.extractive.sentences import Sentence, sentences_of
from wordloop_ml.synthesis.steps import Embed, Steps
from wordloop_ml.synthesis.synthesiser import Chunk


@dataclass(frozen=True, slots=True)
class ChunkNotes:
    """Notes of one chunk; positions are those in the chunk.

    sentences: all of them. vectors: read-only, one row for each index in ``embedded``: sentences
        too short to mean much have none. decisions, questions: (index of the sentence, how sure).
        tasks: (index, task). retractions: indices of those that may take something back.
    """

    sentences: tuple[Sentence, ...]
    embedded: tuple[int, ...]
    vectors: Vectors
    decisions: tuple[tuple[int, float], ...] = ()
    tasks: tuple[tuple[int, Task], ...] = ()
    questions: tuple[tuple[int, float], ...] = ()
    retractions: tuple[int, ...] = ()


def notes_of(chunk: Chunk, english: bool, policy: ExtractivePolicy) -> Steps[ChunkNotes]:
    """Read a chunk; the rules are English, and asked nothing about other languages."""
    sentences = tuple(sentences_of(chunk.segments, policy, english=english))
    embedded = tuple(at for at, one in enumerate(sentences) if one.words >= policy.embedded_words)
    vectors: Vectors = np.zeros((0, 0), np.float32)
    if embedded:
        answer: Vectors = yield Embed(tuple(sentences[at].text for at in embedded))
        vectors = answer.copy()
        vectors.flags.writeable = False
    if not english:
        return ChunkNotes(sentences, embedded, vectors)
    decisions = tuple(
        (at, sure) for at, one in enumerate(sentences) if (sure := decision_in(one, policy))
    )
    questions = tuple(
        (at, sure) for at, one in enumerate(sentences) if (sure := question_in(one, policy))
    )
    tasks = tuple((at, task) for at, one in enumerate(sentences) if (task := task_in(one, policy)))
    retractions = tuple(at for at, one in enumerate(sentences) if takes_back(one))
    return ChunkNotes(sentences, embedded, vectors, decisions, tasks, questions, retractions)
