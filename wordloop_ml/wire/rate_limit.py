"""How fast a client may send; pure: times are passed in, in seconds of any one monotonic clock."""

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.server_messages import Limits

SHORTEST_REPLAY_S = 0.0025
"""Replayed frames that are shorter than the shortest Opus packet are no replay but a flood."""


class TokenBucket:
    """A token bucket in seconds of audio, full at first.

    It fills ``realtime_factor`` times as fast as time passes, up to what a client may keep: after
    a stall, of the network or of this service, everything that was said meanwhile may come at once.
    A message costs the audio that it holds, and so much at least that ``audio_frames_per_s`` of
    them empty what comes in; that is what bounds floods of empty frames. What a message costs the
    event loop does not depend on its length, so that limit is on their number: it has room for the
    shortest frames that are in use (AudioWorklet's 128 samples at 48 kHz, Opus packets of 2.5 ms).
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._factor = float(limits.realtime_factor)
        self._message_s = limits.realtime_factor / limits.audio_frames_per_s
        self._full_s = float(limits.replay_s)
        self._credit_s = self._full_s
        self._at_s: float | None = None

    def spend(self, now_s: float, *, audio_s: float = 0.0, replay: bool = False) -> None:
        """Pay for a message that came at ``now_s`` with ``audio_s`` seconds of audio.

        replay: the audio lies before ``live_from``: nothing but back-pressure slows it down.
        Raises ``BadInput`` (``too_fast``), which names the limit.
        """
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._credit_s = min(self._full_s, self._credit_s + self._factor * passed_s)
        if replay and audio_s >= SHORTEST_REPLAY_S:
            return
        self._credit_s -= max(audio_s, self._message_s)
        if self._credit_s < 0.0:
            raise BadInput(self._broken(audio_s), code=ErrorCode.TOO_FAST)

    def _broken(self, audio_s: float) -> str:
        """Name the limit that a message breaks: what it was counted as decides."""
        limits = self._limits
        if audio_s > self._message_s:
            return f"over {limits.realtime_factor} s of live audio a second (realtime_factor)"
        return f"over {limits.audio_frames_per_s} messages a second (audio_frames_per_s)"
