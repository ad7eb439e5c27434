"""Files as tracks: the frames of an audio stream."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from wordloop_ml.cli import sources as module
from wordloop_ml.cli.sources import FileSource
from wordloop_ml.messages import Samples

TALK = FileSource(Path("talk.wav"), 0, "talk")


class SlowFile:
    """A file whose second chunk comes when the test lets it; knows if it was closed meanwhile."""

    def __init__(self) -> None:
        self.reading = threading.Event()
        self.go_on = threading.Event()
        self.is_read = False
        self.closed_while_read: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed_while_read = self.is_read

    def __iter__(self) -> Iterator[Samples]:
        yield np.zeros(500, np.float32)
        self.is_read = True
        self.reading.set()
        self.go_on.wait(10)
        self.is_read = False
        yield np.zeros(500, np.float32)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowFile:
    file = SlowFile()
    monkeypatch.setattr(module, "open_audio", lambda _path, _stream: file)
    return file


async def test_frames_are_no_longer_than_asked_for(slow: SlowFile) -> None:
    """Chunks are cut, and the file is closed behind the last frame."""
    slow.go_on.set()
    async with aclosing(TALK.frames(320)) as frames:
        assert [len(frame) async for frame in frames] == [320, 180, 320, 180]
    assert slow.closed_while_read is False


async def test_a_file_is_not_closed_while_a_thread_reads_it(slow: SlowFile) -> None:
    """FFmpeg would end the process: who cancels waits for the frame that is being read."""

    async def play() -> None:
        async with aclosing(TALK.frames(500)) as frames:
            async for _ in frames:
                pass

    playing = asyncio.create_task(play())
    await asyncio.to_thread(slow.reading.wait, 10)
    playing.cancel()
    await asyncio.wait({playing}, timeout=0.05)
    assert not playing.done()
    playing.cancel()
    slow.go_on.set()
    with suppress(asyncio.CancelledError):
        await playing
    assert slow.closed_while_read is False
