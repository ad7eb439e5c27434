"""What the routes of one process share: its settings, its stage of life, and its meetings."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from aiohttp import web
from multidict import MultiMapping

from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.analysis.file_transcriptions import FileTranscriptions
from wordloop_ml.analysis.live_notes import LiveNotes
from wordloop_ml.analysis.syntheses import Syntheses
from wordloop_ml.engines.catalogue import LoadedModels
from wordloop_ml.errors import BadInput, Busy, BusyReason, Draining, ErrorCode
from wordloop_ml.executor import JobOwner
from wordloop_ml.meetings.roster import Quarantine, Roster
from wordloop_ml.meetings.session import SentCaptions
from wordloop_ml.metrics import Metrics
from wordloop_ml.ports import EmbedderCapabilities, TranscriberCapabilities
from wordloop_ml.settings import Settings
from wordloop_ml.tokens import Tokens
from wordloop_ml.tracing import Tracing
from wordloop_ml.web.http_server import BodyMemory
from wordloop_ml.web.uploads import Uploads


class Stage(StrEnum):
    """The stages of a process, in order; each is entered once at most."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Service:
    """What the routes share, one per process. The serving task moves its stage on; routes only read it.

    loaded: the models that the meetings run on; none while starting.
    tokens: who may come in. metrics: what everything of it is counted in. tracing: None where
    traces are off. quarantine: for tracks that a process may have died of.
    bodies: the memory of bodies. uploads: the disk of files. created_s: when the process began, in
    seconds of the Unix epoch.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self.settings = settings
        self.tokens = tokens
        self.loaded = LoadedModels()
        self.metrics = Metrics()
        self.tracing: Tracing | None = None
        self._drain_began_s: float | None = None
        self._stage = Stage.STARTING
        self._roster: Roster | None = None
        self._capabilities: TranscriberCapabilities | None = None
        self._embeddings: Embeddings | None = None
        self._syntheses: Syntheses | None = None
        self._transcriptions: FileTranscriptions | None = None
        self.created_s = int(time.time())
        self.quarantine = Quarantine()
        self.bodies = BodyMemory()
        self.uploads = Uploads(
            Path(settings.spool_dir) if settings.spool_dir else None,
            most_bytes=settings.file_mb << 20,
            all_bytes=settings.spool_mb << 20,
        )
        self._connections = 0
        self._unconnected = asyncio.Event()
        self._unconnected.set()

    def use_tokens(self, tokens: Tokens) -> None:
        """Replace the tokens after a rotation; connections that are open stay open."""
        self.tokens = tokens

    @property
    def stage(self) -> Stage:
        """The stage of the process."""
        return self._stage

    @property
    def roster(self) -> Roster:
        """The live meetings. Raises ``Busy`` while starting, ``Draining`` afterwards."""
        if self._stage is Stage.DRAINING:
            raise Draining
        if self._roster is None:
            raise _starting()
        return self._roster

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What the transcriber can do. Raises ``Busy`` while starting."""
        if self._capabilities is None:
            raise _starting()
        return self._capabilities

    @property
    def embeddings(self) -> Embeddings:
        """The embeddings. Raises ``Busy`` while starting, ``Draining`` afterwards.

        ``BadInput`` (``not_found``) when the profile has no embedder.
        """
        if self._stage is Stage.DRAINING:
            raise Draining
        if self._stage is Stage.STARTING:
            raise _starting()
        if self._embeddings is None:
            raise BadInput("this server makes no embeddings", code=ErrorCode.NOT_FOUND)
        return self._embeddings

    @property
    def embedder(self) -> EmbedderCapabilities | None:
        """What the embedder makes; None without one."""
        return None if self._embeddings is None else self._embeddings.capabilities

    @property
    def transcriptions(self) -> FileTranscriptions:
        """The transcriptions of files. Raises ``Busy`` while starting, ``Draining`` afterwards."""
        if self._stage is Stage.DRAINING:
            raise Draining
        if self._transcriptions is None:
            raise _starting()
        return self._transcriptions

    @property
    def syntheses(self) -> Syntheses:
        """The syntheses. Raises ``Busy`` while starting, ``Draining`` afterwards.

        ``BadInput`` (``not_found``) when the profile has nothing to make them with.
        """
        if self._stage is Stage.DRAINING:
            raise Draining
        if self._syntheses is None:
            raise _starting()
        if not self._syntheses.available:
            raise BadInput("this server makes no syntheses", code=ErrorCode.NOT_FOUND)
        return self._syntheses

    @property
    def live_notes(self) -> LiveNotes:
        """The notes of live meetings. Raises ``Busy`` while starting."""
        if self._syntheses is None:
            raise _starting()
        return self._syntheses.live_notes

    def become_ready(
        self,
        roster: Roster,
        capabilities: TranscriberCapabilities,
        syntheses: Syntheses,
        embeddings: Embeddings | None = None,
        transcriptions: FileTranscriptions | None = None,
    ) -> None:
        """Enter the stage ``READY``: the engines are loaded and each has done one real inference."""
        self._roster = roster
        self._embeddings = embeddings
        self._syntheses = syntheses
        self._transcriptions = transcriptions
        self._capabilities = capabilities
        self._stage = Stage.READY

    def become_unready(self) -> None:
        """Enter the stage ``DRAINING``: nothing new is accepted."""
        self._stage = Stage.DRAINING
        self._drain_began_s = time.monotonic()

    @property
    def draining_s(self) -> float:
        """How long it has been draining, in seconds; 0 before."""
        began_s = self._drain_began_s
        return 0.0 if began_s is None else time.monotonic() - began_s

    @property
    def connections(self) -> int:
        """How many connections are open, closing handshakes included."""
        return self._connections

    @contextmanager
    def admitted(self, meeting: JobOwner, *, resumed: bool = False) -> Iterator[None]:
        """Hold a place in a meeting, and count who asked; see ``Roster.admitted``.

        Raises ``Draining`` or ``Busy``, also while starting.
        """
        with ExitStack() as place:
            try:
                place.enter_context(self.roster.admitted(meeting, resumed=resumed))
            except Busy as busy:
                self.metrics.admission_refused[busy.reason].inc()
                raise
            self.metrics.admitted.inc()
            yield

    def sent_captions(
        self, meeting: JobOwner, headers: MultiMapping[str] | None = None
    ) -> SentCaptions:
        """Make what hears of each caption that a connection has sent. headers: of its request, if it had one."""
        tracing, logs = self.tracing, self.settings.log_level == "debug"
        caller = None if tracing is None or headers is None else tracing.caller(headers)
        return SentCaptions(meeting, self.metrics, tracing, caller, logs=logs)

    def observe(self) -> None:
        """Set the gauges of the metrics to what is now."""
        metrics = self.metrics
        metrics.draining.set(self._stage is Stage.DRAINING)
        metrics.drain_seconds.set(self.draining_s)
        if self._roster is not None:
            self._roster.observe()
        if self._syntheses is not None:
            metrics.syntheses_waiting.set(self._syntheses.queue.waiting)
            metrics.syntheses_running.set(self._syntheses.queue.running)
        if self._transcriptions is not None:
            metrics.files_waiting.set(self._transcriptions.queue.waiting)
            metrics.files_running.set(self._transcriptions.queue.running)

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Count a connection for as long as the context lasts, its closing handshake included."""
        self._connections += 1
        self._unconnected.clear()
        try:
            yield
        finally:
            self._connections -= 1
            if not self._connections:
                self._unconnected.set()

    async def wait_unconnected(self, timeout_s: float) -> bool:
        """Wait until every connection has closed properly; False when the time is up first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._unconnected.wait()
        except TimeoutError:
            return False
        return True


def _starting() -> Busy:
    return Busy("the models are still being loaded", retry_after_s=2.0, reason=BusyReason.STARTING)


SERVICE: Final = web.AppKey("service", Service)
