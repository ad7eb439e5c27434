"""aiohttp's server with every limit stated, and with our names for what it refuses by itself.

What breaks HTTP never reaches a route: aiohttp answers it in plain text that repeats what came,
and logs it with a traceback. Here it gets a problem with a code, like everything else.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.problems import bug_problem, http_problem, problem

MAX_LINE_BYTES = 8_190
"""The request line."""

MAX_HEADER_BYTES = 8_190
"""Each header."""

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

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


class HttpConnection(web.RequestHandler):
    """One TCP connection; says and logs what went wrong by its name, never what came in.

    when_lost: called once if the connection is lost, for the handler of the request at hand.
    """

    __slots__ = ("when_lost",)

    def __init__(self, manager: web.Server, **kwargs: Any) -> None:
        self.when_lost: Callable[[], None] | None = None
        super().__init__(manager, **kwargs)

    @property
    def lost(self) -> bool:
        """Whether the peer is gone."""
        return self.transport is None or self.transport.is_closing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """What asyncio calls when either side has closed."""
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
        """The answer to what is no HTTP, or to a bug outside of the routes; then it is over."""
        del status, message
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun: another cannot follow")
        if isinstance(exc, HttpProcessingError):
            error = _refused(exc)
            log.info("request_refused", route="none", code=error.code)
            response = problem(error)
        else:
            response = bug_problem(exc or TimeoutError(), "none")
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """aiohttp's last resort: a body that breaks while it is thrown away, or a bug."""
        del args
        error = kw.get("exc_info")
        if isinstance(error, web.RequestPayloadError | HttpProcessingError):
            log.info("request_refused", route="none", code=ErrorCode.BAD_REQUEST)
        else:
            described = describe_bug(error) if isinstance(error, BaseException) else {}
            log.error("request_failed", route="none", **described)


class HttpServer(web.Server):
    """Makes a connection for each peer."""

    def __init__(self, handler: RequestHandler, **kwargs: Any) -> None:
        async def named(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException as error:  # before the middlewares: Expect
                return http_problem(error)

        super().__init__(named, **kwargs)

    def __call__(self) -> web.RequestHandler:
        """What asyncio calls for a new connection."""
        return HttpConnection(self, loop=self._loop, **_LIMITS)


class HttpRunner(web.AppRunner):
    """Runs an application on ``HttpServer``; signals are left alone."""

    def __init__(self, app: web.Application) -> None:
        super().__init__(app, handle_signals=False, shutdown_timeout=CUT_S)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return HttpServer(made.request_handler, request_factory=made.request_factory)


def _refused(error: HttpProcessingError) -> BadInput:
    """The name of what the parser refused. Its own message repeats what came in."""
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
