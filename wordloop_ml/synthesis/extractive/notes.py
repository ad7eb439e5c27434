"""Takes notes of a chunk (sentences, embeddings, what the rules found) and joins those of a meeting; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordloop_ml.messages import Vectors
from wordloop_ml.synthesis.chunks import Chunk
from wordloop_ml.synthesis.extractive.decisions import decisions_in, takes_back
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import question_in
from wordloop_ml.synthesis.extractive.sentences import Sentence, sentences_of
from wordloop_ml.synthesis.extractive.tasks import Task, task_in
from wordloop_ml.synthesis.messages import Transcript
from wordloop_ml.synthesis.steps import Embed, Steps


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
    named = any(one.speaker is not None for one in chunk.segments)
    decisions = tuple(decisions_in(sentences, policy, named=named))
    questions = tuple(
        (at, sure) for at, one in enumerate(sentences) if (sure := question_in(one, policy))
    )
    tasks = tuple((at, task) for at, one in enumerate(sentences) if (task := task_in(one, policy)))
    retractions = tuple(at for at, one in enumerate(sentences) if takes_back(one))
    return ChunkNotes(sentences, embedded, vectors, decisions, tasks, questions, retractions)


Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Gathered:
    """A meeting's sentences in order, those of failed chunks missing.

    first, last: the position of each sentence's first and last segment in the transcript.
    row: of its embedding in ``vectors``, -1 where it has none. embedded: the other way round.
    language: what is spoken, None where that is unknown. words: of each sentence. heard: words before each sentence.
    """

    transcript: Transcript
    sentences: tuple[Sentence, ...]
    first: Ints
    last: Ints
    row: Ints
    embedded: Ints
    vectors: Vectors
    words: Floats
    heard: Floats
    decisions: tuple[tuple[int, float], ...]
    tasks: tuple[tuple[int, Task], ...]
    questions: tuple[tuple[int, float], ...]
    retractions: tuple[int, ...] = ()
    language: str | None = "en"

    def cited(self, at: int) -> tuple[str, ...]:
        """Return the ids of the segments that a sentence rests on: those of its own voice."""
        voice = self.sentences[at].voice
        between = self.transcript.segments[self.first[at] : self.last[at] + 1]
        return tuple(segment.id for segment in between if segment.voice == voice)

    def similarity(self, one: int, other: int) -> float:
        """Return the cosine of two sentences; 0 where one has no embedding."""
        if self.row[one] < 0 or self.row[other] < 0:
            return 0.0
        return float(self.vectors[self.row[one]] @ self.vectors[self.row[other]])


def gather(
    transcript: Transcript,
    chunks: Sequence[Chunk],
    notes: Sequence[ChunkNotes | None],
    language: str | None = "en",
) -> Gathered:
    """Join the notes of all chunks; positions become those of the transcript."""
    sentences: list[Sentence] = []
    first: list[int] = []
    last: list[int] = []
    embedded: list[int] = []
    vectors: list[Vectors] = []
    decisions: list[tuple[int, float]] = []
    tasks: list[tuple[int, Task]] = []
    questions: list[tuple[int, float]] = []
    retractions: list[int] = []
    offset = 0
    for chunk, note in zip(chunks, notes, strict=True):
        if note is not None:
            base = len(sentences)
            sentences.extend(note.sentences)
            first.extend(offset + one.first for one in note.sentences)
            last.extend(offset + one.last for one in note.sentences)
            embedded.extend(base + at for at in note.embedded)
            if note.embedded:
                vectors.append(note.vectors)
            decisions.extend((base + at, sure) for at, sure in note.decisions)
            tasks.extend((base + at, task) for at, task in note.tasks)
            questions.extend((base + at, sure) for at, sure in note.questions)
            retractions.extend(base + at for at in note.retractions)
        offset += len(chunk.segments)
    row = np.full(len(sentences), -1, np.intp)
    row[embedded] = np.arange(len(embedded))
    words = np.array([one.words for one in sentences], np.float64)
    return Gathered(
        transcript,
        tuple(sentences),
        np.array(first, np.intp),
        np.array(last, np.intp),
        row,
        np.array(embedded, np.intp),
        np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32),
        words,
        np.cumsum(words) - words,
        tuple(decisions),
        tuple(tasks),
        tuple(questions),
        tuple(retractions),
        language,
    )
