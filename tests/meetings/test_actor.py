"""The actor: everybody has a turn of the event loop, gaps wait in order, and idle workers are offered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.meetings.conftest import WAIT_S, Hold
from tests.meetings.test_roster import key, turn
from tests.web.support import most_in_a_turn, until
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector, spoken
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import UNHANDLED_MESSAGES, MeetingActor
from wordloop_ml.meetings.inbox import AudioEnded, GapArrived
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import (
    CAPACITY,
    Closed,
    Outbox,
    OutboxEvent,
    TrackOptions,
    TrackSession,
)
from wordloop_ml.messages import (
    DecodeOptions,
    Hypothesis,
    Samples,
    SpanLost,
    SpeechStarted,
    Utterance,
)
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
async def counted_roster(detector: CountingVoiceDetector) -> AsyncIterator[Roster]:
    executor: Executor[TranscriberWorker] = Executor(ScriptedTranscriber().open_worker, workers=1)
    counted_roster = Roster(executor, detector)
    yield counted_roster
    await counted_roster.drain(WAIT_S)
    assert executor.close(WAIT_S)


async def fill(actor: MeetingActor, session: TrackSession) -> None:
    """As much audio as a connection may have in the inbox."""
    await actor.post_audio(session, speech(UNHANDLED_MESSAGES * QUARTER_SECOND))


def speech(samples: int) -> Samples:
    return spoken(range(1, 1 + samples // 4_000)).astype(np.float32) / np.float32(32_768)


@pytest.mark.parametrize("meetings", [1, 6])
async def test_a_turn_of_the_loop_hears_one_message(
    counted_roster: Roster, detector: CountingVoiceDetector, meetings: int
) -> None:
    """Of all tracks of all meetings that were resumed at once."""
    tracks = []
    for meeting in range(meetings):
        for track in "ab":
            actor, session = counted_roster.join(
                meeting_key("t", f"m{meeting}"), TrackOptions(track=track)
            )
            await fill(actor, session)
            tracks.append(session)
    most = await most_in_a_turn(
        lambda: detector.windows, lambda: not any(session.unhandled for session in tracks)
    )
    assert 0 < most <= WINDOWS_A_MESSAGE


async def test_a_turn_of_the_loop_drains_one_track(
    counted_roster: Roster, detector: CountingVoiceDetector
) -> None:
    """Where what is open is flushed, because its client cannot resume."""
    tracks = []
    for track in "abcdef":
        actor, session = counted_roster.join(meeting_key("t", "m"), TrackOptions(track=track))
        await actor.post_audio(session, speech(QUARTER_SECOND))
        tracks.append(session)
    await most_in_a_turn(lambda: 0, lambda: not any(session.unhandled for session in tracks))
    draining = asyncio.create_task(counted_roster.drain(WAIT_S))
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


GAP = 1_600


def sound(*words: int) -> Samples:
    return spoken(words).astype(np.float32) / np.float32(32_768)


async def read_all(session: TrackSession) -> list[OutboxEvent]:
    """Everything that the connection is told, read as fast as it comes."""
    events: list[OutboxEvent] = []
    while not events or not isinstance(events[-1], Closed):
        events.append(await session.outbox.get())
    return events


@pytest.mark.parametrize("between", [0, 160, 640])
async def test_any_number_of_gaps_may_wait_behind_one_final(
    roster: Roster, hold: Hold, between: int
) -> None:
    """One after another, or with lost packets' neighbours in between; each sample is named."""
    hold.opened.clear()
    actor, session = roster.join(meeting_key("t", "m"), TrackOptions(track="a"))
    reading = asyncio.create_task(read_all(session))

    async def speak() -> None:
        await actor.post_audio(session, sound(1, 2))
        for _ in range(2 * CAPACITY):
            await actor.wait_for_room(session)
            actor.post(GapArrived(session, GAP))
            await actor.post_audio(session, np.zeros(between, np.float32))
        actor.post(AudioEnded(session))

    speaking = asyncio.create_task(speak())
    await until(lambda: speaking.done() or session.track.crowded)
    hold.opened.set()
    await speaking
    events = await reading
    closed = events[-1]
    assert isinstance(closed, Closed)
    assert (closed.code, closed.finals) == (None, 1)
    gaps = [event for event in events if isinstance(event, SpanLost)]
    assert sum(gap.end - gap.start for gap in gaps) == 2 * CAPACITY * GAP


class Listening:
    """A worker that notes how many spare workers each decode was told of, by its length."""

    def __init__(self, told: dict[int, int]) -> None:
        self._worker = ScriptedTranscriber().open_worker()
        self._told = told

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        self._told[len(utterance.samples)] = options.spare_workers
        return self._worker.transcribe(utterance, options)

    def close(self) -> None:
        self._worker.close()


async def test_first_captions_and_finals_may_use_idle_workers_and_interims_may_not() -> None:
    """The shortest decode is the first caption, the longest the final."""
    told = dict[int, int]()
    executor: Executor[Any] = Executor[TranscriberWorker](lambda: Listening(told), workers=3)
    roster = Roster(executor, ScriptedVoiceDetector(), max_meetings=1, max_tracks=1)
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    await actor.post_audio(session, turn(*range(1, 25)))
    actor.post(AudioEnded(session))
    await until(lambda: roster.statistics().meetings == 0)
    assert executor.close(WAIT_S)
    first, *between, final = (told[length] for length in sorted(told))
    assert first == 2
    assert final in {1, 2}  # an interim may still be running beside it
    assert 0 in between
