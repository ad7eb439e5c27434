"""The operations of the service's own interface: probes, captions, texts, and the documents about them."""

import re
from dataclasses import fields
from typing import Final

from wordloop_ml.engines.catalogue import ModelLoads
from wordloop_ml.errors import ErrorCode
from wordloop_ml.web.http_server import BODY_WITHIN_S
from wordloop_ml.web.openapi.docs_page import FILES, PATH
from wordloop_ml.web.openapi.parts import (
    CALLER,
    JSON_BODY,
    MODELS,
    NO_STORE,
    PROTOCOL,
    STRANGER,
    SYNTHESIS,
    Json,
    Operations,
    fields_of,
    json_answer,
    or_null,
    parameter,
    reference,
    refusals,
)
from wordloop_ml.web.service import Stage
from wordloop_ml.web.synthesis import MAX_KEY_CHARS
from wordloop_ml.wire.embeddings import (
    ENCODINGS,
    MAX_LABEL_CHARS,
    MAX_TEXT_BYTES,
    MAX_TEXTS,
)
from wordloop_ml.wire.embeddings import MAX_REQUEST_BYTES as MOST_EMBEDDINGS_BYTES
from wordloop_ml.wire.json_fields import IDENTIFIER_PATTERN
from wordloop_ml.wire.synthesis import MAX_REQUEST_BYTES as MOST_SYNTHESIS_BYTES

PROBES: Final = "Probes"
CAPTIONS: Final = "Captions"
TEXTS: Final = "Texts"
DOCUMENTS: Final = "Documents"

SCHEMAS: Final[dict[str, Json]] = {
    "stage": {"description": "The stage of the process.", "enum": [str(one) for one in Stage]},
    "embeddings.request": {
        "type": "object",
        "additionalProperties": False,
        "required": ["input"],
        "properties": {
            "input": {
                "description": f"A text, or several; of each at most {MAX_TEXT_BYTES} bytes in UTF-8.",
                "anyOf": [
                    {"$ref": "#/components/schemas/embeddings.text"},
                    {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/embeddings.text"},
                        "minItems": 1,
                        "maxItems": MAX_TEXTS,
                    },
                ],
            },
            "model": or_null(
                {
                    "description": "The one that is loaded; another is refused.",
                    "type": "string",
                    "maxLength": MAX_LABEL_CHARS,
                }
            ),
            "encoding_format": {
                "description": "Numbers, or little-endian float32 in base64.",
                "enum": [*ENCODINGS, None],
                "default": ENCODINGS[0],
            },
            "dimensions": or_null({"description": "The model's.", "type": "integer"}),
            "user": or_null(
                {
                    "description": "Neither used nor logged.",
                    "type": "string",
                    "maxLength": MAX_LABEL_CHARS,
                }
            ),
        },
    },
    "embeddings.text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_BYTES},
    "embeddings.answer": {
        "type": "object",
        "required": ["object", "data", "model", "model_digest", "usage", "truncated"],
        "properties": {
            "object": {"const": "list"},
            "data": {
                "description": "In the order of the texts.",
                "type": "array",
                "items": {"$ref": "#/components/schemas/embeddings.vector"},
            },
            "model": {"type": "string"},
            "model_digest": {
                "description": "SHA-256 of the weights: vectors of different digests do not belong into one index.",
                "type": "string",
            },
            "usage": {
                "type": "object",
                "required": ["prompt_tokens", "total_tokens"],
                "properties": {
                    "prompt_tokens": {"type": "integer", "minimum": 0},
                    "total_tokens": {"type": "integer", "minimum": 0},
                },
            },
            "truncated": {
                "description": "Texts that are longer than what the model reads.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["index", "dropped_tokens"],
                    "properties": {
                        "index": {"type": "integer", "minimum": 0},
                        "dropped_tokens": {"type": "integer", "minimum": 1},
                    },
                },
            },
        },
    },
    "embeddings.vector": {
        "type": "object",
        "required": ["object", "index", "embedding"],
        "properties": {
            "object": {"const": "embedding"},
            "index": {"type": "integer", "minimum": 0},
            "embedding": {
                "description": "Of length 1, so that a dot product is the cosine.",
                "anyOf": [
                    {"type": "array", "items": {"type": "number"}},
                    {"type": "string", "contentEncoding": "base64"},
                ],
            },
        },
    },
}


