"""Notes of meetings that go on, taken of their finals as these are sent, for the syntheses to come.

A chunk that no final to come can change is read when no thread has anything better to do, and its notes
are kept where a synthesis of the finished transcript looks for them. While the meeting goes on, what a short
one will need is added to them. Nothing depends on them: what was not noted, or was lost with its process, is
read when the synthesis is asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.work_queue import WorkItem, WorkQueue
from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.messages import Task
from wordloop_ml.synthesis.chunks import Chunk, LiveTranscript
from wordloop_ml.synthesis.meeting import (
    Notebook,
    Synthesiser,
    notes_key,
    read_chunk,
    read_more,
)
from wordloop_ml.synthesis.steps import Steps
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.client_messages import StartMessage
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    EndedMessage,
    NoticeMessage,
    ServerMessage,
)
from wordloop_ml.wire.synthesis import MAX_CHARACTERS, MAX_SEGMENTS, segment_of

MOST_MEETINGS = 256
"""Whose finals are held at the same time."""

MOST_TRACKS = 256
"""Of one meeting, those that have ended included."""

ADDED_TO = 2
"""Chunks of a meeting, its first ones, whose notes are added to: a meeting of more seldom needs it."""

UNCONNECTED_S = 120.0
"""How long a meeting without a connection is remembered: as long as clients keep audio for a resumption."""

TRANSLATED = "en"
"""The language of translations."""

T = TypeVar("T")

Sent = Callable[[ServerMessage], None]
"""Is called with each message of a connection once it was sent."""

log = structlog.get_logger()


class LiveNotes:
    """Takes notes for one process, of one chunk at a time; used in one event loop.

    synthesiser: whose notes they are; None where the profile has none. notebook: makes the notebook of
    a tenant; None where no notes are kept. unconnected_s: see ``UNCONNECTED_S``.
    queue: owns a task for each meeting; the drain goes to it.
    """

    def __init__(
        self,
        runner: PlanRunner,
        synthesiser: Synthesiser[Any] | None,
        notebook: Callable[[str], Notebook[Any]] | None,
        *,
        unconnected_s: float = UNCONNECTED_S,
    ) -> None:
        self._runner = runner
        self._synthesiser = synthesiser
        self._notebook = notebook
        self._unconnected_s = unconnected_s
        self._meetings: dict[tuple[str, str], _Meeting] = {}
        self._reading = asyncio.Lock()
        self._syntheses = 0
        self._undisturbed = asyncio.Event()
        self._undisturbed.set()
        self.queue: WorkQueue[None] = WorkQueue(OwnerKind.NOTES, at_once=MOST_MEETINGS, waiting=0)

    @property
    def undisturbed(self) -> bool:
        """Whether no synthesis is being made, so that chunks may be read."""
        return self._undisturbed.is_set()

    def check(self, start: StartMessage) -> None:
        """Refuse to take notes where nothing can. Raises ``BadInput`` (``unsupported_notes``)."""
        if start.notes and self._synthesiser is None:
            raise BadInput(
                "this server's profile has nothing to take notes with",
                code=ErrorCode.UNSUPPORTED_NOTES,
            )

    @contextmanager
    def following(
        self, meeting: JobOwner, start: StartMessage, positions: Positions
    ) -> Iterator[Sent | None]:
        """Follow what one connection sends, until the context ends; None without ``start.notes``.

        The first connection of a meeting begins its notes; a newer one of a track takes over from the
        older. positions: of the connection.
        """
        found = self._meeting(meeting) if start.notes else None
        connection = None if found is None else found.open(start, positions)
        if found is None or connection is None:
            yield None
            return
        try:
            yield lambda message: found.take(connection, message)
        finally:
            found.close(connection)

    @asynccontextmanager
    async def giving_way(self, tenant: str, meeting_id: str) -> AsyncIterator[None]:
        """Read no chunks while a synthesis is made.

        Waits for what is being read if it is of the same meeting: its notes will be needed, or may be.
        """
        self._syntheses += 1
        self._undisturbed.clear()
        try:
            if (found := self._meetings.get((tenant, meeting_id))) is not None:
                async with found.reading:
                    pass
            yield
        finally:
            self._syntheses -= 1
            if not self._syntheses:
                self._undisturbed.set()

    def _meeting(self, owner: JobOwner) -> "_Meeting | None":
        """Return a meeting, begun if need be; None where notes are not kept, or too many have begun."""
        key = owner.tenant, owner.id
        if key in self._meetings:
            return self._meetings[key]
        if self._synthesiser is None or self._notebook is None:
            return None
        meeting = _Meeting(self._synthesiser, self._notebook(owner.tenant))

        async def perform(
            work: WorkItem[None],
            turn: Callable[[], Awaitable[None]],  # of those that wait for one
        ) -> None:
            try:
                await self._read_all(meeting, work)
            finally:
                del self._meetings[key]

        try:
            work = self.queue.accept(owner.tenant, perform)
        except Busy as error:
            log.warning("notes_refused", meeting=str(owner), code=error.code)
            return None
        log.info("notes_begun", meeting=str(owner), work=work.name)
        self._meetings[key] = meeting
        return meeting

    async def _read_all(self, meeting: "_Meeting", work: WorkItem[None]) -> None:
        """Read the meeting's chunks as they come, until no connection has been there for long."""
        while True:
            await asyncio.sleep(0)  # a chunk whose notes are at hand takes no waiting
            chunk = meeting.transcript.next_chunk()
            if chunk is not None:
                await self._read(meeting, work, chunk)
            elif meeting.thin is not None and self._has_time_for(meeting):
                await self._read_more(meeting, work, meeting.thin)
            elif not await meeting.wait(self._unconnected_s):
                return

    def _has_time_for(self, meeting: "_Meeting") -> bool:
        """Whether people are still there and nothing else is read. If not, the next of what they are sent asks again."""
        return meeting.goes_on and self.undisturbed and not self._reading.locked()

    async def _read(self, meeting: "_Meeting", work: WorkItem[None], chunk: Chunk) -> None:
        """Take the notes of one chunk unless they are at hand; one that fails is left to the synthesis.

        Raises ``Draining``.
        """
        synthesiser, language = meeting.synthesiser, meeting.transcript.language
        if meeting.notebook.get(notes_key(synthesiser.made_by, language, chunk)) is None:
            plan = read_chunk(synthesiser, meeting.notebook, chunk, language)
            if await self._run(meeting, work, plan) is None:
                return
            log.info("notes_taken", work=work.name, segments=len(chunk.segments))
        meeting.chunks += 1
        meeting.thin = chunk if meeting.chunks <= ADDED_TO else None

    async def _read_more(self, meeting: "_Meeting", work: WorkItem[None], chunk: Chunk) -> None:
        """Add to the notes of one chunk, which have enough if nothing was added. Raises ``Draining``."""
        synthesiser, language = meeting.synthesiser, meeting.transcript.language
        plan = read_more(synthesiser, meeting.notebook, chunk, language)
        if await self._run(meeting, work, plan):
            log.info("notes_added", work=work.name, segments=len(chunk.segments))
        else:
            meeting.thin = None

    async def _run(self, meeting: "_Meeting", work: WorkItem[None], plan: Steps[T]) -> T | None:
        """Run a plan in its turn, when no synthesis is being made; None where it fails. Raises ``Draining``."""
        async with self._reading:
            await self._undisturbed.wait()
            async with meeting.reading:
                try:
                    return await self._runner.run(plan, work.owner, lambda event: None)
                except Draining:
                    raise
                except WordloopError as error:
                    log.warning("notes_failed", work=work.name, code=error.code)
                    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Connection:
    """A connection of a track. positions: of its stream."""

    track: str
    positions: Positions

    def time_of(self, position: int) -> int:
        """Return the meeting time of a stream position, in milliseconds."""
        return self.positions.to_ms(self.positions.to_service(position))


