"""Errors as HTTP answers, each in the form of its path (``wire/error_forms.py``)."""

import json
import math
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from aiohttp import web

from wordloop_ml.errors import BadInput, Busy, ErrorCode, WordloopError
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.refusals import REFUSALS
from wordloop_ml.wire.error_forms import PROBLEM, ErrorForm, Refusal, form_for, refusal_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FORMS: Final = web.AppKey("error_forms", Mapping[str, ErrorForm])
"""The form of each path, and of those below it, that has another than ``PROBLEM``."""

_REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)

_CODES = {404: ErrorCode.NOT_FOUND, 413: ErrorCode.TOO_LARGE}

log = structlog.get_logger()


def request_id(request: web.Request) -> str:
    """Return the id of a request, a UUID: what its caller is told and what the log calls it."""
    if _REQUEST_ID not in request:
        request[_REQUEST_ID] = str(uuid.uuid4())
    return request[_REQUEST_ID]


def answer_error(request: web.Request, error: WordloopError) -> web.Response:
    """Answer an error in the form of the request's path; with ``Retry-After`` where retrying helps."""
    return _answer(request, refusal_of(error))


def problem(error: WordloopError) -> web.Response:
    """Answer an error as a problem, where there is no path whose form it could have."""
    return _written(refusal_of(error), PROBLEM, "")


def problem_fields(error: WordloopError) -> dict[str, object]:
    """Make a problem's object for a response that has begun already; ``retry_after`` is in seconds."""
    fields = PROBLEM.fields(refusal_of(error), "")
    if isinstance(error, Busy):
        fields["retry_after"] = error.retry_after_s
    return fields


def http_problem(error: web.HTTPException) -> web.Response:
    """Answer as a problem what aiohttp refuses before any route."""
    return _with_allow(_written(_refused_by_aiohttp(error), PROBLEM, ""), error)


def bug_problem(error: BaseException) -> web.Response:
    """Log a bug outside of the routes by its place, and answer 500 (``internal``)."""
    log.error("request_failed", route="none", **describe_bug(error))
    return _written(_BUG, PROBLEM, "")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever a route raises, in the form of its path.

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


def route_of(request: web.Request) -> str:
    """Return the route's pattern, never the path: a path can carry ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


_BUG = Refusal(500, ErrorCode.INTERNAL, "unexpected error")


def _answer_to(error: Exception, request: web.Request) -> web.Response:
    match error:
        case WordloopError():
            request.app[REFUSALS].note(route_of(request), error)
            answer = answer_error(request, error)
            if request.content.exception() is not None:
                # where the next request would begin is not known: its sender must not be surprised
                answer.force_close()
            return answer
        case web.HTTPException():
            refusal = _refused_by_aiohttp(error)
            request.app[REFUSALS].note(route_of(request), BadInput("", code=refusal.code))
            return _with_allow(_answer(request, refusal), error)
        case ConnectionError() if request.transport is None or request.transport.is_closing():
            # The peer vanished while it was answered: nobody reads this.
            return problem(BadInput("the connection is gone"))
        case _:
            log.error(
                "request_failed",
                route=route_of(request),
                request_id=request_id(request),
                **describe_bug(error),
            )
            request.app[REFUSALS].count_bug()
            return _answer(request, _BUG)


def _refused_by_aiohttp(error: web.HTTPException) -> Refusal:
    """Describe what aiohttp itself refuses: no such route or method, a body beyond its limit."""
    return Refusal(error.status, _CODES.get(error.status, ErrorCode.BAD_REQUEST), error.reason)


def _with_allow(answer: web.Response, error: web.HTTPException) -> web.Response:
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


def _answer(request: web.Request, refusal: Refusal) -> web.Response:
    form = form_for(request.path, request.app.get(FORMS, {}))
    return _written(refusal, form, request_id(request))


def _written(refusal: Refusal, form: ErrorForm, request_id: str) -> web.Response:
    headers = form.headers(refusal, request_id)
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    return web.Response(
        status=refusal.status,
        text=json.dumps(form.fields(refusal, request_id)),
        content_type=form.media_type,
        headers=headers,
    )
