"""HTTP beneath the routes: connections, listening sockets, bodies of requests.

aiohttp's server with every limit stated. What breaks HTTP never reaches a route: aiohttp answers it
in plain text that repeats what came, and logs it with a traceback. Here it gets a problem (RFC 9457)
with a code, as every other error does.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from wordloop_ml.errors import BadInput, Busy, BusyReason, ErrorCode
from wordloop_ml.metrics import Metrics
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.errors import bug_problem, http_problem, problem
from wordloop_ml.web.listening import Listener
from wordloop_ml.web.refusals import REFUSALS, Refusals

MAX_LINE_BYTES = 8_190
"""Bytes that the request line may have."""

MAX_HEADER_BYTES = 8_190
"""Bytes that each header may have."""

MAX_HEADERS = 64

KEEPALIVE_S = 15.0
"""A connection without a request, or with half of one, is closed after this."""

LINGER_S = 2.0
"""How long a body that no route wants is still read, so that its sender sees the answer."""

CUT_S = 0.5
"""How long a handler may take to end once its connection has been cut."""

_LIMITS: dict[str, Any] = {
    "max_line_size": MAX_LINE_BYTES,
    "max_field_size": MAX_HEADER_BYTES,
    "max_headers": MAX_HEADERS,
    "keepalive_timeout": KEEPALIVE_S,
    "lingering_time": LINGER_S,
    "access_log": None,
}

NO_ROUTE = "none"
"""What logs call the route of what is no request."""

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


class HttpConnection(web.RequestHandler):
    """One TCP connection; answers and logs errors by their codes, never what came in.

    when_lost: called once if the connection is lost, for the handler of the request at hand.
    refusals: of the application.
    """

    __slots__ = ("_refusals", "when_lost")

    def __init__(self, manager: web.Server, refusals: Refusals, **kwargs: Any) -> None:
        self.when_lost: Callable[[], None] | None = None
        self._refusals = refusals
        super().__init__(manager, **kwargs)

    @property
    def lost(self) -> bool:
        """Whether the peer is gone."""
        return self.transport is None or self.transport.is_closing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the handler at hand; asyncio calls this when either side has closed."""
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or a bug outside of the routes; the connection closes afterwards.

        Raises ``ConnectionError`` where an answer has begun.
        """
        del status, message
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun: another cannot follow")
        if isinstance(exc, HttpProcessingError):
            error = _refused(exc)
            self._refusals.note(NO_ROUTE, error)
            response = problem(error)
        else:
            self._refusals.count_bug()
            response = bug_problem(exc or TimeoutError())
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what aiohttp cannot answer: a body that breaks while it is thrown away, or a bug."""
        del args
        error = kw.get("exc_info")
        if isinstance(error, web.RequestPayloadError | HttpProcessingError):
            self._refusals.note(NO_ROUTE, BadInput("the body broke"))
        else:
            self._refusals.count_bug()
            described = describe_bug(error) if isinstance(error, BaseException) else {}
            log.error("request_failed", route="none", **described)


