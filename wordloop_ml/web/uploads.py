"""Files that callers send, in forms or as bodies: streamed to a bounded spool on disk, never held in memory.

One thread writes for all of them, since a disk can be slow; it is a daemon, so that a hung disk
cannot hold the exit.
"""

import asyncio
import queue
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from aiohttp import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    BodyPartReader,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError

from wordloop_ml.audio.spool import SpooledFile
from wordloop_ml.errors import BadInput, Busy, BusyReason, Draining, ErrorCode
from wordloop_ml.telemetry import name_thread

CHUNK_BYTES = 1 << 16

IDLE_WITHIN_S = 20.0
"""How long a sender may send nothing."""

UPLOAD_WITHIN_S = 600.0
"""How long a whole body may take to arrive."""

MOST_UPLOADS = 64
"""Files that arrive or are read at a time, each with an open file."""

MOST_FIELD_BYTES = 16 << 10
"""Of one field that is kept."""

MOST_FIELDS = 512
"""Parts of a form, those that are ignored included."""

FIELDS_BYTES = 16 << 20
"""What a form may hold beside its file: fields that are ignored can be large (references of voices)."""

_BAD_HEADERS = (BadContentDispositionHeader, BadContentDispositionParam)
for _kind in _BAD_HEADERS:
    # raised, and refused: as warnings they would write the header to the log, with a file's name
    warnings.simplefilter("error", _kind)

_MALFORMED = (
    # by which aiohttp's readers say what is wrong
    ValueError,
    AssertionError,
    RuntimeError,
    HttpProcessingError,
    web.RequestPayloadError,
    *_BAD_HEADERS,
)

T = TypeVar("T")

log = structlog.get_logger()


class SpoolThread:
    """Runs calls on a thread, one after another."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="spool", daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call; returns or raises what it does. Cancelled, it leaves the call to its end."""
        future: asyncio.Future[T] = self._loop.create_future()

        def settle(value: T | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)  # type: ignore[arg-type] # of the call, where it raised nothing

        def answered() -> None:
            value, failure = None, None
            try:
                value = call()
            except Exception as error:  # its caller's
                failure = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(settle, value, failure)

        self._calls.put(answered)
        return await future

    def post(self, call: Callable[[], None]) -> None:
        """Run a call for which nobody waits, and which raises nothing."""
        self._calls.put(call)

    def close(self) -> None:
        """End the thread behind the calls that wait."""
        self._calls.put(None)

    def _work(self) -> None:
        name_thread()
        while (call := self._calls.get()) is not None:
            call()


