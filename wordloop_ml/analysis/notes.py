"""Notes of chunks that were read before: a transcript that has grown costs only what is new.

Called from inference threads, while a plan is advanced there; a lock holds it together.
"""

import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NotesStatistics:
    """How many notes are kept, and about how many bytes they take."""

    notes: int
    held_bytes: int


class NotesCache:
    """A cache of notes, least recently used out first, by tenant and by the plan's key.

    A tenant never sees what was noted for another, whatever it posts: whether notes were at hand
    shows in the time an answer takes.

    most_bytes: what all notes may take together; 0 keeps none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._notes: OrderedDict[_Place, tuple[Any, int]] = OrderedDict()
        self._held_bytes = 0

    def notebook(self, tenant: str) -> "TenantNotebook":
        """Return the notes of one tenant."""
        return TenantNotebook(self, tenant)

    def get(self, place: _Place) -> Any:
        """Return the notes, or None."""
        with self._lock:
            if place not in self._notes:
                return None
            self._notes.move_to_end(place)
            return self._notes[place][0]

    def keep(self, place: _Place, notes: Any) -> None:
        """Keep these notes, and forget the ones that were not used for longest."""
        size = size_of(notes)
        with self._lock:
            if place in self._notes:
                self._held_bytes -= self._notes.pop(place)[1]
            self._notes[place] = notes, size
            self._held_bytes += size
            while self._held_bytes > self._most_bytes:
                _, (_, gone) = self._notes.popitem(last=False)
                self._held_bytes -= gone

    def statistics(self) -> NotesStatistics:
        """Count the notes held, and their bytes."""
        with self._lock:
            return NotesStatistics(len(self._notes), self._held_bytes)


class TenantNotebook:
    """A ``Notebook`` over the cache."""

    def __init__(self, cache: NotesCache, tenant: str) -> None:
        self._cache = cache
        self._tenant = tenant

    def get(self, key: str) -> Any:
        """Return the notes under this key, or None."""
        return self._cache.get((self._tenant, key))

    def keep(self, key: str, notes: Any) -> None:
        """Keep notes under this key."""
        self._cache.keep((self._tenant, key), notes)


def size_of(value: Any) -> int:
    """Estimate the bytes of a tree of dataclasses, containers, arrays and texts."""
    size = sys.getsizeof(value)
    match value:
        case np.ndarray():
            # a view keeps alive what it looks into
            return size + (value.base.nbytes if isinstance(value.base, np.ndarray) else 0)
        case Mapping():
            return size + sum(size_of(one) + size_of(other) for one, other in value.items())
        case tuple() | list() | set() | frozenset():
            return size + sum(map(size_of, value))
        case _ if is_dataclass(value):
            return size + sum(size_of(getattr(value, one.name)) for one in fields(value))
        case _:
            return size
