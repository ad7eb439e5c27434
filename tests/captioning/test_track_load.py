"""Load changes when captions come and how many interims: never what the finals say."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captioning.choices import Choices
from tests.captioning.witness import POLICY
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.messages import Caption, Hypothesis, JobClass, Samples, Word

Said = tuple[int | None, int, int, tuple[str, ...]]
LATEST = 60
"""Frames that an answer may take."""


class LoudVoice:
    """Loud is speech."""

    def probability(self, window: Samples) -> float:
        return 0.95 if np.abs(window).max() > 0.01 else 0.02


class Load:
    """How busy the service is: not at all."""

    def wait(self) -> int:
        """Frames until a decode is answered."""
        return 0

    def drops(self) -> bool:
        """Whether an interim is dropped."""
        return False

    def interim_interval_factor(self) -> float:
        """How many times more rarely interims come."""
        return 1.0


class Late(Load):
    """Every answer takes so many frames."""

    def __init__(self, frames: int) -> None:
        self._frames = frames

    def wait(self) -> int:
        return self._frames


class Arbitrary(Load):
    """Anything, from bytes."""

    def __init__(self, data: bytes) -> None:
        self._choices = Choices(data)

    def wait(self) -> int:
        return self._choices.of(0, 0, 1, 3, self._choices.below(LATEST))

    def drops(self) -> bool:
        return self._choices.below(3) == 1

    def interim_interval_factor(self) -> float:
        return self._choices.of(1.0, 1.0, 2.0, 8.0)


def heard_in(request: DecodeRequest) -> Hypothesis:
    """What an engine makes of this audio; nothing but the audio and the options decides.

    A word each 20 samples of sound; every third text is doubted, and the way it is asked shows.
    """
    utterance = request.utterance
    loud = np.abs(utterance.samples) > 0.01
    words = []
    for at in range(utterance.start - utterance.start % 20 + 20, utterance.end - 19, 20):
        if loud[at - utterance.start : at - utterance.start + 20].mean() > 0.5:
            way = f"{request.options.context.name}{request.options.temperature}"
            words.append(Word(f"w{at}-{way}", at, at + 20, 0.2 + 0.7 * (at % 40 == 0)))
    doubtful = (utterance.start + utterance.end) // 8 % 3 == 0
    likelihood = -2.0 if doubtful and not request.options.temperature else -0.2
    return Hypothesis(
        utterance.start, utterance.end, tuple(words), average_log_probability=likelihood
    )


@dataclass(frozen=True)
class Told:
    """The finals of a track and what was decoded for them."""

    finals: list[Said]
    decoded: list[tuple[int, int]]


def told(sound: Samples, load: Load) -> Told:
    """Feed all of it."""
    track = Track("t", LoudVoice(), POLICY, language="en")
    waiting: list[tuple[int, DecodeRequest]] = []
    out: list[TrackOutput] = []

    def take(outputs: list[TrackOutput]) -> None:
        out.extend(outputs)
        asked = [output for output in outputs if isinstance(output, DecodeRequest)]
        waiting.extend((frame + load.wait(), request) for request in asked)

    def answer_due() -> None:
        while ripe := [entry for entry in waiting if entry[0] <= frame]:
            for entry in ripe:
                waiting.remove(entry)
                if entry[1].kind is not JobClass.FINAL and load.drops():
                    take(track.answer(entry[1].request_id, Dropped.SUPERSEDED))
                else:
                    take(track.answer(entry[1].request_id, heard_in(entry[1])))

    frame = at = 0
    while at < len(sound):
        frame += 1
        track.set_interim_interval_factor(load.interim_interval_factor())
        count = min(POLICY.window_samples, track.room)
        take(track.feed(sound[at : at + count]))
        at += min(count, len(sound) - at)
        answer_due()
    take(track.finish())
    while not track.done:
        frame += 1
        answer_due()
    finals = [(at, one) for at, one in enumerate(out) if isinstance(one, Caption) and one.final]
    return Told(
        [(f.seq, f.start, f.end, tuple(word.text for word in f.words)) for _, f in finals],
        [_decoded_for(final, out[:at]) for at, final in finals],
    )


def _decoded_for(final: Caption, before: list[TrackOutput]) -> tuple[int, int]:
    """The audio of the newest request that covers a final."""
    return next(
        (one.utterance.start, one.utterance.end)
        for one in reversed(before)
        if isinstance(one, DecodeRequest)
        and one.kind is JobClass.FINAL
        and one.utterance.start <= final.start < final.end <= one.utterance.end
    )


RUNS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from([1, 1, 2, 4, 6, 9, 14])), min_size=1, max_size=12
)


def sound_of(runs: list[tuple[int, int]]) -> Samples:
    """So many loud windows, then so many silent ones, and again."""
    parts = [
        np.repeat(np.array([0.1, 0.0], np.float32), np.array(run) * POLICY.window_samples)
        for run in runs
    ]
    return np.concatenate(parts)


@settings(max_examples=200, deadline=None)
@given(RUNS, st.binary(max_size=400))
def test_finals_follow_from_the_audio_alone(runs: list[tuple[int, int]], load: bytes) -> None:
    """Whichever interims are answered, dropped or late, and however late finals are."""
    calm = told(sound_of(runs), Load())
    busy = told(sound_of(runs), Arbitrary(load))
    assert busy.finals == calm.finals
    assert busy.decoded == calm.decoded


@settings(max_examples=100, deadline=None)
@given(st.integers(15, 80), st.sampled_from([2, 4, 9]), st.integers(1, LATEST))
def test_late_cuts_are_those_of_a_calm_service(spoken: int, pause: int, late: int) -> None:
    """Where speech is divided does not depend on when its first part was."""
    sound = sound_of([(spoken, pause), (5, 9)])
    calm, busy = told(sound, Load()), told(sound, Late(late))
    assert busy.finals == calm.finals
    assert busy.decoded == calm.decoded