def _probe(name: str, summary: str, ok: str, schema: Json, *, fails: str | None = None) -> Json:
    responses = {"200": json_answer(ok, schema)}
    if fails is not None:
        responses["503"] = json_answer(fails, schema)
    return {
        "operationId": name,
        "tags": [PROBES],
        "summary": summary,
        "security": [],
        "responses": {**responses, **refusals(STRANGER)},
    }


def _file(name: str, media_type: str, **more: object) -> Json:
    return {
        "operationId": name,
        "tags": [DOCUMENTS],
        **more,
        "security": [],
        "responses": {
            "200": {
                "description": "The file.",
                "content": {media_type: {"schema": {"type": "string"}}},
            },
            "304": {"description": "The browser has it already."},
            **refusals(STRANGER),
        },
    }


_STAGE = reference("stage")
_LOADS = {
    "description": "How often each model was loaded: once.",
    "type": "array",
    "items": fields_of(
        **{
            one.name: {"type": "integer", "minimum": 1} if one.type is int else {"type": "string"}
            for one in fields(ModelLoads)
        }
    ),
}

_SYNTHESIS = {
    "operationId": "synthesise",
    "tags": [TEXTS],
    "summary": "Say what a meeting came to",
    "description": "Title, summary, topics, decisions, action items and open questions of a transcript, "
    "each with the segments that it rests on. As JSON, or as server-sent events for who prefers them "
    f"(`Accept`). The body may have {MOST_SYNTHESIS_BYTES >> 20} MiB, and {BODY_WITHIN_S:g} s to arrive.",
    "parameters": [
        parameter(
            "Idempotency-Key",
            "header",
            "A body sent again with the same key gets the same answer, made once.",
            {"type": "string", "pattern": f"^[!#-~]{{1,{MAX_KEY_CHARS}}}$"},
        )
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": reference(f"{SYNTHESIS}.request"),
                "example": {
                    "meeting_id": "standup",
                    "segments": [
                        {
                            "id": "a-0",
                            "track": "a",
                            "speaker": "Ada",
                            "start": 0,
                            "end": 4_000,
                            "text": "We decided to ship the release on Friday.",
                        }
                    ],
                },
            }
        },
    },
    "responses": {
        "200": {
            "description": "The synthesis.",
            "headers": {
                "Cache-Control": NO_STORE,
                "Idempotent-Replayed": {
                    "description": "The key was known, and this is the answer made before.",
                    "schema": {"const": "true"},
                },
            },
            "content": {
                "application/json": {"schema": reference(f"{SYNTHESIS}.synthesis")},
                "text/event-stream": {
                    "schema": {
                        "description": "The data of each event is JSON in one line.",
                        "type": "string",
                    },
                    "x-events": {
                        "progress": reference(f"{SYNTHESIS}.progress"),
                        "item": reference(f"{SYNTHESIS}.item"),
                        "result": reference(f"{SYNTHESIS}.synthesis"),
                        "error": reference(f"{SYNTHESIS}.error"),
                    },
                },
            },
        },
        **refusals(
            (
                *CALLER,
                *JSON_BODY,
                *MODELS,
                ErrorCode.NOT_FOUND,
                ErrorCode.UNKNOWN_FIELD,
                ErrorCode.UNSUPPORTED_ENGINE,
                ErrorCode.IDEMPOTENCY_KEY_REUSED,
                ErrorCode.TRANSCRIPT_EMPTY,
                ErrorCode.TRANSCRIPT_TOO_LONG,
                ErrorCode.TOO_MANY_SEGMENTS,
                ErrorCode.DUPLICATE_SEGMENT,
                ErrorCode.TIMES_BACKWARDS,
            )
        ),
    },
}

