"""One participant's track: samples and hypotheses in, captions and requests for decodes out; pure.

The track is a state machine that owns nothing but its state. It requests decodes and is told
their outcomes, in any order, late or never; finals leave in the order of their start. The queue
holds what is not resolved, in order: everything before its head, or before the silence that the
voice detector has proven, is ``committed``.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from wordloop_ml.captioning.decodes import (
    DecodeRequest,
    Dropped,
    Languages,
    Lead,
    PendingDecode,
    PendingDecodes,
)
from wordloop_ml.captioning.endpointer import (
    EndpointerEvent,
    SpeechBegan,
    SpeechDetector,
    SpeechEnded,
    SpeechResumed,
)
from wordloop_ml.captioning.guards import (
    Glossary,
    clamp_words,
    reject_reason,
    without_annotations,
    without_repeats,
)
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import (
    FinalJob,
    FinalText,
    Gap,
    NoFinal,
    Segment,
    Span,
    choose_cut,
)
from wordloop_ml.messages import (
    AudioContext,
    Caption,
    CaptionWord,
    Committed,
    DecodeOptions,
    Flushed,
    Hypothesis,
    RejectReason,
    Samples,
    SpanLost,
    SpeechStarted,
    Task,
    TrackEvent,
    Word,
)
from wordloop_ml.ports import VoiceStream

TrackOutput = TrackEvent | Flushed | DecodeRequest
"""What a track's methods return: events for its listeners and decodes for the executor."""

MOST_WAITING = 128
"""Runs of speech and gaps that may wait for the first of them, as far as a track's owner keeps to
``crowded``: more than a full buffer of speech with pauses holds, half of what an outbox takes."""


