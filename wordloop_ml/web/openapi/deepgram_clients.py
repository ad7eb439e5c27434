"""The operations that clients of Deepgram's use."""

from typing import Final

from wordloop_ml.errors import ErrorCode
from wordloop_ml.settings import default_of, variable
from wordloop_ml.web.openapi.parts import (
    CALLER,
    MODELS,
    NO_STORE,
    DocumentedForm,
    Json,
    Operations,
    fields_of,
    json_answer,
    parameter,
    reference,
    refusals,
)
from wordloop_ml.wire.client_messages import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wordloop_ml.wire.deepgram_messages import DEEPGRAM_ERRORS, REQUEST_ID_HEADER
from wordloop_ml.wire.deepgram_query import (
    CONTAINED,
    ENCODINGS,
    MAX_CHANNELS,
    MAX_ENDPOINTING_MS,
    MAX_TAGS,
    UTTERANCE_END_MS,
)

DEEPGRAM: Final = "Deepgram's clients"

ERRORS: Final = DocumentedForm(DEEPGRAM_ERRORS, "deepgram.error", ("err_code",))

_SECONDS: Final[Json] = {"description": "In seconds.", "type": "number", "minimum": 0}
_WORDS: Final[Json] = {"type": "array", "items": reference("deepgram.word")}
_ALTERNATIVE: Final[dict[str, Json]] = {
    "transcript": {"type": "string"},
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    "words": _WORDS,
}


def _with(schema: Json, **optional: Json) -> Json:
    """Add fields that an object may leave out."""
    return {**schema, "properties": {**schema["properties"], **optional}}


SCHEMAS: Final[dict[str, Json]] = {
    "deepgram.transcript": fields_of(
        metadata=reference("deepgram.metadata"),
        results=_with(
            fields_of(
                channels={
                    "type": "array",
                    "items": _with(
                        fields_of(
                            alternatives={
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 1,
                                "items": fields_of(**_ALTERNATIVE),
                            }
                        ),
                        detected_language={
                            "description": "Where no language was asked for.",
                            "type": "string",
                        },
                    ),
                }
            ),
            utterances={
                "description": "Where they were asked for.",
                "type": "array",
                "items": fields_of(
                    start=_SECONDS,
                    end=_SECONDS,
                    channel={"type": "integer", "minimum": 0},
                    id={"type": "string"},
                    **_ALTERNATIVE,
                ),
            },
        ),
    ),
    "deepgram.word": _with(
        fields_of(
            word={"type": "string"},
            start=_SECONDS,
            end=_SECONDS,
            confidence={"type": "number", "minimum": 0, "maximum": 1},
        ),
        punctuated_word={"description": "Unless `punctuate` is false.", "type": "string"},
    ),
    "deepgram.metadata": _with(
        fields_of(
            transaction_key={"const": "deprecated"},
            request_id={"type": "string"},
            sha256={"description": "Of the file.", "type": "string"},
            created={"type": "string", "format": "date-time"},
            duration=_SECONDS,
            channels={"type": "integer", "minimum": 0},
            models={"type": "array", "items": {"type": "string"}},
            model_info={
                "description": "By the models' ids.",
                "type": "object",
                "additionalProperties": fields_of(
                    name={"type": "string"}, version={"type": "string"}, arch={"type": "string"}
                ),
            },
        ),
        tags={"type": "array", "items": {"type": "string"}},
        warnings={
            "description": "What of a damaged file has no text.",
            "type": "array",
            "items": {"type": "string"},
        },
    ),
    ERRORS.schema: {
        **fields_of(
            err_code={"type": "string"}, err_msg={"type": "string"}, request_id={"type": "string"}
        ),
        "description": "Deepgram's form of an error.",
    },
}


def _query(name: str, description: str, schema: Json) -> Json:
    return parameter(name, "query", description, schema)


def _several(name: str, description: str, **schema: object) -> Json:
    return {
        **_query(name, description, {"type": "array", "items": {"type": "string"}, **schema}),
        "style": "form",
        "explode": True,
    }


_TRUTH: Final[Json] = {"type": "boolean", "default": False}

