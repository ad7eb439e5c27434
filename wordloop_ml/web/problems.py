"""Errors as HTTP answers: RFC 9457 problem details, one place for all routes."""

import json
import math
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from wordloop_ml.errors import BadInput, Busy, ErrorCode, WordloopError
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.wire.close_codes import http_status

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CODES = {404: ErrorCode.NOT_FOUND, 413: ErrorCode.TOO_LARGE}

log = structlog.get_logger()


def problem(error: WordloopError) -> web.Response:
    """Answer an error as ``application/problem+json``; with Retry-After where retrying helps."""
    return _answer(
        http_status(error.code),
        error.code,
        str(error),
        retry_after_s=error.retry_after_s if isinstance(error, Busy) else None,
    )


def problem_fields(error: WordloopError) -> dict[str, object]:
    """Make the same object for a response that has begun already; ``retry_after`` is in seconds."""
    fields = _fields(http_status(error.code), error.code, str(error))
    if isinstance(error, Busy):
        fields["retry_after"] = error.retry_after_s
    return fields


def http_problem(error: web.HTTPException) -> web.Response:
    """Answer what aiohttp itself refuses: no such route or method, a body beyond its limit."""
    code = _CODES.get(error.status, ErrorCode.BAD_REQUEST)
    return _answer(error.status, code, error.reason, allow=error.headers.get("Allow"))


def bug_problem(error: BaseException, route: str) -> web.Response:
    """Log a bug by its place, and answer 500 (``internal``)."""
    log.error("request_failed", route=route, **describe_bug(error))
    return _answer(500, ErrorCode.INTERNAL, "unexpected error")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a route raises into a problem.

    Raises ``ConnectionError`` instead, which ends the connection, where an answer has begun, a
    WebSocket above all: another would be taken for a part of it.
    """
    try:
        return await handler(request)
    except Exception as error:  # the web border: a bug ends this request only
        answer = _answer_to(error, request)
    if request.writer.output_size > 0:
        raise ConnectionResetError("an answer has begun: another cannot follow")
    return answer


def _answer_to(error: Exception, request: web.Request) -> web.Response:
    match error:
        case WordloopError():
            answer = problem(error)
            if request.content.exception() is not None:
                # where the next request would begin is not known: its sender must not be surprised
                answer.force_close()
            return answer
        case web.HTTPException():
            return http_problem(error)
        case ConnectionError() if request.transport is None or request.transport.is_closing():
            # The peer vanished while it was answered: nobody reads this.
            return problem(BadInput("the connection is gone"))
        case _:
            return bug_problem(error, route_of(request))


def route_of(request: web.Request) -> str:
    """Return the route's pattern, never the path: a path can carry ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _answer(
    status: int,
    code: ErrorCode,
    detail: str,
    *,
    retry_after_s: float | None = None,
    allow: str | None = None,
) -> web.Response:
    headers = {}
    if retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(retry_after_s))
    if allow is not None:
        headers["Allow"] = allow
    return web.Response(
        status=status,
        text=json.dumps(_fields(status, code, detail)),
        content_type="application/problem+json",
        headers=headers,
    )


def _fields(status: int, code: ErrorCode, detail: str) -> dict[str, object]:
    return {"type": "about:blank", "status": status, "code": code, "detail": detail}
