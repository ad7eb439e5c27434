"""Whether a peer reads what it is sent; pure: waiting times are passed in, in seconds.

A ping goes through everything that waits for the peer, and its answer comes back in order. So the
time until then is how far behind the peer reads, whatever the buffers in between hold. Only time
in which we waited for the peer counts: while we are the slow side, its answer lies in our own buffers.
"""

PING_EVERY_S = 2.0
ANSWER_WITHIN_S = 4.0


class Heartbeat:
    """The heartbeat of one peer.

    After each ``waited``, look at ``pong_overdue`` and ``ping_due``.
    """

    def __init__(self) -> None:
        self._ping_out = False
        self._waited_s = 0.0

    @property
    def ping_due(self) -> bool:
        """Whether to send a ping now."""
        return not self._ping_out and self._waited_s >= PING_EVERY_S

    @property
    def pong_overdue(self) -> bool:
        """Whether the peer has owed a pong for ``ANSWER_WITHIN_S`` or longer."""
        return self._ping_out and self._waited_s >= ANSWER_WITHIN_S

    def waited(self, seconds: float) -> None:
        """Count so many seconds of waiting for the peer."""
        self._waited_s += seconds

    def ping_sent(self) -> None:
        """Count from here until the pong."""
        self._ping_out, self._waited_s = True, 0.0

    def pong_received(self) -> bool:
        """Take a pong: the peer has read up to our ping.

        False where no ping was out: then it is a heartbeat of the peer's own (RFC 6455, 5.5.3).
        """
        if not self._ping_out:
            return False
        self._ping_out, self._waited_s = False, 0.0
        return True
