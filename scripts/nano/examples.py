"""From sentences on disk to what one training step hears, and what it should say.

An example is a stretch of speech as the service would cut it: a little silence, one or more
sentences, noise; often cut off in the middle, because the service decodes segments that still
grow. Then it is labelled with just the words that could be heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scripts.nano import noise
from scripts.nano.grammar import normalised, vocabulary
from scripts.nano.mel import MELS, SAMPLE_RATE, FloatArray, log_mel
from scripts.nano.tokens import (
    END_OF_TEXT,
    FIRST_TIME,
    NEWLINE,
    NO_SPEECH,
    NO_TIMESTAMPS,
    START,
    TIMES,
    encode,
    is_mark,
)
from scripts.nano.voices import Sounding, Spoken, Word

STEP: Final = 320  # samples in one encoder position, and in one step of the timestamps
_HEARD_SHARE, _HEARD_SAMPLES = 0.58, SAMPLE_RATE * 8 // 100
_LONGEST: Final = 15 * SAMPLE_RATE

Generator = np.random.Generator


@dataclass(frozen=True, slots=True)
class Example:
    """Sound (float32, 16 kHz) and the words heard in it; `colour` is for `mel.log_mel`.

    sounding: the words as they were spoken, to their ends even where the sound was cut before.
    sounds: what sounds from which sample on, as in `Spoken`.
    """

    samples: FloatArray
    words: tuple[Word, ...]
    sounding: tuple[Word, ...]
    sounds: Sounding
    colour: FloatArray | None


@dataclass(frozen=True, slots=True)
class Labels:
    """What the decoder reads and should say, one entry per position, in GPT-2 numbers.

    second: where no speech is to be found, the token that stands in for it when it is suppressed;
        else -1. moments: the 20 ms step that belongs to the token to be said (the start of its
        word; for a mark, the end of the word before), else -1. windows: where its word sounds, in
        encoder positions, or (0, 0).
    """

    inputs: list[int]
    targets: list[int]
    second: list[int]
    moments: list[int]
    windows: list[tuple[int, int]]


def heard(words: Sequence[Word], cut: int) -> list[Word]:
    """The words that can be told when the sound stops at sample `cut`.

    A word counts when 58 % and 80 ms of it sounded. The marks after the last one count only if the
    pause after it was heard too.
    """
    kept: list[Word] = []
    for word in words:
        sounded = min(word.end, cut) - word.start
        if sounded < max(
            _HEARD_SHARE * (word.end - word.start), min(_HEARD_SAMPLES, word.end - word.start)
        ):
            break
        kept.append(Word(word.text, word.start, min(word.end, cut)))
    if kept and cut < words[len(kept) - 1].end + SAMPLE_RATE * 12 // 100:
        last = kept[-1]
        kept[-1] = Word(last.text.rstrip(",.?!"), last.start, last.end)
    return kept


def labels(words: Sequence[Word], timestamps: bool) -> Labels:
    """Label `words` for decoding with timestamps or without.

    With: start, <first word>, tokens, <last word's end>, end of text. Without words, `<|nospeech|>`
    is most of what to say after the start; what remains is the first time, or a newline, so that
    a decoder that is not allowed to say it says nothing.
    """
    first = min(50, round(words[0].start / STEP)) if words else 0
    out = Labels([START], [FIRST_TIME + first], [-1], [-1], [(0, 0)])

    def say(
        after: int, token: int, second: int = -1, moment: int = -1, span: tuple[int, int] = (0, 0)
    ) -> None:
        out.inputs.append(after)
        out.targets.append(token)
        out.second.append(second)
        out.moments.append(min(moment, TIMES - 1))
        out.windows.append(span)

    if not words:
        out.targets[0], out.second[0] = NO_SPEECH, FIRST_TIME
        if timestamps:
            say(FIRST_TIME, END_OF_TEXT)
        else:
            say(NO_TIMESTAMPS, NO_SPEECH, NEWLINE)
            say(NEWLINE, END_OF_TEXT)
        return out
    previous = FIRST_TIME + first if timestamps else NO_TIMESTAMPS
    for word in words:
        start, end = round(word.start / STEP), round(word.end / STEP)
        for token in encode(word.text):
            mark = is_mark(token)
            window = (max(0, end - 6), end + 12) if mark else (max(0, start - 4), end + 5)
            say(previous, token, -1, end if mark else max(start, first), window)
            previous = token
    end = min(round(words[-1].end / STEP), TIMES - 1)
    if timestamps:
        say(previous, FIRST_TIME + end, span=(max(0, end - 6), end + 12))
        say(FIRST_TIME + end, END_OF_TEXT)
    else:
        say(previous, END_OF_TEXT)
    return out


class Assembler:
    """Draws examples from `corpus`; one for each training process, with a generator of its own."""

    def __init__(self, corpus: Sequence[Spoken], rng: Generator) -> None:
        self._rng = rng
        self.hardness = 1.0  # from 0, short and clean sentences for a start, to 1, all there is
        self._pool = [
            kind(20 * SAMPLE_RATE, rng) for kind in noise.KINDS.values() for _ in range(3)
        ]
        self._corpus: Sequence[Spoken] = ()
        self._by_voice: dict[str, list[int]] = {}
        self._order: list[int] = []
        self.extend(corpus)

    def extend(self, corpus: Sequence[Spoken]) -> None:
        """Draw from `corpus`, which has grown, from now on."""
        self._corpus = corpus
        self._by_voice = {}
        for index, one in enumerate(corpus):
            self._by_voice.setdefault(one.voice, []).append(index)
        self._order = []

    def _next(self) -> Spoken:
        if not self._order:
            self._order = self._rng.permutation(len(self._corpus)).tolist()
        return self._corpus[self._order.pop()]

    def _happens(self, easy: float, hard: float) -> bool:
        """Draw an event that has probability `easy` at the start and `hard` in the end."""
        return bool(self._rng.random() < easy + (hard - easy) * self.hardness)

    def _noise(self, samples: int) -> FloatArray:
        sound = self._pool[self._rng.integers(len(self._pool))]
        at = int(self._rng.integers(0, len(sound) - samples + 1))
        return sound[at : at + samples]

    def _silent(self) -> Example:
        rng = self._rng
        samples = int(
            SAMPLE_RATE * (rng.uniform(0.3, 3.0) if rng.random() < 0.8 else rng.uniform(3, 9))
        )
        sound = noise.at_level(self._noise(samples), rng.uniform(-72, -8))
        if rng.random() < 0.4:
            sound = sound + noise.at_level(self._noise(samples), rng.uniform(-75, -20))
        return Example(np.clip(sound, -1, 1), (), (), (), None)

    def _joined(self) -> tuple[FloatArray, list[Word], list[tuple[int, int]]]:
        rng = self._rng
        one = self._next()
        wanted = rng.uniform(4, 14.5) * SAMPLE_RATE if self._happens(0.04, 0.2) else 0
        pieces: list[FloatArray] = []
        words: list[Word] = []
        sounds: list[tuple[int, int]] = []
        at = 0
        while True:
            pieces.append((one.samples / 32768).astype(np.float32))
            words += [Word(w.text, w.start + at, w.end + at) for w in one.words]
            sounds += [(start + at, sound) for start, sound in one.sounds]
            at += len(one.samples)
            sounds.append((at, 0))
            near = self._by_voice[one.voice]
            one = self._corpus[near[rng.integers(len(near))]]
            pause = int(rng.uniform(0.1, 0.45) * SAMPLE_RATE)
            if at >= wanted or at + pause + len(one.samples) > _LONGEST:
                return np.concatenate(pieces), words, sounds
            pieces.append(np.zeros(pause, np.float32))
            at += pause

    def draw(self) -> Example:
        """Draw one example."""
        rng = self._rng
        if self._happens(0.04, 0.09):
            return self._silent()
        speech, words, sounds = self._joined()
        if self._happens(0.1, 0.45):
            pace = rng.uniform(0.86, 1.16)  # speed, pitch and formants together: more voices
            length = int(len(speech) / pace)
            speech = np.interp(np.arange(length) * pace, np.arange(len(speech)), speech).astype(
                np.float32
            )
            words = [Word(w.text, int(w.start / pace), int(w.end / pace)) for w in words]
            sounds = [(int(start / pace), sound) for start, sound in sounds]
        lead = int(
            (rng.uniform(0, 0.6) if rng.random() < 0.6 else rng.uniform(0.15, 0.4)) * SAMPLE_RATE
        )
        tail = int(rng.uniform(0, 0.7) * SAMPLE_RATE)
        words = [Word(w.text, w.start + lead, w.end + lead) for w in words]
        sounding = tuple(words)
        sounds = [(start + lead, sound) for start, sound in sounds]
        total = lead + len(speech) + tail
        if self._happens(0.1, 0.36):
            onset = words[0].start
            longest = min(onset + SAMPLE_RATE, total) if rng.random() < 0.5 else total
            cut = int(rng.uniform(min(onset + SAMPLE_RATE // 5, longest - 1), longest))
            total = max(cut, SAMPLE_RATE // 5)
            words = heard(words, total)
        sound = np.zeros(max(total, lead + len(speech)), np.float32)
        sound[lead : lead + len(speech)] = speech
        sound = sound[:total]
        if self._happens(0.0, 0.15):
            dry = sound.copy()
            for _ in range(int(rng.integers(2, 7))):
                delay = int(rng.uniform(0.004, 0.06) * SAMPLE_RATE)
                if delay < total:
                    sound[delay:] += rng.uniform(-0.35, 0.35) * dry[: total - delay]
        placed = self._placed(sound, speech)
        return Example(placed, tuple(words), sounding, tuple(sounds), self._colour())

    def _placed(self, sound: FloatArray, speech: FloatArray) -> FloatArray:
        """Set the level and add noise."""
        rng = self._rng
        level = rng.uniform(-36, -12)
        loudness = float(np.sqrt(np.mean(np.square(speech)))) + 1e-6
        sound = sound * np.float32(10 ** (level / 20) / loudness)
        draw = rng.random()
        if self._happens(0.1, 0.5):
            sound = sound + noise.at_level(self._noise(len(sound)), level - rng.uniform(10, 40))
        elif draw < 0.85:
            sound = sound + noise.at_level(
                rng.standard_normal(len(sound), dtype=np.float32), -rng.uniform(60, 90)
            )
        return np.clip(sound, -1, 1).astype(np.float32)

    def _colour(self) -> FloatArray | None:
        """A random microphone: a slope, a bump, now and then a telephone."""
        rng = self._rng
        if not self._happens(0.2, 0.55):
            return None
        band = np.linspace(-1, 1, MELS)
        curve = rng.normal(0, 0.3) * band + rng.normal(0, 0.2) * np.sin(
            2 * band + rng.uniform(0, 6)
        )
        curve += rng.normal(0, 0.15) * np.sin(5 * band + rng.uniform(0, 6))
        if rng.random() < 0.08:
            curve[:5] -= 2.5
            curve[60:] -= 3.5
        return curve.astype(np.float32)


class Alphabet:
    """Words as classes, for what the encoder learns beside the decoder's task."""

    def __init__(self) -> None:
        listed = sorted(vocabulary())
        self._words = {word: place + 1 for place, word in enumerate(listed)}
        self.words = ("", *listed)

    def tracks(
        self, one: Example, positions: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """What is spoken when: words at 25 Hz, sounds at 50 Hz."""
        words = np.zeros((positions + 1) // 2, np.int64)
        for word, marked in zip(one.sounding, one.words, strict=False):
            text = normalised(word.text).removesuffix("'s")
            place = self._words.get(text, 0)
            words[word.start // (2 * STEP) : -(-marked.end // (2 * STEP))] = place
        sounds = np.zeros(positions, np.int64)
        for start, sound in one.sounds:  # each overwrites what the one before left open
            sounds[round(start / STEP) :] = sound
        sounds[-(-len(one.samples) // STEP) :] = 0
        return words, sounds


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of about the same length, ready for a step; arrays are padded with zeros.

    words, sounds: the class spoken at each position (sounds) or pair of positions (words), 0 for
        none; see `Alphabet`.
    """

    mel: FloatArray
    labels: list[Labels]
    words: npt.NDArray[np.int64]
    sounds: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]


def batches(
    assembler: Assembler,
    rng: Generator,
    budget: int,
    alphabet: Alphabet,
    spectrum: Callable[[FloatArray], npt.NDArray[Any]],
    group: int = 320,
) -> list[Batch]:
    """Draw `group` examples and sort them into batches of at most `budget` encoder positions.

    The context is mostly what the longest needs and a margin, at least 128, as the service sets
    it; some are 256 to 600, and a few, at 1500, are what whisper.cpp takes when nobody says.
    """
    drawn = sorted((assembler.draw() for _ in range(group)), key=lambda one: len(one.samples))
    out: list[Batch] = []
    while drawn:
        kind = rng.random()
        floor = 128
        if kind < 0.015:
            floor = 1500
        elif kind < 0.1:
            floor = int(rng.integers(256, 600))
        margin = int(rng.integers(4, 64))
        chosen = [drawn.pop()]
        context = max(floor, -(-len(chosen[0].samples) // STEP) + margin)
        while drawn and (len(chosen) + 1) * context <= budget:
            chosen.append(drawn.pop())
        out.append(_batch(chosen, context, rng, alphabet, spectrum))
    rng.shuffle(out)
    return out


def _batch(
    chosen: Sequence[Example],
    context: int,
    rng: Generator,
    alphabet: Alphabet,
    spectrum: Callable[[FloatArray], npt.NDArray[Any]],
) -> Batch:
    mel = np.stack(
        [log_mel(one.samples, 2 * context, colour=one.colour, spectrum=spectrum) for one in chosen]
    )
    for picture in mel:
        # SpecAugment (Park et al., 2019), gently: the voice of another speaker lies elsewhere.
        if rng.random() < 0.5:
            width, at = int(rng.integers(1, 12)), int(rng.integers(0, MELS))
            picture[at : at + width] = picture.min()
    marked = [labels(one.words, bool(rng.random() < 0.65)) for one in chosen]
    lengths = np.array([-(-len(one.samples) // STEP) for one in chosen])
    tracks = [alphabet.tracks(one, context) for one in chosen]
    words, sounds = (np.stack(kind) for kind in zip(*tracks, strict=True))
    return Batch(mel, marked, words, sounds, lengths)
