"""Counts and logs the requests that are refused, whoever refuses them; the log is bounded in rate.

A client that tries again and again would otherwise fill it, and needs no token for that.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from wordloop_ml.errors import Busy, BusyReason, ErrorCode, WordloopError
from wordloop_ml.metrics import Metrics
from wordloop_ml.web.listening import Complaint

TELL_EVERY_S = 10.0
"""Seconds between two reports of the same code on the same route."""

log = structlog.get_logger()


class Refusals:
    """What was refused by one application. Its memory is bounded by the routes and codes that there are."""

    def __init__(self, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._complaints: dict[tuple[str, ErrorCode, BusyReason | None], Complaint] = {}

    def note(self, route: str, error: WordloopError) -> None:
        """Count a request that was refused, and log it unless its like was logged a moment ago.

        route: its pattern, never the path.
        """
        self._metrics.refused(error.code)
        reason = error.reason if isinstance(error, Busy) else None
        complaint = self._complaints.setdefault(
            (route, error.code, reason), Complaint(TELL_EVERY_S)
        )
        if times := complaint.again(self._clock()):
            log.info("request_refused", route=route, code=error.code, reason=reason, times=times)

    def count_bug(self) -> None:
        """Count a request that ended in a bug, which its finder logs."""
        self._metrics.refused(ErrorCode.INTERNAL)


REFUSALS: Final = web.AppKey("refusals", Refusals)
