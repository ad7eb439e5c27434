"""A track's session with its connection, and what the connection asked for."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from wordloop_ml.captioning.track import Track
from wordloop_ml.errors import ErrorCode
from wordloop_ml.meetings.outbox import Outbox
from wordloop_ml.messages import Samples, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """What a connection asked for; positions are absolute samples at 16 kHz.

    careful: its decodes are. suspected: a process may have died of it; it hears of its progress
    often until that is beyond ``live_from``.
    """

    track: str
    epoch: int | None = None
    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()
    first_sample: int = 0
    last_seq: int = 0
    live_from: int = 0
    careful: bool = False
    suspected: bool = False


class WindowBuffer:
    """Holds audio back until it completes a window of the voice detector.

    Until then it changes nothing, so a meeting makes a step for each window, not for each frame.

    window_samples: of the detector, at 16 kHz.
    """

    def __init__(self, window_samples: int) -> None:
        self._window_samples = window_samples
        self._pieces: list[Samples] = []
        self._into_window = 0  # how much of the newest window has been passed on

        self.held = 0

    def push(self, piece: Samples) -> bool:
        """Take audio in; whether it completes a window, so that ``take`` is due."""
        self._pieces.append(piece)
        self.held += len(piece)
        return self._into_window + self.held >= self._window_samples

    def take(self) -> Samples:
        """All that is held; it may be empty."""
        pieces, self._pieces = self._pieces, []
        self._into_window = (self._into_window + self.held) % self._window_samples
        self.held = 0
        return pieces[0] if len(pieces) == 1 else np.concatenate([_NOTHING, *pieces])

    def restart(self) -> None:
        """The next sample begins a window: a gap went before it."""
        self._into_window = 0


_NOTHING: Samples = np.zeros(0, np.float32)


@dataclass(slots=True, eq=False)
class TrackSession:
    """One connection's track in a meeting: made by the actor, held by the connection.

    outbox: what the connection sends. room: set when its reader should look again.
    leaving: takes no more intake and closes, with ``close_code``, when its track is done.
    waiting: audio that completes no window of the detector yet.
    interim_interval_factor: how many times more rarely than usual it asks for interims.
    degraded: its connection knows that interims come less often.
    unhandled: its messages in the inbox. finals, lost: how many of each were emitted.
    """

    options: TrackOptions
    track: Track
    outbox: Outbox
    waiting: "WindowBuffer"
    acked_at: int = 0
    acked_committed: int = 0
    leaving: bool = False
    close_code: ErrorCode | None = None
    interim_interval_factor: float = 1.0
    degraded: bool = False
    unhandled: int = 0
    finals: int = 0
    lost: int = 0
    room: asyncio.Event = field(default_factory=asyncio.Event)
