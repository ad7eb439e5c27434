"""The executor: priorities, deadlines, coalescing, fairness, bounds, and its end."""

import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.executing import WAIT_S, Clock, Gate, Inbox, Worker, job, owner_of
from wordloop_ml.errors import Busy, EngineFailed
from wordloop_ml.executor import (
    Executor,
    JobDone,
    JobDropped,
    JobFailed,
    Outcome,
)
from wordloop_ml.load import Load
from wordloop_ml.messages import DropReason, JobClass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def single(clock: Clock) -> Iterator[Executor[Worker]]:
    """One thread, so that the order of jobs shows."""
    executor = Executor(Worker, workers=1, backlog=8, clock=clock)
    yield executor
    assert executor.close(WAIT_S)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def gate(single: Executor[Worker], inbox: Inbox) -> Iterator[Gate]:
    """The only thread is busy until the gate opens."""
    gate = Gate()
    single.submit(job(inbox, "gate", JobClass.FIRST_CAPTION, owner=owner_of("gate"), run=gate))
    assert gate.begun.wait(WAIT_S)
    yield gate
    gate.open.set()


def test_a_job_runs_on_an_inference_thread_and_answers(
    single: Executor[Worker], inbox: Inbox
) -> None:
    """The value comes back, and the thread has a name."""
    single.submit(job(inbox, "a", run=lambda worker: threading.current_thread().name))
    [(_, outcome)] = inbox.wait(1)
    assert isinstance(outcome, JobDone)
    assert outcome.value == "inference-0"


