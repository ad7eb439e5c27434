"""A roster over scripted engines, without a web server."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.messages import Utterance
from wordloop_ml.ports import TranscriberWorker

WAIT_S = 20.0


class Hold:
    """Holds every decode of speech until it is opened; or makes it raise."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.error: Exception | None = None

    def __call__(self, utterance: Utterance) -> Exception | None:
        assert self.opened.wait(WAIT_S)
        return self.error


@pytest.fixture
def hold() -> Iterator[Hold]:
    hold = Hold()
    yield hold
    hold.opened.set()


@pytest.fixture
async def roster(hold: Hold) -> AsyncIterator[Roster]:
    transcriber = ScriptedTranscriber(fail=hold)
    executor: Executor[TranscriberWorker] = Executor(transcriber.open_worker, workers=1)
    roster = Roster(executor, ScriptedVoiceDetector(), max_meetings=2, max_tracks=2)
    yield roster
    hold.opened.set()
    await roster.drain(WAIT_S)
    assert executor.close(WAIT_S)
    current = asyncio.current_task()
    left = [task.get_name() for task in asyncio.all_tasks() if task is not current]
    assert not left, f"tasks left behind: {left}"
