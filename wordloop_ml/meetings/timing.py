"""Where the time of a caption went: durations and classes, never a word of it.

Measured for every caption, which costs a few readings of the clock; logged at level debug only,
and made so that a histogram for each stage and class can take the same numbers.
"""

from dataclasses import dataclass

from wordloop_ml.messages import SAMPLE_RATE, JobClass


@dataclass(frozen=True, slots=True)
class DecodeTiming:
    """A decode until its answer is there; seconds.

    samples: the audio that was decoded.
    heard_s: the step that asked for it, from the arrival of its audio: voice detection, mostly.
    queued_s: until an inference thread took it. ran_s: the whole job: encode, decode, words.
    done_s: when it ended, on the clock of the meeting.
    """

    kind: JobClass
    samples: int
    heard_s: float
    queued_s: float
    ran_s: float
    done_s: float


@dataclass(frozen=True, slots=True)
class CaptionTiming:
    """A caption until it waits to be sent; seconds.

    decode: the answer that let it out; None when the audio did (a speculation came true, or the
    text was there already).
    returned_s: from the end of the decode to its turn in the event loop.
    stabilised_s: the step that made the caption; without a decode, voice detection is part of it.
    put_s: when it was put into the outbox, on the clock of the meeting.
    """

    decode: DecodeTiming | None
    returned_s: float
    stabilised_s: float
    put_s: float

    def facts(self, sent_s: float) -> dict[str, str | float]:
        """For a log line, in milliseconds; ``sent_s``: when the socket had taken the caption."""
        stages = {
            "returned_ms": self.returned_s,
            "stabilised_ms": self.stabilised_s,
            "send_ms": sent_s - self.put_s,
        }
        facts: dict[str, str | float] = {"decoded_for": "none", "audio_ms": 0}
        if self.decode is not None:
            facts["decoded_for"] = self.decode.kind.name.lower()
            facts["audio_ms"] = self.decode.samples * 1000 // SAMPLE_RATE
            stages |= {
                "heard_ms": self.decode.heard_s,
                "queued_ms": self.decode.queued_s,
                "ran_ms": self.decode.ran_s,
            }
        return facts | {name: round(1000 * stage, 3) for name, stage in stages.items()}