def test_first_captions_run_before_finals_and_finals_before_interims(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """The class decides, whatever came first."""
    for kind in (JobClass.INTERIM, JobClass.FINAL, JobClass.FIRST_CAPTION):
        single.submit(job(inbox, kind.name, kind))
    gate.open.set()
    inbox.wait(4)
    assert inbox.done == ["gate", "FIRST_CAPTION", "FINAL", "INTERIM"]


def test_within_a_class_the_earliest_deadline_runs_first(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """Between meetings with equal shares as within one."""
    for label, deadline_s in (("late", 3.0), ("early", 1.0), ("middle", 2.0)):
        single.submit(job(inbox, label, owner=owner_of(label), deadline_s=deadline_s))
    gate.open.set()
    inbox.wait(4)
    assert inbox.done == ["gate", "early", "middle", "late"]


def test_a_meeting_that_used_much_time_gives_way_to_one_that_used_little(
    single: Executor[Worker], inbox: Inbox, clock: Clock
) -> None:
    """Fairness is in run time: a meeting's flood cannot hold back another's single job."""
    hold = Gate()

    def costly(worker: Worker) -> None:
        clock.now_s += 1.0

    single.submit(job(inbox, "greedy-0", owner=owner_of("greedy"), run=costly))
    inbox.wait(1)
    single.submit(job(inbox, "gate", owner=owner_of("greedy"), run=hold))
    assert hold.begun.wait(WAIT_S)
    for index in (1, 2, 3):
        single.submit(job(inbox, f"greedy-{index}", owner=owner_of("greedy"), run=costly))
    single.submit(job(inbox, "modest", owner=owner_of("modest"), deadline_s=99.0, run=costly))
    hold.open.set()
    inbox.wait(6)
    order = [label for label in inbox.done if label != "gate"]
    assert order.index("modest") <= order.index("greedy-2")


def test_a_newer_job_replaces_a_waiting_one_of_the_same_key(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """Latest wins; the older one hears that it was superseded."""
    for label in ("old", "new"):
        single.submit(job(inbox, label, coalesce="track"))
    gate.open.set()
    assert ("old", JobDropped(DropReason.SUPERSEDED)) in inbox.wait(3)
    assert inbox.done == ["gate", "new"]


def test_two_jobs_of_one_key_never_run_together(inbox: Inbox) -> None:
    """The second waits for the first even when a thread is free."""
    executor = Executor(Worker, workers=2)
    gate = Gate()
    try:
        executor.submit(job(inbox, "first", run=gate, coalesce="track"))
        assert gate.begun.wait(WAIT_S)
        executor.submit(job(inbox, "second", coalesce="track"))
        executor.submit(job(inbox, "other", coalesce="another"))
        inbox.wait(1)
        assert inbox.done == ["other"]
        gate.open.set()
        inbox.wait(3)
        assert inbox.done == ["other", "first", "second"]
    finally:
        gate.open.set()
        assert executor.close(WAIT_S)


def test_a_delivery_that_fails_costs_no_thread(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """Nor does it reach who caused a drop, who may be somebody else."""

    def fail(outcome: Outcome) -> None:
        raise ZeroDivisionError("canary")

    with structlog.testing.capture_logs() as logs:
        for _ in range(2):  # the second replaces the first, which hears so in this call
            bad = job(inbox, "bad", coalesce="track")
            bad.deliver = fail
            single.submit(bad)
        single.submit(job(inbox, "good"))
        gate.open.set()
        inbox.wait(2)
    assert inbox.done == ["gate", "good"]
    failed = [one for one in logs if one["event"] == "delivery_failed"]
    assert [one["error"] for one in failed] == 2 * ["ZeroDivisionError"]
    assert "canary" not in str(logs)


def test_a_full_backlog_refuses_interims_but_never_finals(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """Finals are bounded by the tracks' buffers, not here."""
    for index in range(8):
        single.submit(job(inbox, f"interim-{index}"))
    with pytest.raises(Busy):
        single.submit(job(inbox, "one too many"))
    single.submit(job(inbox, "final", JobClass.FINAL))
    gate.open.set()
    inbox.wait(10)
    assert inbox.done[1] == "final"


def test_a_full_backlog_still_takes_a_job_that_replaces_one(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """Replacing makes its own room."""
    for index in range(8):
        single.submit(job(inbox, f"interim-{index}", coalesce=index))
    single.submit(job(inbox, "newer", coalesce=3))
    gate.open.set()
    inbox.wait(10)
    assert "newer" in inbox.done


def test_an_expired_job_is_dropped_and_not_run(
    single: Executor[Worker], inbox: Inbox, gate: Gate, clock: Clock
) -> None:
    """A stale interim costs nothing."""
    single.submit(job(inbox, "stale", expires_s=1.0))
    clock.now_s = 2.0
    gate.open.set()
    assert ("stale", JobDropped(DropReason.EXPIRED)) in inbox.wait(2)


def test_forget_drops_what_waits_and_abandons_what_runs(
    single: Executor[Worker], inbox: Inbox, gate: Gate
) -> None:
    """Only the forgotten meeting is touched."""
    single.submit(job(inbox, "waits", owner=owner_of("gone")))
    single.submit(job(inbox, "stays", owner=owner_of("here")))
    single.forget(owner_of("gone"))
    single.forget(owner_of("gate"))
    gate.open.set()
    outcomes = dict(inbox.wait(3))
    assert outcomes["waits"] == JobDropped(DropReason.FORGOTTEN)
    assert outcomes["gate"] == JobDropped(DropReason.FORGOTTEN)
    assert isinstance(outcomes["stays"], JobDone)


def test_forget_takes_a_single_track(single: Executor[Worker], inbox: Inbox, gate: Gate) -> None:
    """The meeting's other tracks keep their jobs."""
    single.submit(job(inbox, "a", owner=owner_of("m"), part="a"))
    single.submit(job(inbox, "b", owner=owner_of("m"), part="b"))
    single.forget(owner_of("m"), "a")
    gate.open.set()
    outcomes = dict(inbox.wait(3))
    assert outcomes["a"] == JobDropped(DropReason.FORGOTTEN)
    assert isinstance(outcomes["b"], JobDone)


def test_a_job_that_raises_fails_alone(single: Executor[Worker], inbox: Inbox) -> None:
    """The thread goes on with the next job."""
    error = EngineFailed("lost")

    def fail(worker: Worker) -> None:
        raise error

    single.submit(job(inbox, "bad", run=fail))
    single.submit(job(inbox, "good"))
    outcomes = dict(inbox.wait(2))
    assert outcomes["bad"] == JobFailed(error)
    assert isinstance(outcomes["good"], JobDone)
    assert single.statistics().failed == 1


def test_close_drops_what_waits_frees_the_workers_and_refuses_more(inbox: Inbox) -> None:
    """Nothing runs afterwards, and nobody waits for ever."""
    workers: list[Worker] = []

    def open_worker() -> Worker:
        workers.append(Worker())
        return workers[-1]

    executor = Executor(open_worker, workers=1)
    gate = Gate()
    executor.submit(job(inbox, "gate", run=gate))
    assert gate.begun.wait(WAIT_S)
    executor.submit(job(inbox, "waits"))
    assert not executor.close(0.0)
    assert ("waits", JobDropped(DropReason.CLOSED)) in inbox.wait(1)
    assert workers[0].closings == 0
    gate.open.set()
    assert executor.close(WAIT_S)
    assert workers[0].closings == 1
    with pytest.raises(Busy):
        executor.submit(job(inbox, "late"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([JobClass.FIRST_CAPTION, JobClass.FINAL, JobClass.INTERIM]),
            st.sampled_from("abc"),
            st.sampled_from([None, 1, 2]),
        ),
        max_size=20,
    )
)
def test_every_job_is_answered_exactly_once(
    jobs: list[tuple[JobClass, str, int | None]],
) -> None:
    """Whatever is submitted, forgotten or closed: one outcome each, or a refusal."""
    inbox = Inbox()
    executor = Executor(Worker, workers=2, backlog=4)
    accepted = []
    for index, (job_class, meeting, coalesce) in enumerate(jobs):
        try:
            executor.submit(
                job(inbox, str(index), job_class, owner=owner_of(meeting), coalesce=coalesce)
            )
            accepted.append(str(index))
        except Busy:
            continue
        if index % 7 == 6:
            executor.forget(owner_of(meeting))
    assert executor.close(WAIT_S)
    assert sorted(label for label, _ in inbox.outcomes) == sorted(accepted)


def test_the_load_is_measured_from_the_jobs(
    single: Executor[Worker], inbox: Inbox, clock: Clock
) -> None:
    """What runs, how long first captions waited, and what interims would take unstretched."""

    def costly(worker: Worker) -> None:
        clock.now_s += 2.0

    single.submit(job(inbox, "interim", run=costly, interval_factor=3.0))
    inbox.wait(1)
    load = single.load()
    assert load.job_s == pytest.approx(2.0)
    assert load.asked == pytest.approx(3 * load.used)
    assert (load.vital, load.first_wait_s) == (0.0, 0.0)
    single.forget_load(but_job_time=True)
    load = single.load()
    assert load.used == 0.0
    assert load.job_s == pytest.approx(2.0)
    single.forget_load()
    assert single.load() == Load()


def test_a_first_caption_has_waited_since_the_first_of_those_that_it_replaced(
    single: Executor[Worker], inbox: Inbox, gate: Gate, clock: Clock
) -> None:
    """Otherwise a long wait would look like many short ones."""
    for label in ("first", "second", "third"):
        single.submit(job(inbox, label, JobClass.FIRST_CAPTION, coalesce="t"))
        clock.now_s += 1.0
    gate.open.set()
    inbox.wait(4)
    waits = [0.0, 3.0, 0.0]  # the gate, the third, and the one that a reading assumes
    assert single.load().first_wait_s == pytest.approx(sum(waits) / len(waits), rel=0.3)
