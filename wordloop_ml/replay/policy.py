"""Every number of a client's resilience, in one frozen object; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """How much a client keeps, how it waits, and when it gives up; in seconds of audio, or of time.

    replay_s: audio kept from ``committed`` on; what falls out becomes a gap.
    in_flight_s: audio sent ahead of what the server says it received. The server's ``ack`` comes
        each 2 s; more than this would only fill socket buffers, behind which pings wait.
    lead_s: audio kept before ``committed``, for decoders that need a run-up (80 ms for Opus).
    first_wait_s: reconnecting waits for a random part of this; it doubles with each failure.
    longest_wait_s: up to this.
    breaks_before_gap: as many breaks in a row that may be the audio's fault, and the audio is
        given up: so many processes may die of it.
    poison_margin_s: given up beyond what had been sent at the break, which may have come in the
        middle of what kills.
    failures_before_stop: as many failures in a row, and the client stops; None for never.
    """

    replay_s: float = 120.0
    in_flight_s: float = 10.0
    lead_s: float = 0.0
    first_wait_s: float = 0.25
    longest_wait_s: float = 15.0
    breaks_before_gap: int = 2
    poison_margin_s: float = 1.0
    failures_before_stop: int | None = None
