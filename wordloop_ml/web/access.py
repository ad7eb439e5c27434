"""Who may come in: a bearer token on every route but health, checked before the upgrade."""

import hmac

from aiohttp import web

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.web.problems import Handler, problem
from wordloop_ml.web.service import SERVICE

OPEN_ROUTES = frozenset({"/livez", "/readyz", "/startupz"})


@web.middleware
async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a missing or wrong token, and a browser page's own connection.

    Browsers send Origin with every WebSocket and cannot be kept from connecting to loopback;
    meetings are proxied by core, so that no page has business here.
    """
    if request.path in OPEN_ROUTES:
        return await handler(request)
    if "Origin" in request.headers:
        return problem(BadInput("browsers may not connect", code=ErrorCode.ORIGIN_REFUSED))
    token = request.app[SERVICE].settings.token
    if token and not hmac.compare_digest(_bearer(request).encode(), token.encode()):
        return problem(BadInput("the bearer token is refused", code=ErrorCode.TOKEN_REFUSED))
    return await handler(request)


def _bearer(request: web.Request) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""
