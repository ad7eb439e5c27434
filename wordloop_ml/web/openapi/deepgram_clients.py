"""The operations that clients of Deepgram's use."""

from typing import Final

from wordloop_ml.errors import ErrorCode
from wordloop_ml.web.openapi.parts import (
    CALLER,
    DocumentedForm,
    Json,
    Operations,
    fields_of,
    parameter,
    refusals,
)
from wordloop_ml.wire.client_messages import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wordloop_ml.wire.deepgram_messages import DEEPGRAM_ERRORS
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

SCHEMAS: Final[dict[str, Json]] = {
    ERRORS.schema: {
        **fields_of(
            err_code={"type": "string"}, err_msg={"type": "string"}, request_id={"type": "string"}
        ),
        "description": "Deepgram's form of an error.",
    }
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
    _query(
        "punctuate",
        "Whether words are written as a reader expects them.",
        {"type": "boolean", "default": True},
    ),
    _query("multichannel", "Each channel of PCM by itself.", _TRUTH),
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
    ),
    ("/v2/listen", "get"): _socket(
        "deepgram_turns",
        "Transcribe live, by turns",
        "Deepgram's Flux.",
    ),
}
