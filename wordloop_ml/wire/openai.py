"""The forms of OpenAI's REST interface for speech, as its official clients read and write them; pure.

docs/interfaces/openai.md says what is honoured, ignored and refused.
"""

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wordloop_ml.errors import BadInput, ErrorCode, WordloopError
from wordloop_ml.languages import english_name, language_named, language_of, standard_code
from wordloop_ml.messages import (
    SAMPLE_RATE,
    VOCABULARY_CHARACTERS,
    VOCABULARY_ENTRIES,
    Caption,
    Task,
)
from wordloop_ml.ports import TranscriberCapabilities
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.error_forms import ErrorForm, Refusal, refusal_of
from wordloop_ml.wire.json_fields import MAX_TERM_CHARS, name_in
from wordloop_ml.wire.transcripts import TranscriptFormat, render, segment_of

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


class ResponseFormat(StrEnum):
    """The forms that a transcript is answered in."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"


_WORDS, _SEGMENTS = "word", "segment"

FIELDS = frozenset(
    {
        "model",
        "language",
        "languages",
        "prompt",
        "keywords",
        "response_format",
        "timestamp_granularities",
        "stream",
    }
)
"""The fields that are read; every other one is ignored."""

FIELD_NAMES = FIELDS | {f"{name}[]" for name in FIELDS}
"""How forms name them: lists are written with brackets or without."""

_ALIASES = ("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""OpenAI's names: each, and what follows it behind a hyphen, stands for the model that is served."""


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A form, read.

    language: the model's code; None lets the model say. words, segments: times that
    ``verbose_json`` is to have.
    """

    task: Task
    form: ResponseFormat = ResponseFormat.JSON
    language: str | None = None
    vocabulary: tuple[str, ...] = ()
    words: bool = False
    segments: bool = True
    stream: bool = False


def parse_form(
    fields: Iterable[tuple[str, str]], task: Task, served: TranscriberCapabilities
) -> TranscriptionRequest:
    """Read the fields of a form beside its file; an empty one counts as left out.

    Raises ``BadInput``, which names the field: ``unsupported_model``, ``unsupported_language``,
    ``unsupported_task``, ``bad_request``.
    """
    values: dict[str, list[str]] = {}
    for name, value in fields:
        if value.strip():
            values.setdefault(name.removesuffix("[]"), []).append(value.strip())

    def last(name: str) -> str | None:
        return values.get(name, [None])[-1]

    check_model(last("model"), served)
    form = _form(last("response_format"), task)
    granularities = {one.lower() for one in values.get("timestamp_granularities", [])}
    if not granularities <= {_WORDS, _SEGMENTS}:
        raise _wrong("timestamp_granularities", f"must be {_WORDS} or {_SEGMENTS}")
    language = _language(last("language"), values.get("languages", []), served)
    if task is Task.TRANSLATE and not served.translates:
        raise BadInput(
            "the model of this server does not translate",
            code=ErrorCode.UNSUPPORTED_TASK,
            field="model",
        )
    return TranscriptionRequest(
        task,
        form,
        language,
        vocabulary_of(values.get("keywords", []), last("prompt") or ""),
        words=_WORDS in granularities,
        segments=_SEGMENTS in granularities or not granularities,
        stream=(last("stream") or "").lower() in {"true", "1"},
    )


def check_model(name: str | None, served: TranscriberCapabilities) -> None:
    """Refuse a model that this server neither is nor stands in for. Raises ``BadInput``."""
    if name is None:
        return
    name = name.lower()
    if name == served.model.lower() or any(
        name == alias or name.startswith(f"{alias}-") for alias in _ALIASES
    ):
        return
    raise BadInput(
        f"the model of this server is {served.model}; whisper-1 and gpt-transcribe stand for it",
        code=ErrorCode.UNSUPPORTED_MODEL,
        field="model",
    )


def _form(name: str | None, task: Task) -> ResponseFormat:
    known = [
        one
        for one in ResponseFormat
        if task is Task.TRANSCRIBE or one is not ResponseFormat.DIARIZED_JSON
    ]
    if name is None:
        return ResponseFormat.JSON
    if name.lower() not in known:
        raise _wrong("response_format", f"must be one of {', '.join(known)}")
    return ResponseFormat(name.lower())


def _language(
    name: str | None, several: Sequence[str], served: TranscriberCapabilities
) -> str | None:
    """Return the model's code of what is spoken; of several languages, the model says which."""
    field = "language"
    if name is None and len(set(several)) == 1:
        name, field = several[0], "languages"
    if name is None:
        return None
    try:
        return served.code_of(language_named(name) or language_of(name))
    except ValueError as error:
        raise _wrong(field, str(error)) from None
    except BadInput as error:
        raise BadInput(str(error), code=error.code, field=field) from None


