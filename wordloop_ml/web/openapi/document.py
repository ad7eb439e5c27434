"""``GET /openapi.json``: the OpenAPI document of the HTTP routes, made of the constants that they use.

It wants the token, as every route does: without one nobody learns which routes exist.
"""

import json
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from wordloop_ml import __version__
from wordloop_ml.web.openapi import deepgram_clients, native, openai_clients, openai_schemas
from wordloop_ml.web.openapi.parts import (
    HEADERS,
    PROTOCOL,
    SYNTHESIS,
    Json,
    Operations,
    wire_schemas,
)

OPENAPI_VERSION: Final = "3.1.1"

_OPERATIONS: Final = (native.OPERATIONS, openai_clients.OPERATIONS, deepgram_clients.OPERATIONS)
_SCHEMAS: Final = {**native.SCHEMAS, **openai_schemas.SCHEMAS, **deepgram_clients.SCHEMAS}

_TAGS: Final = {
    native.CAPTIONS: "Live audio in, captions out.",
    native.TEXTS: "What a meeting came to, and vectors for retrieval.",
    openai_clients.OPENAI: "What OpenAI's clients call, when only address and key are changed.",
    deepgram_clients.DEEPGRAM: "What Deepgram's clients call, likewise.",
    native.PROBES: "For orchestrators; without a token.",
    native.DOCUMENTS: "What you read.",
}


def make_document() -> Json:
    """Make the document: every route, as it is refused as well as as it succeeds."""
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "wordloop-ml",
            "version": __version__,
            "summary": "Live captions and meeting intelligence.",
            "description": "Every refusal has a code of docs/errors.md. A field that is null is a "
            "field that was left out; a whole number is written without a point.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths(_OPERATIONS),
        "components": {
            "schemas": {
                **_SCHEMAS,
                **wire_schemas(SYNTHESIS),
                **wire_schemas(PROTOCOL),
            },
            "headers": HEADERS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "One of the service's tokens; a service on loopback may have none. "
                    "The scheme Token will do as well; pages offer it as a subprotocol of a WebSocket.",
                }
            },
        },
    }


def _paths(interfaces: Iterable[Operations]) -> Json:
    paths: Json = {}
    for operations in interfaces:
        for (path, method), operation in operations.items():
            paths.setdefault(path, {})[method] = operation
    return paths


_DOCUMENT: Final = json.dumps(make_document(), ensure_ascii=False, indent=1).encode()


async def openapi(request: web.Request) -> web.Response:
    """Answer with the document."""
    del request
    return web.Response(
        body=_DOCUMENT, content_type="application/json", headers={"Cache-Control": "no-cache"}
    )
