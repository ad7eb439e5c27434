"""Who may come in: a tenant's token on every route but the probes and a page without content, checked before the upgrade.

``wire/credentials.py`` knows the ways in which clients send it.

Pages of other origins (the Fetch standard's CORS protocol) may, if they are on the operator's list.
A browser asks before it sends what a form could not (a preflight), and shows a page only answers
that name its origin. Cookies mean nothing here, so credentials are not allowed: a page sends its
token like everyone else.

The tokens file is read again and again while the service runs, so that tokens rotate. A thread
reads it, since a disk can hang; it is a daemon, so that a hung disk cannot hold the exit.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from aiohttp import web

from wordloop_ml.errors import BadInput, ErrorCode, StartupFailed
from wordloop_ml.telemetry import describe_bug, name_thread
from wordloop_ml.tokens import Tokens, parse_tokens, read_content
from wordloop_ml.web.errors import Handler, answer_error, route_of
from wordloop_ml.web.openapi.docs_page import FILES
from wordloop_ml.web.page import is_file_of_page, is_own_page
from wordloop_ml.web.refusals import REFUSALS
from wordloop_ml.web.service import SERVICE
from wordloop_ml.wire.credentials import presented_key

PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    # the wildcard, for what clients add of their own, does not stand for Authorization
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, *",
    "Access-Control-Max-Age": "600",
}

EXPOSED_HEADERS = "Idempotent-Replayed, Retry-After, WWW-Authenticate, x-request-id"
"""What a page may read of an answer, besides the usual ones."""


def is_listed(request: web.Request) -> bool:
    """Whether no page sent the request, or one whose origin is on the list, or the service's own."""
    service = request.app[SERVICE]
    if service.settings.origins.issuperset(request.headers.getall("Origin", ())):
        return True
    return service.settings.serves_page and is_own_page(request, service.tokens)


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks if a page may send a request."""
    return (
        request.method == "OPTIONS"
        and "Origin" in request.headers
        and "Access-Control-Request-Method" in request.headers
    )


def preflight_answer() -> web.Response:
    """Allow the request that is asked about, on any path: without a token nobody learns which routes exist."""
    return web.Response(status=204, headers=PREFLIGHT_HEADERS)


async def name_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Let the page read the answer, if its origin is on the list; called before headers are sent."""
    origins = request.app[SERVICE].settings.origins
    if not origins:
        return
    response.headers.add("Vary", "Origin")
    asking = request.headers.getall("Origin", ())
    if len(asking) == 1 and asking[0] in origins:
        response.headers["Access-Control-Allow-Origin"] = asking[0]
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


OPEN_ROUTES = frozenset({"/livez", "/readyz", "/startupz", *FILES})

TENANT: web.RequestKey[str] = web.RequestKey("tenant", str)
"""The tenant whose request it is; set on every route but the open ones."""

log = structlog.get_logger()


@web.middleware
async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a page that is not on the list, and a missing or wrong token; else name the tenant.

    A browser's question whether a page may ask (a preflight) carries no token, and is answered.

    Browsers send Origin with every WebSocket and cannot be kept from connecting to loopback;
    meetings are proxied by core, so that only pages on the operator's list have business here.
    """
    listed = is_listed(request)
    if listed and is_preflight(request):
        return preflight_answer()
    service = request.app[SERVICE]
    if request.path in OPEN_ROUTES or (service.settings.serves_page and is_file_of_page(request)):
        return await handler(request)
    if not listed:
        return _refuse(request, "this origin may not connect", ErrorCode.ORIGIN_REFUSED)
    presented = presented_key(
        request.headers.getall("Authorization", ()),
        request.headers.getall("Sec-WebSocket-Protocol", ()),
    )
    tenant = service.tokens.tenant_of(presented or b"")
    if tenant is None:
        # RFC 6750, 3.1: who presents no token is told the scheme, and no error
        refused = _refuse(request, "the bearer token is refused", ErrorCode.TOKEN_REFUSED)
        error = "" if presented is None else ', error="invalid_token"'
        refused.headers["WWW-Authenticate"] = f'Bearer realm="wordloop"{error}'
        return refused
    request[TENANT] = tenant
    return await handler(request)


def _refuse(request: web.Request, reason: str, code: ErrorCode) -> web.Response:
    error = BadInput(reason, code=code)
    request.app[REFUSALS].note(route_of(request), error)
    return answer_error(request, error)


READ_EVERY_S = 2.0
"""Seconds between two readings; Kubernetes takes up to a minute to bring a changed Secret."""


class TokenFile:
    """Watches one file from the start of the service to its end.

    Its content is compared, not its time: a Secret is a link that is swapped, and an edit within
    one tick of the clock changes no time. A file that has become bad changes nothing; it is logged
    once until it changes again.

    use: called in the event loop with each new set of tokens.
    """

    def __init__(
        self, path: Path, use: Callable[[Tokens], None], *, read_every_s: float = READ_EVERY_S
    ) -> None:
        self._path = path
        self._use = use
        self._read_every_s = read_every_s
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._first: asyncio.Future[None] = self._loop.create_future()
        self._last: Tokens | str | None = None  # what was read, or why nothing was

    async def open(self) -> None:
        """Begin to watch; return when the tokens are in use.

        Raises ``StartupFailed`` (``bad_tokens_file``) when the file is bad at the start.
        """
        threading.Thread(target=self._watch, name="watch-tokens", daemon=True).start()
        await self._first

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()

    def _watch(self) -> None:
        """Read again and again, on the thread, and hand what was read to the event loop."""
        name_thread()
        while True:
            outcome = _read(self._path)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._take, outcome)
            if self._stop.wait(self._read_every_s):
                return

    def _take(self, outcome: Tokens | Exception) -> None:
        """Use what was read, if it is new and good."""
        seen = outcome if isinstance(outcome, Tokens) else str(_facts(outcome))
        if seen == self._last or self._stop.is_set():
            return
        self._last = seen
        if isinstance(outcome, Tokens):
            self._use(outcome)
            log.info("tokens_read", tenants=outcome.tenants, tokens=len(outcome.entries))
            if not self._first.done():
                self._first.set_result(None)
        elif self._first.done():
            log.error("tokens_refused", **_facts(outcome))
        else:
            self._first.set_exception(outcome)


def _read(path: Path) -> Tokens | Exception:
    """Read and parse the file (blocking); return the error where that fails."""
    try:
        return parse_tokens(read_content(path))
    except Exception as error:  # carried to the loop: without its thread no token would rotate
        return error


def _facts(error: Exception) -> dict[str, object]:
    """Return what a log may say of an error: a bug's text may hold what stood in the file."""
    if isinstance(error, StartupFailed):
        return {"code": error.code, "reason": str(error)}
    return describe_bug(error)
