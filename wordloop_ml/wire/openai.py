"""The forms of OpenAI's REST interface for speech, as its official clients read and write them; pure.

docs/interfaces/openai.md says what is honoured, ignored and refused.
"""

from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.error_forms import ErrorForm, Refusal

REQUEST_ID_HEADER = "x-request-id"

_ERROR_CODES = {
    ErrorCode.UNSUPPORTED_MODEL: "model_not_found",
    ErrorCode.TOKEN_REFUSED: "invalid_api_key",
}
"""Codes that OpenAI's clients may look for; every other code is the service's own."""

_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def _error(refusal: Refusal, request_id: str) -> dict[str, object]:
    del request_id
    kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    return {
        "error": {
            "message": refusal.detail,
            "type": _ERROR_TYPES.get(refusal.status, kind),
            "param": refusal.field,
            "code": _ERROR_CODES.get(refusal.code, str(refusal.code)),
        }
    }


def _error_headers(refusal: Refusal, request_id: str) -> dict[str, str]:
    del refusal
    return {REQUEST_ID_HEADER: request_id}


OPENAI_ERRORS = ErrorForm("application/json", _error, _error_headers)
"""The official clients show ``message``, ``code``, ``param``, ``type`` and the request's id."""
