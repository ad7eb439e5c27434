"""Version 1, client to server: the messages, and their text frames, read strictly and written.

Each message's fields stand in its dataclass, and their rules in one table, ``_MESSAGES``.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import Task
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding
from wordloop_ml.wire.json_fields import MAX_POSITION, Fields, parse_object, plain_terms

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
    notes: whether the server takes notes of the finals, for a synthesis to come.
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
    notes: bool = False

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


Rule = Callable[[Fields, str], Any]
"""Reads the field of this name. Raises ``BadInput``, which names the field and the rule that it breaks."""


def _integer(low: int = 0, high: int = MAX_POSITION) -> Rule:
    """Make the rule of an integer within bounds, both inclusive."""
    return lambda fields, name: fields.integer(name, low=low, high=high)


def _version(fields: Fields, name: str) -> int:
    """Read the version of the protocol. Raises ``BadInput`` (``UNSUPPORTED_VERSION``) for another."""
    version = fields.integer(name)
    if version != VERSION:
        raise fields.bad(name, f"must be {VERSION}", ErrorCode.UNSUPPORTED_VERSION)
    return version


def _encoding(fields: Fields, name: str) -> Encoding:
    """Read an encoding. Raises ``BadInput`` (``UNSUPPORTED_ENCODING``) for an unknown one."""
    try:
        return Encoding(fields.text(name))
    except ValueError:
        rule = f"must be one of {', '.join(Encoding)}"
        raise fields.bad(name, rule, ErrorCode.UNSUPPORTED_ENCODING) from None


def _task(fields: Fields, name: str) -> Task:
    """Read a task."""
    try:
        return Task(fields.text(name))
    except ValueError:
        raise fields.bad(name, f"must be one of {', '.join(Task)}") from None


def _vocabulary(fields: Fields, name: str) -> tuple[str, ...]:
    """Read the terms of a vocabulary, by the rule of ``plain_terms``."""
    try:
        return plain_terms(fields.value(name))
    except ValueError as error:
        raise fields.bad(name, str(error)) from None


_MESSAGES: dict[str, tuple[type[ClientMessage], dict[str, Rule]]] = {
    "start": (
        StartMessage,
        {
            "version": _version,  # first, for the rest may mean something else in another version
            "track": Fields.identifier,
            "encoding": _encoding,
            "sample_rate": _integer(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE),
            "channels": _integer(1, MAX_CHANNELS),
            "speaker": lambda fields, _: fields.speaker(),
            "language": lambda fields, _: fields.language(),
            "task": _task,
            "vocabulary": _vocabulary,
            "origin_ms": _integer(high=MAX_ORIGIN_MS),
            "first_sample": _integer(),
            "resume_from": _integer(),
            "last_seq": _integer(),
            "epoch": _integer(),
            "attempt": _integer(),
            "live_from": _integer(),
            "notes": Fields.truth,
        },
    ),
    "finalize": (FinalizeMessage, {}),
    "gap": (GapMessage, {"samples": _integer(low=1)}),
    "keepalive": (KeepAliveMessage, {}),
    "stop": (StopMessage, {}),
}
"""Type -> message, and the rule of each of its fields, in the order in which they are checked."""


def parse_client(text: str) -> ClientMessage:
    """Parse one text frame from a client; unknown fields are ignored.

    A field with a default in its message may be left out, or null.
    Raises ``BadInput`` and nothing else, with one of the codes ``BAD_JSON``, ``BAD_MESSAGE``,
    ``UNKNOWN_MESSAGE``, ``UNSUPPORTED_VERSION``, ``UNSUPPORTED_ENCODING``, ``AUDIO_HOLE``,
    ``TOO_LARGE``. Its text names the field and the rule, never a value other than a number.
    """
    given = Fields(parse_object(text))
    kind = given.text("type")
    if kind not in _MESSAGES:
        raise BadInput(
            f"type must be one of {', '.join(_MESSAGES)}; audio goes into binary frames",
            code=ErrorCode.UNKNOWN_MESSAGE,
        )
    message_type, rules = _MESSAGES[kind]
    optional = {one.name for one in fields(message_type) if one.default is not MISSING}
    message = message_type(
        **{
            name: rule(given, name)
            for name, rule in rules.items()
            if name in given or name not in optional
        }
    )
    if isinstance(message, StartMessage):
        _check_start(message)
    return message


def _check_start(start: StartMessage) -> None:
    """Check what fields say together. Raises ``BadInput``: ``BAD_MESSAGE``, ``AUDIO_HOLE``."""
    if start.encoding is Encoding.OPUS and start.sample_rate != OPUS_SAMPLE_RATE:
        raise BadInput(
            f"sample_rate must be {OPUS_SAMPLE_RATE} for {Encoding.OPUS}",
            code=ErrorCode.BAD_MESSAGE,
        )
    if start.sends_from > start.resume_from:
        raise BadInput("first_sample beyond resume_from without a gap", code=ErrorCode.AUDIO_HOLE)


_TYPES = {message_type: kind for kind, (message_type, _) in _MESSAGES.items()}


def encode_client(message: ClientMessage) -> str:
    """Encode one text frame: compact JSON without the fields that have their default."""
    said: dict[str, object] = {"type": _TYPES[type(message)]}
    for one in fields(message):
        value = getattr(message, one.name)
        if one.default is MISSING or value != one.default:
            said[one.name] = value
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
