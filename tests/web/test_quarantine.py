"""Tracks that a process may have died of come in one at a time."""

import asyncio

import numpy as np
import pytest

from tests.web.support import Serving
from wordloop_ml.engines.scripted_audio import silence, spoken

SUSPECTED = {"attempt": 1, "epoch": 2, "live_from": 6_000}


@pytest.fixture
def long_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a track says or does ends its turn, no clock."""
    monkeypatch.setattr("wordloop_ml.meetings.roster.TURN_S", 1_000.0)
    monkeypatch.setattr("wordloop_ml.meetings.roster.WAIT_S", 1_000.0)


@pytest.mark.usefixtures("long_turns")
async def test_a_suspected_track_is_answered_when_the_one_before_is_understood(
    serving: Serving,
) -> None:
    """By a caption that reaches its live audio; others need not wait meanwhile."""
    service = await serving()
    first, second, other = [await service.connect(name) for name in ("m1", "m2", "m3")]
    await first.start(**SUSPECTED)
    await first.until("ready")
    await second.start(**SUSPECTED)
    waiting = asyncio.create_task(second.until("ready"))
    await other.start(epoch=2)
    await other.until("ready")
    await first.speak(spoken([1, 2]))
    await first.until("caption")
    await waiting
    await second.speak(np.concatenate([spoken([3, 4]), silence(16_000)]))
    await second.send(type="stop")
    await second.drained()
    assert second.words == ["w3", "w4"]


@pytest.mark.usefixtures("long_turns")
async def test_silence_is_understood_by_an_ack(serving: Serving) -> None:
    """Which comes sooner than others' while the track is suspected."""
    service = await serving()
    first, second = [await service.connect(name) for name in ("m1", "m2")]
    await first.start(**SUSPECTED)
    await first.speak(silence(14_000))
    ack = await first.until("ack")
    assert ack["received"] < 8_000
    await second.start(**SUSPECTED)
    await second.until("ready")
    await first.until("ack")


@pytest.mark.usefixtures("long_turns")
async def test_a_suspected_track_that_ends_makes_way(serving: Serving) -> None:
    """However it ends."""
    service = await serving()
    first, second = [await service.connect(name) for name in ("m1", "m2")]
    await first.start(**SUSPECTED)
    await first.until("ready")
    await first.socket.close()
    await second.start(**SUSPECTED)
    await second.until("ready")
