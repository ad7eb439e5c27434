"""A synthesis in a model's words: notes of each chunk, then a title and a summary of the notes.

The model is asked for little at a time, and for numbers of lines with everything it says; what can
be done without it (joining what was noted twice, topics and their times) is done here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt
from wordloop_ml.synthesis.generative.answers import (
    MERGE_SCHEMA,
    MOST_CITED,
    MOST_SUMMARY_SENTENCES,
    NOTES_SCHEMA,
    UNKNOWN,
    ChunkNotes,
    Merged,
    NoAnswer,
    cited,
    collected_actions,
    collected_statements,
    read_merged,
    read_notes,
    topics_of,
)
from wordloop_ml.synthesis.generative.prompts import merge_prompt, notes_prompt
from wordloop_ml.synthesis.messages import Draft, MadeBy, Statement, Transcript, Wishes
from wordloop_ml.synthesis.steps import Generate, Pause, Progress, Steps
from wordloop_ml.synthesis.synthesiser import Chunk, ChunkWords

CHUNK_WORDS: Final = ChunkWords(wanted=600, most=900)
"""About 1,200 to 1,800 tokens with their numbers and names: with the answer, half of a context."""

NOTES_TOKENS: Final = 700
MERGE_TOKENS: Final = 600
MERGED_AT_ONCE: Final = 48
"""Sentences that one call summarises: about 1,500 tokens."""

_AGAIN: Final = 0.4
"""The temperature of the second try: the likeliest answer has just been wrong."""

_WORDS_A_SENTENCE: Final = 16

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class GenerativeSynthesiser:
    """Writes with a generator; fulfils ``Synthesiser`` with notes of the type ``ChunkNotes``."""

    made_by: MadeBy
    chunk_words: ChunkWords = CHUNK_WORDS

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[ChunkNotes]:
        """The notes of one chunk.

        Raises ``EngineFailed``: ``answer_invalid`` after two answers that are none, ``too_large``
        when the chunk does not fit the model's context, or whatever the engine ended in.
        """
        prompt = notes_prompt(chunk.segments, language)
        return (yield from _ask(prompt, NOTES_SCHEMA, NOTES_TOKENS, read_notes))

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[ChunkNotes | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """The draft; chunks without notes are missing from it. Raises ``EngineFailed``."""
        taken = [
            (chunk, note) for chunk, note in zip(chunks, notes, strict=True) if note is not None
        ]
        summaries: list[Statement] = []
        for chunk, note in taken:
            summaries += [cited(one, chunk.segments) for one in note.summary]
        if not summaries:
            raise EngineFailed("there are no notes to summarise", code=ErrorCode.ANSWER_INVALID)
        title, summary = yield from _summarised(summaries, wishes, transcript.language)
        yield Pause()
        decisions = yield from collected_statements(taken, lambda note: note.decisions)
        actions = yield from collected_actions(taken)
        questions = yield from collected_statements(taken, lambda note: note.open_questions)
        return Draft(
            title=title,
            summary=tuple(summary),
            topics=topics_of(taken),
            decisions=decisions,
            action_items=actions,
            open_questions=questions,
        )


def _summarised(
    sentences: Sequence[Statement], wishes: Wishes, language: str | None
) -> Steps[tuple[Statement, Sequence[Statement]]]:
    """Write title and summary; of a long meeting, of summaries of its parts."""
    while len(sentences) > MERGED_AT_ONCE:
        parts = [
            sentences[start : start + MERGED_AT_ONCE]
            for start in range(0, len(sentences), MERGED_AT_ONCE)
        ]
        shorter: list[Statement] = []
        for number, part in enumerate(parts):
            yield Progress("summary", number, len(parts) + 1)
            # between 3 and 12 sentences of 48: it ends, and each part has its say
            _, told = yield from _one_summary(part, wishes.summary_words, language)
            shorter += told
        sentences = shorter
    return (yield from _one_summary(sentences, wishes.summary_words, language))


def _one_summary(
    sentences: Sequence[Statement], words: int, language: str | None
) -> Steps[tuple[Statement, Sequence[Statement]]]:
    most = min(max(words // _WORDS_A_SENTENCE, 3), MOST_SUMMARY_SENTENCES)
    prompt = merge_prompt([one.text for one in sentences], words, most, language)
    merged: Merged = yield from _ask(prompt, MERGE_SCHEMA, MERGE_TOKENS, read_merged)

    def resting(text: str, numbers: tuple[int, ...]) -> Statement:
        ids: list[str] = []
        for number in numbers:
            known = 0 < number <= len(sentences)
            ids += sentences[number - 1].segments if known else [UNKNOWN]
        return Statement(text, tuple(dict.fromkeys(ids))[:MOST_CITED])

    title = resting(merged.title.text, merged.title.lines)
    return title, [resting(one.text, one.lines) for one in merged.summary]


def _ask(prompt: Prompt, schema: Any, longest_tokens: int, read: Callable[[str], A]) -> Steps[A]:
    """Ask for an answer and read it, once more when the first is none."""
    why = ""
    for attempt, temperature in enumerate((0.0, _AGAIN)):
        options = GenerationOptions(schema, longest_tokens, temperature, seed=attempt)
        generated: Generated = yield Generate(prompt, options)
        try:
            return read(generated.text)
        except NoAnswer as error:
            why = "it was cut" if generated.finish is Finish.LENGTH else str(error)
    raise EngineFailed(
        f"the model gave no usable answer, twice: {why}", code=ErrorCode.ANSWER_INVALID
    )
