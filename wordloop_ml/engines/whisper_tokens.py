"""Converts between text and Whisper's tokens, for each engine of Whisper; pure.

Prompts become tokens; the tokens of an answer become words with times and calibrated confidences.

Times come from the decoder itself: at each text token it also gives a distribution over timestamps.
The best one (``tid`` in whisper.cpp) is a hint at the start of the token's word, or, at a punctuation
mark, at the end of the word before it. whisper.cpp's own token timestamps start from it too, and go
on to stretch tokens by the loudness around them, which costs a pass over all samples and moves the
good times as well as the bad ones, so they are not used.

Confidences are the model's probabilities after Platt's scaling (Platt 1999; Guo et al., "On
Calibration of Modern Neural Networks", ICML 2017). Its two numbers stand beside the model in the
manifest, because they belong to the model's training.
"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wordloop_ml.messages import Word
from wordloop_ml.weights.manifest import Calibration

_LONGEST_PROMPT = 2_000
"""Characters, from the end; a model takes some 220 tokens of it."""

_PROMPT_PARTS = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\s\w]+|[\s_]+")
"""Words, numbers, marks and blanks: no token spans two of them."""


class Tokeniser:
    """Turns prompts into tokens: the longest piece first, part by part.

    pieces: the bytes of each text token, by its number; empty ones are never chosen.
    longest_prompt: how many tokens are kept, from the end.
    """

    def __init__(self, pieces: Sequence[bytes], longest_prompt: int) -> None:
        self._numbers = {piece: token for token, piece in enumerate(pieces) if piece}
        self._longest_piece = max(map(len, self._numbers), default=1)
        self._longest_prompt = longest_prompt

    def tokens_of(self, prompt: str) -> list[int]:
        """Tokenise a prompt; what no token can spell is left out."""
        tokens = []
        for part in _PROMPT_PARTS.findall(prompt[-_LONGEST_PROMPT:]):
            rest = part.encode("utf-8", "replace")
            while rest:
                size = min(len(rest), self._longest_piece)
                while size > 1 and rest[:size] not in self._numbers:
                    size -= 1
                token = self._numbers.get(rest[:size])
                tokens += [] if token is None else [token]
                rest = rest[size:]
        return tokens[-self._longest_prompt :]


SAMPLES_PER_POSITION = 320
"""One timestamp position is 20 ms."""

_MARKS = (b".", b",", b"?", b"!", b":", b";")
_SHORTEST_WORD = 320
_LONGEST_SAMPLES_PER_LETTER = 1_600
_LONGEST_BASE_SAMPLES = 4_800
"""Where only its start is known, a word is not longer than 0.3 s and 0.1 s per letter: what
follows it then is a pause."""


@dataclass(frozen=True, slots=True)
class TextToken:
    """One token of text.

    piece: its bytes; a leading blank begins a word, and a character may span pieces.
    probability: in [0, 1].
    position: where its word begins, or ends if it is a punctuation mark, in positions of 20 ms;
        None where the model gave no hint.
    """

    piece: bytes
    probability: float
    position: int | None


@dataclass(slots=True)
class _Draft:
    """A word being put together."""

    piece: bytes
    probabilities: list[float]
    begins: int | None
    ends: int | None = None

    @property
    def text(self) -> str:
        return self.piece.decode("utf-8", "replace").strip()


def words_from(
    tokens: Sequence[TextToken],
    start: int,
    samples: int,
    *,
    opening: int | None = None,
    closing: int | None = None,
) -> tuple[Word, ...]:
    """Join tokens to the words of an utterance.

    start: absolute sample of the utterance; samples: its length. Every word lies inside, and
    words neither overlap nor run backwards.
    opening, closing: the timestamps around the text, in positions, or None. Right after the first,
    whisper.cpp allows no other, so that it is the first word's only hint.
    """
    drafts = _group(tokens)
    if drafts and drafts[0].begins is None:
        drafts[0].begins = opening
    if drafts and drafts[-1].ends is None:
        drafts[-1].ends = closing
    starts = _starts(drafts, samples)
    words = []
    for index, draft in enumerate(drafts):
        begin = starts[index]
        limit = starts[index + 1] if index + 1 < len(drafts) else samples
        longest = _LONGEST_BASE_SAMPLES + _LONGEST_SAMPLES_PER_LETTER * len(draft.text)
        end = begin + longest if draft.ends is None else draft.ends * SAMPLES_PER_POSITION
        end = min(limit, max(end, begin + _SHORTEST_WORD))
        confidence = sum(draft.probabilities) / len(draft.probabilities)
        words.append(Word(draft.text, start + begin, start + end, min(max(confidence, 0.0), 1.0)))
    return tuple(words)


def _group(tokens: Sequence[TextToken]) -> list[_Draft]:
    """Join tokens to words; what has no visible character is no word."""
    drafts: list[_Draft] = []
    for token in tokens:
        if drafts and not token.piece.startswith(b" "):
            drafts[-1].piece += token.piece
            drafts[-1].probabilities.append(token.probability)
            drafts[-1].ends = token.position if token.piece in _MARKS else None
        else:
            drafts.append(_Draft(token.piece, [token.probability], token.position))
    return [draft for draft in drafts if draft.text]


def _starts(drafts: Sequence[_Draft], samples: int) -> list[int]:
    """Return where each word begins, in samples of the utterance: inside it, never backwards.

    A word without a usable hint lies between its neighbours, in proportion to the letters.
    """
    hints = _trusted([draft.begins for draft in drafts], samples // SAMPLES_PER_POSITION)
    known = [(0, 0)] if hints and hints[0] is None else []
    known += [(i, hint * SAMPLES_PER_POSITION) for i, hint in enumerate(hints) if hint is not None]
    known.append((len(drafts), samples))
    starts: list[int] = []
    for (first, begin), (after, end) in itertools.pairwise(known):
        letters = [len(draft.text) for draft in drafts[first:after]]
        done = 0
        for count in letters:
            starts.append(begin + (end - begin) * done // sum(letters))
            done += count
    return starts


def _trusted(positions: Sequence[int | None], last: int) -> list[int | None]:
    """Keep the hints of the longest run that never goes backwards; None for the others."""
    best: list[tuple[int, int | None]] = []  # (length of the run that ends here, its predecessor)
    for i, here in enumerate(positions):
        length, previous = 1, None
        for j in range(i):
            there = positions[j]
            if here is not None and there is not None and there <= here and best[j][0] >= length:
                length, previous = best[j][0] + 1, j
        best.append((length if here is not None and here <= last else 0, previous))
    kept: list[int | None] = [None] * len(positions)
    at: int | None = max(range(len(best)), key=lambda i: best[i][0], default=None)
    while at is not None and best[at][0] > 0:
        kept[at] = positions[at]
        at = best[at][1]
    return kept


_EDGE = 1e-4
"""A probability so near to 0 or 1 has no finite logit that means anything."""


def calibrated(confidence: float, calibration: Calibration) -> float:
    """Calibrate a confidence; from [0, 1] to [0, 1], higher for a higher one."""
    if calibration == Calibration():
        return confidence
    inside = min(max(confidence, _EDGE), 1.0 - _EDGE)
    logit = calibration.slope * math.log(inside / (1.0 - inside)) + calibration.offset
    return 0.5 + 0.5 * math.tanh(logit / 2.0)  # the sigmoid, which as 1 / (1 + exp(-x)) overflows


def with_calibration(words: tuple[Word, ...], calibration: Calibration) -> tuple[Word, ...]:
    """Return the words with calibrated confidences."""
    if calibration == Calibration():
        return words
    return tuple(
        replace(word, confidence=calibrated(word.confidence, calibration)) for word in words
    )
