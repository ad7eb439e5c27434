"""What holds for every track, whatever it hears, whatever comes back and in whatever order.

Sample values carry their own absolute index, so that audio in the wrong place would show.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import DecodeRequest, Dropped, Track, TrackOutput
from wordloop_ml.messages import (
    Caption,
    Committed,
    Hypothesis,
    JobClass,
    Samples,
    SpanLost,
    SpeechStarted,
    Word,
)

POLICY = CaptioningPolicy(
    window_samples=8,
    onset_lead_samples=4,
    pre_roll_samples=16,
    endpoint_samples=40,
    speculate_samples=16,
    first_decode_samples=16,
    first_retry_samples=8,
    first_bound_samples=64,
    interim_samples=24,
    agree_samples=8,
    longest_segment_samples=160,
    cut_margin_samples=16,
    cut_slack_samples=0,
    cut_tolerance_samples=8,
    ring_samples=400,
    commit_step_samples=32,
    near_silence_rms=0.0,
    overhang_samples=12,
)
Choice = TypeVar("Choice")


def audio_at(start: int, end: int) -> Samples:
    """Samples whose value says where on the track they belong."""
    index = np.arange(start, end) % 65_536 - 32_768
    return (index / 32_768).astype(np.float32)


class ListedVoice:
    """A voice detector that says what it was told to say, in turn, then silence."""

    def __init__(self, probabilities: Iterator[float]) -> None:
        self._probabilities = probabilities
        self.said: list[float] = []

    def probability(self, window: Samples) -> float:
        assert len(window) == POLICY.window_samples
        self.said.append(next(self._probabilities, 0.0))
        return self.said[-1]


class Witness:
    """Drives one track and holds every promise of it against everything that it does."""

    def __init__(self, track: Track, voice: ListedVoice, first_sample: int, last_seq: int) -> None:
        self.track = track
        self.voice = voice
        self.first_sample = first_sample
        self.waiting: dict[int, DecodeRequest] = {}
        self.tickets: set[int] = set()
        self.asked: Counter[tuple[int, int]] = Counter()  # finals, by their audio
        self.finals: list[Caption] = []
        self.ended = False
        self.spans: list[tuple[int, int]] = []  # finals and named holes, as they came
        self.gap_ends: list[int] = []
        self.windows: list[tuple[int, int, float]] = []  # (start, end, probability)
        self._last_seq = last_seq
        self._committed = self._told = first_sample
        self._grid = first_sample  # where the next window starts
        self._resolved = first_sample

    def feed(self, count: int) -> None:
        count = min(count, self.track.room)
        at = self.track.received
        self._take(self.track.feed(audio_at(at, at + count)))
        self._see_windows(self.track.received)

    def answer(self, ticket: int, result: Hypothesis | Dropped) -> None:
        self.waiting.pop(ticket, None)
        self._take(self.track.answer(ticket, result))

    def finalize(self) -> None:
        self._take(self.track.finalize())

    def gap(self, count: int) -> None:
        before = self.track.received
        self._take(self.track.gap(count))
        self._see_windows(before)
        self._grid = before + count
        self.gap_ends.append(before + count)

    def finish(self) -> None:
        self.ended = True
        self._take(self.track.finish())
        self._see_windows(self.track.received)

    def leave(self) -> None:
        self.ended = True
        self._take(self.track.leave())

    def _see_windows(self, received: int) -> None:
        for probability in self.voice.said:
            end = min(self._grid + POLICY.window_samples, received)
            self.windows.append((self._grid, end, probability))
            self._grid = end
        self.voice.said.clear()

    def _take(self, outputs: list[TrackOutput]) -> None:
        for output in outputs:
            match output:
                case DecodeRequest():
                    self._take_request(output)
                case Caption():
                    self._take_caption(output)
                case SpanLost(_, code, start, end, committed, reason):
                    assert code in {"decode_failed", "rejected", "gap"}
                    assert (reason is not None) == (code == "rejected")
                    self._take_span(start, end, committed)
                case Committed(_, at):
                    assert at > self._told
                    self._move_committed(at)
                case SpeechStarted(_, at):
                    assert self._committed <= at <= self.track.received
        assert self.track.committed >= self._committed
        self._committed = self.track.committed
        assert self._resolved <= self.track.received
        assert 0 <= self.track.room <= POLICY.ring_samples
        if self.track.room == 0 and not self.ended:
            assert any(r.kind is JobClass.FINAL for r in self.waiting.values())

    def _take_request(self, request: DecodeRequest) -> None:
        assert request.ticket not in self.tickets
        self.tickets.add(request.ticket)
        self.waiting[request.ticket] = request
        heard = request.utterance
        if request.kind is JobClass.FINAL:  # once more after a failure, twice after refusals
            self.asked[heard.start, heard.end] += 1
            assert self.asked[heard.start, heard.end] <= 4
        longest = POLICY.longest_segment_samples + POLICY.endpoint_samples
        assert 0 < len(heard.samples) <= longest + POLICY.window_samples
        assert np.array_equal(heard.samples, audio_at(heard.start, heard.end))

    def _take_caption(self, caption: Caption) -> None:
        assert caption.start >= self._resolved
        assert caption.end <= self.track.received
        assert caption.segment == f"t-{caption.start}"
        cursor = caption.start
        for word in caption.words:
            assert cursor <= word.start <= word.end <= caption.end
            cursor = word.end
        stable = [word.stable for word in caption.words]
        assert stable == sorted(stable, reverse=True)
        if not caption.final:
            assert caption.words
            assert caption.seq is caption.committed is None
            return
        assert caption.words
        self._last_seq += 1
        assert caption.seq == self._last_seq
        self.finals.append(caption)
        assert caption.committed is not None
        self._take_span(caption.start, caption.end, caption.committed)

    def _take_span(self, start: int, end: int, committed: int) -> None:
        assert start < end
        assert start >= self._committed  # nothing that starts before C comes after C was told
        assert start >= self._resolved
        self.spans.append((start, end))
        self._resolved = end
        assert committed >= end
        self._move_committed(committed)

    def _move_committed(self, at: int) -> None:
        assert self._committed <= at <= self.track.received
        self._committed = self._told = at

    def check_ledger(self, until: int) -> None:
        """Each sample before ``until`` that is in no span is silence: no voice can be near it."""
        covered = np.zeros(max(until - self.first_sample, 0), dtype=bool)
        for start, end in self.spans:
            assert not covered[start - self.first_sample : end - self.first_sample].any()
            covered[start - self.first_sample : end - self.first_sample] = True
        reach = POLICY.pre_roll_samples + POLICY.onset_lead_samples
        for start, end in self._confirmed_windows():
            border = max(at for at in (self.first_sample, *self.gap_ends) if at <= start)
            near = max(start - reach, border) - self.first_sample
            past = min(end, until) - self.first_sample
            assert covered[near:past].all(), (start, self.spans)

    def _confirmed_windows(self) -> Iterator[tuple[int, int]]:
        for index, (start, end, probability) in enumerate(self.windows):
            if probability < POLICY.start_threshold:
                continue
            for later, _, other in self.windows[index + 1 :]:
                if later - start > POLICY.pre_roll_samples:
                    break
                if other >= POLICY.stay_threshold:
                    yield start, end
                    break


WORDS = ("yes", "no", "Well,", "well", "the", "budget", "-", "three")


class Choices:
    """Decisions read from bytes: cheap to draw in the thousands, and they shrink."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, bound: int) -> int:
        return next(self._data, 0) % bound

    def of(self, *options: Choice) -> Choice:
        return options[self.below(len(options))]

    def answer(self, request: DecodeRequest) -> Hypothesis | Dropped:
        """Anything an executor may answer: text that fits or not, nonsense, silence, failure."""
        start, end = request.utterance.start, request.utterance.end
        match self.of("words", "words", "words", "none", "loop", "wild", "drop"):
            case "drop":
                return self.of(Dropped.FAILED, Dropped.SUPERSEDED)
            case "none":
                return Hypothesis(start, end, ())
            case "loop":
                return Hypothesis(
                    start, end, tuple(Word("so", start, start, 0.5) for _ in range(9))
                )
            case "wild":
                times = [start - 40 + self.below(end - start + 80) for _ in range(6)]
            case _:
                count = 2 * self.below(6)
                times = sorted(start + self.below(end - start + 1) for _ in range(count))
        pairs = zip(times[::2], times[1::2], strict=True)
        words = tuple(Word(self.of(*WORDS), min(pair), max(pair), 0.9) for pair in pairs)
        likelihood = self.of(-0.2, -0.2, -0.2, -3.0)
        return Hypothesis(
            start,
            end,
            words,
            self.of("en", "de"),
            average_log_probability=likelihood,
            language_probability=self.of(0.3, 0.9),
        )

    def run_of(self) -> list[float]:
        """A run of windows with one probability."""
        return [self.of(0.0, 0.2, 0.34, 0.4, 0.5, 0.9, 0.9)] * (1 + self.below(12))


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
                witness.finalize()
            case 16:
                witness.gap(1 + choices.below(50))
            case 17:
                witness.answer(choices.below(7) - 3, Dropped.FAILED)
            case step if step >= 9 and witness.waiting:
                ticket = choices.of(*sorted(witness.waiting))
                witness.answer(ticket, choices.answer(witness.waiting[ticket]))
            case _:
                witness.feed(choices.below(100))
    witness.leave() if leaving else witness.finish()
    while not track.done:
        finals = (t for t, r in witness.waiting.items() if r.kind is JobClass.FINAL)
        ticket = choices.of(*sorted(finals))
        witness.answer(ticket, choices.answer(witness.waiting[ticket]))
    assert track.pending_finals == 0
    if not leaving:
        assert track.committed == track.received
    witness.check_ledger(track.committed)


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
    due: list[tuple[int, int]] = []  # (frame, ticket)
    frame = 0

    def answer_due(now: int) -> None:
        while True:
            fresh = sorted(witness.waiting.keys() - {ticket for _, ticket in due})
            due.extend((now + next(patience, 0), ticket) for ticket in fresh)
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
    assert len(arbitrary.tickets) == len(even.tickets)


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
            for ticket, request in sorted(first.waiting.items()):
                first.answer(ticket, script.hear(request.utterance.start, request.utterance.end))
    first.leave()
    while not track.done:
        for ticket, request in sorted(first.waiting.items()):
            first.answer(ticket, script.hear(request.utterance.start, request.utterance.end))
    resumed = track.committed
    rest = Script(tuple((a - resumed, b - resumed) for a, b in script.words if b > resumed))
    assert all(begins >= 0 for begins, _ in rest.words)
    done = len(script.words) - len(rest.words)
    second = conduct(rest, iter(()), iter(()))
    said = [word.text for final in first.finals for word in final.words]
    said += [f"w{int(w.text[1:]) + done}" for final in second.finals for w in final.words]
    assert said == script.texts()
