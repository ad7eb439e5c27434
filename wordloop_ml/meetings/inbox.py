"""What a meeting's actor is told: the messages of its inbox."""

from dataclasses import dataclass

from wordloop_ml.errors import ErrorCode
from wordloop_ml.executor import Outcome
from wordloop_ml.meetings.session import TrackSession
from wordloop_ml.meetings.timing import DecodeTiming
from wordloop_ml.messages import Samples


@dataclass(frozen=True, slots=True)
class AudioArrived:
    """Audio of a session, 16 kHz, at most ``track.room`` samples."""

    session: TrackSession
    samples: Samples


@dataclass(frozen=True, slots=True)
class FlushAsked:
    """Finalise what is open now, and go on."""

    session: TrackSession


@dataclass(frozen=True, slots=True)
class GapArrived:
    """The client has no audio for this many samples at 16 kHz."""

    session: TrackSession
    samples: int


@dataclass(frozen=True, slots=True)
class AudioEnded:
    """No more audio will come: flush, then close."""

    session: TrackSession


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The peer has gone, or broke the protocol (``code``); nobody listens any more."""

    session: TrackSession
    code: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class DecodeAnswered:
    """What became of a decode request; ``timing`` when it ran."""

    session: TrackSession
    request_id: int
    outcome: Outcome
    timing: DecodeTiming | None = None


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """The process is on its way out: closed segments get their finals, then the session closes."""

    session: TrackSession
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
