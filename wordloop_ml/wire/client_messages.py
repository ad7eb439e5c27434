"""Version 1, client to server: the messages, and their text frames, read strictly and written."""

import json
from dataclasses import MISSING, dataclass, fields

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import Task
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding
from wordloop_ml.wire.json_fields import Fields, parse_object, plain_terms

VERSION = 1
MIN_SAMPLE_RATE = 8_000
MAX_SAMPLE_RATE = 48_000
MAX_CHANNELS = 2
MAX_ORIGIN_MS = 2**52 - 1
"""Leaves room for the longest track before its times pass ``MAX_POSITION``."""


@dataclass(frozen=True, slots=True)
class StartMessage:
    """First message of a connection: what audio follows, and where it stands on its track.

    Positions count samples of the stream's own rate from the track's first sample; a stereo
    pair is one sample. Those of Opus count decoded samples, at 48 kHz.

    version: of the protocol. track: identifier, unique in its meeting.
    encoding, sample_rate (Hz), channels: of the binary frames.
    speaker: name to show with the captions.
    language: what is spoken, as ``languages.language_of`` has it; None lets the model decide.
    task: ``TRANSLATE`` asks for English captions.
    vocabulary: names and terms that are likely to be said.
    origin_ms: meeting time of the track's sample 0; None leaves it to the server.
    first_sample: position of the first sample that follows; None for ``resume_from``.
    resume_from: ``committed`` of the connection before; 0 for a new track.
    last_seq: ``seq`` of the last final that the client has stored; 0 for none.
    epoch: rises with each connection of the track; None for a track that cannot resume.
    attempt: breaks so far without progress of ``committed``.
    live_from: position where live audio begins; None for ``resume_from``: nothing is replayed.
    """

    version: int
    track: str
    encoding: Encoding
    sample_rate: int
    channels: int
    speaker: str | None = None
    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()
    origin_ms: int | None = None
    first_sample: int | None = None
    resume_from: int = 0
    last_seq: int = 0
    epoch: int | None = None
    attempt: int = 0
    live_from: int | None = None

    @property
    def sends_from(self) -> int:
        """Position of the first sample that the client sends; at most ``resume_from``."""
        return self.resume_from if self.first_sample is None else self.first_sample

    @property
    def resumes(self) -> bool:
        """Whether the track was served before and goes on here."""
        return self.epoch is not None and max(self.resume_from, self.live_at) > 0

    @property
    def live_at(self) -> int:
        """Position where live audio begins; at least ``resume_from``."""
        return self.resume_from if self.live_from is None else max(self.live_from, self.resume_from)


@dataclass(frozen=True, slots=True)
class FinalizeMessage:
    """Asks for the final of what is open now; the track goes on."""


@dataclass(frozen=True, slots=True)
class GapMessage:
    """Says that audio is missing.

    samples: how many samples of the stream's rate do not exist, at least 1.
    """

    samples: int


@dataclass(frozen=True, slots=True)
class KeepAliveMessage:
    """Keeps an idle connection open."""


@dataclass(frozen=True, slots=True)
class StopMessage:
    """Ends the audio: the server sends every final, then ``ended``."""


ClientMessage = StartMessage | FinalizeMessage | GapMessage | KeepAliveMessage | StopMessage


def parse_client(text: str) -> ClientMessage:
    """Parse one text frame from a client; unknown fields are ignored.

    Raises ``BadInput`` and nothing else, with one of the codes ``BAD_JSON``, ``BAD_MESSAGE``,
    ``UNKNOWN_MESSAGE``, ``UNSUPPORTED_VERSION``, ``UNSUPPORTED_ENCODING``, ``AUDIO_HOLE``,
    ``TOO_LARGE``. Its text names the field and the rule, never a value other than a number.
    """
    fields = _Fields(parse_object(text))
    match fields.text("type"):
        case "start":
            return _parse_start(fields)
        case "finalize":
            return FinalizeMessage()
        case "gap":
            return GapMessage(samples=fields.integer("samples", low=1))
        case "keepalive":
            return KeepAliveMessage()
        case "stop":
            return StopMessage()
        case _:
            raise BadInput(
                "type must be one of start, finalize, gap, keepalive, stop; audio goes into binary frames",
                code=ErrorCode.UNKNOWN_MESSAGE,
            )


def _parse_start(fields: "_Fields") -> StartMessage:
    # first, for the rest may mean something else in another version
    version = fields.integer("version")
    if version != VERSION:
        raise BadInput(f"version must be {VERSION}", code=ErrorCode.UNSUPPORTED_VERSION)
    start = StartMessage(
        version=version,
        track=fields.identifier("track"),
        encoding=fields.encoding(),
        sample_rate=fields.integer("sample_rate", low=MIN_SAMPLE_RATE, high=MAX_SAMPLE_RATE),
        channels=fields.integer("channels", low=1, high=MAX_CHANNELS),
        speaker=fields.speaker(),
        language=fields.language(),
        task=fields.task(),
        vocabulary=fields.vocabulary(),
        origin_ms=fields.optional_integer("origin_ms", high=MAX_ORIGIN_MS),
        first_sample=fields.optional_integer("first_sample"),
        resume_from=fields.optional_integer("resume_from") or 0,
        last_seq=fields.optional_integer("last_seq") or 0,
        epoch=fields.optional_integer("epoch"),
        attempt=fields.optional_integer("attempt") or 0,
        live_from=fields.optional_integer("live_from"),
    )
    if start.encoding is Encoding.OPUS and start.sample_rate != OPUS_SAMPLE_RATE:
        raise fields.bad("sample_rate", f"must be {OPUS_SAMPLE_RATE} for {Encoding.OPUS}")
    if start.sends_from > start.resume_from:
        raise BadInput("first_sample beyond resume_from without a gap", code=ErrorCode.AUDIO_HOLE)
    return start


class _Fields(Fields):
    """The fields of one message, with the rules of ``start``."""

    def task(self) -> Task:
        if "task" not in self:
            return Task.TRANSCRIBE
        try:
            return Task(self.text("task"))
        except ValueError:
            raise self.bad("task", f"must be one of {', '.join(Task)}") from None

    def vocabulary(self) -> tuple[str, ...]:
        if "vocabulary" not in self:
            return ()
        try:
            return plain_terms(self.value("vocabulary"))
        except ValueError as error:
            raise self.bad("vocabulary", str(error)) from None

    def encoding(self) -> Encoding:
        name = self.text("encoding")
        try:
            return Encoding(name)
        except ValueError:
            raise BadInput(
                f"encoding must be one of {', '.join(Encoding)}",
                code=ErrorCode.UNSUPPORTED_ENCODING,
            ) from None


_TYPES: dict[type[ClientMessage], str] = {
    StartMessage: "start",
    FinalizeMessage: "finalize",
    GapMessage: "gap",
    KeepAliveMessage: "keepalive",
    StopMessage: "stop",
}


def encode_client(message: ClientMessage) -> str:
    """Encode one text frame: compact JSON without the fields that have their default."""
    said: dict[str, object] = {"type": _TYPES[type(message)]}
    for one in fields(message):
        value = getattr(message, one.name)
        if one.default is MISSING or value != one.default:
            said[one.name] = value
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
