"""Pages of other origins (the Fetch standard's CORS protocol): those on the operator's list alone.

A browser asks before it sends what a form could not (a preflight), and shows a page only answers
that name its origin. Cookies mean nothing here, so credentials are not allowed: a page sends its
token in ``Authorization`` like everyone else.
"""

from aiohttp import web

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
    """Yes, whatever the route: which there are is told to nobody without a token."""
    return web.Response(status=204, headers=PREFLIGHT_HEADERS)


async def name_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Before an answer's headers are sent: let the page read it, if its origin is on the list."""
    origins = request.app[SERVICE].settings.origins
    if not origins:
        return
    response.headers.add("Vary", "Origin")
    asking = request.headers.getall("Origin", ())
    if len(asking) == 1 and asking[0] in origins:
        response.headers["Access-Control-Allow-Origin"] = asking[0]
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
