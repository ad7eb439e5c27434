"""The decodes that a track waits for: options, language, and how a final is retried; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from wordloop_ml.captioning.guards import (
    AudioFacts,
    Repetition,
    clamp_words,
    facts_of,
    repetition_in,
    without_repeats,
)
from wordloop_ml.captioning.local_agreement import normalised
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import FinalJob, FinalText, NoFinal, Segment
from wordloop_ml.messages import (
    AudioContext,
    DecodeOptions,
    Hypothesis,
    JobClass,
    RejectReason,
    Utterance,
)


class Languages:
    """Decides which language each decode of one track is told.

    given: the language that the client named, which is never doubted; None where it named none.
    """

    def __init__(self, policy: CaptioningPolicy, given: str | None) -> None:
        self._policy = policy
        self._given = given
        self._established: str | None = None
        self._elsewhere: str | None = None
        self._recheck_at = 0

    def give(self, language: str | None) -> None:
        """Name what is spoken from now on; None leaves it to the model."""
        self._given = language

    @property
    def established(self) -> str | None:
        """The language that a final detected with certainty; None until one has."""
        return self._established

    @property
    def expected(self) -> str | None:
        """The language spoken last on this track, or else in its meeting: what an unsure detection keeps."""
        return self._established or self._elsewhere

    def expect(self, language: str) -> None:
        """Note that another track of the meeting speaks this language."""
        self._elsewhere = language

    def for_interim(self, segment: Segment) -> str | None:
        """Return the language to decode an open segment in; None to detect it."""
        return self._given or self._established or segment.language

    def for_final(self, start: int) -> str | None:
        """Return the language to decode a final in that starts at this sample; None to detect it."""
        if self._given is None and start >= self._recheck_at:
            return None
        return self._given or self._established

    def heard_interim(self, segment: Segment, hypothesis: Hypothesis) -> None:
        """Note an interim that no guard refused: a language it is sure of holds for its segment."""
        if self._is_sure(hypothesis):
            segment.language = hypothesis.language

    def heard_final(self, hypothesis: Hypothesis, told: str | None) -> None:
        """Note a final that no guard refused; told: the language that it was decoded with."""
        if told is None and self._is_sure(hypothesis):
            self._established = hypothesis.language
            self._recheck_at = hypothesis.start + self._policy.language_recheck_samples

    def doubt(self) -> None:
        """Let the next final detect the language: a text was refused, perhaps because of it."""
        self._recheck_at = 0

    def _is_sure(self, hypothesis: Hypothesis) -> bool:
        heard = hypothesis.end - hypothesis.start
        return (
            hypothesis.language_probability >= self._policy.language_probability
            and heard >= self._policy.language_samples
        )


_CURABLE = {
    RejectReason.LOW_PROBABILITY,
    RejectReason.NO_WORDS,
    RejectReason.REPETITION,
    RejectReason.PROMPT_ECHO,
}
"""Reasons that another decode of the same audio may not give; silence stays silence."""


def outcome_of(
    doubted: Sequence[tuple[RejectReason, Hypothesis]],
    facts: AudioFacts,
    policy: CaptioningPolicy,
) -> FinalText | NoFinal:
    """Choose the outcome of a final that every decode left in doubt.

    The likeliest of the texts refused as unlikely; without any, the likeliest of those refused as
    repeating: as it is when two decodes in a row agree on it, without its repeats otherwise. No
    final where the last reason is one that no other decode cures, or no text is left.
    """
    unlikely = [one for reason, one in doubted if reason is RejectReason.LOW_PROBABILITY]
    repeating = [one for reason, one in doubted if reason is RejectReason.REPETITION]
    last = doubted[-1][0]
    if last not in _CURABLE or not (unlikely or repeating):
        return NoFinal("rejected", doubted[0][0] if last in _CURABLE else last)
    best = max(unlikely or repeating, key=lambda one: one.average_log_probability)
    words = best.words
    if not unlikely and not _is_said_twice(repeating, policy):
        words = without_repeats(words, policy)
    return FinalText(clamp_words(words, facts.start, facts.end), best.language)


def _is_said_twice(repeating: Sequence[Hypothesis], policy: CaptioningPolicy) -> bool:
    """Whether two ways of decoding agree on a phrase that comes twice, and nothing loops."""
    texts = {tuple(normalised(word.text) for word in one.words) for one in repeating[:2]}
    doubled = repetition_in(repeating[0].words, policy) is Repetition.DOUBLED
    return doubled and len(repeating) > 1 and len(texts) == 1


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """A decode that a track asks for; ``Track.answer`` takes what comes of it.

    request_id: unique on its track.
    kind: FIRST_CAPTION until the segment has shown words, then INTERIM; or FINAL. A newer
        FIRST_CAPTION or INTERIM makes an older one that still waits worthless.
    utterance: the audio; its own copy.
    """

    request_id: int
    kind: JobClass
    utterance: Utterance
    options: DecodeOptions


@dataclass(frozen=True, slots=True)
class Lead:
    """The audio of a final together with that of the segment before it.

    words_from: absolute sample in the pause between the two; words after it are the final's.
    """

    utterance: Utterance
    words_from: int


class Dropped(Enum):
    """Why a decode gave no hypothesis."""

    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PendingDecode:
    """A decode that was requested; the audio of an interim is not kept.

    job: the final that was requested; None for an interim.
    """

    segment: Segment
    facts: AudioFacts
    job: FinalJob | None


class PendingDecodes:
    """Hands out request ids and remembers what they stand for, until they no longer matter.

    options: what every decode of the track has; languages: what is spoken on it.
    """

    def __init__(
        self, policy: CaptioningPolicy, options: DecodeOptions, languages: Languages
    ) -> None:
        self._policy = policy
        self._options = options
        self._languages = languages
        self._pending: dict[int, PendingDecode] = {}
        self._next_id = 1

    def set_hints(self, language: str | None, prompt: str) -> None:
        """Change the language and the prompt of the decodes that are requested from now on."""
        self._options = replace(self._options, language=language, prompt=prompt)
        self._languages.give(language)

    def final(
        self, segment: Segment, utterance: Utterance, *, cut: bool, lead: Lead | None = None
    ) -> DecodeRequest:
        """Request the final of a segment, and make it the segment's job.

        utterance: all of the segment. lead: the same with the segment before, for the first decode.
        """
        facts = facts_of(utterance, self._policy.window_samples)
        options = replace(
            self._in_language(self._languages.for_final(utterance.start)),
            context=max(self._options.context, AudioContext.LONG),
            beams=self._policy.final_beams,
        )
        from_ = utterance.start if lead is None else lead.words_from
        retries = self._retries()
        if lead is not None:  # first alone, as it would have been without one
            retries = (options, *retries)
        segment.job = FinalJob(utterance, from_, facts, options, cut, retries)
        heard = utterance if lead is None else lead.utterance
        return self._request(segment, segment.job, heard)

    def interim(self, segment: Segment, kind: JobClass, utterance: Utterance) -> DecodeRequest:
        """Request a decode of what a segment holds so far."""
        pending = PendingDecode(segment, facts_of(utterance, self._policy.window_samples), None)
        options = self._in_language(self._languages.for_interim(segment))
        return DecodeRequest(self._remember(pending), kind, utterance, options)

    def after_failure(self, segment: Segment, job: FinalJob) -> DecodeRequest | None:
        """Request a failed final once more, as it was; None where its outcome is set instead.

        A retry that fails counts as one that did not help.
        """
        if job.doubted:
            return self.retry(segment, job, now=True)
        if job.failed_once:
            job.outcome = NoFinal("decode_failed")
            return None
        job.failed_once = True
        return self._ask(segment, job)

    def after_doubt(
        self,
        segment: Segment,
        job: FinalJob,
        reason: RejectReason,
        hypothesis: Hypothesis,
        *,
        calm: bool,
    ) -> DecodeRequest | None:
        """Request a doubted final in another way; None where that is postponed, or its outcome is set.

        calm: threads are free for a speculation that may be for nothing; otherwise the retry
        waits until the speech is over. It is never left out: what is said at the end does not
        depend on the load.
        """
        job.doubted.append((reason, hypothesis))
        if reason not in _CURABLE:
            job.retries = ()
        short = job.facts.end - job.facts.start < self._policy.empty_samples
        if reason is RejectReason.NO_WORDS and short:  # nothing in it; but its lead may be to blame
            job.retries = tuple(one for one in job.retries if one.context is AudioContext.LONG)
        return self.retry(segment, job, now=calm)

    def retry(self, segment: Segment, job: FinalJob, *, now: bool) -> DecodeRequest | None:
        """Request a doubted final in the next way; None where that is postponed, or its outcome is set."""
        if not job.retries:
            job.outcome = outcome_of(job.doubted, job.facts, self._policy)
            return None
        job.postponed = segment.open and not job.cut and not now
        if job.postponed:
            return None
        job.options, job.retries = job.retries[0], job.retries[1:]
        return self._ask(segment, job)

    def learn_language(self, job: FinalJob) -> None:
        """Note the language of a final that leaves.

        Not when its decode comes back: the speech may go on, and the time of the decode would then
        decide what language the next one is told.
        """
        if any(reason in _CURABLE for reason, _ in job.doubted):
            self._languages.doubt()
        if job.accepted is not None:
            self._languages.heard_final(job.accepted, job.options.language)

    def answered(self, request_id: int) -> PendingDecode | None:
        """Return the request of this id and forget it; None for an unknown or forgotten one."""
        return self._pending.pop(request_id, None)

    def forget(self, segment: Segment) -> None:
        """Forget the requests of a segment: their answers are ignored."""
        for request_id in [
            at for at, pending in self._pending.items() if pending.segment is segment
        ]:
            del self._pending[request_id]

    def _in_language(self, language: str | None) -> DecodeOptions:
        """Return the options of every decode with a language; the expected one where it is detected."""
        expected = None if language else self._languages.expected
        return replace(self._options, language=language, expected_language=expected)

    def _retries(self) -> tuple[DecodeOptions, ...]:
        """Return the options of the retries: with the full audio context, then at a temperature.

        Both without the prompt, which may have led the decoder astray, and without a language that
        only was established.
        """
        plain = replace(self._options, prompt="", expected_language=self._languages.expected)
        full = replace(plain, context=AudioContext.FULL, beams=self._policy.final_beams)
        other = replace(full, temperature=self._policy.retry_temperature)
        ways = (other,) if self._options.context is AudioContext.FULL else (full, other)
        return ways[: self._policy.final_retries]

    def _ask(self, segment: Segment, job: FinalJob) -> DecodeRequest:
        return self._request(segment, job, job.utterance)

    def _request(self, segment: Segment, job: FinalJob, heard: Utterance) -> DecodeRequest:
        pending = PendingDecode(segment, job.facts, job)
        return DecodeRequest(self._remember(pending), JobClass.FINAL, heard, job.options)

    def _remember(self, pending: PendingDecode) -> int:
        request_id = self._next_id
        self._next_id += 1
        self._pending[request_id] = pending
        return request_id
