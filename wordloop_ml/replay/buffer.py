"""The audio that may have to be sent again: whole frames by position, within a bound; pure."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary frame: its bytes, and the stream samples that it holds, [position, end)."""

    position: int
    end: int
    payload: bytes


class ReplayBuffer:
    """Holds frames in order; positions between them are audio that nobody has (any more).

    Frames are never divided: an Opus packet cannot be, and the server drops what lies before
    ``resume_from`` in any case.

    limit: samples that are held at most; the oldest frames fall out. position: of the first one.
    """

    def __init__(self, limit: int, position: int = 0) -> None:
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self.held = 0
        self.end = position

    @property
    def start(self) -> int:
        """Position of the first frame that is held; ``end`` without any."""
        return self._frames[0].position if self._frames else self.end

    @property
    def room(self) -> int:
        """How many samples may be added before audio falls out."""
        return self._limit - self.held

    def append(self, payload: bytes, samples: int) -> None:
        """Append one frame of ``samples`` samples; the oldest frames fall out beyond the limit."""
        if samples < 1:
            return
        self._frames.append(Frame(self.end, self.end + samples, payload))
        self.end += samples
        self.held += samples
        while self.held > self._limit:
            self._drop()

    def skip(self, samples: int) -> None:
        """Leave out ``samples`` positions: their audio never came."""
        self.end += samples

    def release_before(self, position: int) -> None:
        """Drop the frames that end at ``position`` or before: they are committed."""
        while self._frames and self._frames[0].end <= position:
            self._drop()

    def give_up_before(self, position: int) -> None:
        """Drop the frames that begin before ``position``: they are not to be sent again."""
        while self._frames and self._frames[0].position < position:
            self._drop()

    def after(self, position: int) -> Frame | None:
        """Return the first frame that ends after ``position``; None without one."""
        index = bisect_right(self._frames, position, key=lambda frame: frame.end)
        return self._frames[index] if index < len(self._frames) else None

    def _drop(self) -> None:
        frame = self._frames.popleft()
        self.held -= frame.end - frame.position
