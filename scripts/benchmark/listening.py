"""The real pipeline over a sound, without a server or a clock: what it showed and what it refused.

The same track, voice detector and engine as in a meeting, fed frame by frame. Every decode is
answered at once, so that a run depends on the sound alone, and takes as long as the decodes take.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wordloop_ml.captioning.guards import facts_of, judge
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import DecodeRequest, Dropped, Track, TrackOutput
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import (
    Caption,
    Hypothesis,
    JobClass,
    RejectReason,
    Samples,
    SpanLost,
    SpeechStarted,
    Word,
)
from wordloop_ml.ports import TranscriberWorker, VoiceStream

FRAME_SAMPLES = 320

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """One hypothesis: what it was decoded for, its words, and why it was refused, if it was."""

    kind: JobClass
    words: tuple[Word, ...]
    reason: RejectReason | None


@dataclass(slots=True)
class Listened:
    """What came of a sound; positions are samples of it.

    onsets: where the voice detector opened a segment.
    interims, finals, lost: what the track told its listeners, in order.
    judged: every hypothesis that the engine gave.
    """

    samples: int
    committed: int = 0
    onsets: list[int] = field(default_factory=list)
    interims: list[Caption] = field(default_factory=list)
    finals: list[Caption] = field(default_factory=list)
    lost: list[SpanLost] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    @property
    def resolved(self) -> list[Span]:
        """What finals and holes cover, in order."""
        finals = [(one.start, one.end) for one in self.finals]
        return sorted(finals + [(one.start, one.end) for one in self.lost])

    @property
    def silence(self) -> int:
        """Samples that no final and no hole covers: what was committed as silence."""
        return self.samples - sum(end - start for start, end in self.resolved)

    @property
    def refused_words(self) -> Counter[RejectReason]:
        """How many words the guards kept back, by reason."""
        refused: Counter[RejectReason] = Counter()
        for one in self.judged:
            if one.reason is not None and one.words:
                refused[one.reason] += len(one.words)
        return refused

    @property
    def refused_finals(self) -> Counter[RejectReason]:
        """How many decodes of finals the guards refused, by reason; a retry counts again."""
        return Counter(
            one.reason
            for one in self.judged
            if one.reason is not None and one.kind is JobClass.FINAL
        )

    def words_outside(self, speech: Sequence[Span], slack: int) -> int:
        """Words of finals whose middle lies further than ``slack`` from all speech."""
        return sum(
            not any(
                start - slack <= (word.start + word.end) // 2 < end + slack for start, end in speech
            )
            for final in self.finals
            for word in final.words
        )

    @property
    def shown_words(self) -> int:
        """Words of interims: for each segment, the most that were shown at a time."""
        most: dict[str, int] = {}
        for one in self.interims:
            most[one.segment] = max(most.get(one.segment, 0), len(one.words))
        return sum(most.values())


def listen(
    samples: Samples,
    worker: TranscriberWorker | None,
    voice: VoiceStream,
    *,
    policy: CaptioningPolicy | None = None,
    interims: bool = True,
    stretch: float = 1.0,
) -> Listened:
    """Run a whole sound through a track; blocking.

    samples: float32, 16 kHz. worker: None fails every decode, which is enough to watch the
    detector. interims: whether they are decoded; finals do not depend on them.
    """
    policy = policy or CaptioningPolicy()
    track = Track("t", voice, policy, language="en")
    track.stretch(stretch)
    ear = _Ear(track, worker, policy, interims=interims)
    heard = Listened(len(samples))
    for start in range(0, len(samples), FRAME_SAMPLES):
        ear.settle(track.feed(samples[start : start + FRAME_SAMPLES]), heard)
    ear.settle(track.finish(), heard)
    heard.committed = track.committed
    return heard


class _Ear:
    """Answers what a track asks for, and notes what it tells."""

    def __init__(
        self,
        track: Track,
        worker: TranscriberWorker | None,
        policy: CaptioningPolicy,
        *,
        interims: bool,
    ) -> None:
        self._track = track
        self._worker = worker
        self._policy = policy
        self._interims = interims

    def settle(self, outputs: list[TrackOutput], heard: Listened) -> None:
        """Until the track asks for nothing more."""
        todo = deque(outputs)
        while todo:
            match todo.popleft():
                case DecodeRequest() as request:
                    result = self._decoded(request, heard)
                    todo.extendleft(reversed(self._track.answer(request.ticket, result)))
                case SpeechStarted(at=at):
                    heard.onsets.append(at)
                case Caption() as caption:
                    (heard.finals if caption.final else heard.interims).append(caption)
                case SpanLost() as hole:
                    heard.lost.append(hole)

    def _decoded(self, request: DecodeRequest, heard: Listened) -> Hypothesis | Dropped:
        if request.kind is not JobClass.FINAL and not self._interims:
            return Dropped.SUPERSEDED
        if self._worker is None:
            return Dropped.FAILED
        try:
            hypothesis = self._worker.transcribe(request.utterance, request.options)
        except EngineFailed:
            return Dropped.FAILED
        facts = facts_of(request.utterance, self._policy.window_samples)
        reason = judge(hypothesis, facts, self._policy)
        heard.judged.append(Judged(request.kind, hypothesis.words, reason))
        return hypothesis


def unaccounted(heard: Listened) -> Iterator[str]:
    """Every way in which a sample is not in exactly one of a final, a hole and proven silence."""
    before = 0
    for start, end in heard.resolved:
        if start < before:
            yield f"samples {start} to {min(before, end)} are covered twice"
        if not 0 <= start <= end <= heard.samples:
            yield f"the span {start} to {end} lies outside the sound"
        before = max(before, end)
    for onset in heard.onsets:
        if not any(start <= onset < end for start, end in heard.resolved):
            yield f"speech that began at {onset} ended as silence"
    if heard.committed != heard.samples:
        yield f"{heard.committed} of {heard.samples} samples are committed"


def segments(heard: Listened, policy: CaptioningPolicy) -> list[Span]:
    """The voice detector's segments: from the onset to the beginning of the silence.

    A segment ends ``speculate_samples`` into the silence behind it, unless the sound ends before.
    """
    ends: dict[int, int] = {}
    for _, end in heard.resolved:
        # of the run that began last before it; a run that was cut has several spans
        onset = max((one for one in heard.onsets if one < end), default=None)
        if onset is not None:
            ends[onset] = end
    return [
        (onset, max(onset, end if end >= heard.samples else end - policy.speculate_samples))
        for onset, end in sorted(ends.items())
    ]
