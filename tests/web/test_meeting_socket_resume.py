"""Resuming: a track that went on elsewhere goes on here, with nothing lost and nothing doubled."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from tests.web.support import Client, Message, Serving
from wordloop_ml.engines.scripted import silence, spoken

AUDIO = np.concatenate(
    [spoken([1, 2, 3]), silence(16_000), spoken(range(4, 74)), silence(16_000), spoken([74, 75])]
)
"""Two turns and the beginning of a third; the second is longer than a segment may be."""

WORDS = [f"w{number}" for number in range(1, 76)]


def finals(client: Client) -> list[Message]:
    return [one for one in client.messages if one["type"] == "caption" and one["final"]]


def committed(client: Client) -> int:
    return max((one.get("committed", 0) for one in client.messages), default=0)


async def resume(client: Client, older: Client, epoch: int, **fields: Any) -> None:
    """Go on from what the older connection was told."""
    last = finals(older)[-1]["seq"] if finals(older) else 0
    await client.start(resume_from=committed(older), last_seq=last, epoch=epoch, **fields)


@pytest.mark.parametrize("stop_at", [9_000, 30_000, 100_000, 280_000, 290_000, 330_000])
async def test_another_process_goes_on_with_no_word_lost_or_doubled(
    serving: Serving, stop_at: int
) -> None:
    """Wherever the first one is left: in a word, in a pause, in speech that has to be cut."""
    first = await (await serving()).connect()
    second = await (await serving()).connect()
    await first.start(epoch=1)
    await first.speak(AUDIO[:stop_at])
    await first.until("speech_started")
    while stop_at > 64_000 and (await first.until("ack"))["received"] < stop_at - 40_000:
        pass
    await first.socket.close()
    at = committed(first)
    await resume(second, first, 2, live_from=stop_at)
    await second.speak(AUDIO[at:], frame_samples=3_200)
    await second.send(type="stop")
    messages = await second.drained()
    assert messages[0]["accept_from"] == at
    assert first.words + second.words == WORDS
    assert [one["seq"] for one in finals(first) + finals(second)] == list(
        range(1, 1 + len(finals(first) + finals(second)))
    )
    assert all(one["start"] >= at // 16 for one in finals(second))
    assert all(one["replay"] is (one["start"] * 16 < stop_at) for one in finals(second))
    assert not [one for one in messages if one["type"] == "notice"]


async def test_a_gap_at_the_resumption_is_one_named_hole(serving: Serving) -> None:
    """From what was committed to where the client's buffer begins."""
    first = await (await serving()).connect()
    second = await (await serving()).connect()
    await first.start(epoch=1)
    await first.speak(AUDIO[:28_000])
    await first.until("caption", final=True)
    await first.socket.close()
    at = committed(first)
    await resume(second, first, 2, live_from=len(AUDIO))
    begins = 12_000 + 16_000 + 10 * 4_000
    await second.send(type="gap", samples=begins - at)
    await second.speak(AUDIO[begins:], frame_samples=3_200)
    await second.send(type="stop")
    messages = await second.drained()
    assert first.words + second.words == WORDS[:3] + WORDS[13:]
    [notice] = [one for one in messages if one["type"] == "notice"]
    assert notice == {
        "type": "notice",
        "code": "gap",
        "start": at // 16,
        "end": begins // 16,
        "committed": begins,
    }


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
async def test_positions_of_other_rates_resume_where_they_say(serving: Serving, rate: int) -> None:
    """What one process commits is what another accepts, however the floors fall."""
    service, at = await serving(), 0
    audio = np.zeros(rate * 6, np.int16)
    for epoch in range(1, 6):
        client = await service.connect()
        await client.start(sample_rate=rate, resume_from=at, epoch=epoch, live_from=len(audio))
        await client.speak(audio[at : at + rate * 3], frame_samples=rate // 7)
        ready = await client.until("ready")
        assert ready["accept_from"] == at
        told = await client.until("ack")
        assert at <= told["committed"] <= told["received"] <= at + rate * 3
        at = told["committed"]
        await client.socket.close()


async def test_a_silent_older_connection_is_closed_within_a_second(serving: Serving) -> None:
    """4503, also when nothing of it is being read; the newer one is seated at once."""
    service = await serving()
    older, newer = await service.connect(), await service.connect()
    await older.start(epoch=1)
    await older.until("ready")
    began_s = time.monotonic()
    await newer.start(epoch=2)
    await newer.until("ready")
    await older.drained()
    assert time.monotonic() - began_s < 1.0
    assert older.code == 4503
    await newer.speak(AUDIO[:28_000])
    await newer.send(type="stop")
    await newer.drained()
    assert newer.words == WORDS[:3]


async def test_an_older_connection_that_reads_nothing_holds_nobody_up(serving: Serving) -> None:
    """Its socket may be stuck; its seat is free."""
    service = await serving()
    older, newer = await service.connect(), await service.connect()
    await older.start(epoch=1)
    await older.speak(AUDIO[:20_000])
    await newer.start(epoch=2)
    await newer.speak(AUDIO[:28_000])
    await newer.send(type="stop")
    await newer.drained()
    assert newer.words == WORDS[:3]
    assert newer.code == 1000


async def test_many_epochs_fight_and_the_highest_wins(serving: Serving) -> None:
    """In whatever order their starts arrive."""
    service = await serving()
    clients = [await service.connect() for _ in range(8)]
    order = [3, 1, 7, 2, 8, 5, 6, 4]
    await asyncio.gather(
        *(client.start(epoch=epoch) for client, epoch in zip(clients, order, strict=True))
    )
    winner = clients[order.index(8)]
    losers = [client for client in clients if client is not winner]
    await asyncio.gather(*(client.drained() for client in losers))
    assert {client.code for client in losers} == {4503}
    await winner.speak(AUDIO[:28_000])
    await winner.send(type="stop")
    await winner.drained()
    assert winner.words == WORDS[:3]
