"""The decodes that a track has asked for and has not been answered; pure."""

from dataclasses import dataclass, replace
from enum import Enum

from wordloop_ml.captioning.guards import AudioFacts, facts_of
from wordloop_ml.captioning.languages import Languages
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.speech import FinalJob, Speech, Unheard
from wordloop_ml.messages import DecodeOptions, JobClass, RejectReason, Utterance

_CURABLE = {RejectReason.LOW_PROBABILITY, RejectReason.REPETITION, RejectReason.PROMPT_ECHO}
"""What another decode of the same audio may do without. Silence stays silence."""


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """A decode that a track asks for; ``Track.answer`` takes what comes of it.

    ticket: unique on its track.
    kind: FIRST_CAPTION until the segment has shown words, then INTERIM; or FINAL. A newer
        FIRST_CAPTION or INTERIM makes an older one that still waits worthless.
    utterance: the audio; its own copy.
    """

    ticket: int
    kind: JobClass
    utterance: Utterance
    options: DecodeOptions


class Dropped(Enum):
    """What may come of a decode instead of a hypothesis."""

    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is remembered of a request; the audio of an interim is not.

    job: the final that was asked for; None for an interim.
    """

    speech: Speech
    facts: AudioFacts
    job: FinalJob | None


class Decodes:
    """Hands out tickets and remembers what they stand for, until they no longer matter.

    options: what every decode of the track has; languages: what is spoken on it.
    """

    def __init__(
        self, policy: CaptioningPolicy, options: DecodeOptions, languages: Languages
    ) -> None:
        self._policy = policy
        self._options = options
        self._languages = languages
        self._asked: dict[int, Asked] = {}
        self._next_ticket = 1

    def final(self, speech: Speech, utterance: Utterance, *, cut: bool) -> DecodeRequest:
        """Decode all of a segment; becomes the speech's job."""
        facts = facts_of(utterance, self._policy.window_samples)
        language = self._languages.for_final(utterance.start)
        options = replace(self._options, language=language, beams=self._policy.final_beams)
        speech.job = FinalJob(utterance, facts, options, cut, self._retries())
        return self._ask(speech, speech.job)

    def interim(self, speech: Speech, kind: JobClass, utterance: Utterance) -> DecodeRequest:
        """Decode what is said so far."""
        asked = Asked(speech, facts_of(utterance, self._policy.window_samples), None)
        options = replace(self._options, language=self._languages.for_interim(speech))
        return DecodeRequest(self._ticket(asked), kind, utterance, options)

    def after_failure(self, speech: Speech, job: FinalJob) -> DecodeRequest | None:
        """Ask for a failed final once more, as it was, or know its outcome.

        A retry that fails is one that did not help.
        """
        if job.refused is not None:
            return self.retry(speech, job)
        if job.failed_once:
            job.outcome = Unheard("decode_failed")
            return None
        job.failed_once = True
        return self._ask(speech, job)

    def after_refusal(
        self, speech: Speech, job: FinalJob, reason: RejectReason, *, calm: bool
    ) -> DecodeRequest | None:
        """Ask for a refused final in another way, now or later, or know its outcome.

        calm: there is time for more than each final's one decode.
        """
        job.refused = job.refused or reason
        if reason in _CURABLE:
            self._languages.doubt()
        if reason not in _CURABLE or not calm:
            job.retries = ()
        return self.retry(speech, job)

    def retry(self, speech: Speech, job: FinalJob) -> DecodeRequest | None:
        """The next way to ask for a refused final; what was refused first is its outcome at last."""
        if not job.retries:
            job.outcome = Unheard("rejected", job.refused)
            return None
        job.postponed = speech.open and not job.cut
        if job.postponed:
            return None
        job.options, job.retries = job.retries[0], job.retries[1:]
        return self._ask(speech, job)

    def answered(self, ticket: int) -> Asked | None:
        """What a ticket stands for, once; None when it is unknown or no longer matters."""
        return self._asked.pop(ticket, None)

    def forget(self, speech: Speech) -> None:
        """Answers about this speech no longer matter."""
        for ticket in [at for at, asked in self._asked.items() if asked.speech is speech]:
            del self._asked[ticket]

    def _retries(self) -> tuple[DecodeOptions, ...]:
        """With the full context; if that was not to blame, sampled. Each as if for the first time.

        So without the prompt, which may have led the decoder astray, and without a language that
        only was established.
        """
        plain = replace(self._options, prompt="")
        careful = replace(plain, careful=True, beams=self._policy.final_beams)
        sampled = replace(plain, temperature=self._policy.retry_temperature)
        ways = (sampled,) if self._options.careful else (careful, sampled)
        return ways[: self._policy.final_retries]

    def _ask(self, speech: Speech, job: FinalJob) -> DecodeRequest:
        asked = Asked(speech, job.facts, job)
        return DecodeRequest(self._ticket(asked), JobClass.FINAL, job.utterance, job.options)

    def _ticket(self, asked: Asked) -> int:
        ticket = self._next_ticket
        self._next_ticket += 1
        self._asked[ticket] = asked
        return ticket
