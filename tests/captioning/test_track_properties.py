"""What holds for every track, whatever it hears, whatever comes back and in whatever order.

Sample values carry their own absolute index, so that audio in the wrong place would show.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captioning.choices import Choices
from tests.captioning.witness import POLICY, ListedVoice, Witness
from wordloop_ml.captioning.decodes import Dropped
from wordloop_ml.captioning.track import Track
from wordloop_ml.messages import (
    Hypothesis,
    JobClass,
    Word,
)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(min_size=20, max_size=100),
    st.binary(min_size=200, max_size=1_600),
    st.sampled_from([0, 5, 1_000_003]),
    st.booleans(),
)
def test_every_promise_holds_whatever_happens(
    sound: bytes, events: bytes, first_sample: int, leaving: bool
) -> None:
    """Arbitrary voice, frames, answers, late or never, finalize and gap; then finish or leave."""
    said, choices = Choices(sound), Choices(events)
    voice = ListedVoice(iter([p for _ in range(len(sound) // 2) for p in said.run_of()]))
    track = Track("t", voice, POLICY, first_sample=first_sample, last_seq=7)
    witness = Witness(track, voice, first_sample, last_seq=7)
    for _ in range(len(events) // 4):
        match choices.below(18):
            case 15:
                witness.finalize(answered=choices.below(2) == 1)
            case 16:
                witness.gap(1 + choices.below(50))
            case 17:
                witness.answer(choices.below(7) - 3, Dropped.FAILED)
            case step if step >= 9 and witness.waiting:
                request_id = choices.of(*sorted(witness.waiting))
                witness.answer(request_id, choices.answer(witness.waiting[request_id]))
            case _:
                witness.feed(choices.below(100))
    witness.leave() if leaving else witness.finish()
    while not track.done:
        finals = (t for t, r in witness.waiting.items() if r.kind is JobClass.FINAL)
        request_id = choices.of(*sorted(finals))
        witness.answer(request_id, choices.answer(witness.waiting[request_id]))
    assert track.pending_finals == 0
    assert witness.flushed == len(witness.flushes)
    if not leaving:
        assert track.committed == track.received
    witness.check_ledger(track.committed)


def test_speech_that_ends_where_it_was_cut_asks_for_nothing_more() -> None:
    """The cut's final has all of it; nothing is decoded twice, or empty."""
    voice = ListedVoice(iter([1.0] * (POLICY.longest_segment_samples // POLICY.window_samples)))
    track = Track("t", voice, POLICY)
    witness = Witness(track, voice, 0, last_seq=0)
    witness.feed(POLICY.longest_segment_samples)
    while finals := [t for t, r in witness.waiting.items() if r.kind is JobClass.FINAL]:
        witness.answer(finals[0], Dropped.FAILED)
    witness.finish()
    assert track.done
    assert not any(r.kind is JobClass.FINAL for r in witness.waiting.values())


@dataclass(frozen=True)
class Script:
    """Words at known places; words that are cut by the border of the audio come back garbled."""

    words: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        return self.words[-1][1] + 100 if self.words else 100

    def texts(self) -> list[str]:
        return [f"w{index}" for index in range(len(self.words))]

    def hear(self, start: int, end: int) -> Hypothesis:
        heard = []
        for index, (begins, ends) in enumerate(self.words):
            inside = min(ends, end) - max(begins, start)
            if inside == ends - begins:
                heard.append(Word(f"w{index}", begins, ends, 0.9))
            elif inside >= 4:
                heard.append(Word(f"w{index}~", max(begins, start), min(ends, end), 0.4))
        return Hypothesis(start, end, tuple(heard))

    def voice(self) -> ListedVoice:
        spoken = np.zeros(self.end + POLICY.window_samples, dtype=bool)
        for begins, ends in self.words:
            spoken[begins:ends] = True
        whole = len(spoken) - len(spoken) % POLICY.window_samples
        share = spoken[:whole].reshape(-1, POLICY.window_samples).mean(axis=1)
        return ListedVoice(iter([0.9 if part >= 0.5 else 0.05 for part in share]))


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Talk with short gaps, pauses inside a segment and pauses that end it, or with no pause."""
    at = draw(st.integers(0, 60))
    pauses = draw(st.sampled_from([(), (70, 200)]))
    words = []
    for gap, length in draw(
        st.lists(
            st.tuples(st.sampled_from([1, 2, 4, 8, 20, 24, *pauses]), st.integers(16, 24)),
            min_size=0 if pauses else 15,
            max_size=40,
        )
    ):
        words.append((at + gap, at + gap + length))
        at += gap + length
    return Script(tuple(words))


def conduct(script: Script, frames: Iterator[int], patience: Iterator[int]) -> Witness:
    """Feed the whole script; each request is answered after so many more frames."""
    voice = script.voice()
    track = Track("t", voice, POLICY)
    witness = Witness(track, voice, 0, 0)
    due: list[tuple[int, int]] = []  # (frame, request id)
    frame = 0

    def answer_due(now: int) -> None:
        while True:
            fresh = sorted(witness.waiting.keys() - {request_id for _, request_id in due})
            due.extend((now + next(patience, 0), request_id) for request_id in fresh)
            ripe = [entry for entry in due if entry[0] <= now]
            if not ripe:
                return
            for entry in ripe:
                due.remove(entry)
                heard = witness.waiting[entry[1]].utterance
                witness.answer(entry[1], script.hear(heard.start, heard.end))

    while track.received < script.end:
        witness.feed(min(next(frames, 8), script.end - track.received))
        frame += 1
        answer_due(frame)
    witness.finish()
    while not track.done:
        frame += 1
        answer_due(frame)
    return witness


@settings(max_examples=200, deadline=None)
@given(
    scripts(),
    st.lists(st.integers(1, 90), max_size=60),
    st.lists(st.integers(0, 30), max_size=60),
)
def test_no_word_is_lost_or_doubled(script: Script, frames: list[int], patience: list[int]) -> None:
    """Through pauses and forced cuts, and however late answers come, finals say each word once."""
    witness = conduct(script, iter(frames), iter(patience))
    said = [word.text for final in witness.finals for word in final.words]
    assert said == script.texts()
    assert witness.track.revised_words == 0
    witness.check_ledger(script.end)


@settings(max_examples=100, deadline=None)
@given(scripts(), st.lists(st.integers(1, 8), max_size=100))
def test_frame_sizes_change_nothing_when_answers_are_instantaneous(
    script: Script, frames: list[int]
) -> None:
    """Frames of at most one window give the same finals as frames of exactly one."""
    arbitrary = conduct(script, iter(frames), iter(()))
    even = conduct(script, iter(()), iter(()))
    assert arbitrary.finals == even.finals
    assert arbitrary.spans == even.spans
    assert len(arbitrary.request_ids) == len(even.request_ids)


@settings(max_examples=100, deadline=None)
@given(scripts(), st.integers(0, 5_000), st.lists(st.integers(0, 30), max_size=60))
def test_a_track_that_leaves_is_continued_from_its_commit_without_loss(
    script: Script, leaves_at: int, patience: list[int]
) -> None:
    """Two containers, one track: the finals of both together say each word once."""
    voice = script.voice()
    track = Track("t", voice, POLICY)
    first = Witness(track, voice, 0, 0)
    waits = iter(patience)
    while track.received < min(leaves_at, script.end):
        first.feed(8)
        if next(waits, 0) == 0:
            for request_id, request in sorted(first.waiting.items()):
                first.answer(
                    request_id, script.hear(request.utterance.start, request.utterance.end)
                )
    first.leave()
    while not track.done:
        for request_id, request in sorted(first.waiting.items()):
            first.answer(request_id, script.hear(request.utterance.start, request.utterance.end))
    resumed = track.committed
    rest = Script(tuple((a - resumed, b - resumed) for a, b in script.words if b > resumed))
    assert all(begins >= 0 for begins, _ in rest.words)
    done = len(script.words) - len(rest.words)
    second = conduct(rest, iter(()), iter(()))
    said = [word.text for final in first.finals for word in final.words]
    said += [f"w{int(w.text[1:]) + done}" for final in second.finals for w in final.words]
    assert said == script.texts()