class Track:
    """Makes the captions of one track.

    name: opaque; becomes part of the segment ids.
    voice: the voice detector's memory of this track.
    first_sample: absolute index of the first sample that will be fed (a resumed stream's C).
    last_seq: ``seq`` of the last final that was already sent, 0 for none.
    live_from: captions of segments that start before are marked as replay.
    language: what is spoken, by the model's code; None lets a multilingual model say.
    task: TRANSLATE gives English captions, where the model can.
    vocabulary: names and terms to expect; bounded by messages.VOCABULARY_*.
    careful: decode everything with the full audio context.

    rejections, stable_words, revised_words: counters, for metrics: what the guards refused, how
    many words became stable and how many of these their final did not confirm.
    """

    def __init__(
        self,
        name: str,
        voice: VoiceStream,
        policy: CaptioningPolicy,
        *,
        first_sample: int = 0,
        last_seq: int = 0,
        live_from: int = 0,
        language: str | None = None,
        task: Task = Task.TRANSCRIBE,
        vocabulary: tuple[str, ...] = (),
        careful: bool = False,
    ) -> None:
        self._name = name
        self._ledger = Ledger(name, first_sample, last_seq, live_from)
        self._policy = policy
        self._detector = SpeechDetector(voice, policy, first_sample)
        self._glossary = Glossary(vocabulary)
        self._languages = Languages(policy, language)
        options = DecodeOptions(
            language,
            task,
            self._glossary.prompt,
            AudioContext.FULL if careful else AudioContext.SHORT,
        )
        self._decodes = PendingDecodes(policy, options, self._languages)
        self._language_given = language is not None
        self._queue: deque[Segment | Gap] = deque()  # in order of start; only the last may be open
        self._interim_interval_factor = 1.0
        self._closed = False
        self._ended: Span | None = None  # the newest segment that is over
        self._left_at: int | None = None  # after a drain: nothing from here on is ours
        self.rejections: Counter[RejectReason] = Counter()
        self.stable_words = 0
        self.revised_words = 0

    # -- what its owner reads ----------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many samples ``feed`` takes now without giving up audio that no final covers."""
        if self._closed:
            return 0
        released = self._detector.buffer.start
        elsewhere = sum(segment.samples_before(released) for segment in self._segments())
        return max(0, self._detector.buffer.room - elsewhere)

    @property
    def crowded(self) -> bool:
        """Whether so much waits for a final that the owner is to feed nothing until it is there.

        What waits leaves in one step, and the outbox is to have room for it.
        """
        return len(self._queue) >= MOST_WAITING

    @property
    def received(self) -> int:
        """Absolute index one past the last sample fed or skipped."""
        return self._detector.buffer.end

    @property
    def committed(self) -> int:
        """Absolute index before which audio is no longer needed; never moves back, nor stands in a word."""
        return self._ledger.committed

    @property
    def next_seq(self) -> int:
        """The ``seq`` that the next final will have."""
        return self._ledger.next_seq

    @property
    def language(self) -> str | None:
        """What its finals have established as spoken; None until then."""
        return self._languages.established

    @property
    def pending_finals(self) -> int:
        """How many runs of speech wait for a final, speculation aside."""
        return sum(segment.being_cut or not segment.open for segment in self._segments())

    @property
    def quiet(self) -> bool:
        """Whether nobody speaks, as far as it has heard, and all that was said is out."""
        return not self._queue

    @property
    def voice_failures(self) -> int:
        """How many windows the voice detector failed on, for metrics."""
        return self._detector.failures

    @property
    def done(self) -> bool:
        """After ``finish`` or ``leave``: every final is out."""
        return self._closed and not self._queue

    # -- what happens to it ------------------------------------------------------------------

    def feed(self, samples: Samples) -> list[TrackOutput]:
        """Take audio: float32, shape (n,), in [-1, 1], 16 kHz. Raises ``ValueError`` beyond ``room``."""
        if len(samples) > self.room:
            raise ValueError(f"{len(samples)} samples exceed the track's room of {self.room}")
        out: list[TrackOutput] = []
        self._detector.buffer.append(samples)
        while self._detector.pending_samples >= self._policy.window_samples:
            self._process_window(self._policy.window_samples, out)
        self._ask_interim(out)
        return self._settled(out)

    def answer(self, request_id: int, result: Hypothesis | Dropped) -> list[TrackOutput]:
        """Take the result of a decode; an id that is unknown or forgotten is ignored."""
        out: list[TrackOutput] = []
        pending = self._decodes.answered(request_id)
        if pending is None:
            return out
        if isinstance(result, Hypothesis):
            result = self._said(result, pending)
        if pending.job is not None and pending.job is pending.segment.job:
            self._take_final(pending.segment, pending.job, result, out)
        elif isinstance(result, Hypothesis):
            self._take_interim(pending, result, out)
        return self._settled(out)

    def finalize(self, *, answered: bool = False) -> list[TrackOutput]:
        """End what is open at the newest sample, inside a word or not, and go on.

        answered: one answer follows once all that was said is out: the last of these finals has
        ``flushed``, or a ``Flushed`` comes where there is none.
        """
        out: list[TrackOutput] = []
        if not self._closed:
            self._follow(self._detector.close(last=False), out, paused=False)
        if answered and self._queue:
            self._queue[-1].flushes += 1
        elif answered:
            out.append(Flushed(self._name, self.received))
        return self._settled(out)

    def gap(self, samples: int) -> list[TrackOutput]:
        """End what is open, and skip ``samples`` samples for which the client has no audio."""
        out: list[TrackOutput] = []
        if samples > 0 and not self._closed:
            self._close_for_good(out, paused=False)
            self._ended = None
            at, last = self.received, self._queue[-1] if self._queue else None
            if isinstance(last, Gap) and last.end == at and not last.flushes:
                last.end += samples
            else:
                self._queue.append(Gap(at, at + samples))
            self._detector.skip(samples)
        return self._settled(out)

    def finish(self) -> list[TrackOutput]:
        """End what is open: no more audio comes. The track is ``done`` once the last final is out."""
        out: list[TrackOutput] = []
        if not self._closed:
            self._close_for_good(out, paused=True)
            self._detector.skip(0)
            self._closed = True
        return self._settled(out)

    def leave(self) -> list[TrackOutput]:
        """Take no more audio: closed segments get their finals, the open one gets none.

        ``committed`` stays at or before the open one's start, so that it is replayed elsewhere.
        """
        if not self._closed:
            self._closed = True
            if self._open_segment() is None:
                self._left_at = self._detector.endpointer.proven_silence_until
        return self._settled([])

    def expect_language(self, language: str) -> None:
        """Note that another track of the meeting speaks this language."""
        self._languages.expect(language)

    def set_hints(self, language: str | None, vocabulary: tuple[str, ...]) -> None:
        """Change what the client says of the speech: every decode that is requested from now on has it."""
        self._glossary = Glossary(vocabulary)
        self._language_given = language is not None
        self._decodes.set_hints(language, self._glossary.prompt)

    def set_interim_interval_factor(self, factor: float) -> None:
        """Make the interval between interims ``factor`` times as long; it changes nothing else."""
        self._interim_interval_factor = factor

    # -- from windows to segments ------------------------------------------------------------

    def _process_window(self, samples: int, out: list[TrackOutput]) -> None:
        event = self._detector.process_window(samples)
        self._follow(() if event is None else (event,), out, paused=True)
        if (segment := self._open_segment()) is not None:
            segment.extend(self._detector.endpointer.position, self._detector.endpointer.silence)
            self._ask_final(segment, out)

    def _close_for_good(self, out: list[TrackOutput], *, paused: bool) -> None:
        """Judge the part of a window that is left, then end what is open: no audio follows."""
        if left := self._detector.pending_samples:
            self._process_window(left, out)
        self._follow(self._detector.close(last=True), out, paused=paused)

    def _follow(
        self, events: Iterable[EndpointerEvent], out: list[TrackOutput], *, paused: bool
    ) -> None:
        for event in events:
            segment = self._open_segment()
            match event:
                case SpeechBegan(start, onset):
                    self._queue.append(Segment(start, onset, self._policy, self._before(start)))
                    out.append(SpeechStarted(self._name, onset))
                case SpeechResumed() if segment is not None:
                    segment.resume()
                case SpeechEnded(end) if segment is not None:
                    segment.close(end, paused=paused)
                    self._ended = Span(segment.began, end)
                    self._ask_final(segment, out)

    def _before(self, start: int) -> Span | None:
        """Return the segment that ended so lately that one that starts here is decoded with it, or None."""
        ended, policy = self._ended, self._policy
        if ended is None or start - ended.end > policy.lead_gap_samples:
            return None
        return ended if start - ended.start < policy.lead_samples else None

    def _open_segment(self) -> Segment | None:
        last = self._queue[-1] if self._queue else None
        return last if isinstance(last, Segment) and last.open else None

    def _segments(self) -> Iterator[Segment]:
        return (item for item in self._queue if isinstance(item, Segment))

    # -- from segments to decodes ------------------------------------------------------------

    def _ask_final(self, segment: Segment, out: list[TrackOutput]) -> None:
        if self._closed and segment.open:
            return  # a drain does not cut
        if not self._language_given and segment is not next(self._segments()):
            return  # what its language is expected to be follows from the finals before it
        job = segment.job
        if job is not None and job.postponed and not segment.open:
            self._ask_again(self._decodes.retry(segment, job, now=True), out)
        due = segment.final_due(
            self._detector.endpointer.position, self._detector.endpointer.silence
        )
        if due is not None:
            end, cut = due
            heard = self._detector.audio(segment.start, end)
            lead = None if cut else self._lead(segment, end)
            out.append(self._decodes.final(segment, heard, cut=cut, lead=lead))

    def _lead(self, segment: Segment, end: int) -> Lead | None:
        """Return the audio of the segment before with this one's up to ``end``; None where it is too much."""
        if segment.lead is None or end - segment.lead.start > self._policy.lead_samples:
            return None
        before = segment.lead
        return Lead(self._detector.audio(before.start, end), (before.end + segment.start) // 2)

    def _ask_interim(self, out: list[TrackOutput]) -> None:
        """Request an interim if one is due; once a feed, since only the newest is of use."""
        segment, now = self._open_segment(), self._detector.endpointer.position
        if segment is None:
            return
        kind = segment.interim_due(
            now, self._detector.endpointer.silence, self._interim_interval_factor
        )
        if kind is not None:
            out.append(
                self._decodes.interim(segment, kind, self._detector.audio(segment.start, now))
            )

    # -- from decodes to captions ------------------------------------------------------------

    def _said(self, result: Hypothesis, pending: PendingDecode) -> Hypothesis:
        """Return a hypothesis without annotations, which are counted, and without the words of a lead."""
        said = without_annotations(result.words)
        if len(said) < len(result.words):
            self.rejections[RejectReason.ANNOTATION] += 1
        if result.start < pending.facts.start and pending.job is not None:
            own = tuple(word for word in said if word.start + word.end >= 2 * pending.job.lead)
            said = clamp_words(own, pending.facts.start, pending.facts.end)
        return replace(result, words=said)

    def _take_interim(
        self, pending: PendingDecode, result: Hypothesis, out: list[TrackOutput]
    ) -> None:
        reason = reject_reason(result, pending.facts, self._policy, self._glossary)
        if reason not in {None, RejectReason.NO_WORDS}:
            self.rejections[reason] += 1
        words = result.words
        if reason is RejectReason.REPETITION:
            words = without_repeats(words, self._policy)
        elif reason not in {None, RejectReason.LOW_PROBABILITY}:
            return
        words = clamp_words(words, pending.facts.start, pending.facts.end)
        if pending.segment.is_ready_to_show(words, pending.facts.end):
            self._languages.heard_interim(pending.segment, result)
            self._show(pending.segment, words, pending.facts.end, result.language, out)

    def _take_final(
        self, segment: Segment, job: FinalJob, result: Hypothesis | Dropped, out: list[TrackOutput]
    ) -> None:
        """Note a final's outcome, or ask again: after a failure once, after a refusal otherwise."""
        if isinstance(result, Dropped):
            self._ask_again(self._decodes.after_failure(segment, job), out)
            return
        reason = reject_reason(result, job.facts, self._policy, self._glossary)
        if reason is not None:
            self.rejections[reason] += 1
            calm = self._interim_interval_factor <= 1.0
            self._ask_again(self._decodes.after_doubt(segment, job, reason, result, calm=calm), out)
            self._show_speculation(segment, job, out)
            return
        job.accepted = result
        words = clamp_words(result.words, job.facts.start, job.facts.end)
        job.outcome = FinalText(words, result.language)
        self._show_speculation(segment, job, out)

    def _show_speculation(self, segment: Segment, job: FinalJob, out: list[TrackOutput]) -> None:
        """Show the text of a speculative final while the endpoint is awaited."""
        if isinstance(job.outcome, FinalText) and not segment.resolvable:
            self._show(segment, job.outcome.words, job.facts.end, job.outcome.language, out)

    def _ask_again(self, request: DecodeRequest | None, out: list[TrackOutput]) -> None:
        if request is not None:
            out.append(request)

    def _show(
        self,
        segment: Segment,
        words: tuple[Word, ...],
        until: int,
        language: str,
        out: list[TrackOutput],
    ) -> None:
        """Put out a caption that may still change, unless it would say nothing new."""
        if segment.agreement.add(words, until):
            shown = segment.agreement.words
            out.append(self._ledger.interim(segment.start, until, shown, language))

    # -- from outcomes to finals -------------------------------------------------------------

    def _settled(self, out: list[TrackOutput]) -> list[TrackOutput]:
        """Put out every outcome whose turn it is, move ``committed``, and release audio."""
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Gap):
                self._queue.popleft()
                self._advance()
                out.append(self._ledger.lost(head.start, head.end, NoFinal("gap")))
                out += self._answers(head.flushes, head.end)
            elif head.resolvable:
                self._resolve(head, out)
            elif head.empty:
                self._retire(head)
                out += self._answers(head.flushes, head.start)
            elif self._closed and head.open and not head.being_cut:
                self._left_at = head.start
                self._retire(head)
            else:
                break
        if (segment := next(self._segments(), None)) is not None:
            self._ask_final(segment, out)
        self._advance()
        out += self._ledger.untold(1 if self.done else self._policy.commit_step_samples)
        self._detector.buffer.release_before(self._needed_from())
        return out

    def _resolve(self, segment: Segment, out: list[TrackOutput]) -> None:
        """Put out the outcome of the head; after a cut, the rest of its speech becomes the head."""
        job = segment.job
        if job is None or job.outcome is None:
            return
        self._decodes.learn_language(job)
        start, until, outcome = segment.start, job.utterance.end, job.outcome
        words: tuple[Word, ...] = ()
        rest: tuple[Word, ...] = ()
        end = until
        if isinstance(outcome, FinalText):
            words = outcome.words
            self.stable_words += segment.agreement.stable_words
            self.revised_words += segment.agreement.revised_by(words)
            if job.cut:
                cut = choose_cut(words, job.utterance, self._policy)
                end = cut.at
                rest = clamp_words(words[cut.words :], end, until)
                words = clamp_words(words[: cut.words], start, end)
        ended = segment.end is not None and end >= segment.end
        if ended:
            self._retire(segment)
        else:
            self._decodes.forget(segment)
            segment.go_on_from(end)
        self._advance()
        flushes = segment.flushes if ended else 0
        if isinstance(outcome, FinalText):
            paused, language = ended and segment.speech_final, outcome.language
            final = self._ledger.final(start, end, words, language, speech_final=paused)
            out.append(replace(final, flushed=True) if flushes else final)
            flushes = max(0, flushes - 1)
            self._show(segment, rest, until, language, out)
        else:
            out.append(self._ledger.lost(start, end, outcome))
        out += self._answers(flushes, end)
        if not ended:
            self._ask_final(segment, out)

    def _answers(self, flushes: int, at: int) -> list[Flushed]:
        return [Flushed(self._name, at)] * flushes

    def _retire(self, segment: Segment) -> None:
        self._decodes.forget(segment)
        self._queue.popleft()

    def _advance(self) -> None:
        """Move ``committed`` to the quiet point before all that is not resolved."""
        if self._queue:
            quiet = self._queue[0].start
        elif self._left_at is not None:
            quiet = self._left_at
        else:
            quiet = self._detector.endpointer.proven_silence_until
        self._ledger.advance(quiet)

    def _needed_from(self) -> int:
        """Return the first sample that a decode or a window may still need."""
        quiet = min(
            self._detector.endpointer.proven_silence_until, self._detector.endpointer.position
        )
        starts = [segment.needed_from for segment in self._segments() if not segment.handed_over]
        if self._open_segment() is None and (before := self._before(quiet)) is not None:
            starts.append(before.start)
        return min(starts, default=quiet)


