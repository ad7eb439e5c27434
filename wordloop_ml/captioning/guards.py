"""Decides what of a hypothesis may be shown; pure.

Models trained on subtitles describe sounds, say "thank you" to silence, loop on noise and read
their prompt aloud. ``without_annotations`` and ``without_repeats`` take out what nobody said;
``reject_reason`` refuses what was invented, by its reason. The thresholds are in the policy:
Whisper's own (openai/whisper, transcribe.py) where it has one.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from wordloop_ml.captioning.local_agreement import normalised
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import Hypothesis, RejectReason, Utterance, Word

_OPEN, _CLOSE = "([{（［【", ")]}）］】"
_SIGNS = re.compile("[♪♫♬♩♭♯]+|^(?:>+|[-–—]+)$|^>>+|^\\*+|\\*+$")
_NAMED_SPEAKER = re.compile(r"^\[?(?:SPEAKER|Speaker)[ _]?\d*\]?:$")


def without_annotations(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words without annotations: bracketed text, signs of music, names of speakers.

    A bracket may close in the same word or a later one; one that nothing closes, or with digits in
    it, such as (555), stays.
    """
    kept: list[Word] = []
    at = 0
    while at < len(words):
        after = _end_of_bracket(words, at)
        if after is not None:
            at = after
            continue
        text = _SIGNS.sub("", words[at].text).strip()
        if text and not _NAMED_SPEAKER.match(text):
            kept.append(words[at] if text == words[at].text else replace(words[at], text=text))
        at += 1
    return tuple(kept)


def _end_of_bracket(words: Sequence[Word], at: int) -> int | None:
    """Return the index behind an annotation that begins with this word; None where none does."""
    if not words[at].text.startswith(tuple(_OPEN)):
        return None
    for end in range(at, len(words)):
        inside = words[end].text
        if any(character.isdigit() for character in inside):
            return None
        if inside.rstrip(".,!?:;…").endswith(tuple(_CLOSE)):
            return end + 1
    return None


_LONGEST_BODY = 24
"""The most words of a phrase whose repetitions are looked for."""

_LOOP_IN_WORD = re.compile(r"(.)\1{7,}|(.{2,3}?)\2{4,}|(.{4,40}?)\3{2,}")
"""A letter 8 times, two or three 5 times, 4 to 40 thrice: more than laughter and long numbers do."""

_DOUBLED_IN_WORD = re.compile(r"(.{6,60}?)\1+")
"""A clause that comes twice: in Japanese and Chinese a word is all that stands without a blank."""


class Repetition(IntEnum):
    """The degrees to which a text repeats itself."""

    NONE = 0
    DOUBLED = 1
    LOOP = 2


def repetition_in(words: Sequence[Word], policy: CaptioningPolicy) -> Repetition:
    """Return how much these words repeat themselves, case and punctuation aside."""
    spoken = [normalised(word.text) for word in words]
    if any(_LOOP_IN_WORD.search(word) for word in spoken):
        return Repetition.LOOP
    runs = list(_runs(spoken))
    if any(_is_loop(body, times, policy) for _, body, times in runs):
        return Repetition.LOOP
    doubled = any(_is_doubled(spoken[at : at + body], n, policy) for at, body, n in runs)
    doubled = doubled or any(_DOUBLED_IN_WORD.search(word) for word in spoken)
    return Repetition.DOUBLED if doubled else Repetition.NONE


def without_repeats(words: Sequence[Word], policy: CaptioningPolicy) -> tuple[Word, ...]:
    """Return the words with the first copy alone of each loop and each doubled phrase."""
    kept = [replace(word, text=_unlooped(word.text)) for word in words]
    while _drop_copies(kept, policy):
        pass  # what stands together now may repeat itself
    return tuple(kept)


