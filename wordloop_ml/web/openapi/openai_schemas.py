"""The schemas of OpenAI's REST interface for speech, as ``wire/openai.py`` reads and writes it."""

from typing import Final

from wordloop_ml.messages import Task
from wordloop_ml.web.openapi.parts import DocumentedForm, Json, fields_of, reference
from wordloop_ml.wire.openai import OPENAI_ERRORS, ResponseFormat

ERRORS: Final = DocumentedForm(OPENAI_ERRORS, "openai.error", ("error", "code"))

_USAGE: Final[Json] = fields_of(
    type={"const": "duration"},
    seconds={"description": "Of audio, rounded up.", "type": "integer", "minimum": 0},
)
_SECONDS: Final[Json] = {"description": "In seconds.", "type": "number", "minimum": 0}
_WARNINGS: Final[Json] = {
    "warnings": {
        "description": "What of a damaged file has no text.",
        "type": "array",
        "items": {"type": "string"},
    }
}


def _transcript(form: ResponseFormat, required: Json, optional: Json | None = None) -> Json:
    """Make the schema of a transcript. required, optional: schemas by field."""
    schema = fields_of(**required)
    properties = {**required, **(optional or {}), **_WARNINGS}
    return {**schema, "description": f"As `{form}`.", "properties": properties}


SCHEMAS: Final[dict[str, Json]] = {
    ERRORS.schema: {
        "description": "OpenAI's form of an error.",
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {
                        "description": "The field that is wrong.",
                        "type": ["string", "null"],
                    },
                    "code": {"type": "string"},
                },
            }
        },
    },
    "openai.form": {
        "description": "Fields that are not listed are ignored; an empty one is one left out. "
        "Lists are written with brackets behind their names or without.",
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {
                "description": "Audio or video that FFmpeg reads.",
                "type": "string",
                "contentMediaType": "application/octet-stream",
            },
            "model": {
                "description": "The served model, or a name of OpenAI's that stands for it.",
                "type": "string",
            },
            "language": {
                "description": "Such as en, en-US or english; left out, the model hears for itself.",
                "type": "string",
            },
            "prompt": {"description": "Names and terms to expect.", "type": "string"},
            "keywords": {
                "description": "Likewise, one by one.",
                "type": "array",
                "items": {"type": "string"},
            },
            "response_format": {
                "enum": [str(one) for one in ResponseFormat],
                "default": str(ResponseFormat.JSON),
            },
            "timestamp_granularities": {
                "description": "Times that `verbose_json` has.",
                "type": "array",
                "items": {"enum": ["word", "segment"]},
            },
            "stream": {
                "description": "Each segment as an event, as soon as it is final.",
                "type": "boolean",
                "default": False,
            },
        },
    },
    "openai.transcript": _transcript(
        ResponseFormat.JSON,
        {
            "text": {"type": "string"},
            "languages": {"type": "array", "items": fields_of(code={"type": "string"})},
            "usage": _USAGE,
        },
    ),
    "openai.verbose_transcript": _transcript(
        ResponseFormat.VERBOSE_JSON,
        {
            "task": {"enum": [str(one) for one in Task]},
            "language": {"description": "In English words.", "type": ["string", "null"]},
            "duration": _SECONDS,
            "text": {"type": "string"},
            "usage": _USAGE,
        },
        {
            "segments": {"type": "array", "items": reference("openai.segment")},
            "words": {"type": "array", "items": reference("openai.word")},
        },
    ),
    "openai.diarized_transcript": _transcript(
        ResponseFormat.DIARIZED_JSON,
        {
            "task": {"enum": [str(one) for one in Task]},
            "duration": _SECONDS,
            "text": {"type": "string"},
            "segments": {"type": "array", "items": reference("openai.spoken_segment")},
            "usage": _USAGE,
        },
    ),
    "openai.spoken_segment": fields_of(
        type={"const": "transcript.text.segment"},
        id={"type": "string"},
        start=_SECONDS,
        end=_SECONDS,
        speaker={
            "description": "A, B, ...: the file's audio streams, or channels.",
            "type": "string",
        },
        text={"type": "string"},
    ),
    "openai.segment": fields_of(
        id={"type": "integer", "minimum": 0},
        seek={"const": 0},
        start=_SECONDS,
        end=_SECONDS,
        text={"type": "string"},
        tokens={"type": "array", "maxItems": 0},
        temperature={"type": "number"},
        avg_logprob={
            "description": "The mean of the words' confidences, as logarithms.",
            "type": "number",
        },
        compression_ratio={"type": "number"},
        no_speech_prob={"type": "number"},
    ),
    "openai.word": fields_of(word={"type": "string"}, start=_SECONDS, end=_SECONDS),
    "openai.model": fields_of(
        id={"type": "string"},
        object={"const": "model"},
        created={
            "description": "When it was loaded, in seconds of the Unix epoch.",
            "type": "integer",
        },
        owned_by={"const": "wordloop"},
    ),
}
