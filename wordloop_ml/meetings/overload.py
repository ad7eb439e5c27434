"""How loaded this process is, what gives way, and who may still come in; one for all meetings."""

import time
from collections.abc import Callable, Hashable

import structlog

from wordloop_ml.errors import Busy, BusyReason, EngineAway
from wordloop_ml.executor import Executor
from wordloop_ml.load import (
    MAX_INTERIM_INTERVAL_FACTOR,
    Level,
    Load,
    LoadLimits,
    LoadShedder,
    PendingAdmissions,
)
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.ports import TranscriberWorker

LOOK_EVERY_S = 0.25
"""How often the load is read while audio comes in."""

STALE_AFTER_S = 1.5
"""Seconds after which a waiting interim is dropped: it would show what everybody has heard already."""

STALE_WHEN_DROPPING_S = 0.5

DECODES_BESIDES_INTERIMS = 1.0
"""First captions and finals in a second of speech, about."""

RETRY_AFTER_S = 5.0
"""Half of what the meter remembers: sooner, a refused meeting would find the same."""

RETRY_RESUME_AFTER_S = 1.0

log = structlog.get_logger()


class Overload:
    """Reads the executor's load, sheds load by levels, and decides on admission.

    interim_samples: how much new audio lies between two interims of somebody who speaks.
    engine_away: whether the transcriber's engine is away; None where it is in this process.
    """

    def __init__(
        self,
        executor: Executor[TranscriberWorker],
        limits: LoadLimits,
        interim_samples: int,
        *,
        engine_away: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor = executor
        self._engine_away = engine_away
        self._limits = limits
        self._clock = clock
        self._decodes_per_s = SAMPLE_RATE / interim_samples + DECODES_BESIDES_INTERIMS
        self._shedder = LoadShedder(limits)
        self._pending = PendingAdmissions()
        self._load = Load()
        self._looked_s = -LOOK_EVERY_S

    @property
    def engine_away(self) -> bool:
        """Whether no decode can be had now."""
        return self._engine_away is not None and self._engine_away()

    @property
    def level(self) -> Level:
        """The level of load shedding now."""
        self._look(LOOK_EVERY_S)
        return self._shedder.level

    @property
    def interim_interval_factor(self) -> float:
        """How many times longer the interval between a track's interims is to be, at least 1.

        The larger of the load shedder's, by the load of many seconds, and one more than the jobs
        that wait now for each thread.
        """
        self._look(LOOK_EVERY_S)
        return min(
            max(self._shedder.interim_interval_factor, 1.0 + self._executor.pressure),
            MAX_INTERIM_INTERVAL_FACTOR,
        )

    @property
    def stale_after_s(self) -> float:
        """Seconds that an interim may wait for a thread."""
        return STALE_WHEN_DROPPING_S if self.level >= Level.DROP else STALE_AFTER_S

    def admit(self, meeting: Hashable, *, resumed: bool) -> None:
        """Admit a meeting that is not here yet, or raise ``Busy``, ``EngineAway`` among it.

        resumed: it goes on from elsewhere, and its people wait for the words they have said: it
        may have what new meetings leave free. From now on its load is expected.
        """
        self._look(0.0)
        if resumed:
            if self._load.utilisation >= self._limits.resume:
                raise Busy(
                    "this container cannot take over any more",
                    retry_after_s=RETRY_RESUME_AFTER_S,
                    reason=BusyReason.RESUME_LOAD,
                )
        elif self.engine_away:
            raise EngineAway("this container waits for its engine", retry_after_s=RETRY_AFTER_S)
        elif self._expected() >= self._limits.refuse or self._shedder.level is Level.REFUSE:
            raise Busy(
                "this container is as busy as it may be",
                retry_after_s=RETRY_AFTER_S,
                reason=BusyReason.LOAD,
            )
        self._pending.add(meeting, self._clock())

    def withdraw(self, meeting: Hashable) -> None:
        """Expect no more load of a meeting: it has left, or did not come after all."""
        self._pending.remove(meeting)

    def _expected(self) -> float:
        """Return the demand, with that of meetings admitted so lately that it does not show yet."""
        each = self._load.job_s * self._decodes_per_s / self._executor.workers
        return self._load.demand + self._pending.share(self._clock(), each)

    def _look(self, at_most_every_s: float) -> None:
        now_s = self._clock()
        if now_s - self._looked_s < at_most_every_s:
            return
        self._looked_s = now_s
        self._load = self._executor.load()
        if self._shedder.look(self._load):
            log.info(
                "load_step",
                step=self._shedder.level.name.lower(),
                demand=round(self._load.demand, 3),
                used=round(self._load.used, 3),
                stretch=round(self._shedder.interim_interval_factor, 2),
                first_wait_ms=round(self._load.first_wait_s * 1000),
            )
