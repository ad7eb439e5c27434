"""Where decoded audio belongs in time, by its timestamps, as far as these can be believed; pure."""

import math

_JITTER_S = 0.05
"""Timestamps are rounded, and those of live recordings tremble: less than this is no hole."""
_OVERLAP_S = 1.0
"""Audio may run so far ahead of its timestamps; further back, they have begun anew."""
_LONGEST_HOLE_S = 600.0
"""Where nothing says how long the whole is."""
_LONGEST_FILE_S = 86_400.0


class Timeline:
    """The silence that timestamps ask for.

    A timestamp ahead of the audio is a hole: audio that begins later than its video, packets that
    were lost, pauses that were not recorded. One that leads nowhere, or back, is not followed: the
    audio goes on, and its later timestamps are read from there, until they are as they were.

    begins_s: the timestamp of time zero; None takes the first. lasts_s: how long the whole is, as
    far as that is known; no hole ends behind it.
    """

    def __init__(self, begins_s: float | None = None, lasts_s: float | None = None) -> None:
        self._zero_s = self._begins_s = begins_s
        self._lasts_s = min(lasts_s or 0.0, _LONGEST_FILE_S)
        self.doubted = 0
        """How many leaps ahead were not followed."""

    def hole_s(self, stamp_s: float | None, position_s: float, *, exact: bool = False) -> float:
        """Seconds of silence before the audio with this timestamp; 0 nearly always.

        position_s: how much there is already. exact: something is known to be missing here, so
        that even a small hole is one.
        """
        if stamp_s is None or not math.isfinite(stamp_s):
            return 0.0
        if self._zero_s is None or self._begins_s is None:
            self._zero_s = self._begins_s = stamp_s - position_s
        for zero_s in (self._zero_s, self._begins_s):
            ahead_s = stamp_s - zero_s - position_s
            if -_OVERLAP_S <= ahead_s <= self._longest_s(position_s):
                self._zero_s = zero_s
                return ahead_s if ahead_s > (0.0 if exact else _JITTER_S) else 0.0
        self.doubted += stamp_s - self._zero_s > position_s
        self._zero_s = stamp_s - position_s
        return 0.0

    def skip(self, lost_s: float) -> None:
        """Timestamps that only count packets do not know of audio that is no packet any more."""
        if self._zero_s is not None and self._begins_s is not None:
            self._zero_s -= lost_s
            self._begins_s -= lost_s

    def _longest_s(self, position_s: float) -> float:
        left_s = self._lasts_s - position_s
        return left_s + _OVERLAP_S if left_s > 0 else _LONGEST_HOLE_S
