"""Every number that shapes captions, in one frozen object, each documented beside its field; pure.

Counts are samples at 16 kHz. The defaults are the service's; tests use tiny ones.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaptioningPolicy:
    """How sound becomes captions: voice activity, decoding, then guards.

    Sources of the guards' numbers: openai/whisper's transcribe.py for 0.6, -1.0 and 2.4; live
    services for RMS.
    """

    window_samples: int = 512
    """What the voice detector judges at a time."""

    threshold: float = 0.5
    """Speech starts, and resumes after a silence, at or above this probability (silero's name)."""

    neg_threshold: float = 0.35
    """Speech lasts while at or above this probability (silero's name)."""

    onset_lead_samples: int = 512
    """How far the detector lags behind the true onset."""

    pre_roll_samples: int = 6_400
    """Audio kept before an onset, so that first words are whole; also the time within which a
    burst must be confirmed by a second window to count as speech."""

    min_silence_samples: int = 8_000
    """Silence that ends a segment (silero's name)."""

    silent_rms: float = 0.0001
    """Outside speech, a window that is quieter holds none: the detector is not asked."""

    speculate_samples: int = 2_560
    """Silence after which the final is decoded ahead of the endpoint; a segment ends so much after
    its last speech window, so that this decode is the final."""

    first_decode_samples: int = 4_800
    """Audio since the onset in which a first word can be heard."""

    first_retry_samples: int = 1_280
    """New audio between first decodes, until words show."""

    first_confidence: float = 0.4
    """A first word that is surer than this is shown at once."""

    first_confidence_again: float = 0.25
    """A first word with which the hypothesis before began, too, is shown when surer than this."""

    first_wait_samples: int = 8_960
    """Audio after the onset from which on any first word is shown."""

    first_bound_samples: int = 24_000
    """Audio since the onset after which a decode is no first caption."""

    early_interim_samples: int = 3_840
    """New audio between interims until ``first_bound_samples``: what was shown first is soonest put
    right."""

    interim_samples: int = 9_600
    """New audio between interims."""

    interim_share: int = 12
    """New audio between interims of a long segment, as a part of it (one twelfth), so that a long
    one costs no more than a short one."""

    agree_samples: int = 6_400
    """New audio that makes the agreement of two hypotheses mean something."""

    stable_confidence: float = 0.55
    """A word on which two hypotheses agree is stable where both are so sure."""

    longest_segment_samples: int = 240_000
    """Speech without a pause is cut here."""

    cut_margin_samples: int = 8_000
    """A word that ends so close to the end of a cut's audio may not be whole."""

    cut_slack_samples: int = 800
    """How far around a gap between words a cut may look for a quieter place."""

    lead_gap_samples: int = 24_000
    """The longest pause across which a final is decoded together with the segment before it: what
    was said before makes what is said now likelier to be heard as it was meant."""

    lead_samples: int = 192_000
    """The most audio that a final and the segment before it may have together."""

    buffer_samples: int = 960_000
    """Audio that a track may hold while no final covers it."""

    commit_step_samples: int = 16_000
    """Silence between two ``Committed`` events."""

    final_beams: int = 1
    """How many hypotheses the decode of a final follows."""

    empty_samples: int = 16_000
    """A final without words is asked again where its audio is longer."""

    final_retries: int = 1
    """How often a final that a guard doubts is asked again: first with the full audio context,
    then at a temperature."""

    retry_temperature: float = 0.4
    """The decoder's temperature in the second retry."""

    language_probability: float = 0.8
    """A language is established when it was detected with at least this probability."""

    language_samples: int = 24_000
    """A language is not established by less audio than this."""

    language_recheck_samples: int = 960_000
    """Audio after which a final detects the language once more."""

    guards: bool = True
    """Whether hypotheses are judged at all; without, only those without words are refused."""

    no_speech_probability: float = 0.6
    """A text is rejected when silence is likelier than this and ``log_probability`` agrees."""

    log_probability: float = -1.0
    """Words that are less likely on average are rejected where silence is likely."""

    surely_no_speech_probability: float = 0.9
    """From here on silence is all but sure, and ``sure_log_probability`` holds instead."""

    sure_log_probability: float = -0.5
    """Words that are less likely on average are rejected where silence is all but sure."""

    lowest_log_probability: float = -1.6
    """Words less likely than this are asked again, then shown."""

    compression_ratio: float = 2.4
    """Text that zlib shrinks by more loops."""

    loop_times: int = 4
    """The same words so often in a row loop, where they are ``loop_words`` in all."""

    loop_words: int = 6
    """Fewer words in all are no loop: people say "no, no, no, no"."""

    doubled_letters: int = 10
    """A phrase of several words that comes twice in a row and has so many letters is doubted."""

    near_silence_rms: float = 0.0003
    """Words from audio whose loudest window is quieter are invented."""

    overhang_samples: int = 4_800
    """A word may reach so far outside its audio and is clamped."""

    shortest_word_samples: int = 320
    """A text with more words than its audio has room for, at so much each, was not heard."""

    echo_terms: int = 2
    """Terms of the vocabulary that somebody may say in its order, and nothing else."""

    def __post_init__(self) -> None:
        """Refuse numbers with which a track could stand still."""
        if self.window_samples < 1:
            raise ValueError("window_samples must be positive")
        if not 0.0 < self.neg_threshold <= self.threshold <= 1.0:
            raise ValueError("thresholds must satisfy 0 < neg_threshold <= threshold <= 1")
        if not 0 < self.speculate_samples <= self.min_silence_samples:
            raise ValueError("speculate_samples must lie within min_silence_samples")
        if not 0 < self.cut_margin_samples < self.longest_segment_samples // 2:
            raise ValueError("cut_margin_samples must be less than half of the longest segment")
        if self.final_beams < 1 or self.final_retries < 0:
            raise ValueError("final_beams must be positive and final_retries not negative")
        if not 0.0 < self.retry_temperature <= 1.0:
            raise ValueError("retry_temperature must be above 0 and at most 1")
        if self.buffer_samples < self.least_buffer_samples:
            raise ValueError(f"buffer_samples must be at least {self.least_buffer_samples}")

    @property
    def quiet_lag_samples(self) -> int:
        """How far behind the newest window a future segment may still begin."""
        return self.onset_lead_samples + self.pre_roll_samples

    @property
    def least_buffer_samples(self) -> int:
        """Audio that may be held before a decode that frees it is asked for."""
        return (
            self.longest_segment_samples
            + self.lead_samples
            + self.min_silence_samples
            + self.quiet_lag_samples
            + self.pre_roll_samples
            + 4 * self.window_samples
        )
