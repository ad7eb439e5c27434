"""A track that is watched: every promise is checked after each step.

Sample values carry their own absolute index, so that audio in the wrong place would show.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.messages import (
    Caption,
    Committed,
    Flushed,
    Hypothesis,
    JobClass,
    Samples,
    SpanLost,
    SpeechStarted,
)

POLICY = CaptioningPolicy(
    window_samples=8,
    onset_lead_samples=4,
    pre_roll_samples=16,
    min_silence_samples=40,
    speculate_samples=16,
    first_decode_samples=16,
    first_retry_samples=8,
    first_wait_samples=32,
    first_bound_samples=64,
    interim_samples=24,
    agree_samples=8,
    longest_segment_samples=160,
    cut_margin_samples=16,
    cut_slack_samples=0,
    lead_gap_samples=48,
    lead_samples=120,
    buffer_samples=400,
    commit_step_samples=32,
    near_silence_rms=0.0,
    overhang_samples=12,
    shortest_word_samples=1,
)


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
        self.request_ids: set[int] = set()
        self.asked: Counter[tuple[int, int]] = Counter()  # finals, by their audio
        self.finals: list[Caption] = []
        self.ended = False
        self.spans: list[tuple[int, int]] = []  # finals and lost spans, as they came
        self.gap_ends: list[int] = []
        self.flushes: list[int] = []  # where each flush was asked for that is to be answered
        self.flushed = 0  # how many of them were answered
        self.windows: list[tuple[int, int, float]] = []  # (start, end, probability)
        self._last_seq = last_seq
        self._committed = self._told = first_sample
        self._grid = first_sample  # where the next window starts
        self._resolved = first_sample

    def feed(self, count: int) -> None:
        room = self.track.room
        count = min(count, room)
        at = self.track.received
        self._take(self.track.feed(audio_at(at, at + count)))
        assert self.track.room >= room - count  # whoever was told of room may rely on it
        self._see_windows(self.track.received)

    def answer(self, request_id: int, result: Hypothesis | Dropped) -> None:
        room = self.track.room
        self.waiting.pop(request_id, None)
        self._take(self.track.answer(request_id, result))
        assert self.track.room >= room

    def finalize(self, *, answered: bool = False) -> None:
        if answered:
            self.flushes.append(self.track.received)
        self._take(self.track.finalize(answered=answered))

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
                case Flushed(_, at):
                    self._take_flush(at)
                case SpeechStarted(_, at):
                    assert self._committed <= at <= self.track.received
        assert self.track.committed >= self._committed
        self._committed = self.track.committed
        assert self._resolved <= self.track.received
        assert 0 <= self.track.room <= POLICY.buffer_samples
        if (self.track.room == 0 or self.track.crowded) and not self.ended:
            assert any(r.kind is JobClass.FINAL for r in self.waiting.values())

    def _take_flush(self, at: int) -> None:
        asked_at = self.flushes[self.flushed]
        assert at <= asked_at
        assert not any(asked_at < start for start, _ in self.spans)  # nothing later went before
        self.flushed += 1

    def _take_request(self, request: DecodeRequest) -> None:
        assert request.request_id not in self.request_ids
        self.request_ids.add(request.request_id)
        self.waiting[request.request_id] = request
        heard = request.utterance
        if request.kind is JobClass.FINAL:  # once more after a failure, twice after refusals
            self.asked[heard.start, heard.end] += 1
            assert self.asked[heard.start, heard.end] <= 4
        longest = POLICY.longest_segment_samples + POLICY.min_silence_samples
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
        if caption.flushed:
            assert caption.final
            self._take_flush(caption.end)
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
            if probability < POLICY.threshold:
                continue
            for later, _, other in self.windows[index + 1 :]:
                if later - start > POLICY.pre_roll_samples:
                    break
                if other >= POLICY.neg_threshold:
                    yield start, end
                    break
