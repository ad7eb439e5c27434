"""What tests of the executor run in it: workers, gates, labelled jobs, and a clock that they move."""

import threading
from collections.abc import Callable
from typing import Any

from wordloop_ml.executor import Job, JobDone, JobOwner, Outcome, OwnerKind
from wordloop_ml.messages import JobClass

WAIT_S = 10.0


class Worker:
    """A worker that counts how often it was closed."""

    def __init__(self) -> None:
        self.closings = 0

    def close(self) -> None:
        self.closings += 1


class Gate:
    """A job body that holds its thread until it is opened, and says that it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self, worker: Worker) -> str:
        del worker
        self.begun.set()
        assert self.open.wait(WAIT_S)
        return "gate"


class Inbox:
    """Outcomes by label, in the order of delivery."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.outcomes: list[tuple[str, Outcome]] = []

    def take(self, label: str) -> Callable[[Outcome], None]:
        def deliver(outcome: Outcome) -> None:
            with self._condition:
                self.outcomes.append((label, outcome))
                self._condition.notify_all()

        return deliver

    def wait(self, count: int) -> list[tuple[str, Outcome]]:
        with self._condition:
            assert self._condition.wait_for(lambda: len(self.outcomes) >= count, WAIT_S)
            return list(self.outcomes)

    @property
    def done(self) -> list[str]:
        return [label for label, outcome in self.outcomes if isinstance(outcome, JobDone)]


def owner_of(name: str, kind: OwnerKind = OwnerKind.MEETING) -> JobOwner:
    """Somebody of this name, of the only tenant."""
    return JobOwner(kind, "acme", name)


def job(
    inbox: Inbox,
    label: str,
    job_class: JobClass = JobClass.INTERIM,
    *,
    owner: JobOwner | None = None,
    part: str = "t",
    deadline_s: float = 0.0,
    run: Callable[[Worker], Any] | None = None,
    **more: Any,
) -> Job[Worker]:
    """A job that answers with its label."""
    return Job(
        job_class=job_class,
        owner=owner or owner_of("m"),
        part=part,
        deadline_s=deadline_s,
        run=run if run is not None else lambda worker: label,
        deliver=inbox.take(label),
        **more,
    )


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s
