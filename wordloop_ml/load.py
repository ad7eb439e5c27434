"""Measures how busy the inference threads are, and decides what gives way; pure.

No clock inside: times are seconds of any one monotonic clock, and are passed in, never backwards.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum

from wordloop_ml.messages import JobClass

WINDOW_S = 10.0
"""What happened so long ago counts 1/e of what happens now: a few turns of a conversation."""

FULL_WAIT_S = 0.5
"""First captions that wait so long on average are a full load, however busy the threads are."""

MAX_INTERIM_INTERVAL_FACTOR = 8.0
"""However busy the threads are, interims of somebody who speaks come every two seconds."""

RECOVER_BELOW = 0.85
"""A level is left below this part of the load at which it is reached (hysteresis)."""

_JOB_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """A reading; shares are of the time of all inference threads, over the last ``WINDOW_S`` or so.

    Work on texts is left out: it gives way by itself, and nobody is to be refused for it.

    used: in use, at most 1. vital: that part of it which cannot wait, which is all but interims.
    asked: what would be in use if every interim had come at its interval; may exceed 1.
    first_wait_s: how long first captions waited for a thread, on average. job_s: how long a job
    runs, on average.
    """

    used: float = 0.0
    vital: float = 0.0
    asked: float = 0.0
    first_wait_s: float = 0.0
    job_s: float = 0.0

    @property
    def demand(self) -> float:
        """How much of this process the meetings want, 1 being all of it."""
        return max(self.asked, self.first_wait_s / FULL_WAIT_S)

    @property
    def utilisation(self) -> float:
        """How full this process is with what it does, however rarely interims come."""
        return max(self.used, self.first_wait_s / FULL_WAIT_S)


class LoadMeter:
    """Averages shares of thread time with exponential weights; told whenever a job begins, ends or waited.

    A job counts while it runs; a hung one for ever, since its thread is lost.

    threads: how many there are. job_s: how long a job runs, as far as is known already.
    """

    def __init__(self, threads: int, *, job_s: float | None = None) -> None:
        self._threads = threads
        self._at_s: float | None = None
        self._running, self._running_vital, self._running_asked = 0, 0, 0.0
        self._used = self._vital = self._asked = 0.0
        self._waits = self._waited_s = 0.0
        self._job_s = job_s

    def began(self, now_s: float, job_class: JobClass, interval_factor: float) -> None:
        """Note that a thread took a job; such jobs come ``interval_factor`` times too rarely."""
        self._change(now_s, 1, job_class, interval_factor)

    def ended(
        self, now_s: float, job_class: JobClass, interval_factor: float, ran_s: float
    ) -> None:
        """Note that a job is over, with the class and factor that it began with."""
        self._change(now_s, -1, job_class, interval_factor)
        before = ran_s if self._job_s is None else self._job_s
        self._job_s = before + _JOB_WEIGHT * (ran_s - before)

    def waited(self, now_s: float, seconds: float) -> None:
        """Note how long a first caption waited until it got its thread or was given up."""
        self._pass(now_s)
        self._waits += 1.0
        self._waited_s += seconds

    def waited_more(self, now_s: float, seconds: float) -> None:
        """Note that a first caption, whose wait was noted, waited longer."""
        self._pass(now_s)
        self._waited_s += seconds

    def read(self, now_s: float) -> Load:
        """Return the load at a time."""
        self._pass(now_s)
        return Load(
            used=self._used,
            vital=self._vital,
            asked=self._asked,
            # as if one more had not waited at all: without news a delay is forgotten
            first_wait_s=self._waited_s / (self._waits + 1.0),
            job_s=self._job_s or 0.0,
        )

    def _change(self, now_s: float, jobs: int, job_class: JobClass, interval_factor: float) -> None:
        self._pass(now_s)
        self._running += jobs
        if job_class is JobClass.INTERIM:
            self._running_asked += jobs * interval_factor
        else:
            self._running_vital += jobs
            self._running_asked += jobs

    def _pass(self, now_s: float) -> None:
        """Move the averages on to ``now_s`` with what is running."""
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        kept = math.exp(-passed_s / WINDOW_S)
        new = (1.0 - kept) / self._threads
        self._used = kept * self._used + new * self._running
        self._vital = kept * self._vital + new * self._running_vital
        self._asked = kept * self._asked + new * self._running_asked
        self._waits *= kept
        self._waited_s *= kept


class Level(IntEnum):
    """What gives way: interims come less often, are dropped, meetings are refused; each level adds one."""

    CALM = 0
    STRETCH = 1
    DROP = 2
    REFUSE = 3


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """The loads at which the levels are reached.

    stretch: of demand; from here on interims are stretched, so that use stays there.
    drop: of demand; interims that had to wait are dropped early.
    refuse: of demand; no new meeting is admitted.
    resume: of utilisation; tracks that go on from elsewhere are refused, too.
    """

    stretch: float = 0.6
    drop: float = 0.65
    refuse: float = 0.7
    resume: float = 0.95

    def __post_init__(self) -> None:
        """Refuse limits that are out of order."""
        if not 0.0 < self.stretch <= self.drop <= self.refuse <= self.resume:
            raise ValueError("load limits must be positive, and none below the one before it")

    def of(self, level: Level) -> float:
        """Return the demand at which a level is reached."""
        return (0.0, self.stretch, self.drop, self.refuse)[level]


class LoadShedder:
    """Holds the level of the process: it rises at once, and falls with hysteresis."""

    def __init__(self, limits: LoadLimits) -> None:
        self._limits = limits
        self._level = Level.CALM
        self._interim_interval_factor = 1.0

    @property
    def level(self) -> Level:
        """The level now."""
        return self._level

    @property
    def interim_interval_factor(self) -> float:
        """How many times more rarely interims are to be asked for."""
        return self._interim_interval_factor

    def look(self, load: Load) -> bool:
        """Move to the level of this load; returns whether it changed."""
        before, demand = self._level, load.demand
        up = max(level for level in Level if demand >= self._limits.of(level))
        kept = max(level for level in Level if demand >= self._limits.of(level) * RECOVER_BELOW)
        self._level = max(up, min(before, kept))
        self._interim_interval_factor = 1.0 if self._level is Level.CALM else self._needed(load)
        return self._level is not before

    def _needed(self, load: Load) -> float:
        """Return the factor with which interims use what the limit leaves after what cannot wait."""
        interims, left = load.asked - load.vital, self._limits.stretch - load.vital
        if left * MAX_INTERIM_INTERVAL_FACTOR <= interims:
            return MAX_INTERIM_INTERVAL_FACTOR
        # where first captions wait without much being asked, jobs are long: fewer of them help
        return min(
            MAX_INTERIM_INTERVAL_FACTOR,
            max(interims / left, load.demand / self._limits.stretch, 1.0),
        )


class PendingAdmissions:
    """Counts the load of meetings that were admitted too lately to show in a reading.

    A reading shows 1 - e^(-t/WINDOW_S) of a load that began t ago; this is the rest of it, if
    somebody speaks in each meeting all the time.
    """

    def __init__(self) -> None:
        self._since_s: dict[Hashable, float] = {}

    def add(self, meeting: Hashable, now_s: float) -> None:
        """Count a meeting that was admitted now."""
        self._since_s[meeting] = now_s

    def remove(self, meeting: Hashable) -> None:
        """Count a meeting no more; harmless for one that is not known."""
        self._since_s.pop(meeting, None)

    def share(self, now_s: float, each: float) -> float:
        """Return what they will add to a reading, where a meeting takes ``each`` of all thread time."""
        self._since_s = {
            meeting: since_s
            for meeting, since_s in self._since_s.items()
            if now_s - since_s < 5.0 * WINDOW_S
        }
        return each * sum(
            math.exp(-(now_s - since_s) / WINDOW_S) for since_s in self._since_s.values()
        )