def _wrong(field: str, rule: str) -> BadInput:
    return BadInput(f"{field} {rule}", field=field)


_BETWEEN_TERMS = re.compile(r"[,;.:!?\n\r\t()\"]+")


def vocabulary_of(keywords: Sequence[str], prompt: str) -> tuple[str, ...]:
    """Make terms of keywords, then of a prompt's parts between stops, as many as there is room for.

    Of a prompt that is too long its end counts, as in OpenAI's interface.
    """
    kept = _that_fit([term for one in keywords for term in _terms(one)], 0, 0)
    said = [term for part in _BETWEEN_TERMS.split(prompt) for term in _terms(part)]
    more = _that_fit(list(reversed(said)), len(kept), sum(map(len, kept)))
    return (*kept, *reversed(more))


def _that_fit(terms: Sequence[str], entries: int, characters: int) -> list[str]:
    kept: list[str] = []
    for term in terms:
        entries, characters = entries + 1, characters + len(term)
        if entries > VOCABULARY_ENTRIES or characters > VOCABULARY_CHARACTERS:
            break
        kept.append(term)
    return kept


def _terms(text: str) -> list[str]:
    """Divide a text into names of at most ``MAX_TERM_CHARS``, between words."""
    lines: list[str] = []
    for word in name_in(text, len(text)).split():
        if lines and len(lines[-1]) + 1 + len(word) <= MAX_TERM_CHARS:
            lines[-1] += f" {word}"
        else:
            lines.append(word[:MAX_TERM_CHARS])
    return lines


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in a file.

    captions: finals, in order; the track of each is its speaker. samples: of the audio, at 16 kHz.
    warnings: what of it has no text, and why.
    """

    captions: Sequence[Caption]
    samples: int
    warnings: Sequence[str] = ()

    @property
    def text(self) -> str:
        """All that was said, in order."""
        return " ".join(one.text for one in self.captions)

    @property
    def language(self) -> str | None:
        """The code of the language that was spoken for longest; None without speech."""
        spoken: Counter[str] = Counter()
        for one in self.captions:
            spoken[one.language] += one.end - one.start
        return spoken.most_common(1)[0][0] if spoken else None


_DOCUMENTS = {ResponseFormat.SRT: TranscriptFormat.SRT, ResponseFormat.VTT: TranscriptFormat.VTT}


def encode_answer(request: TranscriptionRequest, heard: Heard) -> tuple[str, bytes]:
    """Encode an answer that is no stream; returns its media type, and its content in UTF-8."""
    if request.form is ResponseFormat.TEXT:
        return "text/plain", f"{heard.text}\n".encode()
    if (document := _DOCUMENTS.get(request.form)) is not None:
        positions = Positions(SAMPLE_RATE)
        segments = [segment_of(one, positions) for one in heard.captions]
        return "text/plain", render(segments, document).encode()
    fields = _ANSWERS[request.form](request, heard)
    if heard.warnings:
        fields["warnings"] = list(heard.warnings)
    return "application/json", _encoded(fields)


def _json_answer(request: TranscriptionRequest, heard: Heard) -> dict[str, object]:
    spoken = [] if request.task is Task.TRANSLATE else [heard.language]
    return {
        "text": heard.text,
        "languages": [{"code": standard_code(code)} for code in spoken if code is not None],
        "usage": _usage(heard),
    }


def _verbose_answer(request: TranscriptionRequest, heard: Heard) -> dict[str, object]:
    code = "en" if request.task is Task.TRANSLATE else heard.language or request.language
    fields: dict[str, object] = {
        "task": request.task.value,
        "language": None if code is None else english_name(code),
        "duration": _seconds(heard.samples),
        "text": heard.text,
        "usage": _usage(heard),
    }
    if request.segments:
        fields["segments"] = [_segment(at, one) for at, one in enumerate(heard.captions)]
    if request.words:
        fields["words"] = [
            {"word": word.text, "start": _seconds(word.start), "end": _seconds(word.end)}
            for one in heard.captions
            for word in one.words
        ]
    return fields


def _segment(at: int, caption: Caption) -> dict[str, object]:
    """Make a segment as Whisper's; what an engine does not tell of a final follows from its words."""
    text = f" {caption.text}"
    content = text.encode()
    mean = sum(math.log(max(word.confidence, 1e-6)) for word in caption.words)
    return {
        "id": at,
        "seek": 0,
        "start": _seconds(caption.start),
        "end": _seconds(caption.end),
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(mean / max(1, len(caption.words)), 4),
        "compression_ratio": round(len(content) / len(zlib.compress(content)), 4),
        "no_speech_prob": 0.0,
    }


