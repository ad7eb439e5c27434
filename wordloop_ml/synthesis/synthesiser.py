"""What a way of writing a synthesis has to offer, whether it chooses sentences or writes them."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from wordloop_ml.synthesis.chunks import Chunk, ChunkWords
from wordloop_ml.synthesis.messages import Draft, MadeBy, Transcript, Wishes
from wordloop_ml.synthesis.steps import Steps

N = TypeVar("N")


class Notebook(Protocol[N]):
    """A cache of the caller's notes. Called on whichever thread advances the plan.

    Forgetting is harmless; who may see whose notes, and how many are kept, is its owner's affair.
    """

    def get(self, key: str) -> N | None:
        """Return the notes under this key; None when they are not there any more."""
        ...

    def keep(self, key: str, notes: N) -> None:
        """Keep notes under this key."""
        ...


class Synthesiser(Protocol[N]):
    """Takes notes of each chunk, then makes a draft of all notes. Stateless, pure.

    N: its notes. They hold nothing by id or time, only by position in their chunk, so that they
    can be kept by the chunk's digest and used for another transcript with the same content.
    """

    @property
    def made_by(self) -> MadeBy:
        """Which engine and weights its notes come from: notes of others are not reused."""
        ...

    @property
    def chunk_words(self) -> ChunkWords:
        """How long its chunks are."""
        ...

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[N]:
        """Take the notes of one chunk; raises ``EngineFailed`` when none can be had."""
        ...

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[N | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """Make the draft of all notes; None stands for a chunk that failed. Raises ``EngineFailed``."""
        ...
