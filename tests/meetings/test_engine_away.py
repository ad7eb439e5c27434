"""Meetings whose engine is in another process, and goes: finals wait, interims do not, nobody new comes in."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.meetings.conftest import WAIT_S
from tests.meetings.test_actor import read_all
from tests.meetings.test_roster import key, turn
from tests.web.support import until
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.errors import EngineAway, ErrorCode
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import MOST_DEATHS
from wordloop_ml.meetings.inbox import AudioEnded
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.meetings.session import OutboxEvent, TrackOptions
from wordloop_ml.messages import Caption, DecodeOptions, Hypothesis, JobClass, SpanLost, Utterance
from wordloop_ml.ports import TranscriberWorker


class Engine:
    """A worker of an engine that may be away. asked: calls by their class. away: known beforehand."""

    def __init__(self) -> None:
        self._worker = ScriptedTranscriber().open_worker()
        self.error: EngineAway | None = None
        self.away = False
        self.asked: Counter[JobClass] = Counter()

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        self.asked[options.job_class] += 1
        if self.error is not None:
            raise self.error
        return self._worker.transcribe(utterance, options)

    def close(self) -> None:
        self._worker.close()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
async def roster(engine: Engine) -> AsyncIterator[Roster]:
    executor: Executor[TranscriberWorker] = Executor(lambda: engine, workers=1)
    made = Roster(executor, ScriptedVoiceDetector(), engine_away=lambda: engine.away)
    yield made
    await made.drain(WAIT_S)
    assert executor.close(WAIT_S)


async def said(
    roster: Roster, *words: int
) -> tuple[asyncio.Task[list[OutboxEvent]], asyncio.Task[None]]:
    """Say some words, and stop; returns who reads the captions, and who speaks."""
    actor, session = roster.join(key("m"), TrackOptions(track="a"))

    async def speak() -> None:
        await actor.post_audio(session, turn(*words))
        actor.post(AudioEnded(session))

    return asyncio.create_task(read_all(session)), asyncio.create_task(speak())


def finals(events: list[OutboxEvent]) -> list[str]:
    return [one.text for one in events if isinstance(one, Caption) and one.final]


async def test_a_final_waits_for_an_engine_that_goes(roster: Roster, engine: Engine) -> None:
    """It is asked again, and comes once; no word is lost."""
    engine.error = EngineAway()
    reading, speaking = await said(roster, 1, 2, 3)
    await until(lambda: engine.asked[JobClass.FINAL] >= 3)
    engine.error = None
    await speaking
    events = await reading
    assert finals(events) == ["w1 w2 w3"]
    assert not [one for one in events if isinstance(one, SpanLost)]


async def test_nothing_is_asked_of_an_engine_that_is_known_to_be_away(
    roster: Roster, engine: Engine
) -> None:
    """Neither finals nor interims; the final comes when it is back."""
    engine.away = True
    reading, speaking = await said(roster, 1, 2, 3)
    await speaking
    await until(lambda: roster.statistics().tracks == 1)
    assert not engine.asked
    engine.away = False
    assert finals(await reading) == ["w1 w2 w3"]
    assert engine.asked[JobClass.FINAL] == 1


async def test_a_final_that_engines_die_of_is_a_gap(roster: Roster, engine: Engine) -> None:
    """After so many deaths it has failed, as any decode may: it is asked once more, and given up."""
    engine.error = EngineAway(began=True)
    reading, speaking = await said(roster, 1, 2, 3)
    await speaking
    events = await reading
    assert finals(events) == []
    assert [one.code for one in events if isinstance(one, SpanLost)] == ["decode_failed"]
    assert engine.asked[JobClass.FINAL] == 2 * MOST_DEATHS


async def test_new_meetings_are_refused_and_resumed_ones_come_in(
    roster: Roster, engine: Engine
) -> None:
    """Those who were cut off wait here, where their audio is kept, and are not sent round."""
    engine.away = True
    with pytest.raises(EngineAway) as refused, roster.admitted(key("new")):
        pass
    assert refused.value.code is ErrorCode.ENGINE_AWAY
    assert refused.value.retry_after_s > 0.0
    with roster.admitted(key("old"), resumed=True):
        pass
    engine.away = False
    with roster.admitted(key("new")):
        pass


async def test_a_track_that_ends_leaves_no_final_that_waits(roster: Roster, engine: Engine) -> None:
    """A drain cuts it; its client has the audio, and sends it elsewhere."""
    engine.away = True
    reading, speaking = await said(roster, 1, 2, 3)
    await speaking
    assert not await roster.drain(0.05)
    assert finals(await reading) == []