HEARD: Final = (
    _query(
        "encoding",
        "How messages carry audio; left out, a container that says so itself.",
        {"enum": [*ENCODINGS, *sorted(CONTAINED - {""})]},
    ),
    _query(
        "sample_rate",
        "Samples per second, of PCM.",
        {"type": "integer", "minimum": MIN_SAMPLE_RATE, "maximum": MAX_SAMPLE_RATE},
    ),
    _query(
        "channels",
        "Interleaved in PCM.",
        {"type": "integer", "minimum": 1, "maximum": MAX_CHANNELS, "default": 1},
    ),
    _query("language", "A language tag, or multi: the model decides.", {"type": "string"}),
    _several("keyterm", "Names and terms to expect."),
    _several("keywords", "Likewise; boosts are ignored."),
    _several("tag", "Comes back in the metadata.", maxItems=MAX_TAGS),
)

_LIVE: Final = (
    _query("interim_results", "Whether open segments are told, too.", _TRUTH),
    _query(
        "endpointing",
        "Milliseconds of a pause before `speech_final`, at least; false for never.",
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MAX_ENDPOINTING_MS},
                {"type": "boolean"},
            ]
        },
    ),
    _query(
        "utterance_end_ms",
        "Milliseconds after a word at which the end of an utterance is told.",
        {"type": "integer", "minimum": UTTERANCE_END_MS[0], "maximum": UTTERANCE_END_MS[1]},
    ),
    _query("vad_events", "Whether the beginning of speech is told.", _TRUTH),
)

_WRITTEN: Final = (
    _query(
        "punctuate",
        "Whether words are written as a reader expects them.",
        {"type": "boolean", "default": True},
    ),
    _query("multichannel", "Each channel by itself.", _TRUTH),
)


def _socket(name: str, summary: str, description: str, *parameters: Json) -> Json:
    return {
        "operationId": name,
        "tags": [DEEPGRAM],
        "summary": summary,
        "description": f"A WebSocket. {description} docs/interfaces/deepgram.md says what is honoured.",
        "parameters": [*HEARD, *parameters],
        "responses": {
            "101": {"description": "The connection is a WebSocket from here on."},
            **refusals(
                (
                    *CALLER,
                    ErrorCode.BUSY,
                    ErrorCode.DRAINING,
                    ErrorCode.UNSUPPORTED_ENCODING,
                    ErrorCode.UNSUPPORTED_LANGUAGE,
                ),
                ERRORS,
            ),
        },
    }


OPERATIONS: Final[Operations] = {
    ("/v1/listen", "get"): _socket(
        "deepgram_listen",
        "Transcribe live, as Deepgram does",
        "Results of each channel.",
        *_LIVE,
        *_WRITTEN,
    ),
    ("/v1/listen", "post"): {
        "operationId": "deepgram_transcribe",
        "tags": [DEEPGRAM],
        "summary": "Transcribe a file, as Deepgram does",
        "description": f"The file may have as many MiB as `{variable('file_mb')}` says, "
        f"{default_of('file_mb')} by default. Nothing is fetched: a body in JSON, with an address, "
        "is refused. docs/interfaces/deepgram.md explains.",
        "parameters": [
            *HEARD,
            *_WRITTEN,
            _query("utterances", "Whether the segments are told, too.", _TRUTH),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {
                        "description": "Audio or video that FFmpeg reads, or samples with `encoding`; "
                        "whatever type it is said to have.",
                        "type": "string",
                        "contentMediaType": "application/octet-stream",
                    }
                }
            },
        },
        "responses": {
            "200": json_answer(
                "The transcript.",
                reference("deepgram.transcript"),
                **{"Cache-Control": NO_STORE},
                **{
                    REQUEST_ID_HEADER: {
                        "description": "The id of the request, for the log.",
                        "required": True,
                        "schema": {"type": "string"},
                    }
                },
            ),
            **refusals(
                (
                    *CALLER,
                    *MODELS,
                    ErrorCode.IDLE,
                    ErrorCode.BAD_AUDIO,
                    ErrorCode.UNSUPPORTED_ENCODING,
                    ErrorCode.UNSUPPORTED_LANGUAGE,
                ),
                ERRORS,
            ),
        },
    },
    ("/v2/listen", "get"): _socket(
        "deepgram_turns",
        "Transcribe live, by turns",
        "Deepgram's Flux.",
    ),
}
