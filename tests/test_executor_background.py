"""The executor's background: work on texts after speech, and never on every thread beside it."""

from collections.abc import Iterator

import pytest

from tests.executing import WAIT_S, Clock, Gate, Inbox, Worker, job, owner_of
from wordloop_ml.errors import Busy
from wordloop_ml.executor import SPEECH_LATELY_S, Executor
from wordloop_ml.load import Load
from wordloop_ml.messages import JobClass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def single(clock: Clock) -> Iterator[Executor[Worker]]:
    """One thread, so that the order of jobs shows."""
    executor = Executor(Worker, workers=1, clock=clock)
    yield executor
    assert executor.close(WAIT_S)


@pytest.fixture
def pair(clock: Clock) -> Iterator[Executor[Worker]]:
    """Two threads, so that one can be kept free."""
    executor = Executor(Worker, workers=2, background=3, clock=clock)
    yield executor
    assert executor.close(WAIT_S)


def test_speech_runs_before_texts_and_embeddings_before_syntheses(
    single: Executor[Worker], inbox: Inbox
) -> None:
    """Whoever came first."""
    gate = Gate()
    single.submit(job(inbox, "gate", JobClass.FIRST_CAPTION, owner=owner_of("gate"), run=gate))
    assert gate.begun.wait(WAIT_S)
    for job_class in (JobClass.SYNTHESIS, JobClass.EMBEDDING, JobClass.INTERIM):
        single.submit(job(inbox, job_class.name, job_class, owner=owner_of(job_class.name)))
    gate.open.set()
    inbox.wait(4)
    assert inbox.done == ["gate", "INTERIM", "EMBEDDING", "SYNTHESIS"]


def test_texts_use_every_thread_while_nobody_speaks(pair: Executor[Worker], inbox: Inbox) -> None:
    """There is nobody to keep a thread free for."""
    gates = [Gate(), Gate()]
    for gate in gates:
        pair.submit(job(inbox, "text", JobClass.EMBEDDING, run=gate))
    assert all(gate.begun.wait(WAIT_S) for gate in gates)
    for gate in gates:
        gate.open.set()
    inbox.wait(2)


def test_texts_leave_a_thread_free_while_people_speak(
    pair: Executor[Worker], inbox: Inbox, clock: Clock
) -> None:
    """A first caption finds it, and a pause long enough gives it back."""
    pair.submit(job(inbox, "speech", JobClass.FINAL))
    inbox.wait(1)
    spoken = pair.speech_lately
    first, second = Gate(), Gate()
    pair.submit(job(inbox, "text", JobClass.SYNTHESIS, owner=owner_of("a"), part="1", run=first))
    assert first.begun.wait(WAIT_S)
    pair.submit(job(inbox, "text", JobClass.SYNTHESIS, owner=owner_of("b"), part="1", run=second))
    pair.submit(job(inbox, "speech", JobClass.FIRST_CAPTION))
    inbox.wait(2)
    assert not second.begun.is_set()
    clock.now_s += SPEECH_LATELY_S
    assert spoken
    assert not pair.speech_lately
    first.open.set()
    assert second.begun.wait(WAIT_S)
    second.open.set()
    inbox.wait(4)


def test_files_begin_beside_speech_where_a_thread_stays_idle(
    pair: Executor[Worker], inbox: Inbox, clock: Clock
) -> None:
    """Not where the other one is busy, as texts do; a pause gives them both threads."""
    speech, first, second = Gate(), Gate(), Gate()
    pair.submit(job(inbox, "speech", JobClass.FINAL, run=speech))
    assert speech.begun.wait(WAIT_S)
    pair.submit(job(inbox, "file", JobClass.FILE, owner=owner_of("a"), run=first))
    pair.submit(job(inbox, "text", JobClass.SYNTHESIS, owner=owner_of("b")))
    inbox.wait(1)
    assert not first.begun.is_set()
    speech.open.set()
    assert first.begun.wait(WAIT_S)
    pair.submit(job(inbox, "file", JobClass.FILE, owner=owner_of("a"), run=second))
    pair.submit(job(inbox, "speech", JobClass.INTERIM))
    inbox.wait(3)
    assert not second.begun.is_set()
    clock.now_s += SPEECH_LATELY_S
    first.open.set()
    assert second.begun.wait(WAIT_S)
    second.open.set()
    inbox.wait(5)


