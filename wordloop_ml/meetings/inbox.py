"""What a meeting's actor is told: the messages of its inbox."""

from dataclasses import dataclass

from wordloop_ml.errors import ErrorCode
from wordloop_ml.executor import Outcome
from wordloop_ml.meetings.seat import Seat
from wordloop_ml.meetings.timing import DecodeTiming
from wordloop_ml.messages import Samples


@dataclass(frozen=True, slots=True)
class AudioArrived:
    """Audio of a seat, 16 kHz, at most ``track.room`` samples."""

    seat: Seat
    samples: Samples


@dataclass(frozen=True, slots=True)
class FlushAsked:
    """Finalise what is open now, and go on."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class GapArrived:
    """The client has no audio for this many samples at 16 kHz."""

    seat: Seat
    samples: int


@dataclass(frozen=True, slots=True)
class AudioEnded:
    """No more audio will come: flush, then close."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The peer has gone, or broke the protocol (``code``); nobody listens any more."""

    seat: Seat
    code: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class DecodeAnswered:
    """What became of a decode request; ``timing`` when it ran."""

    seat: Seat
    request_id: int
    outcome: Outcome
    timing: DecodeTiming | None = None


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """The process is on its way out: closed segments get their finals, then the seat closes."""

    seat: Seat
    deadline_s: float


Message = (
    AudioArrived
    | FlushAsked
    | GapArrived
    | AudioEnded
    | ConnectionLost
    | DecodeAnswered
    | DrainAsked
)
