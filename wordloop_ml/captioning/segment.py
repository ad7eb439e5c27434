"""One segment of speech, from its onset to its last final: when it is decoded, and where it is cut; pure.

A run of speech is one segment when the speaker pauses in time, and several when cuts divide it:
``start`` then moves on to the segment that is still to be resolved. ``choose_cut`` says where.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from wordloop_ml.captioning.guards import AudioFacts
from wordloop_ml.captioning.local_agreement import LocalAgreement, normalised
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import (
    DecodeOptions,
    Hypothesis,
    JobClass,
    RejectReason,
    Utterance,
    Word,
)


@dataclass(frozen=True, slots=True)
class FinalText:
    """The outcome of a final that has text; language: by the model's code."""

    words: tuple[Word, ...]
    language: str


@dataclass(frozen=True, slots=True)
class NoFinal:
    """The outcome of a final without text: the code and the reason of a ``SpanLost``."""

    code: str
    reason: RejectReason | None = None


@dataclass(slots=True)
class FinalJob:
    """A decode with final parameters over all of a segment, until its outcome is known.

    utterance: all of the segment. lead: the absolute sample from which words belong to it, where
        the first decode hears the segment before, too.
    options: of the decode that is awaited.
    cut: the speaker goes on, so the segment will end between two words before the audio's end.
    retries: how to ask again, in this order, when a guard doubts what was heard.
    doubted: what guards doubted, with their reasons, in the order of the decodes.
    accepted: what none of them did.
    postponed: the next retry is due when the speech is over: until then it is a speculation,
        whose place on an inference thread others need more.
    outcome: None while the decode is awaited or postponed.
    """

    utterance: Utterance
    lead: int
    facts: AudioFacts
    options: DecodeOptions
    cut: bool
    retries: tuple[DecodeOptions, ...] = ()
    failed_once: bool = False
    doubted: list[tuple[RejectReason, Hypothesis]] = field(default_factory=list)
    accepted: Hypothesis | None = None
    postponed: bool = False
    outcome: FinalText | NoFinal | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a track: absolute samples."""

    start: int
    end: int


class Segment:
    """One segment; after a cut, the segment that the rest of its run of speech makes.

    began: where the run begins; start: where the segment begins that is to be resolved next.
    end: where the run ends; None while the speaker may go on.
    spoken_until: one past the newest window in which the speaker spoke.
    speech_final: the run ended because the speaker paused.
    job: the final that is being decoded, perhaps ahead of the endpoint.
    language: what an interim was sure to hear.
    lead: the segment shortly before it; None where there is none, and after a cut.
    flushes: how many flushes are answered when its run of speech is resolved.
    """

    def __init__(
        self, start: int, onset: int, policy: CaptioningPolicy, lead: Span | None = None
    ) -> None:
        self._policy = policy
        self._first_decode_at = onset + policy.first_decode_samples
        self._first_until = onset + policy.first_bound_samples
        self._asked_until = start
        self._wait_until = onset + policy.first_wait_samples
        self._first_word = ""
        self.began = self.start = start
        self.end: int | None = None
        self.spoken_until = start
        self.speech_final = False
        self.job: FinalJob | None = None
        self.language: str | None = None
        self.lead = lead
        self.flushes = 0
        self.agreement = LocalAgreement(policy.agree_samples, policy.stable_confidence)

    @property
    def open(self) -> bool:
        """Whether the speaker may go on."""
        return self.end is None

    @property
    def empty(self) -> bool:
        """Whether it ended where a cut divided it: nothing of it is left."""
        return self.end is not None and self.end <= self.start

    @property
    def being_cut(self) -> bool:
        """Whether a decode is to say where this speech is divided."""
        return self.job is not None and self.job.cut

    @property
    def resolvable(self) -> bool:
        """Whether the outcome of its final is known and may leave: it is no speculation."""
        job = self.job
        return job is not None and job.outcome is not None and (job.cut or not self.open)

    @property
    def needed_from(self) -> int:
        """The first sample that a decode of it may hear."""
        return self.start if self.lead is None else self.lead.start

    @property
    def handed_over(self) -> bool:
        """Whether its final has all of its audio, so that the buffer need not keep it."""
        return self.job is not None and not self.job.cut and not self.open

    def samples_before(self, index: int) -> int:
        """Count the samples of its final's audio that lie before an absolute index."""
        if self.job is None or not self.handed_over:
            return 0
        utterance = self.job.utterance
        return max(0, min(utterance.end, index) - utterance.start)

    def final_due(self, now: int, silence: int | None) -> tuple[int, bool] | None:
        """Return where the audio of a final ends that is due, and whether it cuts the speech; None without.

        A final is due at the end of speech; ahead of it, when silence has lasted
        ``speculate_samples``; and, for the first part, when speech is too long for one segment.

        now: absolute index one past the newest window. silence: where silence began, if it did.
        """
        policy = self._policy
        if self.job is not None or self.empty:
            return None
        stop, limit = self.end, self.start + policy.longest_segment_samples
        if self.open:
            self.extend(now, silence)
        if self.spoken_until >= limit:  # however late it is asked: what is cut where stays the same
            return limit, True
        if stop is None and silence is not None:
            stop = silence + policy.speculate_samples
            return (stop, False) if stop <= now else None
        return None if stop is None else (stop, False)

    def extend(self, now: int, silence: int | None) -> None:
        """Note that the speaker spoke up to ``now``, or up to where silence began."""
        self.spoken_until = now if silence is None else silence

    def interim_due(
        self, now: int, silence: int | None, interim_interval_factor: float
    ) -> JobClass | None:
        """Return the class of the interim that is due; None where none is, as while a final is decoded.

        now, silence: as for ``final_due``. interim_interval_factor: how many times longer the
        interval between interims is than usual.
        """
        policy, shown = self._policy, bool(self.agreement.words)
        if self.job is not None or (shown and silence is not None):
            return None
        if now - self.start > policy.longest_segment_samples + policy.min_silence_samples:
            return None  # a cut came late and the next one is due as soon as silence is told apart
        early = now < self._first_until
        first = early and not shown
        interval = max(policy.interim_samples, (now - self.start) // policy.interim_share)
        if early and shown:
            interval = min(interval, policy.early_interim_samples)
        every = policy.first_retry_samples if first else interval * interim_interval_factor
        if now < self._first_decode_at or now - self._asked_until < every:
            return None
        self._asked_until = now
        return JobClass.FIRST_CAPTION if first else JobClass.INTERIM

    def is_ready_to_show(self, words: Sequence[Word], until: int) -> bool:
        """Whether words may be shown: any after the first ones, and the first ones once they are sure.

        A first word is sure by its confidence; less is needed where the hypothesis before began with
        it, too, and none from ``first_wait_samples`` of audio on.

        until: absolute index one past the audio of the hypothesis.
        """
        if self.agreement.words or not words:
            return bool(words)
        policy, before = self._policy, self._first_word
        self._first_word = normalised(words[0].text)
        again = self._first_word == before
        needed = policy.first_confidence_again if again else policy.first_confidence
        return words[0].confidence >= needed or until >= self._wait_until

    def resume(self) -> None:
        """Note that the speaker goes on: the answer of a speculation is taken as an interim's."""
        if not self.being_cut:
            self.job = None

    def close(self, end: int, *, paused: bool) -> None:
        """End the run of speech at a sample; a speculative final is kept where it covers all of it.

        paused: the speaker paused; False where the border was drawn from outside.
        """
        self.end, self.speech_final = end, paused
        if self.job is not None and not self.job.cut and self.job.utterance.end != end:
            self.job = None

    def go_on_from(self, start: int) -> None:
        """Become the segment that starts after a cut; its captions are interims, no first ones."""
        if self.job is not None:
            self._asked_until = self.job.utterance.end
        self._first_decode_at = self._first_until = self.start = start
        self.lead = None
        self.job = None
        self.agreement = LocalAgreement(self._policy.agree_samples, self._policy.stable_confidence)


class Gap:
    """Audio that the client does not have: absolute samples [start, end).

    flushes: how many flushes are answered behind it.
    """

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.flushes = 0


_HOP_SAMPLES = 80
"""5 ms between the places that a cut may take."""

_LISTEN_SAMPLES = 320
"""20 ms around each of them, whose loudness is compared."""

_SAME_LOUDNESS = 1e-3
"""Differences in RMS below this are no reason to move a cut."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The first ``words`` words are final and the segment ends ``at`` this absolute sample."""

    words: int
    at: int


def choose_cut(words: Sequence[Word], heard: Utterance, policy: CaptioningPolicy) -> Cut:
    """Divide an utterance, in which ``words`` were heard, in a gap between two words.

    In the longest gap that lies in the later half and a margin before the end, where words are
    whole; of equals the last. Without a word there, everything is final. Each cut takes at least
    half of the audio with it, so speech cannot outrun its cuts. Nothing but this audio and its
    words decides, so that the same audio is always cut at the same place.
    """
    half = heard.start + (len(heard.samples) + 1) // 2
    possible = [
        index
        for index, word in enumerate(words)
        if word.end <= heard.end - policy.cut_margin_samples
        and _next_start(words, index, heard) >= half
    ]
    if not possible:
        return Cut(len(words), heard.end)
    gaps = {index: _next_start(words, index, heard) - words[index].end for index in possible}
    longest = max(gaps.values())
    best = max(index for index in possible if gaps[index] >= longest - policy.cut_slack_samples)
    return Cut(best + 1, _border(words, best, half, heard, policy))


def _next_start(words: Sequence[Word], index: int, heard: Utterance) -> int:
    """Return where the gap after a word ends; halfway to the end when no other word was heard.

    A word that has just begun at the end of the audio may not have been heard yet.
    """
    if index + 1 < len(words):
        return words[index + 1].start
    return (words[index].end + heard.end) // 2


def _border(
    words: Sequence[Word], index: int, half: int, heard: Utterance, policy: CaptioningPolicy
) -> int:
    """Return the quietest sample in the gap after a word, or around it: word times are heuristic."""
    word_end, next_start = words[index].end, _next_start(words, index, heard)
    if index + 1 < len(words):
        wanted = (word_end + next_start) // 2
    else:
        wanted = min(word_end + policy.cut_slack_samples, next_start)
    first = max(word_end - policy.cut_slack_samples, half)
    last = min(next_start + policy.cut_slack_samples, heard.end)
    places = (max(wanted, half), *range(first, last + 1, _HOP_SAMPLES))
    loudness = {place: _loudness(heard, place) for place in places}
    least = min(loudness.values()) + _SAME_LOUDNESS
    quiet: list[int] = [place for place in loudness if loudness[place] <= least]
    return min(quiet, key=lambda place: abs(place - wanted))


def _loudness(heard: Utterance, place: int) -> float:
    """Return the root mean square of the 20 ms around an absolute sample."""
    middle = place - heard.start
    around = heard.samples[max(middle - _LISTEN_SAMPLES // 2, 0) : middle + _LISTEN_SAMPLES // 2]
    return float(np.sqrt(np.mean(np.square(around)))) if len(around) else 0.0
