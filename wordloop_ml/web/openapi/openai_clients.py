"""The operations that clients of OpenAI's use."""

from typing import Final

from wordloop_ml.errors import ErrorCode
from wordloop_ml.settings import default_of, variable
from wordloop_ml.web.openapi.openai_schemas import ERRORS
from wordloop_ml.web.openapi.parts import (
    CALLER,
    MODELS,
    NO_STORE,
    Json,
    Operations,
    fields_of,
    json_answer,
    parameter,
    reference,
    refusals,
)
from wordloop_ml.wire.openai import REQUEST_ID_HEADER

OPENAI: Final = "OpenAI's clients"

_REQUEST_ID: Final[Json] = {
    REQUEST_ID_HEADER: {
        "description": "The id of the request, for the log.",
        "required": True,
        "schema": {"type": "string"},
    }
}


def _of_a_file(name: str, summary: str, description: str) -> Json:
    return {
        "operationId": name,
        "tags": [OPENAI],
        "summary": summary,
        "description": f"{description} The file may have as many MiB as `{variable('file_mb')}` says, "
        f"{default_of('file_mb')} by default. docs/interfaces/openai.md explains.",
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": reference("openai.form"),
                    "x-curl": {"file": "@talk.mp4", "model": "whisper-1"},
                }
            },
        },
        "responses": {
            "200": {
                "description": "The transcript, in the form that was asked for.",
                "headers": {"Cache-Control": NO_STORE, **_REQUEST_ID},
                "content": {
                    "application/json": {
                        "schema": {
                            "anyOf": [
                                reference("openai.transcript"),
                                reference("openai.verbose_transcript"),
                                reference("openai.diarized_transcript"),
                            ]
                        }
                    },
                    "text/plain": {
                        "schema": {"description": "`text`, `srt` or `vtt`.", "type": "string"}
                    },
                    "text/event-stream": {
                        "schema": {
                            "description": "Events without names, JSON in one line each; at the end `[DONE]`.",
                            "type": "string",
                        },
                        "x-events": {
                            "transcript.text.delta": fields_of(
                                type={"const": "transcript.text.delta"}, delta={"type": "string"}
                            ),
                            "transcript.text.segment": reference("openai.spoken_segment"),
                            "transcript.text.done": fields_of(
                                type={"const": "transcript.text.done"}, text={"type": "string"}
                            ),
                        },
                    },
                },
            },
            **refusals(
                (
                    *CALLER,
                    *MODELS,
                    ErrorCode.IDLE,
                    ErrorCode.BAD_AUDIO,
                    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                    ErrorCode.UNSUPPORTED_MODEL,
                    ErrorCode.UNSUPPORTED_LANGUAGE,
                    ErrorCode.UNSUPPORTED_TASK,
                ),
                ERRORS,
            ),
        },
    }


OPERATIONS: Final[Operations] = {
    ("/v1/audio/transcriptions", "post"): _of_a_file(
        "openai_transcribe",
        "Transcribe a file, as OpenAI's API does",
        "In the language that was spoken.",
    ),
    ("/v1/audio/translations", "post"): _of_a_file(
        "openai_translate",
        "Transcribe a file in English",
        "With a multilingual model; one that knows English alone refuses. No `diarized_json`.",
    ),
    ("/v1/models", "get"): {
        "operationId": "openai_models",
        "tags": [OPENAI],
        "summary": "List the models that are served",
        "responses": {
            "200": json_answer(
                "The model that transcribes, and the one that embeds.",
                fields_of(
                    object={"const": "list"},
                    data={"type": "array", "items": reference("openai.model")},
                ),
                **_REQUEST_ID,
            ),
            **refusals((*CALLER, ErrorCode.BUSY), ERRORS),
        },
    },
    ("/v1/models/{model}", "get"): {
        "operationId": "openai_model",
        "tags": [OPENAI],
        "summary": "Describe one of them",
        "parameters": [
            parameter("model", "path", "Its name, or one that stands for it.", {"type": "string"})
        ],
        "responses": {
            "200": json_answer("The model.", reference("openai.model"), **_REQUEST_ID),
            **refusals(
                (*CALLER, ErrorCode.BUSY, ErrorCode.NOT_FOUND, ErrorCode.UNSUPPORTED_MODEL), ERRORS
            ),
        },
    },
    ("/v1/realtime", "get"): {
        "operationId": "openai_realtime",
        "tags": [OPENAI],
        "summary": "Transcribe live, as OpenAI's Realtime API does",
        "description": "A WebSocket with that interface's events. docs/interfaces/openai-realtime.md "
        "says which are honoured.",
        "parameters": [
            parameter(
                "intent",
                "query",
                "This service only transcribes.",
                {"const": "transcription", "default": "transcription"},
            )
        ],
        "responses": {
            "101": {"description": "The connection is a WebSocket from here on."},
            **refusals((*CALLER, ErrorCode.BUSY, ErrorCode.DRAINING), ERRORS),
        },
    },
}
