"""Who may come in: a tenant's bearer token on every route but health, before the upgrade.

Pages of other origins (the Fetch standard's CORS protocol) may, if they are on the operator's list.
A browser asks before it sends what a form could not (a preflight), and shows a page only answers
that name its origin. Cookies mean nothing here, so credentials are not allowed: a page sends its
token in ``Authorization`` like everyone else.
"""

import structlog
from aiohttp import web

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.web.http_server import Handler, problem, route_of
from wordloop_ml.web.service import SERVICE

PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    # the wildcard, for what clients add of their own, does not stand for Authorization
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, *",
    "Access-Control-Max-Age": "600",
}

EXPOSED_HEADERS = "Idempotent-Replayed, Retry-After, WWW-Authenticate"
"""What a page may read of an answer, besides the usual ones."""


def is_listed(request: web.Request) -> bool:
    """Whether no page sent the request, or one whose origin is on the list."""
    origins = request.app[SERVICE].settings.origins
    return origins.issuperset(request.headers.getall("Origin", ()))


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks if a page may send a request."""
    return (
        request.method == "OPTIONS"
        and "Origin" in request.headers
        and "Access-Control-Request-Method" in request.headers
    )


def preflight_answer() -> web.Response:
    """Allow the request, whatever the route: which there are is told to nobody without a token."""
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


OPEN_ROUTES = frozenset({"/livez", "/readyz", "/startupz"})

TENANT: web.RequestKey[str] = web.RequestKey("tenant", str)
"""Whose request it is; set on every route but the open ones."""

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
    if request.path in OPEN_ROUTES:
        return await handler(request)
    service = request.app[SERVICE]
    if not listed:
        return _refuse(request, "this origin may not connect", ErrorCode.ORIGIN_REFUSED)
    presented = _bearer(request)
    tenant = service.tokens.tenant_of(presented or b"")
    if tenant is None:
        # RFC 6750, 3.1: who presents no token is told the scheme, and no error
        refused = _refuse(request, "the bearer token is refused", ErrorCode.TOKEN_REFUSED)
        error = "" if presented is None else ', error="invalid_token"'
        refused.headers["WWW-Authenticate"] = f'Bearer realm="wordloop"{error}'
        return refused
    request[TENANT] = tenant
    return await handler(request)


def _bearer(request: web.Request) -> bytes | None:
    """Read the token that a request presents; None without one, or with several."""
    values = request.headers.getall("Authorization", ())
    if len(values) != 1:
        return None
    scheme, _, credentials = values[0].partition(" ")
    if scheme.lower() != "bearer":
        return None
    # what is no UTF-8 comes as surrogates, and matches nothing
    return credentials.strip().encode(errors="surrogateescape")


def _refuse(request: web.Request, reason: str, code: ErrorCode) -> web.Response:
    log.info("request_refused", route=route_of(request), code=code)
    return problem(BadInput(reason, code=code))