class Ledger:
    """Numbers the finals of one track and carries ``committed`` with each of them."""

    def __init__(self, track: str, first_sample: int, last_seq: int, live_from: int) -> None:
        self._track = track
        self._live_from = live_from
        self._told = first_sample
        self.committed = first_sample
        self.next_seq = last_seq + 1

    def advance(self, quiet: int) -> None:
        """Note that everything before this sample is resolved; never moves back."""
        self.committed = max(self.committed, quiet)

    def untold(self, step: int) -> list[Committed]:
        """Return a ``Committed`` where it moved by ``step`` samples since it was last told."""
        if self.committed - self._told < step:
            return []
        self._told = self.committed
        return [Committed(self._track, self.committed)]

    def interim(
        self, start: int, end: int, words: tuple[CaptionWord, ...], language: str
    ) -> Caption:
        """Make the caption of a segment so far."""
        segment, replay = f"{self._track}-{start}", start < self._live_from
        return Caption(segment, self._track, start, end, words, language=language, replay=replay)

    def final(
        self, start: int, end: int, words: tuple[Word, ...], language: str, *, speech_final: bool
    ) -> Caption:
        """Make the final of a segment, with the next number; call ``advance`` past it first."""
        shown = tuple(CaptionWord(w.text, w.start, w.end, w.confidence, True) for w in words)
        self._told = self.committed
        self.next_seq += 1
        return replace(
            self.interim(start, end, shown, language),
            final=True,
            speech_final=speech_final,
            seq=self.next_seq - 1,
            committed=self.committed,
        )

    def lost(self, start: int, end: int, why: NoFinal) -> SpanLost:
        """Make the event for a segment without text; call ``advance`` past it first."""
        self._told = self.committed
        return SpanLost(self._track, why.code, start, end, self.committed, why.reason)