class HttpServer(web.Server):
    """Makes an ``HttpConnection`` for each peer."""

    def __init__(self, handler: RequestHandler, refusals: Refusals, **kwargs: Any) -> None:
        async def named(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException as error:  # before the middlewares: Expect
                return http_problem(error)

        super().__init__(named, **kwargs)
        self._refusals = refusals

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of a new connection, for asyncio."""
        return HttpConnection(self, self._refusals, loop=self._loop, **_LIMITS)


class HttpRunner(web.AppRunner):
    """Runs an application on ``HttpServer``; signals are left alone.

    What it refuses is counted by its ``REFUSALS``; by nobody where it has none.
    """

    def __init__(self, app: web.Application) -> None:
        if REFUSALS not in app:
            app[REFUSALS] = Refusals(Metrics())
        super().__init__(app, handle_signals=False, shutdown_timeout=CUT_S)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return HttpServer(
            made.request_handler, self.app[REFUSALS], request_factory=made.request_factory
        )


def _refused(error: HttpProcessingError) -> BadInput:
    """Name what the parser refused: its own message repeats what came in."""
    if isinstance(error, LineTooLong):
        return BadInput(
            f"the request line may have {MAX_LINE_BYTES} bytes, a header {MAX_HEADER_BYTES}",
            code=ErrorCode.TOO_LARGE,
        )
    if error.message.startswith("Too many headers"):
        return BadInput(
            f"a request may have {MAX_HEADERS} headers at most", code=ErrorCode.TOO_LARGE
        )
    return BadInput("this is no request that HTTP/1.1 knows")


@contextmanager
def cancel_on_disconnect(request: web.Request) -> Iterator[None]:
    """Cancel what this task does inside as soon as the request's connection is lost.

    aiohttp tells a handler only when it writes. Raises ``ConnectionResetError`` at a loss, as
    writing would; any other cancellation passes through. Raises ``TypeError`` outside an
    ``HttpServer``.
    """
    connection, task = request.protocol, asyncio.current_task()
    if task is None or not isinstance(connection, HttpConnection):
        raise TypeError("for requests that an HttpServer handles")
    if connection.lost:
        raise ConnectionResetError("the caller has left")
    cancelling, left = task.cancelling(), False

    def leave() -> None:
        nonlocal left
        left = True
        task.cancel()

    connection.when_lost = leave
    try:
        yield
    except asyncio.CancelledError:
        if left and task.uncancel() <= cancelling:
            raise ConnectionResetError("the caller has left") from None
        raise
    finally:
        connection.when_lost = None


class ListeningSite(web.BaseSite):
    """The listening sockets of one application; stopped by its runner."""

    __slots__ = ("_host", "_listener", "_port")

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        super().__init__(runner)
        self._host = host
        self._port = port
        self._listener: Listener | None = None

    @property
    def name(self) -> str:
        """The URL, for aiohttp."""
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """The port of the first address; once started."""
        return 0 if self._listener is None else self._listener.port

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when an address is taken, or none is this machine's."""
        server = self._runner.server
        if server is None:
            raise TypeError("for a runner that was set up")
        listener = Listener(self._host, self._port, server)
        await listener.start()
        self._listener = listener
        await super().start()

    async def stop(self) -> None:
        """Stop listening; connections go on."""
        if self._listener is not None:
            await self._listener.stop()
        await super().stop()


BODY_WITHIN_S = 20.0
"""How long a body may take to arrive."""

ARRIVING_BYTES = 64 << 20
"""Bytes that all bodies may hold together which are being read, or are still in use."""


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request. digest: SHA-256 of the content."""

    content: bytes
    digest: bytes


class BodyMemory:
    """Bounds the bytes of bodies that this process holds; one for all routes."""

    def __init__(self, most_bytes: int = ARRIVING_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0

    @contextmanager
    def arriving(self) -> Iterator["ArrivingBody"]:
        """Account for one body for as long as the context lasts."""
        one = ArrivingBody(self)
        try:
            yield one
        finally:
            self._held_bytes -= one.length

    def hold(self, length: int) -> None:
        """Reserve ``length`` bytes. Raises ``Busy`` beyond the limit of all bodies."""
        if self._held_bytes + length > self._most_bytes:
            raise Busy("too many bodies are being received", reason=BusyReason.BODIES)
        self._held_bytes += length


class ArrivingBody:
    """The bytes of one body that have arrived so far."""

    def __init__(self, bodies: BodyMemory) -> None:
        self._bodies = bodies
        self._chunks: list[bytes] = []
        self._digest = hashlib.sha256()
        self.length = 0

    def add(self, chunk: bytes) -> None:
        """Append the next bytes. Raises ``Busy`` beyond the limit of all bodies."""
        self._bodies.hold(len(chunk))
        self.length += len(chunk)
        self._chunks.append(chunk)
        self._digest.update(chunk)

    def whole(self) -> Body:
        """Join the bytes and hand them over: they are not kept here as well."""
        content = b"".join(self._chunks)
        self._chunks.clear()
        return Body(content, self._digest.digest())


async def read_json_body(
    request: web.Request,
    arriving: ArrivingBody,
    *,
    most_bytes: int,
    within_s: float = BODY_WITHIN_S,
) -> Body:
    """Read the whole body without parsing it; a compressed one (Content-Encoding) counts as it unpacks.

    most_bytes: the route's limit. within_s: seconds that the body may take.

    Raises ``BadInput`` (``unsupported_media_type``, ``too_large``, ``idle``, ``bad_request``) and
    ``Busy``; ``ConnectionError`` when the peer goes.
    """
    charset = request.charset
    if request.content_type != "application/json" or (charset or "utf-8").lower() != "utf-8":
        raise BadInput(
            "the body must be application/json in UTF-8", code=ErrorCode.UNSUPPORTED_MEDIA_TYPE
        )
    if request.content_length is not None and request.content_length > most_bytes:
        raise _too_large(most_bytes)
    try:
        async with asyncio.timeout(within_s):
            while chunk := await request.content.readany():
                arriving.add(chunk)
                if arriving.length > most_bytes:
                    raise _too_large(most_bytes)
        return arriving.whole()
    except TimeoutError:
        raise BadInput(
            f"the body did not arrive within {within_s:g} s", code=ErrorCode.IDLE
        ) from None
    except web.RequestPayloadError:
        raise BadInput("the body is not what its headers say") from None


def _too_large(most_bytes: int) -> BadInput:
    return BadInput(f"the body is larger than {most_bytes} bytes", code=ErrorCode.TOO_LARGE)
