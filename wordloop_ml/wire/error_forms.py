"""Forms in which HTTP routes tell errors: problems (RFC 9457), unless a path's clients expect another; pure.

To add a form: make an ``ErrorForm`` in the interface's own file of this room, as ``wire/openai.py``
does, and name the paths that have it in ``ERROR_FORMS`` of ``web/serve.py``. Whatever is refused
there has that form then: by the route, by access, by a limit, because of a drain or a bug, before a
WebSocket is upgraded, and a path below that does not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wordloop_ml.errors import BadInput, Busy, ErrorCode, WordloopError
from wordloop_ml.wire.close_codes import http_status


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as every form needs it.

    retry_after_s: where retrying helps; every form sends it as ``Retry-After``. field: the name of
    the field that is wrong, where there is one.
    """

    status: int
    code: ErrorCode
    detail: str
    retry_after_s: float | None = None
    field: str | None = None


def refusal_of(error: WordloopError) -> Refusal:
    """Describe an error."""
    return Refusal(
        http_status(error.code),
        error.code,
        str(error),
        retry_after_s=error.retry_after_s if isinstance(error, Busy) else None,
        field=error.field if isinstance(error, BadInput) else None,
    )


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """How an error is written.

    fields: the JSON object of the body. headers: those of its own. Both are given the refusal and
    the id of the request, which the answer tells where the form has a place for it.
    """

    media_type: str
    fields: Callable[[Refusal, str], dict[str, object]]
    headers: Callable[[Refusal, str], dict[str, str]] = lambda refusal, request_id: {}


def form_for(path: str, forms: Mapping[str, ErrorForm]) -> ErrorForm:
    """Return the form of a path: that of the longest of ``forms`` that it is, or lies below; ``PROBLEM`` for others."""
    while path:
        if path in forms:
            return forms[path]
        path = path.rpartition("/")[0]
    return PROBLEM


def _problem(refusal: Refusal, request_id: str) -> dict[str, object]:
    del request_id
    return {
        "type": "about:blank",
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
    }


PROBLEM = ErrorForm("application/problem+json", _problem)
