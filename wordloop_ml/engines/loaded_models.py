"""Counts the models in memory: each once in a process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wordloop_ml.errors import ErrorCode, StartupFailed
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
