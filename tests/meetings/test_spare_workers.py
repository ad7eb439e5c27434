"""Which decodes may use the cores of workers that have nothing to do."""

from typing import Any

from tests.meetings.conftest import WAIT_S
from tests.meetings.test_roster import key, turn
from tests.web.support import until
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import AudioEnded
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.meetings.session import TrackOptions
from wordloop_ml.messages import DecodeOptions, Hypothesis, Utterance
from wordloop_ml.ports import TranscriberWorker


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
