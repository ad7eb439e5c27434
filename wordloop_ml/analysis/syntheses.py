"""Makes every synthesis of this process, once for all who ask for it.

Notes of chunks that were read before are kept, too: a transcript that has grown costs only what is
new.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import structlog
from cachetools import LRUCache

from wordloop_ml.analysis.live_notes import LiveNotes
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.work_queue import Idempotency, WorkItem, WorkQueue
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.executor import OwnerKind
from wordloop_ml.messages import JobClass
from wordloop_ml.metrics import Metrics, SynthesisEngine, SynthesisOutcome
from wordloop_ml.synthesis.meeting import Synthesiser, synthesise
from wordloop_ml.synthesis.messages import MeetingSynthesis
from wordloop_ml.synthesis.steps import Progress
from wordloop_ml.tracing import Caller, Stretch, Tracing
from wordloop_ml.wire.synthesis import SynthesisRequest, Timings, encode_synthesis, parse_request

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NotesStatistics:
    """How many notes are kept, and about how many bytes they take."""

    notes: int
    held_bytes: int


class NotesCache:
    """A cache of notes, least recently used out first, by tenant and by the plan's key.

    A tenant never sees what was noted for another, whatever it posts: whether notes were at hand
    shows in the time an answer takes. Called from inference threads, while a plan is advanced there.

    most_bytes: what all notes may take together; 0 keeps none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._lock = threading.Lock()
        self._notes: LRUCache[_Place, tuple[Any, int]] = LRUCache(
            most_bytes, getsizeof=lambda kept: kept[1]
        )

    def notebook(self, tenant: str) -> "TenantNotebook":
        """Return the notes of one tenant."""
        return TenantNotebook(self, tenant)

    def get(self, place: _Place) -> Any:
        """Return the notes, or None."""
        with self._lock:
            kept = self._notes.get(place)
        return None if kept is None else kept[0]

    def keep(self, place: _Place, notes: Any) -> None:
        """Keep these notes, and forget the ones that were not used for longest.

        Notes that are larger than the whole cache are not kept.
        """
        kept = notes, size_of(notes)  # measured outside the lock, which other tenants wait for
        with self._lock:
            self._notes.pop(place, None)
            with suppress(ValueError):  # they are too large
                self._notes[place] = kept

    def statistics(self) -> NotesStatistics:
        """Count the notes held, and their bytes."""
        with self._lock:
            return NotesStatistics(len(self._notes), int(self._notes.currsize))


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


