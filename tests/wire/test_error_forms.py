"""Which form errors have, by path; and what each form says."""

import json

import pytest

from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode, WordloopError
from wordloop_ml.wire.error_forms import PROBLEM, ErrorForm, form_for, refusal_of
from wordloop_ml.wire.openai import OPENAI_ERRORS

OTHER = ErrorForm("application/json", lambda refusal, request_id: {"id": request_id})
FORMS = {"/v1/a": OPENAI_ERRORS, "/v1/a/b": OTHER}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/a", OPENAI_ERRORS),
        ("/v1/a/", OPENAI_ERRORS),
        ("/v1/a/c/d", OPENAI_ERRORS),
        ("/v1/a/b", OTHER),
        ("/v1/a/b/c", OTHER),
        ("/v1/ab", PROBLEM),
        ("/v1", PROBLEM),
        ("/", PROBLEM),
        ("", PROBLEM),
        ("*", PROBLEM),
    ],
)
def test_a_path_has_the_form_of_the_longest_path_above_it(path: str, form: ErrorForm) -> None:
    """By whole names between slashes."""
    assert form_for(path, FORMS) is form


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            BadInput("no such model", code=ErrorCode.UNSUPPORTED_MODEL, field="model"),
            ("no such model", "invalid_request_error", "model", "model_not_found"),
        ),
        (
            BadInput("refused", code=ErrorCode.TOKEN_REFUSED),
            ("refused", "authentication_error", None, "invalid_api_key"),
        ),
        (BadInput("slow", code=ErrorCode.TOO_FAST), ("slow", "rate_limit_error", None, "too_fast")),
        (Draining(), ("this container is draining", "server_error", None, "draining")),
    ],
)
def test_openai_s_form(error: WordloopError, expected: tuple[object, ...]) -> None:
    """Its clients look for these four, under ``error``."""
    fields = OPENAI_ERRORS.fields(refusal_of(error), "1")
    assert json.loads(json.dumps(fields)) == {
        "error": dict(zip(("message", "type", "param", "code"), expected, strict=True))
    }
    assert OPENAI_ERRORS.headers(refusal_of(error), "1") == {"x-request-id": "1"}


def test_a_refusal_says_when_to_come_back() -> None:
    """Only where that helps."""
    assert refusal_of(Busy("full", retry_after_s=2.5)).retry_after_s == 2.5
    assert refusal_of(BadInput("wrong")).retry_after_s is None
