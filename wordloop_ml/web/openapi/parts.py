"""What the operations of the OpenAPI document are made of: schemas of the wire, errors, headers, parameters."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.close_codes import http_status
from wordloop_ml.wire.error_forms import PROBLEM, ErrorForm, Refusal

Json = dict[str, Any]
"""A part of the document."""

Operations = Mapping[tuple[str, str], Json]
"""Operation objects by path and method (in lower case)."""

SYNTHESIS: Final = "synthesis"
PROTOCOL: Final = "protocol"

_LOCAL = "#/$defs/"
_PLACE = "#/components/schemas/"


def reference(name: str) -> Json:
    """Refer to a schema of the document."""
    return {"$ref": _PLACE + name}


def wire_schemas(name: str) -> dict[str, Json]:
    """Read the schemas of ``wire/NAME.json``, called ``NAME.definition`` here, with references to match."""
    text = resources.files("wordloop_ml.wire").joinpath(f"{name}.json").read_text(encoding="utf-8")
    definitions: dict[str, Json] = json.loads(text)["$defs"]
    return {f"{name}.{one}": _relocated(schema, name) for one, schema in definitions.items()}


def _relocated(value: Any, name: str) -> Any:
    """Let the references of a schema lead to where its file's definitions are here."""
    if isinstance(value, list):
        return [_relocated(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: one.replace(_LOCAL, f"{_PLACE}{name}.") if key == "$ref" else _relocated(one, name)
        for key, one in value.items()
    }


_ERROR_HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": {"$ref": "#/components/headers/challenge"}},
    503: {"Retry-After": {"$ref": "#/components/headers/retry_after"}},
}

_TEXT_HEADER: Json = {"required": True, "schema": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class DocumentedForm:
    """A form of errors and its schema. code_at: the names of the fields that lead to the code."""

    form: ErrorForm
    schema: str
    code_at: tuple[str, ...]

    def code(self, code: ErrorCode) -> object:
        """Return what a client reads where the service says ``code``."""
        value: Any = self.form.fields(Refusal(http_status(code), code, ""), "")
        for name in self.code_at:
            value = value[name]
        return value

    def headers(self, code: ErrorCode) -> dict[str, Json]:
        """Describe the headers that an error with this code has in this form."""
        status = http_status(code)
        own = self.form.headers(Refusal(status, code, ""), "")
        return {**_ERROR_HEADERS.get(status, {}), **dict.fromkeys(own, _TEXT_HEADER)}

    def narrowed(self, codes: Iterable[ErrorCode]) -> Json:
        """Make the schema of an error with one of these codes."""
        schema: Json = {"enum": sorted({str(self.code(one)) for one in codes})}
        for name in reversed(self.code_at):
            schema = {"properties": {name: schema}}
        return {"allOf": [reference(self.schema), schema]}


PROBLEMS: Final = DocumentedForm(PROBLEM, f"{SYNTHESIS}.error", ("code",))

STRANGER: Final = (
    ErrorCode.BAD_REQUEST,
    ErrorCode.TOO_LARGE,
    ErrorCode.INTERNAL,
)
"""How any request can be refused: broken HTTP, a header that is too long, a bug."""

CALLER: Final = (*STRANGER, ErrorCode.TOKEN_REFUSED, ErrorCode.ORIGIN_REFUSED)
"""How a request to a route with a token can be refused."""

MODELS: Final = (ErrorCode.BUSY, ErrorCode.DRAINING, ErrorCode.ENGINE_FAILED)
"""How a request for something that models make can fail."""

JSON_BODY: Final = (
    ErrorCode.BAD_JSON,
    ErrorCode.BAD_MESSAGE,
    ErrorCode.IDLE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
)
"""How a JSON body can be refused, whatever it means."""

HEADERS: Final[dict[str, Json]] = {
    "challenge": {
        "description": "The scheme, and `invalid_token` where one was sent (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    },
    "retry_after": {
        "description": "Seconds after which a retry helps.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "no_store": {
        "description": "No cache may keep what a meeting said.",
        "required": True,
        "schema": {"const": "no-store"},
    },
}


def refusals(codes: Iterable[ErrorCode], errors: DocumentedForm = PROBLEMS) -> dict[str, Json]:
    """Describe the answers to errors, by status: their codes, form and headers."""
    by_status: dict[int, list[ErrorCode]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(http_status(code), []).append(code)
    return {
        str(status): {
            "description": ", ".join(f"`{errors.code(one)}`" for one in found),
            "headers": errors.headers(found[0]),
            "content": {errors.form.media_type: {"schema": errors.narrowed(found)}},
        }
        for status, found in sorted(by_status.items())
    }


def fields_of(**properties: Json) -> Json:
    """Make the schema of an object that has all of these fields; others may be added."""
    return {"type": "object", "required": list(properties), "properties": properties}


def json_answer(description: str, schema: Json, **headers: Json) -> Json:
    """Describe an answer in JSON."""
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


NO_STORE: Final = {"$ref": "#/components/headers/no_store"}


def parameter(
    name: str, place: str, description: str, schema: Json, *, required: bool = False, **more: Any
) -> Json:
    """Describe a parameter. place: path, query or header."""
    return {
        "name": name,
        "in": place,
        "description": description,
        "required": required or place == "path",
        "schema": schema,
        **more,
    }


def or_null(schema: Json) -> Json:
    """Allow null, which is as if the field were left out."""
    return {**schema, "type": [schema["type"], "null"]}
