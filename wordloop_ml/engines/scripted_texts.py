"""An embedder that needs no model, for tests and drills: texts with words in common are near.

Each word is a direction that follows from its letters alone (feature hashing: Weinberger et al.,
ICML 2009), and a text is the sum of its words' directions, scaled to length 1.
"""

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import TokenisedText, Vectors
from wordloop_ml.ports import EmbedderCapabilities

DIMENSIONS = 64

CAPABILITIES = EmbedderCapabilities(
    name="scripted",
    model="scripted",
    digest=hashlib.sha256(b"scripted").hexdigest(),
    dimensions=DIMENSIONS,
    longest_tokens=256,
)

_MARKS = (1, 2)
_WORD = re.compile(r"\w+")

Batch = Sequence[TokenisedText]


class ScriptedEmbedder:
    """An embedder of hashed words.

    before: called with each batch before it is embedded; it may wait, count, or raise.
    """

    def __init__(self, *, before: Callable[[Batch], None] | None = None) -> None:
        self._before = before
        self._closed = False

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """What it makes."""
        return CAPABILITIES

    def tokenise(self, texts: Sequence[str]) -> list[TokenisedText]:
        """A token for each word, between two marks."""
        most = CAPABILITIES.longest_tokens - len(_MARKS)
        read = []
        for text in texts:
            words = [_token(word) for word in _WORD.findall(text.lower())]
            ids = (_MARKS[0], *words[:most], _MARKS[1])
            read.append(TokenisedText(ids, max(0, len(words) - most)))
        return read

    def embed(self, batch: Batch) -> Vectors:
        """The embedding of each text, in order; raises ``EngineFailed`` once closed."""
        if self._closed:
            raise EngineFailed("the embedder is closed")
        if self._before is not None:
            self._before(batch)
        vectors = np.zeros((len(batch), DIMENSIONS), np.float32)
        for row, one in enumerate(batch):
            if not 1 <= len(one.ids) <= CAPABILITIES.longest_tokens:
                raise EngineFailed(f"a text has {len(one.ids)} tokens")
            summed = sum((_direction(token) for token in one.ids[1:-1]), _direction(one.ids[0]))
            vectors[row] = summed / np.linalg.norm(summed)
        return vectors

    def close(self) -> None:
        """No more embeddings; harmless when called twice."""
        self._closed = True


def _token(word: str) -> int:
    return 3 + int.from_bytes(hashlib.sha256(word.encode(errors="replace")).digest()[:4], "big")


def _direction(token: int) -> Vectors:
    values: Vectors = np.random.default_rng(token).standard_normal(DIMENSIONS, np.float32)
    # the marks are part of every text, and must not make all of them alike
    return values * np.float32(0.01) if token in _MARKS else values