def _drop_copies(words: list[Word], policy: CaptioningPolicy) -> bool:
    """Drop the copies of the shortest phrases that have some; return whether there were any."""
    spoken = [normalised(word.text) for word in words]
    shortest = 0
    copies: list[slice] = []
    for at, body, times in _runs(spoken):
        if shortest and body > shortest:
            break
        phrase = spoken[at : at + body]
        if _is_loop(body, times, policy) or _is_doubled(phrase, times, policy):
            shortest = body
            copies.append(slice(at + body, at + body * times))
    for copy in reversed(copies):
        del words[copy]
    return bool(copies)


def _is_loop(body: int, times: int, policy: CaptioningPolicy) -> bool:
    return times >= policy.loop_times and times * body >= policy.loop_words


def _is_doubled(phrase: Sequence[str], times: int, policy: CaptioningPolicy) -> bool:
    """Whether a phrase is long enough for its repetition to be doubted.

    Of two words or more with ``doubled_letters`` letters; of three words or more, where it comes
    three times.
    """
    long = sum(map(len, phrase)) >= policy.doubled_letters
    return (len(phrase) > 1 and long) or (len(phrase) > 2 and times > 2)


def _runs(spoken: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the phrases that come twice or more in a row: (index of the first word, words, times).

    A phrase that itself repeats a shorter one is left out: the shorter one is yielded.
    """
    for body in range(1, min(_LONGEST_BODY, len(spoken) // 2) + 1):
        start = 0
        for at in range(body, len(spoken) + 1):
            if at < len(spoken) and spoken[at] == spoken[at - body]:
                continue
            times = (at - start) // body
            if times > 1 and not _repeats_shorter(spoken[start : start + body]):
                yield start, body, times
            start = at - body + 1


def _repeats_shorter(phrase: Sequence[str]) -> bool:
    count = len(phrase)
    return any(
        count % part == 0 and phrase[part:] == phrase[:-part] for part in range(1, count // 2 + 1)
    )


def _unlooped(text: str) -> str:
    once = _LOOP_IN_WORD.sub(lambda match: next(filter(None, match.groups())), text)
    return _DOUBLED_IN_WORD.sub(r"\1", once)


_OPENING = "Glossary:"


class Glossary:
    """The vocabulary of one track, as the prompt of its decodes.

    prompt: text for the decoder; empty without terms.
    """

    def __init__(self, vocabulary: Sequence[str] = ()) -> None:
        blanked = (" ".join(term.split()) for term in vocabulary)
        terms = list(dict.fromkeys(term for term in blanked if term))
        self.prompt = f"{_OPENING} {', '.join(terms)}." if terms else ""
        # every word of the prompt, and which term it is of; the opening is the first
        listed = [_OPENING, *terms] if terms else []
        self._words = [
            (normalised(word), at) for at, one in enumerate(listed) for word in one.split()
        ]

    def is_echoed(self, words: Sequence[Word], most_terms: int) -> bool:
        """Whether a text is nothing but a part of the prompt, perhaps several times over.

        Up to ``most_terms`` terms in a row count as said; the prompt's opening never does.
        """
        if not self._words:
            return False
        said = [normalised(word.text) for word in words]
        count = len(self._words)
        for first in range(count):
            run = [self._words[(first + offset) % count] for offset in range(len(said))]
            if said == [word for word, _ in run]:
                terms = {term for _, term in run}
                return 0 in terms or len(terms) > most_terms
        return False


_EMPTY = Glossary()

_SHORTEST_COMPRESSED = 32
"""Bytes below which a compression ratio says nothing: most of it is zlib's own frame."""


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Measurements of the audio that was decoded.

    start, end: its span, absolute samples.
    loudest_rms: root mean square of its loudest window; that of all would hide a short quiet word.
    """

    start: int
    end: int
    loudest_rms: float


def facts_of(utterance: Utterance, window_samples: int) -> AudioFacts:
    """Measure an utterance, in windows of ``window_samples``."""
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
    """Return why a hypothesis must not be shown; None when it may be.

    audio: what was decoded. glossary: of the prompt that the decode was given.
    """
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
    """Return the words with their times clamped to [start, end) and to those of the word before."""
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