class UploadedFile:
    """A file on disk that one caller sends; to be closed by whoever holds it."""

    def __init__(self, uploads: "Uploads", spooled: SpooledFile) -> None:
        self._uploads = uploads
        self._spooled = spooled
        self._closed = False
        self.length = 0

    @property
    def path(self) -> Path:
        """Where this process may read it until it is closed."""
        return self._spooled.path

    async def write(self, content: bytes) -> None:
        """Append bytes.

        Raises ``BadInput`` (``too_large``), ``Busy`` when the disk, or this process's part of it, is full.
        """
        self._uploads.hold(self, len(content))
        await self._uploads.on_disk(lambda: self._spooled.write(content))

    def close(self) -> None:
        """Give its room back; harmless when called twice."""
        if not self._closed:
            self._closed = True
            self._uploads.release(self, self._spooled)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form holds: its file, and the fields that were asked for, in order."""

    file: UploadedFile
    fields: tuple[tuple[str, str], ...]


class Uploads:
    """Receives files; one for all routes of a process.

    folder: where they are kept; None for the system's own. most_bytes: of one file.
    all_bytes: of all files together.
    """

    def __init__(self, folder: Path | None, *, most_bytes: int, all_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._all_bytes = all_bytes
        self._held_bytes = 0
        self._files = 0
        self._thread: SpoolThread | None = None
        self._draining = False

    @property
    def held_bytes(self) -> int:
        """The bytes of all files that are not closed."""
        return self._held_bytes

    def drain(self) -> None:
        """Receive nothing more: whoever is sending is told with the next bytes."""
        self._draining = True

    def close(self) -> None:
        """End the thread, behind what it still has to delete."""
        if self._thread is not None:
            self._thread.close()

    async def receive_form(self, request: web.Request, kept: Collection[str]) -> Form:
        """Read a form with a file in its field ``file``, in any order; whoever calls closes the file.

        kept: names of the fields that are returned; others are read and forgotten, as are the names
        and types of files.

        Raises ``BadInput`` (``unsupported_media_type``, ``too_large``, ``idle``, ``bad_request``),
        ``Busy`` and ``Draining``; ``ConnectionError`` when the peer goes.
        """
        if request.content_type != "multipart/form-data":
            raise BadInput(
                "the body must be multipart/form-data", code=ErrorCode.UNSUPPORTED_MEDIA_TYPE
            )
        if (request.content_length or 0) > self._most_bytes + FIELDS_BYTES:
            raise self._too_large()
        reading = _FormReader(self, request, kept)
        try:
            async with _in_time():
                return await reading.read()
        except BaseException:
            reading.discard()
            raise

    async def receive_body(
        self,
        request: web.Request,
        *,
        begin: Callable[[bytes], bytes],
        seen: Callable[[bytes], object],
    ) -> UploadedFile:
        """Read a body that is a file, of whatever type; whoever calls closes it.

        begin: called with the first piece of the body; returns what is to stand before it. seen:
        called with each piece. Raises as ``receive_form`` does.
        """
        if (request.content_length or 0) > self._most_bytes:
            raise self._too_large()
        file = await self.new_file()
        try:
            async with _in_time():
                while chunk := await _in_form(request.content.readany()):
                    if not file.length and (header := begin(chunk)):
                        await file.write(header)
                    seen(chunk)
                    await file.write(chunk)
        except BaseException:
            file.close()
            raise
        return file

    async def new_file(self) -> UploadedFile:
        """Begin a file. Raises ``Busy`` and ``Draining``."""
        self.check_open()
        if self._files >= MOST_UPLOADS:
            raise Busy("too many files are being received", reason=BusyReason.FILES)
        self._files += 1
        made: list[SpooledFile] = []

        def unmake() -> None:
            for one in made:
                one.close()

        try:
            await self.on_disk(lambda: made.append(SpooledFile(self._folder)))
        except BaseException:
            self._files -= 1
            # behind the call above, which a cancellation leaves to its end
            self._on_thread().post(unmake)
            raise
        return UploadedFile(self, made[0])

    def check_open(self) -> None:
        """Raise ``Draining`` once nothing more is received."""
        if self._draining:
            raise Draining

    def hold(self, file: UploadedFile, length: int) -> None:
        """Account for bytes of a file. Raises ``Draining``, ``Busy``, and ``BadInput`` (``too_large``)."""
        self.check_open()
        if file.length + length > self._most_bytes:
            raise self._too_large()
        if self._held_bytes + length > self._all_bytes:
            raise Busy("too many files are being received", reason=BusyReason.FILES)
        file.length += length
        self._held_bytes += length

    def release(self, file: UploadedFile, spooled: SpooledFile) -> None:
        """Delete a file on the thread; its room is free at once."""
        self._files -= 1
        self._held_bytes -= file.length
        self._on_thread().post(spooled.close)

    async def on_disk(self, call: Callable[[], T]) -> T:
        """Run a call that writes. Raises ``Busy`` where the disk refuses."""
        try:
            return await self._on_thread().run(call)
        except OSError as error:
            log.error("spool_failed", errno=error.errno)
            raise Busy(
                "the disk takes no more files", retry_after_s=10.0, reason=BusyReason.DISK
            ) from None

    def _on_thread(self) -> SpoolThread:
        if self._thread is None:
            self._thread = SpoolThread()
        return self._thread

    def _too_large(self) -> BadInput:
        return BadInput(
            f"the file is larger than {self._most_bytes} bytes",
            code=ErrorCode.TOO_LARGE,
            field="file",
        )


class _FormReader:
    """Reads one form."""

    def __init__(self, uploads: Uploads, request: web.Request, kept: Collection[str]) -> None:
        self._uploads = uploads
        self._request = request
        self._kept = kept
        self._file: UploadedFile | None = None
        self._fields: list[tuple[str, str]] = []
        self._beside = 0

    def discard(self) -> None:
        """Close the file, if it has begun to arrive."""
        if self._file is not None:
            self._file.close()

    async def read(self) -> Form:
        reader = await _in_form(self._request.multipart())
        parts = 0
        while True:
            part = await _in_form(reader.next())
            if part is None:
                break
            parts += 1
            if parts > MOST_FIELDS:
                raise BadInput(f"a form may have {MOST_FIELDS} fields", code=ErrorCode.TOO_LARGE)
            if not isinstance(part, BodyPartReader):
                raise BadInput("a form may not hold another")
            await self._read_part(part)
        if self._file is None:
            raise BadInput("file is missing", field="file")
        return Form(self._file, tuple(self._fields))

    async def _read_part(self, part: BodyPartReader) -> None:
        name = _name_of(part)
        if name == "file":
            if self._file is not None:
                raise BadInput("file must come once", field="file")
            self._file = await self._uploads.new_file()
            async for chunk in _chunks(part):
                await self._file.write(chunk)
            return
        content = bytearray()
        async for chunk in _chunks(part):
            self._uploads.check_open()
            self._beside += len(chunk)
            if self._beside > FIELDS_BYTES:
                raise BadInput("the fields beside the file are too large", code=ErrorCode.TOO_LARGE)
            if name in self._kept:
                content += chunk
                if len(content) > MOST_FIELD_BYTES:
                    raise BadInput(
                        f"{name} must have {MOST_FIELD_BYTES} bytes at most",
                        code=ErrorCode.TOO_LARGE,
                        field=name,
                    )
        if name in self._kept:
            self._fields.append((name, content.decode(errors="replace")))


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Bound how long a whole body may take. Raises ``BadInput`` (``idle``)."""
    try:
        async with asyncio.timeout(UPLOAD_WITHIN_S):
            yield
    except TimeoutError:
        raise BadInput("the body took too long to arrive", code=ErrorCode.IDLE) from None


async def _in_form(reading: Coroutine[Any, Any, T]) -> T:
    """Await the next of a body. Raises ``TimeoutError``, and ``BadInput`` for what is not well-formed."""
    try:
        async with asyncio.timeout(IDLE_WITHIN_S):
            return await reading
    except _MALFORMED:
        raise _malformed() from None


def _malformed() -> BadInput:
    return BadInput("the body is not well-formed, or was cut short")


def _name_of(part: BodyPartReader) -> str:
    """Return the name of a field, empty without one. Raises ``BadInput``."""
    try:
        return part.name or ""
    except _MALFORMED:
        raise _malformed() from None


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while not part.at_eof():
        if chunk := await _in_form(part.read_chunk(CHUNK_BYTES)):
            yield chunk
