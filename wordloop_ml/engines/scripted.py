"""Transcriber, voice detector and embedder that need no model, for tests and drills.

The transcriber reads its words from the sample values and depends on nothing else, so that a test
knows every word that must come out, however the audio was cut, delayed or sent again. A spoken word
is a block of samples of one level, and the level is its number: word n has samples of
``BASE_LEVEL + n``. Its middle sample alone has the opposite sign: the marker. A cut anywhere leaves
the marker on exactly one side, so a word is heard by exactly one of two neighbouring utterances,
the one that holds at least half of it. Silence is zeros. The levels are int16 values. They survive
the way to float32 in [-1, 1) and back (a division by 32768 is exact), but no gain, no resampling and
no lossy codec: this is audio for 16 kHz PCM.

The embedder gives texts with words in common near vectors: each word is a direction that follows
from its letters (feature hashing: Weinberger et al., ICML 2009), and a text is the sum of its words'
directions, scaled to length 1.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode
from wordloop_ml.messages import (
    SAMPLE_RATE,
    DecodeOptions,
    Hypothesis,
    Pcm16,
    Samples,
    TokenisedText,
    Utterance,
    Vectors,
    Word,
)
from wordloop_ml.ports import EmbedderCapabilities, TranscriberCapabilities

BASE_LEVEL = 1_000
"""The level of word 0: an RMS of 0.03, well above what guards take for silence."""

HIGHEST_NUMBER = 32_767 - BASE_LEVEL
WORD_SAMPLES = 4_000
_FULL_SCALE = 32_768


@dataclass(frozen=True, slots=True)
class HeardBlock:
    """A word whose marker lies in the audio: its number, and its samples there, [start, end)."""

    number: int
    start: int
    end: int


def word_text(number: int) -> str:
    """Spell word ``number``."""
    return f"w{number}"


def silence(samples: int) -> Pcm16:
    """Make silence: int16 zeros, shape (samples,)."""
    return np.zeros(samples, np.int16)


def spoken(
    words: Iterable[int], *, word_samples: int = WORD_SAMPLES, pause_samples: int = 0
) -> Pcm16:
    """Make audio that says these numbers: int16, shape (n,), 16 kHz.

    words: each in [0, 31767]; without a pause between them, neighbours must differ.
    word_samples: how long each takes, at least 2. pause_samples: silence after each.
    """
    parts: list[Pcm16] = []
    before: int | None = None
    for number in words:
        if not 0 <= number <= HIGHEST_NUMBER or word_samples < 2:
            raise ValueError(f"word {number} of {word_samples} samples cannot be spoken")
        if number == before and pause_samples == 0:
            raise ValueError(f"word {number} twice in a row would be heard as one")
        block = np.full(word_samples + pause_samples, BASE_LEVEL + number, np.int16)
        block[word_samples // 2] *= -1
        block[word_samples:] = 0
        parts.append(block)
        before = number
    return np.concatenate(parts) if parts else silence(0)


def hear(samples: Samples) -> list[HeardBlock]:
    """Find the words whose marker lies in this audio, in order.

    samples: float32, shape (n,), in [-1, 1].
    """
    levels: npt.NDArray[np.int32] = np.rint(samples * _FULL_SCALE).astype(np.int32)
    magnitudes = np.abs(levels)
    borders = np.flatnonzero(np.diff(magnitudes)) + 1
    markers = np.flatnonzero((levels <= -BASE_LEVEL) & (magnitudes <= BASE_LEVEL + HIGHEST_NUMBER))
    runs, first, counts = np.unique(
        np.searchsorted(borders, markers, side="right"), return_index=True, return_counts=True
    )
    edges = [0, *borders.tolist(), len(samples)]
    return [
        HeardBlock(int(magnitudes[markers[at]]) - BASE_LEVEL, edges[run], edges[run + 1])
        for run, at, count in zip(runs.tolist(), first.tolist(), counts.tolist(), strict=True)
        if count == 1  # a block has one marker: this is some other sound
    ]


Cost = Callable[[Utterance], float]
"""How many seconds of a core one job takes."""

Failure = Callable[[Utterance], Exception | None]
"""What one job raises, or None; it may also wait, and so hold the job up."""

_LONGEST_SAMPLES = 30 * SAMPLE_RATE
_CHUNK = bytes(1 << 18)
"""Hashing this takes a fraction of a millisecond, without the GIL."""


CAPABILITIES = TranscriberCapabilities(
    name="scripted",
    model="scripted",
    languages=("en",),
    shortest_samples=1,
    longest_samples=_LONGEST_SAMPLES,
    word_times=True,
    hallucinates=False,
)


class ScriptedTranscriber:
    """A transcriber of audio made by ``spoken``.

    cost: seconds of CPU time per job, spent without the GIL as a native decode would; None for
    none. fail: asked before each job; what it returns is raised.
    """

    def __init__(self, *, cost: Cost | None = None, fail: Failure | None = None) -> None:
        self._cost = cost
        self._fail = fail
        self._closed = False

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        return CAPABILITIES

    def open_worker(self) -> "ScriptedWorker":
        """Open a worker for one more thread; raises ``EngineFailed`` once closed."""
        if self._closed:
            raise EngineFailed("the transcriber is closed")
        return ScriptedWorker(self._cost, self._fail)

    def close(self) -> None:
        """Open no more workers; harmless when called twice."""
        self._closed = True


class ScriptedWorker:
    """One thread's scripted decoder."""

    def __init__(self, cost: Cost | None, fail: Failure | None) -> None:
        self._cost = cost
        self._fail = fail
        self._closed = False

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Read the words off the samples.

        Raises ``EngineFailed``, ``BadInput`` for audio that is too long, a language other than
        English or a translation, or whatever the script says.
        """
        if self._closed:
            raise EngineFailed("the worker is closed")
        samples = utterance.samples
        if len(samples) > _LONGEST_SAMPLES:
            raise BadInput(
                f"{len(samples)} samples, one job holds {_LONGEST_SAMPLES}",
                code=ErrorCode.TOO_LARGE,
            )
        CAPABILITIES.check(options.language, options.task)
        if not np.isfinite(samples).all():
            raise EngineFailed("the audio holds samples that are no numbers")
        failure = self._fail(utterance) if self._fail is not None else None
        if failure is not None:
            raise failure
        if self._cost is not None:
            _work(self._cost(utterance))
        start = utterance.start
        words = tuple(
            Word(word_text(block.number), start + block.start, start + block.end, 0.9)
            for block in hear(samples)
        )
        return Hypothesis(
            start,
            utterance.end,
            words,
            no_speech_probability=0.0 if words else 1.0,
            average_log_probability=-0.1 if words else 0.0,
        )

    def close(self) -> None:
        """Run no more jobs; harmless when called twice."""
        self._closed = True


class ScriptedVoiceDetector:
    """Hears speech in every window that is not all zeros."""

    def __init__(self, window_samples: int = 512) -> None:
        self._window_samples = window_samples
        self._closed = False

    @property
    def window_samples(self) -> int:
        """How many samples at 16 kHz one window holds."""
        return self._window_samples

    def open_stream(self) -> "ScriptedVoiceStream":
        """Open a stream, which remembers nothing; raises ``EngineFailed`` once closed."""
        if self._closed:
            raise EngineFailed("the voice detector is closed")
        return ScriptedVoiceStream(self._window_samples)

    def close(self) -> None:
        """Open no more streams; harmless when called twice."""
        self._closed = True


class ScriptedVoiceStream:
    """One track of a scripted detector."""

    def __init__(self, window_samples: int) -> None:
        self._window_samples = window_samples

    def probability(self, window: Samples) -> float:
        """Return 1.0 for a window with a sample that is not zero, else 0.0."""
        if window.shape != (self._window_samples,) or not np.isfinite(window).all():
            raise EngineFailed(f"a window has shape {window.shape}, or holds no numbers")
        return 1.0 if window.any() else 0.0


def _work(seconds: float) -> None:
    """Use a core for so long, mostly without the GIL, as a decode does.

    Counted in this thread's CPU time: on a busy machine it takes longer, like the real thing.
    """
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        hashlib.sha256(_CHUNK)


DIMENSIONS = 64

EMBEDDER_CAPABILITIES = EmbedderCapabilities(
    name="scripted",
    model="scripted",
    digest=hashlib.sha256(b"scripted").hexdigest(),
    dimensions=DIMENSIONS,
    longest_tokens=256,
)

_MARKS = (1, 2)
_WORD = re.compile(r"\w+")

Batch = Sequence[TokenisedText]


class ScriptedEmbedder:
    """An embedder of hashed words.

    before: called with each batch before it is embedded; it may wait, count, or raise.
    """

    def __init__(self, *, before: Callable[[Batch], None] | None = None) -> None:
        self._before = before
        self._closed = False

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """What it makes."""
        return EMBEDDER_CAPABILITIES

    def tokenise(self, texts: Sequence[str]) -> list[TokenisedText]:
        """Make a token of each word, between two marks."""
        most = EMBEDDER_CAPABILITIES.longest_tokens - len(_MARKS)
        read = []
        for text in texts:
            words = [_token(word) for word in _WORD.findall(text.lower())]
            ids = (_MARKS[0], *words[:most], _MARKS[1])
            read.append(TokenisedText(ids, max(0, len(words) - most)))
        return read

    def embed(self, batch: Batch) -> Vectors:
        """Embed texts; float32, shape (texts, 64), in order. Raises ``EngineFailed`` once closed."""
        if self._closed:
            raise EngineFailed("the embedder is closed")
        if self._before is not None:
            self._before(batch)
        vectors = np.zeros((len(batch), DIMENSIONS), np.float32)
        for row, one in enumerate(batch):
            if not 1 <= len(one.ids) <= EMBEDDER_CAPABILITIES.longest_tokens:
                raise EngineFailed(f"a text has {len(one.ids)} tokens")
            summed = sum((_direction(token) for token in one.ids[1:-1]), _direction(one.ids[0]))
            vectors[row] = summed / np.linalg.norm(summed)
        return vectors

    def close(self) -> None:
        """Make no more embeddings; harmless when called twice."""
        self._closed = True


def _token(word: str) -> int:
    return 3 + int.from_bytes(hashlib.sha256(word.encode(errors="replace")).digest()[:4], "big")


def _direction(token: int) -> Vectors:
    values: Vectors = np.random.default_rng(token).standard_normal(DIMENSIONS, np.float32)
    # the marks are part of every text, and must not make all of them alike
    return values * np.float32(0.01) if token in _MARKS else values
