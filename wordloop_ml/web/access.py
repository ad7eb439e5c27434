"""Who may come in: a tenant's bearer token on every route but health, before the upgrade."""

import structlog
from aiohttp import web

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.web.origins import is_listed, is_preflight, preflight_answer
from wordloop_ml.web.problems import Handler, problem, route_of
from wordloop_ml.web.service import SERVICE

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
    """The token that a request presents; None without one, or with several."""
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
