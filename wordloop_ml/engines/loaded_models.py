"""Counts who holds a model in memory: each model once in a process, freed after its last worker."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.weights.manifest import WeightsEntry


@dataclass(frozen=True, slots=True)
class ModelLoads:
    """How often this process has loaded one model; 1 for as long as it serves.

    role, model: as in the manifest.
    """

    role: str
    model: str
    loads: int


class LoadedModels:
    """Counts the models in memory and refuses a second copy. Safe to use from any thread.

    Weights are the largest thing in a process and are shared by all of its workers, so that a
    second copy of a model is always a mistake: it would double what the container needs, unseen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[tuple[str, str]] = set()
        self._loads: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def hold(self, role: str, entry: WeightsEntry) -> Iterator[None]:
        """Reserve the place of one model until it has been freed.

        What counts is the content: another row of the manifest with the same digest is the same
        model. Raises ``StartupFailed`` (``already_loaded``).
        """
        place = (role, entry.sha256)
        with self._lock:
            if place in self._held:
                raise StartupFailed(
                    f"this process has loaded {entry.name} already, as its {role}: close those "
                    "engines first",
                    code=ErrorCode.ALREADY_LOADED,
                )
            self._held.add(place)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(place)

    def count(self, role: str, entry: WeightsEntry) -> None:
        """Count one load of a model."""
        with self._lock:
            self._loads[role, entry.name] += 1

    def statistics(self) -> tuple[ModelLoads, ...]:
        """Return the loads of every model, in the order of the first."""
        with self._lock:
            return tuple(ModelLoads(*place, loads) for place, loads in self._loads.items())


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
        """Open a worker on the model, which then lives until ``give_back``.

        Raises ``EngineFailed`` once closed, and whatever ``open_worker`` raises.
        """
        with self._lock:
            if self._model is None or self._closing:
                raise EngineFailed("the transcriber is closed")
            opened = open_worker(self._model)
            self._users += 1
            return opened

    def give_back(self) -> None:
        """End one use of the model; frees it if it is closed and this was the last."""
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
