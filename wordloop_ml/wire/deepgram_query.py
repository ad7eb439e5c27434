"""What a client of Deepgram's interfaces asks for in the query of its address; pure.

Unknown parameters are ignored, and those that change nothing here: docs/interfaces/deepgram.md lists them. What
would change the meaning of the answer and cannot be done is refused. Values may be written ``True`` or ``true``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import language_of
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding
from wordloop_ml.wire.client_messages import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wordloop_ml.wire.json_fields import likely_terms

MAX_CHANNELS = 8
"""Of a stream; each may be a track of its own."""

UTTERANCE_END_MS = (1_000, 5_000)
MAX_ENDPOINTING_MS = 60_000
MAX_TAGS = 16
MAX_TAG_CHARS = 128

ENCODINGS = {
    "linear16": Encoding.PCM_S16LE,
    "linear32": Encoding.PCM_F32LE,
    "mulaw": Encoding.PCM_MULAW,
    "alaw": Encoding.PCM_ALAW,
    "opus": Encoding.OPUS,
}
CONTAINED = frozenset({"", "ogg-opus"})
"""Encodings whose container says what it holds, as the first bytes do where none is named."""

_NEVER = ("callback", "redact")
"""Parameters that change what the answer means, or where it goes."""

_DIGITS = re.compile(r"[0-9]{1,9}(\.0+)?")


@dataclass(frozen=True, slots=True)
class ListenQuery:
    """How a stream, or a file, is to be heard.

    encoding: of the samples, or packets; None for a container.
    multichannel: each channel is transcribed by itself.
    endpointing_ms: how long a pause is at least before ``speech_final``; None for never.
    utterance_end_ms: the gap after a word that is told; None for none.
    punctuate: words are written as a reader expects them; else in lower case, without punctuation.
    """

    encoding: Encoding | None = None
    sample_rate: int = OPUS_SAMPLE_RATE
    channels: int = 1
    multichannel: bool = False
    language: str | None = None
    vocabulary: tuple[str, ...] = ()
    interim_results: bool = False
    endpointing_ms: int | None = 10
    utterance_end_ms: int | None = None
    vad_events: bool = False
    punctuate: bool = True
    utterances: bool = False
    tags: tuple[str, ...] = ()

    @property
    def tracks(self) -> int:
        """How many channels of a stream are transcribed by themselves; those of a container are mixed."""
        return self.channels if self.multichannel else 1


def parse_query(given: Iterable[tuple[str, str]]) -> ListenQuery:
    """Read the parameters, in the order in which they came; names may repeat.

    Raises ``BadInput``, which names the parameter and the rule, never a value.
    """
    values: dict[str, list[str]] = {}
    for name, value in given:
        values.setdefault(name, []).append(value)
    for name in _NEVER:
        if any(value.lower() not in {"", "false"} for value in values.get(name, ())):
            raise BadInput(f"{name} cannot be done here")
    name = _last(values, "encoding").lower()
    encoding = ENCODINGS.get(name)
    if encoding is None and name not in CONTAINED:
        known = ", ".join([*ENCODINGS, "ogg-opus"])
        raise BadInput(f"encoding must be one of {known}", code=ErrorCode.UNSUPPORTED_ENCODING)
    interim_results = _truth(values, "interim_results")
    return ListenQuery(
        encoding=encoding,
        sample_rate=_sample_rate(values, encoding),
        channels=1 if encoding is None else _channels(values, encoding),
        multichannel=_truth(values, "multichannel"),
        language=_language(_last(values, "language")),
        vocabulary=terms_of(
            [*values.get("keyterm", ()), *map(_without_boost, values.get("keywords", ()))]
        ),
        interim_results=interim_results,
        endpointing_ms=_endpointing(values),
        utterance_end_ms=_utterance_end(values),
        vad_events=_truth(values, "vad_events"),
        punctuate=_truth(values, "punctuate", default=True) or _truth(values, "smart_format"),
        utterances=_truth(values, "utterances"),
        tags=tuple(tag[:MAX_TAG_CHARS] for tag in values.get("tag", ())[:MAX_TAGS]),
    )


def terms_of(terms: Sequence[object]) -> tuple[str, ...]:
    """Return the terms that a vocabulary has room for; the others only are a little less likely."""
    return likely_terms(terms)


def _last(values: Mapping[str, list[str]], name: str) -> str:
    return values[name][-1].strip() if name in values else ""


def _truth(values: Mapping[str, list[str]], name: str, *, default: bool = False) -> bool:
    value = _last(values, name).lower()
    return default if not value else value in {"true", "1", "yes"}


def _integer(values: Mapping[str, list[str]], name: str, low: int, high: int) -> int | None:
    """Read an integer within bounds, both inclusive; None where there is none. Raises ``BadInput``."""
    value = _last(values, name)
    if not value:
        return None
    if not _DIGITS.fullmatch(value) or not low <= int(float(value)) <= high:
        raise BadInput(f"{name} must be {low} to {high}")
    return int(float(value))


def _sample_rate(values: Mapping[str, list[str]], encoding: Encoding | None) -> int:
    if encoding is None or encoding is Encoding.OPUS:
        return OPUS_SAMPLE_RATE
    rate = _integer(values, "sample_rate", MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    if rate is None:
        raise BadInput("sample_rate is needed with this encoding")
    return rate


def _channels(values: Mapping[str, list[str]], encoding: Encoding) -> int:
    most = 2 if encoding is Encoding.OPUS else MAX_CHANNELS
    channels = _integer(values, "channels", 1, most) or 1
    if encoding is Encoding.OPUS and channels > 1 and _truth(values, "multichannel"):
        raise BadInput("multichannel is for PCM: the channels of Opus are mixed")
    return channels


def _language(tag: str) -> str | None:
    """Read a language tag; None where the model is to decide. Raises ``BadInput``."""
    if tag.lower() in {"", "multi"}:
        return None
    try:
        return language_of(tag)
    except ValueError as error:
        raise BadInput(f"language {error}") from None


def _endpointing(values: Mapping[str, list[str]]) -> int | None:
    value = _last(values, "endpointing").lower()
    if value == "false":
        return None
    if value in {"", "true"}:
        return ListenQuery().endpointing_ms
    return _integer(values, "endpointing", 0, MAX_ENDPOINTING_MS)


def _utterance_end(values: Mapping[str, list[str]]) -> int | None:
    if _last(values, "utterance_end_ms").lower() == "false":
        return None
    return _integer(values, "utterance_end_ms", *UTTERANCE_END_MS)


def _without_boost(keyword: str) -> str:
    """Return a keyword of ``word:boost`` without what makes it likelier by so much."""
    word, colon, boost = keyword.rpartition(":")
    return word if colon and re.fullmatch(r"-?[0-9.]+", boost) else keyword
