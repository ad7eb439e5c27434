"""An embedder that keeps its vectors on disk, so that a measurement is not paid for twice; blocking."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wordloop_ml.messages import TokenisedText, Vectors
from wordloop_ml.ports import Embedder, EmbedderCapabilities


class RememberedEmbedder:
    """Another embedder's vectors, from ``<folder>/<digest of its weights>.npz`` where they are there.

    Call ``save`` to keep what is new.
    """

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self._embedder = embedder
        self._path = folder / f"{embedder.capabilities.digest[:16]}.npz"
        self._rows: dict[bytes, int] = {}
        self._vectors: list[Vectors] = []
        if self._path.exists():
            with np.load(self._path) as kept:
                self._vectors = list(kept["vectors"])
                self._rows = {key.tobytes(): row for row, key in enumerate(kept["keys"])}

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """Those of the other."""
        return self._embedder.capabilities

    def tokenise(self, texts: Sequence[str]) -> list[TokenisedText]:
        """As the other does."""
        return self._embedder.tokenise(texts)

    def embed(self, batch: Sequence[TokenisedText]) -> Vectors:
        """The vectors that are known, and those that the other makes."""
        keys = [_key(one) for one in batch]
        missing = [at for at, key in enumerate(keys) if key not in self._rows]
        if missing:
            made = self._embedder.embed([batch[at] for at in missing])
            for at, vector in zip(missing, made, strict=True):
                self._rows[keys[at]] = len(self._vectors)
                self._vectors.append(vector)
        found: Vectors = np.stack([self._vectors[self._rows[key]] for key in keys])
        return found

    def save(self) -> None:
        """Write everything down."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        keys = np.array([np.frombuffer(key, np.uint8) for key in self._rows])
        np.savez(self._path, keys=keys, vectors=np.stack(self._vectors))

    def close(self) -> None:
        """Close the other."""
        self._embedder.close()


def _key(text: TokenisedText) -> bytes:
    return hashlib.blake2b(np.array(text.ids, np.int64).tobytes(), digest_size=16).digest()