_EMBEDDINGS = {
    "operationId": "embed",
    "tags": [TEXTS],
    "summary": "Turn texts into vectors",
    "description": "For retrieval, in the form of OpenAI's API. "
    f"The body may have {MOST_EMBEDDINGS_BYTES >> 20} MiB, and {BODY_WITHIN_S:g} s to arrive.",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": reference("embeddings.request"),
                "example": {"input": ["we ship on Friday", "the budget is approved"]},
            }
        },
    },
    "responses": {
        "200": json_answer(
            "The vectors.", reference("embeddings.answer"), **{"Cache-Control": NO_STORE}
        ),
        **refusals(
            (
                *CALLER,
                *JSON_BODY,
                *MODELS,
                ErrorCode.NOT_FOUND,
                ErrorCode.UNKNOWN_FIELD,
                ErrorCode.UNSUPPORTED_MODEL,
                ErrorCode.UNSUPPORTED_DIMENSIONS,
                ErrorCode.UNSUPPORTED_INPUT,
                ErrorCode.TOO_MANY_TEXTS,
                ErrorCode.TEXT_TOO_LONG,
            )
        ),
    },
}

_AUDIO = {
    "operationId": "caption",
    "tags": [CAPTIONS],
    "summary": "Caption one track of a meeting",
    "description": "A WebSocket: audio goes in as binary frames, captions come out as JSON in text "
    "frames. docs/protocol.md explains.",
    "parameters": [
        parameter(
            "meeting_id",
            "path",
            "The meeting, within the token's tenant.",
            {"type": "string", "pattern": IDENTIFIER_PATTERN},
        ),
        parameter(
            "resume",
            "query",
            "1 says that the track goes on that another connection began: such come in under more load.",
            {"type": "string"},
        ),
    ],
    "responses": {
        "101": {
            "description": "The connection is a WebSocket from here on.",
            "x-websocket": {
                "client": reference(f"{PROTOCOL}.client_message"),
                "server": reference(f"{PROTOCOL}.server_message"),
            },
        },
        **refusals((*CALLER, ErrorCode.BUSY, ErrorCode.DRAINING)),
    },
}

OPERATIONS: Final[Operations] = {
    ("/v1/meetings/{meeting_id}/audio", "get"): _AUDIO,
    ("/v1/synthesis", "post"): _SYNTHESIS,
    ("/v1/embeddings", "post"): _EMBEDDINGS,
    ("/startupz", "get"): _probe(
        "startupz",
        "Has every model done an inference?",
        "It has.",
        fields_of(stage=_STAGE, model_loads=_LOADS),
        fails="Not yet.",
    ),
    ("/readyz", "get"): _probe(
        "readyz",
        "Are new meetings welcome?",
        "They are.",
        fields_of(stage=_STAGE),
        fails="The service starts, or leaves.",
    ),
    ("/livez", "get"): _probe(
        "livez",
        "Does the event loop turn?",
        "It does.",
        fields_of(status={"const": "alive"}),
    ),
    ("/openapi.json", "get"): {
        "operationId": "describe",
        "tags": [DOCUMENTS],
        "summary": "This document",
        "responses": {
            "200": json_answer("An OpenAPI 3.1 document.", {"type": "object"}),
            **refusals(CALLER),
        },
    },
    (PATH, "get"): _file(
        "docs",
        FILES[PATH].content_type,
        summary="A page that shows this document",
        description="It asks for the token itself, and keeps it until it is left.",
    ),
    **{
        (path, "get"): _file(
            re.sub(r"\W", "_", path.removeprefix("/")), file.content_type, **{"x-internal": True}
        )
        for path, file in FILES.items()
        if path != PATH
    },
}
