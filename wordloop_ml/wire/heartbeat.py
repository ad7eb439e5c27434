"""Whether a peer reads what it is sent; pure: waiting times are passed in, in seconds.

A ping goes through everything that waits for the peer, and its answer comes back in order. So the
time until then is how far behind the peer reads, whatever the buffers in between hold. Only time
in which we waited for the peer counts: while we are the slow side, its answer lies in our own buffers.
"""

PING_EVERY_S = 2.0
ANSWER_WITHIN_S = 4.0


class Heartbeat:
    """One peer's; ``ping_due`` and ``pong_overdue`` are to be looked at whenever a wait is over."""

    def __init__(self) -> None:
        self._ping_out = False
        self._waited_s = 0.0

    @property
    def ping_due(self) -> bool:
        """Whether to ask."""
        return not self._ping_out and self._waited_s >= PING_EVERY_S

    @property
    def pong_overdue(self) -> bool:
        """Whether the peer owes an answer for too long."""
        return self._ping_out and self._waited_s >= ANSWER_WITHIN_S

    def waited(self, seconds: float) -> None:
        """We waited so long for the peer."""
        self._waited_s += seconds

    def ping_sent(self) -> None:
        """A ping is on its way."""
        self._ping_out, self._waited_s = True, 0.0

    def pong_received(self) -> bool:
        """A pong came: the peer has read up to the ping.

        False where none was asked for: then it is a heartbeat of the peer's own (RFC 6455, 5.5.3).
        """
        if not self._ping_out:
            return False
        self._ping_out, self._waited_s = False, 0.0
        return True
