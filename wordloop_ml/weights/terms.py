"""The terms of a pull: what it may cost, how it gives up, and what it says meanwhile."""

import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from wordloop_ml.errors import ErrorCode


class PullPhase(Enum):
    """What a pull is doing."""

    WAITING = "waiting for another pull"
    REHASHING = "checking what is kept"
    FETCHING = "fetching"
    UNPACKING = "unpacking"
    CONVERTING = "converting"
    RETRYING = "retrying"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is.

    done_bytes, total_bytes: of the file, not of the wheel around it.
    detail: one short phrase for people: the host, the package, or why a retry is due.
    """

    name: str
    phase: PullPhase
    done_bytes: int
    total_bytes: int
    detail: str = ""


Report = Callable[[PullPhase, int, str], None]
"""Inside a pull: phase, bytes done, detail."""


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


@dataclass(frozen=True, slots=True)
class PullPolicy:
    """The bounds of a pull; there is no bound on its whole time, which is up to the network.

    attempts: tries in a row, per source, that gain less than ``worthwhile_bytes``.
    first_wait_s, longest_wait_s: the back-off doubles from the one to the other, and an answer's
        Retry-After is honoured up to the longest.
    lock_wait_s: how long another process may take to pull the same file.
    spare_bytes: what a pull leaves free on the disk.
    wheel_deadline_s: how long pip may take to fetch a wheel. wheel_tick_s: how often it is looked
        at meanwhile, to report how much it has.
    jitter: in [0, 1); spreads the retries of a fleet over the second half of each wait.
    now: seconds since the epoch, for a Retry-After that names a date.
    """

    connect_timeout_s: float = 8.0
    read_timeout_s: float = 30.0
    attempts: int = 6
    worthwhile_bytes: int = 1 << 20
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    lock_wait_s: float = 1_800.0
    spare_bytes: int = 64 << 20
    wheel_deadline_s: float = 900.0
    wheel_tick_s: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = secrets.SystemRandom().random
    now: Callable[[], float] = time.time
    free_bytes: Callable[[Path], int] = _free_bytes


class SourceFailed(Exception):
    """One source is given up; the next one may do. Never leaves this package."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def size_code(found_bytes: int, expected_bytes: int) -> ErrorCode:
    """The code for a file of the wrong size."""
    short = found_bytes < expected_bytes
    return ErrorCode.WEIGHTS_TRUNCATED if short else ErrorCode.WEIGHTS_CORRUPT