def test_files_are_read_by_a_single_thread_too(single: Executor[Worker], inbox: Inbox) -> None:
    """While it has nothing else to do, though people speak."""
    single.submit(job(inbox, "speech", JobClass.FINAL))
    single.submit(job(inbox, "file", JobClass.FILE))
    inbox.wait(2)
    assert inbox.done == ["speech", "file"]


def test_texts_give_way_to_speech_that_finds_no_thread(
    pair: Executor[Worker], inbox: Inbox
) -> None:
    """Not before all threads are taken, nor for a job that waits for another of its own key."""
    asked: list[str] = []
    text, speech = Gate(), Gate()
    pair.submit(
        job(inbox, "text", JobClass.SYNTHESIS, run=text, give_way=lambda: asked.append("asked"))
    )
    assert text.begun.wait(WAIT_S)
    pair.submit(job(inbox, "one", JobClass.INTERIM, run=speech, coalesce="a"))
    assert speech.begun.wait(WAIT_S)
    pair.submit(job(inbox, "next", JobClass.INTERIM, coalesce="a"))
    assert not asked
    pair.submit(job(inbox, "other", JobClass.FIRST_CAPTION))
    assert asked == ["asked"]
    text.open.set()
    speech.open.set()
    inbox.wait(4)


@pytest.fixture
def four(clock: Clock) -> Iterator[Executor[Worker]]:
    """Four threads, of which one call may have all cores."""
    executor = Executor(Worker, workers=4, clock=clock)
    yield executor
    assert executor.close(WAIT_S)


def test_a_call_has_the_cores_of_all_threads(four: Executor[Worker], inbox: Inbox) -> None:
    """Beside another job it has its own."""
    told: list[int] = []
    wide, beside = Gate(), Gate()
    four.submit(job(inbox, "wide", JobClass.SYNTHESIS, run=wide, use_threads=told.append))
    assert wide.begun.wait(WAIT_S)
    four.submit(job(inbox, "beside", JobClass.EMBEDDING, run=beside))
    assert beside.begun.wait(WAIT_S)
    wide.open.set()
    inbox.wait(1)
    four.submit(job(inbox, "next", JobClass.SYNTHESIS, use_threads=told.append))
    inbox.wait(2)
    beside.open.set()
    assert told == [4, 1]


def test_a_call_that_has_all_cores_gives_way_to_speech(
    four: Executor[Worker], inbox: Inbox, clock: Clock
) -> None:
    """Which does not wait for it; while people speak the next call has its own core alone."""
    told: list[int] = []
    asked: list[str] = []
    wide = Gate()
    four.submit(
        job(
            inbox,
            "wide",
            JobClass.SYNTHESIS,
            run=wide,
            give_way=lambda: asked.append("asked"),
            use_threads=told.append,
        )
    )
    assert wide.begun.wait(WAIT_S)
    four.submit(job(inbox, "speech", JobClass.FIRST_CAPTION))
    inbox.wait(1)
    assert inbox.done == ["speech"]
    assert asked == ["asked"]
    wide.open.set()
    inbox.wait(2)
    four.submit(job(inbox, "next", JobClass.SYNTHESIS, use_threads=told.append))
    inbox.wait(3)
    clock.now_s += SPEECH_LATELY_S
    four.submit(job(inbox, "later", JobClass.SYNTHESIS, use_threads=told.append))
    inbox.wait(4)
    assert told == [4, 1, 4]


def test_too_many_texts_are_refused_and_speech_is_not(pair: Executor[Worker], inbox: Inbox) -> None:
    """Each has a bound of its own."""
    gates = [Gate(), Gate()]
    for gate in gates:
        pair.submit(job(inbox, "text", JobClass.EMBEDDING, run=gate))
    assert all(gate.begun.wait(WAIT_S) for gate in gates)
    for _ in range(3):
        pair.submit(job(inbox, "text", JobClass.EMBEDDING))
    with pytest.raises(Busy):
        pair.submit(job(inbox, "text", JobClass.SYNTHESIS))
    pair.submit(job(inbox, "speech", JobClass.INTERIM))
    assert pair.pressure == 0.5
    for gate in gates:
        gate.open.set()
    inbox.wait(6)


def test_texts_are_no_load(single: Executor[Worker], inbox: Inbox, clock: Clock) -> None:
    """Nobody is refused for what gives way to him anyway."""

    def run(worker: Worker) -> None:
        del worker
        clock.now_s += 5.0

    single.submit(job(inbox, "text", JobClass.SYNTHESIS, run=run))
    inbox.wait(1)
    assert single.load() == Load()
    assert single.statistics().busy_s == 5.0
