"""Suspected tracks have their turns, one at a time."""

import asyncio

import pytest

from wordloop_ml.meetings import quarantine
from wordloop_ml.meetings.quarantine import Quarantine

WAIT_S = 20.0


async def test_turns_are_had_in_the_order_of_asking() -> None:
    """The next begins when the one before ends, and an end counts once."""
    one = Quarantine()
    first = await one.turn()
    second = asyncio.create_task(one.turn())
    third = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    assert not second.done()
    first.end()
    first.end()
    turn = await second
    assert not third.done()
    turn.end()
    (await third).end()


async def test_a_turn_has_a_bound() -> None:
    """Whoever is never understood keeps the others waiting for half a second."""
    one = Quarantine()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await one.turn()
    async with asyncio.timeout(WAIT_S):
        (await one.turn()).end()
    assert loop.time() - began_s >= 0.9 * quarantine.TURN_S


async def test_a_wait_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind many who are never understood, tracks come in together."""
    monkeypatch.setattr(quarantine, "WAIT_S", 0.01)
    one = Quarantine()
    first = await one.turn()
    async with asyncio.timeout(WAIT_S):
        (await one.turn()).end()
    # the end of a turn that was none frees nobody
    waiting = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    assert not waiting.done()
    first.end()
    (await waiting).end()


async def test_whoever_stops_waiting_is_passed_over() -> None:
    """Its connection has gone."""
    one = Quarantine()
    first = await one.turn()
    gone = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    first.end()
    (await one.turn()).end()