WAITING = "waiting"
"""The stage of ``Progress`` before a synthesis has its turn; the plan's own stages follow."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Finished:
    """A MeetingSynthesis as it is sent: JSON in UTF-8, in one line."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """The work that a request stands for. again: it is that of an earlier request."""

    work: WorkItem[Finished]
    again: bool = False


class _Measured:
    """What is measured of a synthesis: when each stage of it began, and what a trace says of it."""

    def __init__(self, work: str) -> None:
        self.engine = SynthesisEngine.NONE
        self.facts: dict[str, str | int] = {"work": work}
        self.began_s = time.monotonic()
        self._began_s = [("parsed", self.began_s)]

    def enter(self, stage: str) -> float:
        """Begin a stage, and end the one before; return when, in monotonic seconds."""
        now_s = time.monotonic()
        self._began_s.append((stage, now_s))
        return now_s

    def stretches(self, ended_s: float) -> list[Stretch]:
        """Return all stages, of which the last ended with the synthesis."""
        ends_s = [*(began_s for _, began_s in self._began_s[1:]), ended_s]
        return [
            Stretch(stage, began_s, end_s)
            for (stage, began_s), end_s in zip(self._began_s, ends_s, strict=True)
        ]


class Syntheses:
    """Makes syntheses of requests; used in one event loop, which never parses their bytes.

    synthesisers: by kind; the first is used where a request does not say. at_once, waiting: how
    many run, and how many more may wait. notes_bytes: of notes that are kept for transcripts that
    grow.
    queue: owns the work of every request; its callers, and the drain, go to it.
    live_notes: takes notes of meetings that go on, with the synthesiser that is used by default.
    metrics: what requests are counted in; its own where nobody looks. tracing: None for no traces.
    """

    def __init__(
        self,
        runner: PlanRunner,
        synthesisers: Mapping[str, Synthesiser[Any]],
        *,
        at_once: int,
        waiting: int,
        notes_bytes: int,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._metrics = metrics or Metrics()
        self._tracing = tracing
        self._runner = runner
        self._synthesisers = dict(synthesisers)
        self.queue: WorkQueue[Finished] = WorkQueue(
            OwnerKind.SYNTHESIS, at_once=at_once, waiting=waiting
        )
        self._keys: Idempotency[Finished] = Idempotency(lambda finished: len(finished.content))
        self._notes = NotesCache(notes_bytes)
        self.live_notes = LiveNotes(
            runner,
            next(iter(self._synthesisers.values()), None),
            self._notes.notebook if notes_bytes else None,
        )

    @property
    def available(self) -> bool:
        """Whether the profile has a synthesiser."""
        return bool(self._synthesisers)

    def ask(
        self,
        tenant: str,
        content: bytes,
        fingerprint: bytes,
        key: str | None,
        caller: Caller | None = None,
    ) -> Asked:
        """Begin the work of a request, or find what its key stands for.

        Enter ``queue.calling`` with it before awaiting anything.
        content: the request's body. caller: whose trace new work belongs to. Raises ``BadInput`` (``idempotency_key_reused``), ``Busy`` or
        ``Draining``; what is wrong with the content is raised by the work.
        """
        known = self._keys.find(tenant, key, fingerprint) if key is not None else None
        if known is not None:
            return Asked(known, again=True)

        async def perform(
            work: WorkItem[Finished], turn: Callable[[], Awaitable[None]]
        ) -> Finished:
            with self._measured(work, caller) as measured:
                return await self._perform(tenant, content, work, turn, measured)

        work = self.queue.accept(tenant, perform)
        if key is not None:
            self._keys.remember(tenant, key, fingerprint, work)
        return Asked(work)

    async def _perform(
        self,
        tenant: str,
        content: bytes,
        work: WorkItem[Finished],
        turn: Callable[[], Awaitable[None]],
        measured: _Measured,
    ) -> Finished:
        """Parse the request, run its plan in its turn, encode the result."""
        request = await self._job(work, lambda: parse_request(content))
        synthesiser = self._chosen(request)
        measured.engine = SynthesisEngine(synthesiser.made_by.kind)
        measured.facts["meeting"] = f"{tenant}/{request.transcript.meeting_id}"
        work.tell(Progress(WAITING, 0, 1))
        queued_s = measured.enter("queued")
        await turn()
        began_s = measured.enter("ran")
        work.tell(Progress(WAITING, 1, 1))
        plan = synthesise(
            request.transcript, synthesiser, self._notes.notebook(tenant), request.wishes
        )
        async with self.live_notes.giving_way(tenant, request.transcript.meeting_id):
            made = await self._runner.run(plan, work.owner, work.tell)
        ended_s = measured.enter("encoded")
        timings = Timings(
            queued_ms=round((began_s - queued_s) * 1000),
            ran_ms=round((ended_s - began_s) * 1000),
            total_ms=round((ended_s - measured.began_s) * 1000),
        )
        encoded = await self._job(work, lambda: _encode(made, timings))
        _log_made(work.name, tenant, made, timings)
        measured.facts |= {
            "segments": made.coverage.segments,
            "chunks": made.coverage.chunks,
            "cached": made.coverage.cached,
        }
        return Finished(encoded)

    @contextmanager
    def _measured(self, work: WorkItem[Finished], caller: Caller | None) -> Iterator[_Measured]:
        """Time a synthesis, and count and trace it by what became of it."""
        measured, outcome = _Measured(work.name), SynthesisOutcome.FAILED
        try:
            yield measured
            outcome = SynthesisOutcome.MADE
        except BadInput:
            outcome = SynthesisOutcome.REFUSED
            raise
        except asyncio.CancelledError:
            outcome = SynthesisOutcome.CANCELLED
            raise
        finally:
            ended_s = time.monotonic()
            self._metrics.synthesis[measured.engine, outcome].observe(ended_s - measured.began_s)
            if self._tracing is not None:
                trace = self._tracing.begin("synthesis", measured.began_s, caller, apart=False)
                if trace is not None:
                    facts = measured.facts | {"engine": measured.engine, "outcome": outcome}
                    failed = outcome is SynthesisOutcome.FAILED
                    trace.end(ended_s, measured.stretches(ended_s), facts, failed=failed)

    def _chosen(self, request: SynthesisRequest) -> Synthesiser[Any]:
        kind = request.engine or next(iter(self._synthesisers))
        synthesiser = self._synthesisers.get(kind)
        if synthesiser is None:
            raise BadInput(
                f"this server's profile has: {', '.join(self._synthesisers)}",
                code=ErrorCode.UNSUPPORTED_ENGINE,
            )
        return synthesiser

    async def _job(self, work: WorkItem[Finished], call: Callable[[], Any]) -> Any:
        return await self._runner.jobs.run(JobClass.SYNTHESIS, work.owner, call)


def _encode(made: MeetingSynthesis, timings: Timings) -> bytes:
    encoded = encode_synthesis(made, timings)
    return json.dumps(encoded, ensure_ascii=False, separators=(",", ":")).encode()


def _log_made(name: str, tenant: str, made: MeetingSynthesis, timings: Timings) -> None:
    """Log counts alone: what the meeting said is told only to who asked."""
    coverage, draft = made.coverage, made.draft
    log.info(
        "synthesis_made",
        work=name,
        meeting=f"{tenant}/{made.meeting_id}",
        kind=made.made_by.kind,
        segments=coverage.segments,
        chunks=coverage.chunks,
        cached=coverage.cached,
        failed=len(coverage.failed),
        unsupported=coverage.unsupported,
        items=len(draft.decisions) + len(draft.action_items) + len(draft.open_questions),
        queued_ms=timings.queued_ms,
        ran_ms=timings.ran_ms,
    )
