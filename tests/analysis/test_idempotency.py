"""Idempotency keys: whose they are, what they stand for, and for how long."""

import pytest

from tests.executing import Clock, owner_of
from wordloop_ml.analysis import idempotency
from wordloop_ml.analysis.idempotency import KEPT_KEYS_OF_TENANT, KEPT_S, Idempotency
from wordloop_ml.analysis.work_queue import WorkItem
from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> Idempotency[str]:
    return Idempotency(len, clock=clock)


def running() -> WorkItem[str]:
    """Work that somebody waits for."""
    return WorkItem(owner_of("w"))


def done(result: str = "done") -> WorkItem[str]:
    """Work that has succeeded, and whose callers have gone."""
    work: WorkItem[str] = WorkItem(owner_of("w"))
    work.end(result)
    return work


async def test_the_same_request_gets_the_same_work(keys: Idempotency[str]) -> None:
    """While it runs, and when it is done."""
    for work in (running(), done()):
        keys.remember("acme", "k", b"body", work)
        assert keys.find("acme", "k", b"body") is work
    assert keys.find("acme", "other", b"body") is None


async def test_another_body_under_the_same_key_is_refused(keys: Idempotency[str]) -> None:
    """By its name; it runs, or it is done."""
    for work in (running(), done()):
        keys.remember("acme", "k", b"body", work)
        with pytest.raises(BadInput) as refused:
            keys.find("acme", "k", b"another")
        assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_a_key_belongs_to_its_tenant(keys: Idempotency[str]) -> None:
    """Another one may use the same for something else."""
    keys.remember("acme", "k", b"body", done())
    assert keys.find("globex", "k", b"another") is None


async def test_what_failed_or_was_left_is_tried_anew(keys: Idempotency[str]) -> None:
    """With whatever body: nothing came of the first."""
    failed = running()
    keys.remember("acme", "k", b"body", failed)
    failed.end(EngineFailed("scripted"))
    assert keys.find("acme", "k", b"body") is None
    left = running()
    keys.remember("acme", "k", b"body", left)
    left.left = True
    assert keys.find("acme", "k", b"another") is None


async def test_a_key_is_forgotten_after_its_time(keys: Idempotency[str], clock: Clock) -> None:
    """An hour after its first request."""
    keys.remember("acme", "k", b"body", done())
    clock.now_s = KEPT_S - 1.0
    assert keys.find("acme", "k", b"body") is not None
    clock.now_s = KEPT_S
    assert keys.find("acme", "k", b"body") is None
    assert len(keys) == 0


async def test_one_tenant_s_keys_do_not_push_out_another_s(keys: Idempotency[str]) -> None:
    """Its own oldest go."""
    keys.remember("globex", "k", b"body", done())
    for number in range(KEPT_KEYS_OF_TENANT + 1):
        keys.remember("acme", str(number), b"body", done())
    assert keys.find("globex", "k", b"body") is not None
    assert keys.find("acme", "0", b"body") is None
    assert keys.find("acme", "1", b"body") is not None
    assert len(keys) == 1 + KEPT_KEYS_OF_TENANT


async def test_all_keys_have_a_bound(
    keys: Idempotency[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In number and in the bytes of their results; the newest stay."""
    monkeypatch.setattr(idempotency, "KEPT_KEYS", 3)
    monkeypatch.setattr(idempotency, "KEPT_BYTES", 10)
    for number in range(5):
        keys.remember(f"t{number}", "k", b"body", done())
    assert [number for number in range(5) if keys.find(f"t{number}", "k", b"body")] == [3, 4]
    for number in range(5):
        keys.remember(f"t{number}", "k", b"body", done(""))
    assert [number for number in range(5) if keys.find(f"t{number}", "k", b"body")] == [2, 3, 4]
