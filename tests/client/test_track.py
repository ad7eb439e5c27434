"""The reference client against the real service: what breaks costs a reconnect, never words."""

import asyncio
from typing import Any

import numpy as np

from tests.client.support import FAST, STREAM, Listener, say
from tests.web.support import Running, Serving, until
from wordloop_ml.client.track import TrackClient
from wordloop_ml.engines.scripted_audio import silence, spoken


def client_of(service: Running, listener: Listener, **options: Any) -> TrackClient:
    url = f"{service.url}/v1/meetings/m/audio"
    options = {"policy": FAST, "clock_ms": lambda: 0, **options}
    return TrackClient(service.session, url, STREAM, listener, **options)


def cut(service: Running) -> None:
    """Break every connection of the client at once, without a close frame."""
    connector = service.session.connector
    assert connector is not None
    for protocol in list(connector._acquired):
        assert protocol.transport is not None
        protocol.transport.abort()


async def test_a_track_is_sent_and_every_final_stored(serving: Serving) -> None:
    """And run returns where the track stands."""
    listener = Listener()
    client = client_of(await serving(), listener)
    audio = np.concatenate([spoken([1, 2, 3]), silence(16_000), spoken([4, 5])])
    say(client, audio)
    client.end()
    standing = await client.run()
    assert listener.words == ["w1", "w2", "w3", "w4", "w5"]
    assert (standing.committed, standing.last_seq, standing.epoch) == (len(audio), 2, 1)
    assert not listener.holes


async def test_a_connection_that_breaks_costs_no_word(serving: Serving) -> None:
    """In the middle of a word, with finals behind it and live audio after it."""
    service, listener = await serving(), Listener()
    client = client_of(service, listener)
    running = asyncio.create_task(client.run())
    await until(lambda: client.replay.epoch == 1)
    say(client, np.concatenate([spoken([1, 2]), silence(16_000), spoken([3, 4, 5])[:10_000]]))
    await listener.wait_for_final()
    cut(service)
    await until(lambda: client.replay.epoch == 2)
    say(client, np.concatenate([spoken([3, 4, 5])[10_000:], silence(16_000), spoken([6])]))
    client.end()
    standing = await running
    assert listener.words == ["w1", "w2", "w3", "w4", "w5", "w6"]
    assert [final.seq for final in listener.finals] == [1, 2, 3]
    assert [final.epoch for final in listener.finals] == [1, 2, 2]
    assert [final.replay for final in listener.finals] == [False, True, False]
    assert standing.epoch == 2
    assert listener.forgotten == 1
