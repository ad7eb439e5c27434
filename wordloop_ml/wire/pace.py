"""How fast a client may send; pure: times are passed in, in seconds of any one monotonic clock."""

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.server_messages import Limits

SHORTEST_REPLAY_S = 0.0025
"""Replayed frames that are shorter than the shortest Opus packet are no replay but a flood."""


class Pace:
    """A token bucket in seconds of audio, full at first.

    It fills ``realtime_factor`` times as fast as time passes, up to what a client may keep: after
    a stall, of the network or of this service, everything that was said meanwhile may come at once.
    A message costs the audio that it holds, and so much at least that ``audio_frames_per_s`` of
    them empty what comes in; that is what bounds floods of empty frames.
    """

    def __init__(self, limits: Limits) -> None:
        self._factor = float(limits.realtime_factor)
        self._message_s = limits.realtime_factor / limits.audio_frames_per_s
        self._full_s = float(limits.replay_s)
        self._credit_s = self._full_s
        self._at_s: float | None = None

    def spend(self, now_s: float, *, audio_s: float = 0.0, replay: bool = False) -> None:
        """A message came, with so many seconds of audio. Raises ``BadInput`` (``too_fast``).

        replay: the audio lies before ``live_from``: nothing but back-pressure slows it down.
        """
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._credit_s = min(self._full_s, self._credit_s + self._factor * passed_s)
        if replay and audio_s >= SHORTEST_REPLAY_S:
            return
        self._credit_s -= max(audio_s, self._message_s)
        if self._credit_s < 0.0:
            raise BadInput(
                "messages or live audio come faster than the limits allow", code=ErrorCode.TOO_FAST
            )