def _diarized_answer(request: TranscriptionRequest, heard: Heard) -> dict[str, object]:
    return {
        "task": request.task.value,
        "duration": _seconds(heard.samples),
        "text": heard.text,
        "segments": [_spoken(at, one) for at, one in enumerate(heard.captions, 1)],
        "usage": _usage(heard),
    }


def _spoken(number: int, caption: Caption) -> dict[str, object]:
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number}",
        "start": _seconds(caption.start),
        "end": _seconds(caption.end),
        "speaker": caption.track,
        "text": caption.text,
    }


_ANSWERS: dict[ResponseFormat, Callable[[TranscriptionRequest, Heard], dict[str, object]]] = {
    ResponseFormat.JSON: _json_answer,
    ResponseFormat.VERBOSE_JSON: _verbose_answer,
    ResponseFormat.DIARIZED_JSON: _diarized_answer,
}


def encode_heard(request: TranscriptionRequest, number: int, caption: Caption) -> list[bytes]:
    """Encode the events of a stream for its next final; number: from 1 on.

    The deltas of a stream add up to the text of its end.
    """
    delta = caption.text if number == 1 else f" {caption.text}"
    events: list[dict[str, object]] = [{"type": "transcript.text.delta", "delta": delta}]
    if request.form is ResponseFormat.DIARIZED_JSON:
        segment = _spoken(number, caption)
        events[0]["segment_id"] = segment["id"]
        events.append(segment)
    return [_encoded(one) for one in events]


def encode_done(heard: Heard) -> list[bytes]:
    """Encode the events at the end of a stream."""
    return [_encoded({"type": "transcript.text.done", "text": heard.text}), b"[DONE]"]


def encode_failure(error: WordloopError) -> bytes:
    """Encode the event of an error after the stream has begun, which clients raise."""
    return _encoded(OPENAI_ERRORS.fields(refusal_of(error), ""))


def model_fields(name: str, created_s: int) -> dict[str, object]:
    """Describe a model; created_s: when it was loaded, in seconds of the Unix epoch."""
    return {"id": name, "object": "model", "created": created_s, "owned_by": "wordloop"}


def _usage(heard: Heard) -> dict[str, object]:
    return {"type": "duration", "seconds": math.ceil(heard.samples / SAMPLE_RATE)}


def _seconds(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 3)


def _encoded(fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
