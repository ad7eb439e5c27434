"""However much waits in the inboxes, everybody else has a turn of the event loop in between."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.meetings.conftest import WAIT_S
from tests.web.support import most_in_a_turn
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.scripted_audio import spoken
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import UNHANDLED_MESSAGES, MeetingActor
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import Closed, Outbox, TrackOptions, TrackSession
from wordloop_ml.messages import Samples, SpeechStarted
from wordloop_ml.ports import TranscriberWorker, VoiceStream

QUARTER_SECOND = 4_000
WINDOWS_A_MESSAGE = QUARTER_SECOND // CaptioningPolicy().window_samples + 1


class CountingVoiceDetector(ScriptedVoiceDetector):
    """Counts the windows of all its streams."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = 0

    def open_stream(self) -> VoiceStream:  # type: ignore[override]
        return _CountingStream(self, super().open_stream())


class _CountingStream:
    def __init__(self, detector: CountingVoiceDetector, stream: VoiceStream) -> None:
        self._detector = detector
        self._stream = stream

    def probability(self, window: Samples) -> float:
        self._detector.windows += 1
        return self._stream.probability(window)


@pytest.fixture
def detector() -> CountingVoiceDetector:
    return CountingVoiceDetector()


@pytest.fixture
async def roster(detector: CountingVoiceDetector) -> AsyncIterator[Roster]:
    executor: Executor[TranscriberWorker] = Executor(ScriptedTranscriber().open_worker, workers=1)
    roster = Roster(executor, detector)
    yield roster
    await roster.drain(WAIT_S)
    assert executor.close(WAIT_S)


async def fill(actor: MeetingActor, session: TrackSession) -> None:
    """As much audio as a connection may have in the inbox."""
    await actor.post_audio(session, speech(UNHANDLED_MESSAGES * QUARTER_SECOND))


def speech(samples: int) -> Samples:
    return spoken(range(1, 1 + samples // 4_000)).astype(np.float32) / np.float32(32_768)


@pytest.mark.parametrize("meetings", [1, 6])
async def test_a_turn_of_the_loop_hears_one_message(
    roster: Roster, detector: CountingVoiceDetector, meetings: int
) -> None:
    """Of all tracks of all meetings that were resumed at once."""
    tracks = []
    for meeting in range(meetings):
        for track in "ab":
            actor, session = roster.join(meeting_key("t", f"m{meeting}"), TrackOptions(track=track))
            await fill(actor, session)
            tracks.append(session)
    most = await most_in_a_turn(
        lambda: detector.windows, lambda: not any(session.unhandled for session in tracks)
    )
    assert 0 < most <= WINDOWS_A_MESSAGE


async def test_a_turn_of_the_loop_drains_one_track(
    roster: Roster, detector: CountingVoiceDetector
) -> None:
    """Where what is open is flushed, because its client cannot resume."""
    tracks = []
    for track in "abcdef":
        actor, session = roster.join(meeting_key("t", "m"), TrackOptions(track=track))
        await actor.post_audio(session, speech(QUARTER_SECOND))
        tracks.append(session)
    await most_in_a_turn(lambda: 0, lambda: not any(session.unhandled for session in tracks))
    draining = asyncio.create_task(roster.drain(WAIT_S))
    most = await most_in_a_turn(
        lambda: sum(session.leaving for session in tracks),
        lambda: all(session.leaving for session in tracks),
    )
    assert most == 1
    assert await draining


async def test_a_turn_of_the_loop_reads_one_event_of_an_outbox() -> None:
    """Whoever sends it can go on writing into a socket for long without waiting."""
    outbox, read = Outbox(), 0
    for at in range(100):
        outbox.put(SpeechStarted("a", at))
    outbox.put(Closed(None))

    async def read_all() -> None:
        nonlocal read
        while not isinstance(await outbox.get(), Closed):
            read += 1

    reading = asyncio.create_task(read_all())
    assert await most_in_a_turn(lambda: read, reading.done) == 1
    assert read == 100
