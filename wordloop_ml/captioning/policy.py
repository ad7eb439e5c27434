"""Every number that shapes captions, in one frozen object; pure.

Counts are samples at 16 kHz. The defaults are the service's; tests use tiny ones.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaptioningPolicy:
    """How sound becomes captions.

    Voice activity
        window_samples: what the voice detector judges at a time.
        threshold, neg_threshold: speech starts, and resumes after a silence, at or above
            the first; it lasts while at or above the second.
        onset_lead_samples: how far the detector lags behind the true onset.
        pre_roll_samples: audio kept before an onset, so that first words are whole. Also the
            time within which a burst must be confirmed by a second window to count as speech.
        min_silence_samples: silence that ends a segment.
        silent_rms: outside speech, a window that is quieter holds none: the detector is not asked.

    Decoding
        speculate_samples: silence after which the final is decoded ahead of the endpoint; a
            segment ends so much after its last speech window, so that this decode is the final.
        first_decode_samples: audio since the onset in which a first word can be heard.
        first_retry_samples: new audio between first decodes, until words show.
        first_confidence, first_confidence_again, first_wait_samples: a first word that is surer
            than the first is shown at once; than the second, where the hypothesis before began with
            it, too; another so much audio after the onset.
        first_bound_samples: audio since the onset after which a decode is no first caption.
        early_interim_samples: new audio between interims until then: what was shown first is
            soonest put right.
        interim_samples: new audio between interims, and
        interim_share: that part of a long segment, so that one costs no more than a short one.
        agree_samples: new audio that makes the agreement of two hypotheses mean something.
        stable_confidence: a word on which two hypotheses agree is stable where both are so sure.
        longest_segment_samples: speech without a pause is cut here.
        cut_margin_samples: a word that ends so close to the end of a cut's audio may not be whole.
        cut_slack_samples: how far around a gap between words a cut may look for a quieter place.
        lead_gap_samples, lead_samples: a final is decoded together with the segment before it where
            the pause between them is no longer than the first and both together than the second:
            what was said before makes what is said now likelier to be heard as it was meant.
        buffer_samples: audio that a track may hold while no final covers it.
        commit_step_samples: silence between two ``Committed`` events.
        final_beams: how many hypotheses the decode of a final follows.
        empty_samples: a final without words is asked again where its audio is longer.
        final_retries: how often a final that a guard doubts is asked again: first with the full
            audio context, then at a temperature.
        retry_temperature: of the second retry.
        language_probability, language_samples: a language that was detected with at least the
            first, in at least so much audio, is established.
        language_recheck_samples: audio after which a final detects the language once more.

    Guards (sources: openai/whisper's transcribe.py for 0.6, -1.0 and 2.4; live services for RMS)
        guards: whether hypotheses are judged at all; without, only those without words are refused.
        no_speech_probability, log_probability: rejected when silence is likelier than the first
            and the words are less likely than the second.
        surely_no_speech_probability, sure_log_probability: likewise, where silence is all but sure.
        lowest_log_probability: words less likely than this are asked again, then shown.
        compression_ratio: text that zlib shrinks by more loops.
        loop_times, loop_words: the same words so often in a row, so many in all, loop.
        doubled_letters: a phrase of several words that comes twice in a row and has so many
            letters is doubted.
        near_silence_rms: words from audio whose loudest window is quieter are invented.
        overhang_samples: a word may reach so far outside its audio and is clamped.
        shortest_word_samples: a text with more words than its audio has room for was not heard.
        echo_terms: terms of the vocabulary that somebody may say in its order, and nothing else.
    """

    window_samples: int = 512
    threshold: float = 0.5
    neg_threshold: float = 0.35
    onset_lead_samples: int = 512
    pre_roll_samples: int = 6_400
    min_silence_samples: int = 8_000
    silent_rms: float = 0.0001

    speculate_samples: int = 2_560
    first_decode_samples: int = 4_800
    first_retry_samples: int = 1_280
    first_confidence: float = 0.4
    first_confidence_again: float = 0.25
    first_wait_samples: int = 8_960
    first_bound_samples: int = 24_000
    early_interim_samples: int = 3_840
    interim_samples: int = 9_600
    interim_share: int = 12
    agree_samples: int = 6_400
    stable_confidence: float = 0.55
    longest_segment_samples: int = 240_000
    cut_margin_samples: int = 8_000
    cut_slack_samples: int = 800
    lead_gap_samples: int = 24_000
    lead_samples: int = 192_000
    buffer_samples: int = 960_000
    commit_step_samples: int = 16_000
    final_beams: int = 1
    empty_samples: int = 16_000
    final_retries: int = 1
    retry_temperature: float = 0.4
    language_probability: float = 0.8
    language_samples: int = 24_000
    language_recheck_samples: int = 960_000

    guards: bool = True
    no_speech_probability: float = 0.6
    log_probability: float = -1.0
    surely_no_speech_probability: float = 0.9
    sure_log_probability: float = -0.5
    lowest_log_probability: float = -1.6
    compression_ratio: float = 2.4
    loop_times: int = 4
    loop_words: int = 6
    doubled_letters: int = 10
    near_silence_rms: float = 0.0003
    overhang_samples: int = 4_800
    shortest_word_samples: int = 320
    echo_terms: int = 2

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
