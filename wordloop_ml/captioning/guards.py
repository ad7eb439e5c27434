"""Which hypotheses are invented: each refusal under a reason; pure.

Models trained on subtitles say "thank you" to silence and loop on noise. Thresholds are whisper's
own (openai/whisper, transcribe.py) where it has one; what they are is in the policy.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.stabiliser import normalised
from wordloop_ml.captioning.vocabulary import Glossary
from wordloop_ml.messages import Hypothesis, RejectReason, Utterance, Word

_LOOP_LENGTHS = range(1, 9)
"""How many words the body of a loop may have."""

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


def judge(
    hypothesis: Hypothesis,
    audio: AudioFacts,
    policy: CaptioningPolicy,
    glossary: Glossary = _EMPTY,
) -> RejectReason | None:
    """Why a hypothesis must not be shown, or None when it may; glossary: of the decode's prompt."""
    words = hypothesis.words
    if not words or not policy.guards:
        return None if words else RejectReason.NO_WORDS
    if (reason := _improbable(hypothesis, audio, policy)) is not None:
        return reason
    if glossary.is_echoed(words, policy.echo_terms):
        return RejectReason.PROMPT_ECHO
    if _repeats(words, policy):
        return RejectReason.REPETITION
    earliest, latest = audio.start - policy.overhang_samples, audio.end + policy.overhang_samples
    if any(word.start < earliest or word.end > latest for word in words):
        return RejectReason.OUTSIDE_AUDIO
    return None


def _improbable(
    hypothesis: Hypothesis, audio: AudioFacts, policy: CaptioningPolicy
) -> RejectReason | None:
    if audio.loudest_rms < policy.near_silence_rms:
        return RejectReason.NEAR_SILENCE
    likelihood = hypothesis.average_log_probability
    silent = hypothesis.no_speech_probability > policy.no_speech_probability
    if silent and likelihood < policy.log_probability:
        return RejectReason.NO_SPEECH
    return RejectReason.LOW_PROBABILITY if likelihood < policy.lowest_log_probability else None


def fitted(words: tuple[Word, ...], start: int, end: int) -> tuple[Word, ...]:
    """The words clamped to [start, end) and to each other, so that time never runs backwards."""
    fit: list[Word] = []
    cursor = start
    for word in words:
        begins = min(max(word.start, cursor), end)
        cursor = min(max(word.end, begins), end)
        fit.append(Word(word.text, begins, cursor, word.confidence))
    return tuple(fit)


def _repeats(words: tuple[Word, ...], policy: CaptioningPolicy) -> bool:
    """Whether the text loops: it compresses too well, or the same words come again and again."""
    text = " ".join(word.text for word in words).encode()
    if len(text) >= _SHORTEST_COMPRESSED:
        ratio = len(text) / len(zlib.compress(text))
        if ratio > policy.compression_ratio:
            return True
    spoken = [normalised(word.text) for word in words]
    for length in _LOOP_LENGTHS:
        enough = length * max(policy.loop_times, -(-policy.loop_words // length))
        run = length
        for at in range(length, len(spoken)):
            run = run + 1 if spoken[at] == spoken[at - length] else length
            if run >= enough:
                return True
    return False
