"""A native model that several workers use, freed once it is closed and the last of them has gone."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from wordloop_ml.errors import EngineFailed

M = TypeVar("M")
W = TypeVar("W")


class SharedModel(Generic[M]):
    """Counts who uses a model. Safe to use from any thread.

    free: called once, with the model, for what is not freed with the last reference to it.
    """

    def __init__(self, model: M, free: Callable[[M], None] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._model: M | None = model
        self._free = free
        self._users = 0
        self._closing = False

    @property
    def freed(self) -> bool:
        """Whether the model is gone."""
        return self._model is None

    def take(self, open_worker: Callable[[M], W]) -> W:
        """Make something that uses the model, which then lives until ``give_back``.

        Raises ``EngineFailed`` once closed, and whatever ``open_worker`` raises.
        """
        with self._lock:
            if self._model is None or self._closing:
                raise EngineFailed("the transcriber is closed")
            opened = open_worker(self._model)
            self._users += 1
            return opened

    def give_back(self) -> None:
        """What was made by one ``take`` no longer uses the model."""
        with self._lock:
            self._users -= 1
            self._free_if_unused()

    def close(self) -> None:
        """Free the model, at once or when its last user has gone; harmless when called twice."""
        with self._lock:
            self._closing = True
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        if self._closing and self._users == 0 and self._model is not None:
            model, self._model = self._model, None
            self._free(model)
