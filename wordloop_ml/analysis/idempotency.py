"""Which work an ``Idempotency-Key`` stands for (draft-ietf-httpapi-idempotency-key-header).

A key belongs to its tenant. While its work runs, and for a while after it has succeeded, the same
request is given the same work; work that failed, or that nobody waited for any more, is forgotten.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from wordloop_ml.analysis.work_queue import WorkItem
from wordloop_ml.errors import BadInput, ErrorCode

KEPT_S = 3_600.0
"""How long a key is known after its first request."""

KEPT_KEYS, KEPT_KEYS_OF_TENANT = 1_024, 64
KEPT_BYTES = 32 << 20
"""Of results. The oldest go first."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[R]):
    """fingerprint: of the request's content."""

    fingerprint: bytes
    work: WorkItem[R]
    since_s: float


class Idempotency(Generic[R]):
    """The keys that are known. size: how many bytes a result takes."""

    def __init__(
        self, size: Callable[[R], int], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = size
        self._clock = clock
        self._entries: dict[tuple[str, str], _Entry[R]] = {}

    def __len__(self) -> int:
        """How many keys are known."""
        return len(self._entries)

    def find(self, tenant: str, key: str, fingerprint: bytes) -> WorkItem[R] | None:
        """Return the work of an earlier request with this key, if it runs or has succeeded.

        Raises ``BadInput`` (``idempotency_key_reused``) when that had another content.
        """
        self._forget_useless()
        entry = self._entries.get((tenant, key))
        if entry is None:
            return None
        if entry.fingerprint != fingerprint:
            raise BadInput(
                "this Idempotency-Key came with another body before",
                code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            )
        return entry.work

    def remember(self, tenant: str, key: str, fingerprint: bytes, work: WorkItem[R]) -> None:
        """Let the key stand for this work."""
        self._entries.pop((tenant, key), None)
        self._entries[tenant, key] = _Entry(fingerprint, work, self._clock())
        self._forget_surplus()

    def _forget_useless(self) -> None:
        until_s = self._clock() - KEPT_S
        self._entries = {
            place: entry
            for place, entry in self._entries.items()
            if entry.since_s > until_s and (entry.work.succeeded or entry.work.wanted)
        }

    def _forget_surplus(self) -> None:
        """Keep the newest entries within the bounds; they are in order of their age."""
        kept: dict[tuple[str, str], _Entry[R]] = {}
        of_tenant: Counter[str] = Counter()
        held_bytes = 0
        for place, entry in reversed(self._entries.items()):
            held_bytes += self._size(entry.work.result()) if entry.work.succeeded else 0
            of_tenant[place[0]] += 1
            if len(kept) >= KEPT_KEYS or held_bytes > KEPT_BYTES:
                break
            if of_tenant[place[0]] <= KEPT_KEYS_OF_TENANT:
                kept[place] = entry
        self._entries = dict(reversed(kept.items()))
