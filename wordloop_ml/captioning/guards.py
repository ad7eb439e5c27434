"""Which hypotheses are invented: each refusal under a reason; pure.

Models trained on subtitles say "thank you" to silence and loop on noise. Thresholds are whisper's
own (openai/whisper, transcribe.py) where it has one; what they are is in the policy.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.repeats import Repetition, repetition_in
from wordloop_ml.captioning.vocabulary import Glossary
from wordloop_ml.messages import Hypothesis, RejectReason, Utterance, Word

_EMPTY = Glossary()

_SHORTEST_COMPRESSED = 32
"""Bytes below which a compression ratio says nothing: zlib's own frame dominates."""


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the guards know about the audio that was decoded.

    start, end: its span, absolute samples.
    loudest_rms: root mean square of its loudest window, so that a short quiet word is not
        drowned by the silence around it.
    """

    start: int
    end: int
    loudest_rms: float


def facts_of(utterance: Utterance, window_samples: int) -> AudioFacts:
    """Measure an utterance; far cheaper than decoding it."""
    samples = utterance.samples
    whole = len(samples) - len(samples) % window_samples
    loudest = 0.0
    for part in (samples[:whole].reshape(-1, window_samples), samples[whole:].reshape(1, -1)):
        if part.size:
            loudest = max(loudest, float(np.einsum("ij,ij->i", part, part).max()) / part.shape[1])
    return AudioFacts(utterance.start, utterance.end, loudest**0.5)


def reject_reason(
    hypothesis: Hypothesis,
    audio: AudioFacts,
    policy: CaptioningPolicy,
    glossary: Glossary = _EMPTY,
) -> RejectReason | None:
    """Why a hypothesis must not be shown, or None when it may; glossary: of the decode's prompt."""
    words = hypothesis.words
    if not words or not policy.guards:
        return None if words else RejectReason.NO_WORDS
    likelihood = hypothesis.average_log_probability
    earliest, latest = audio.start - policy.overhang_samples, audio.end + policy.overhang_samples
    silence = hypothesis.no_speech_probability
    silent = (silence > policy.no_speech_probability and likelihood < policy.log_probability) or (
        silence > policy.surely_no_speech_probability and likelihood < policy.sure_log_probability
    )
    crowded = len(words) * policy.shortest_word_samples > latest - earliest
    outside = crowded or any(word.start < earliest or word.end > latest for word in words)
    grounds = (
        (RejectReason.NEAR_SILENCE, audio.loudest_rms < policy.near_silence_rms),
        (RejectReason.NO_SPEECH, silent),
        (RejectReason.OUTSIDE_AUDIO, outside),
        (RejectReason.PROMPT_ECHO, not outside and glossary.is_echoed(words, policy.echo_terms)),
        (
            RejectReason.REPETITION,
            not outside and (hypothesis.unfinished or _repeats(words, policy)),
        ),
        (RejectReason.LOW_PROBABILITY, likelihood < policy.lowest_log_probability),
    )
    return next((reason for reason, refused in grounds if refused), None)


def clamp_words(words: tuple[Word, ...], start: int, end: int) -> tuple[Word, ...]:
    """The words clamped to [start, end) and to each other, so that time never runs backwards."""
    fit: list[Word] = []
    cursor = start
    for word in words:
        begins = min(max(word.start, cursor), end)
        cursor = min(max(word.end, begins), end)
        fit.append(Word(word.text, begins, cursor, word.confidence))
    return tuple(fit)


def _repeats(words: tuple[Word, ...], policy: CaptioningPolicy) -> bool:
    """Whether the text compresses too well, or says a phrase more than once in a row."""
    text = " ".join(word.text for word in words).encode()
    if len(text) >= _SHORTEST_COMPRESSED:
        ratio = len(text) / len(zlib.compress(text))
        if ratio > policy.compression_ratio:
            return True
    return repetition_in(words, policy) is not Repetition.NONE
