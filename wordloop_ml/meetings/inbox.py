"""The messages in an actor's inbox: what a connection sends, what became of decodes, and the drain."""

from dataclasses import dataclass

from wordloop_ml.captioning.decodes import DecodeRequest
from wordloop_ml.errors import EngineAway, ErrorCode
from wordloop_ml.executor import Outcome
from wordloop_ml.meetings.session import DecodeTiming, TrackSession
from wordloop_ml.messages import Samples


@dataclass(frozen=True, slots=True)
class AudioArrived:
    """Audio of a session, 16 kHz, at most ``track.room`` samples."""

    session: TrackSession
    samples: Samples


@dataclass(frozen=True, slots=True)
class FlushAsked:
    """The client asks for the final of what is open now; the track goes on.

    answered: it wants to hear when that is out, even if nothing was open (``Flushed``).
    """

    session: TrackSession
    answered: bool = False


@dataclass(frozen=True, slots=True)
class HintsChanged:
    """The client says something else of the speech to come; ``language`` is the model's code."""

    session: TrackSession
    language: str | None
    vocabulary: tuple[str, ...]


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
class Attempts:
    """How a decode fared so far whose engine is in another process.

    refused: how often the engine was away. deaths: how often it went while it had the job.
    """

    refused: int = 0
    deaths: int = 0

    def after(self, error: EngineAway) -> "Attempts":
        """Count one more."""
        return Attempts(self.refused + 1, self.deaths + error.began)


UNTRIED = Attempts()


@dataclass(frozen=True, slots=True)
class DecodeAnswered:
    """What became of a decode request; ``timing`` when it ran."""

    session: TrackSession
    request: DecodeRequest
    outcome: Outcome
    timing: DecodeTiming | None = None
    attempts: Attempts = UNTRIED


@dataclass(frozen=True, slots=True)
class DecodeDue:
    """A final that waited for its engine is to be asked for again."""

    session: TrackSession
    request: DecodeRequest
    attempts: Attempts


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """The process is on its way out: closed segments get their finals, then the session closes."""

    session: TrackSession
    deadline_s: float


Message = (
    AudioArrived
    | FlushAsked
    | HintsChanged
    | GapArrived
    | AudioEnded
    | ConnectionLost
    | DecodeAnswered
    | DecodeDue
    | DrainAsked
)
