"""How many tokens fit into a stretch of time, by what the batches before them took. Pure.

Every batch reads all weights once, so that one token alone is dear and each further one of the same
batch is cheap: time(n) = one + (n - 1) x each. Both are measured as it goes.
"""

MOST_TOKENS = 64
"""In one native call: beyond it a further token costs as much as before, and cancelling more."""

_MEMORY = 0.3
"""How much the newest measure counts; the load of the machine changes within seconds."""


class Pace:
    """The cost of batches on this machine, now. Seconds; one thread at a time."""

    def __init__(self) -> None:
        self.one_s = 0.0
        self.each_s = 0.0

    def note(self, tokens: int, took_s: float) -> None:
        """A batch of so many tokens took so long."""
        if tokens == 1:
            self.one_s = _blend(self.one_s, took_s)
        else:
            marginal_s = (took_s - self.one_s) / (tokens - 1)
            self.each_s = _blend(self.each_s, max(marginal_s, took_s / tokens / 8))

    def fit(self, left_s: float, wanted: int) -> int:
        """How many of the wanted tokens the next batch holds: from 1 to ``MOST_TOKENS``."""
        most = min(wanted, MOST_TOKENS)
        if self.each_s <= 0.0:
            return min(most, 8)
        spare_s = max(0.0, left_s - self.one_s)
        return max(1, min(most, 1 + int(spare_s / self.each_s)))

    def fits_one(self, left_s: float) -> bool:
        """Whether there is time for one more token."""
        return left_s >= self.one_s


def _blend(old_s: float, new_s: float) -> float:
    return new_s if old_s <= 0.0 else old_s + _MEMORY * (new_s - old_s)
