"""The decodes that a track has asked for and has not been answered; pure."""

from dataclasses import dataclass, replace
from enum import Enum

from wordloop_ml.captioning.guards import AudioFacts, facts_of
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.speech import FinalJob, Speech
from wordloop_ml.messages import DecodeOptions, JobClass, Utterance


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
    """Hands out tickets and remembers what they stand for, until they no longer matter."""

    def __init__(self, policy: CaptioningPolicy, options: DecodeOptions) -> None:
        self._policy = policy
        self._options = options
        self._asked: dict[int, Asked] = {}
        self._next_ticket = 1

    def final(self, speech: Speech, utterance: Utterance, *, cut: bool) -> DecodeRequest:
        """Decode all of a segment; becomes the speech's job."""
        facts = facts_of(utterance, self._policy.window_samples)
        speech.job = FinalJob(utterance, facts, self._options, cut)
        return self.again(speech, speech.job)

    def again(self, speech: Speech, job: FinalJob) -> DecodeRequest:
        """Ask for a final once more, as a new request."""
        asked = Asked(speech, job.facts, job)
        return DecodeRequest(self._ticket(asked), JobClass.FINAL, job.utterance, job.options)

    def carefully(self, speech: Speech, job: FinalJob) -> DecodeRequest | None:
        """Ask once more with the full audio context; None when that was tried already."""
        if job.options.careful:
            return None
        job.options = replace(job.options, careful=True)
        return self.again(speech, job)

    def interim(self, speech: Speech, kind: JobClass, utterance: Utterance) -> DecodeRequest:
        """Decode what is said so far."""
        asked = Asked(speech, facts_of(utterance, self._policy.window_samples), None)
        return DecodeRequest(self._ticket(asked), kind, utterance, self._options)

    def answered(self, ticket: int) -> Asked | None:
        """What a ticket stands for, once; None when it is unknown or no longer matters."""
        return self._asked.pop(ticket, None)

    def forget(self, speech: Speech) -> None:
        """Answers about this speech no longer matter."""
        for ticket in [at for at, asked in self._asked.items() if asked.speech is speech]:
            del self._asked[ticket]

    def _ticket(self, asked: Asked) -> int:
        ticket = self._next_ticket
        self._next_ticket += 1
        self._asked[ticket] = asked
        return ticket
