"""One track through any number of connections, as a client sends it for each participant.

``run`` is the owner of everything: it has one connection at a time, and while that lasts one task
that sends; it receives itself. Audio is put in from outside and never waits.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import aiohttp
import structlog

from wordloop_ml.client.connection import BrokenError, Connection, NotConnectedError
from wordloop_ml.errors import WordloopError
from wordloop_ml.replay.breaks import Break, Distrusted, describe
from wordloop_ml.replay.session import (
    BrokenPromise,
    Done,
    GiveUp,
    HandOver,
    Record,
    ReplayPolicy,
    ReplaySession,
    Show,
    Standing,
)
from wordloop_ml.wire.client_messages import KeepAliveMessage, StartMessage
from wordloop_ml.wire.server_messages import CaptionMessage

KEEPALIVE_S = 20.0
"""With nothing to send; the server closes what is idle for 60 s."""

log = structlog.get_logger()


class Listener(Protocol):
    """Receives the captions of a track."""

    async def store(self, record: Record, standing: Standing) -> None:
        """Store a final, or the notice of a gap, so that a crash does not lose it.

        Once this returns, audio is trimmed, and the record never comes again. It comes again, to a
        client that starts from an older ``standing``, if this process ends before.
        What it raises ends the track: without a store there is nothing to acknowledge.
        """

    def show(self, caption: CaptionMessage) -> None:
        """Show the text of a segment so far."""

    def forget(self) -> None:
        """Remove what was shown and has no final yet: the connection broke, and it comes again."""


class StoppedError(WordloopError):
    """The server refused the track for good, or could not be reached often enough."""


class TrackClient:
    """Sends one track of a meeting and hands over its captions, whatever breaks on the way.

    url: of the meeting's audio route, ``ws(s)://`` or ``http(s)://``. stream: what is sent, as
    ``start`` says it. live: False for a file, which then goes as fast as the server takes it.
    token: asked for each connection, so that it may be a new one. standing: from before a crash.
    position: where the first frame that is put in stands. clock_ms: gives epochs, so that they
    rise across crashes, and from one client of a track to the next.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        stream: StartMessage,
        listener: Listener,
        *,
        live: bool = True,
        policy: ReplayPolicy | None = None,
        standing: Standing | None = None,
        position: int = 0,
        token: Callable[[], str | None] = lambda: None,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._http = http
        self._url = url
        self._track = stream.track
        self._listener = listener
        self._token = token
        self._clock_ms = clock_ms
        self._replay = ReplaySession(
            stream,
            random=random.random,
            policy=policy,
            standing=standing,
            position=position,
            live=live,
        )
        self._to_send = asyncio.Event()
        self._trimmed = asyncio.Event()
        self._over = False

    @property
    def replay(self) -> ReplaySession:
        """The state of the track; to be read, not to be changed."""
        return self._replay

    def put(self, payload: bytes, samples: int) -> None:
        """Append one frame of ``samples`` samples; never waits, so that audio may fall out of a full buffer."""
        self._replay.add(payload, samples)
        self._to_send.set()

    def skip(self, samples: int) -> None:
        """Leave out ``samples`` samples: there is no audio for them."""
        self._replay.skip(samples)
        self._to_send.set()

    async def wait_for_room(self, samples: int) -> None:
        """Wait until ``samples`` samples fit: for a source that can wait, as a microphone cannot."""
        while self._replay.room < samples and not self._over:
            self._trimmed.clear()
            await self._trimmed.wait()

    def end(self) -> None:
        """End the audio; ``run`` returns when all of it is committed."""
        self._replay.end()
        self._to_send.set()

    async def run(self) -> Standing:
        """Connect, and connect again, until every sample is committed.

        Raises ``StoppedError``, or whatever the listener's ``store`` raises.
        """
        try:
            while True:
                why = await self._one_connection()
                match self._replay.broke(why):
                    case Done():
                        replay = self._replay
                        return Standing(replay.committed, replay.last_seq, replay.epoch)
                    case GiveUp(code):
                        raise StoppedError(f"the server cannot be used: {describe(why)}", code=code)
                    case reconnect:
                        self._report(why, reconnect.wait_s)
                        self._listener.forget()
                        await asyncio.sleep(reconnect.wait_s)
        finally:
            self._over = True
            self._trimmed.set()

    def _report(self, why: Break, wait_s: float) -> None:
        log.info(
            "connection_broke",
            track=self._track,
            why=describe(why),
            committed=self._replay.committed,
            attempt=self._replay.attempt,
            wait_s=round(wait_s, 3),
        )

    async def _one_connection(self) -> Break:
        """Connect, send and receive until the connection breaks; the socket is closed afterwards."""
        try:
            connection = await Connection.open(
                self._http, self._url, self._token(), resumes=self._replay.resumes
            )
        except NotConnectedError as error:
            return error.why
        start = self._replay.connect(self._clock_ms())
        epoch = self._replay.epoch
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(
                    self._send_all(connection, start), name=f"replay-{self._track}-{epoch}"
                )
                why = await self._receive_all(connection, epoch)
                sending.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the half that failed cancelled the other
        finally:
            await connection.close()
        return why

    async def _send_all(self, connection: Connection, start: StartMessage) -> None:
        """Send what is to be sent, no faster than the server takes it, until cancelled."""
        with suppress(BrokenError):  # the half that receives says how it ended
            await connection.send(start)
            while True:
                self._to_send.clear()
                while (item := self._replay.next_to_send()) is not None:
                    await connection.send(item)
                    await asyncio.sleep(0)  # a socket takes minutes of audio without waiting
                try:
                    async with asyncio.timeout(KEEPALIVE_S):
                        await self._to_send.wait()
                except TimeoutError:
                    await connection.send(KeepAliveMessage())

    async def _receive_all(self, connection: Connection, epoch: int) -> Break:
        """Take messages one by one: the next is not read before a record is stored."""
        while True:
            try:
                what = self._replay.take(epoch, await connection.receive())
            except BrokenError as error:
                return error.why
            except BrokenPromise as error:
                log.warning("promise_broken", track=self._track, promise=str(error))
                return Distrusted()
            match what:
                case HandOver(record, standing):
                    await self._listener.store(record, standing)
                    self._replay.stored()
                case Show(caption):
                    self._listener.show(caption)
            self._trimmed.set()
            self._to_send.set()