class _Meeting:
    """A meeting's finals so far, and its connections.

    reading: held while one of its chunks is read. chunks: how many were. thin: the last one, while its notes may be too few.
    """

    def __init__(self, synthesiser: Synthesiser[Any], notebook: Notebook[Any]) -> None:
        self.synthesiser = synthesiser
        self.notebook = notebook
        self.transcript = LiveTranscript(
            synthesiser.chunk_words, most_segments=MAX_SEGMENTS, most_characters=MAX_CHARACTERS
        )
        self.reading = asyncio.Lock()
        self.chunks = 0
        self.thin: Chunk | None = None
        self._connections: dict[str, _Connection] = {}
        self._news = asyncio.Event()

    @property
    def goes_on(self) -> bool:
        """Whether anybody may say more; afterwards a synthesis is soon asked for."""
        return bool(self._connections) and not self.transcript.over

    def open(self, start: StartMessage, positions: Positions) -> _Connection | None:
        """Take a connection; an older one of its track is heard no more. None beyond ``MOST_TRACKS``."""
        if self.transcript.tracks >= MOST_TRACKS:
            return None
        connection = _Connection(start.track, positions)
        self._connections[start.track] = connection
        self.transcript.open_track(
            start.track,
            start.last_seq,
            connection.time_of(start.resume_from),
            TRANSLATED if start.task is Task.TRANSLATE else start.language,
        )
        return connection

    def close(self, connection: _Connection) -> None:
        """Forget a connection; its track may come back in another."""
        if self._connections.get(connection.track) is connection:
            del self._connections[connection.track]
            self._news.set()

    def take(self, connection: _Connection, message: ServerMessage) -> None:
        """Take a message that a connection has sent."""
        if self._connections.get(connection.track) is not connection:
            return
        match message:
            case CaptionMessage(final=True, seq=int(seq)):
                if (segment := segment_of(message)) is not None:
                    self.transcript.add(seq, segment)
            case EndedMessage(reason=None):
                self.transcript.end_track(connection.track)
                self._news.set()
        match message:
            case (
                CaptionMessage(committed=int(committed))
                | NoticeMessage(committed=int(committed))
                | AckMessage(committed=committed)
            ):
                self.transcript.commit(connection.track, connection.time_of(committed))
                self._news.set()

    async def wait(self, unconnected_s: float) -> bool:
        """Wait for news; False when there was no connection for so long."""
        try:
            async with asyncio.timeout(None if self._connections else unconnected_s):
                await self._news.wait()
        except TimeoutError:
            return bool(self._connections)
        self._news.clear()
        return True
