"""Runs decodes in a ``whisper_state`` and reads the words and probabilities of their tokens.

What these calls do beyond their names was read in whisper.cpp 1.8.5, and tests hold it to that.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.ggml_file import GgmlHeader
from wordloop_ml.engines.whisper_cpp_library import ffi
from wordloop_ml.engines.whisper_tokens import (
    SAMPLES_PER_POSITION,
    TextToken,
    Tokeniser,
    words_from,
)
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Utterance, Word

_STATE_IS_GONE = -7
"""What the library answers when it could not make room for beams, and has freed the state."""

_ENGLISH = ffi.new("char[]", b"en")


class WhisperState:
    """A ``whisper_state``, which one decode at a time writes, and the calls that use it."""

    def __init__(self, library: Any, context: Any, idle_ms: int) -> None:
        """Raises ``EngineFailed`` when none can be had.

        idle_ms: how much audio the library looks at without encoding it.
        """
        self._library = library
        self._context = context
        self._idle_ms = idle_ms
        self.handle = ffi.NULL
        self.prepare()

    def prepare(self, *, as_new: bool = False) -> None:
        """Open it where a failure has closed it, or again, to be as new; takes some milliseconds.

        Its random numbers begin anew, and nothing else makes them. Raises ``EngineFailed``.
        """
        if as_new:
            self.close()
        if self.handle == ffi.NULL:
            self.handle = self._library.whisper_init_state(self._context)
        if self.handle == ffi.NULL:
            raise EngineFailed("whisper.cpp cannot make another state")

    def run(self, parameters: Any, data: Any) -> None:
        """Decode in one bounded native call; raises ``EngineFailed``."""
        status = self._library.whisper_full_with_state(
            self._context, self.handle, parameters[0], data, len(data)
        )
        if status == _STATE_IS_GONE:
            self.handle = ffi.NULL
        if status != 0:
            raise EngineFailed(f"whisper.cpp failed with status {status}")

    def hear(self, parameters: Any, data: Any) -> None:
        """Compute the spectrogram and set the audio context; neither encodes nor decodes."""
        parameters.language = _ENGLISH  # none at all would be detected
        parameters.duration_ms = self._idle_ms
        try:
            self.run(parameters, data)
        finally:
            parameters.language = ffi.NULL
            parameters.duration_ms = 0

    def languages(self, threads: int) -> npt.NDArray[np.float32]:
        """Return the probability of each language for what was heard: one encode, one step of a decode."""
        count = self._library.whisper_lang_max_id() + 1
        likelihoods = ffi.new("float[]", count)
        status = self._library.whisper_lang_auto_detect_with_state(
            self._context, self.handle, 0, threads, likelihoods
        )
        if status < 0:
            raise EngineFailed(f"whisper.cpp failed to detect a language with status {status}")
        return np.frombuffer(ffi.buffer(likelihoods), np.float32)

    def close(self) -> None:
        """Free it; harmless when called twice."""
        handle, self.handle = self.handle, ffi.NULL
        self._library.whisper_free_state(handle)


class Untempered:
    """Records a sampled token's probability before the temperature, for one decode of one decoder.

    whisper.cpp divides the logits by the temperature, in (0, 1], and reports the probabilities that
    come of it: at 0.4 a guess among equals looks like a certainty. Guards and confidences need the
    model's own, as in openai/whisper (decoding.py, ``GreedyDecoder.update``). The library shows its
    logits to a callback just before each token is drawn.
    """

    def __init__(self, ffi: Any, temperature: float, vocabulary: int, first_timestamp: int) -> None:
        """ffi: declares the tokens of the library that calls back."""
        self._ffi = ffi
        self._temperature = np.float32(temperature)
        self._bytes = 4 * vocabulary
        self._first_timestamp = first_timestamp
        self._log_probabilities: list[float] = []  # of every token but the newest
        self._distribution: npt.NDArray[np.float32] | None = None  # the newest is drawn from it
        # kept here, because the library keeps no reference
        self._callable = ffi.callback(
            "void(void *, void *, const whisper_token_data *, int, float *, void *)", self._see
        )

    @property
    def callback(self) -> Any:
        """The ``logits_filter_callback``; valid while this object lives."""
        return self._ffi.cast("void *", self._callable)

    def correct(self, tokens: list[Any]) -> None:
        """Write the model's own probabilities into the tokens of the result, in order.

        The timestamps' share has been through the temperature as well, and gets its root back
        approximately: it orders nothing, it is only compared with a threshold.
        """
        known = list(self._log_probabilities)
        if self._distribution is not None and len(tokens) > len(known):
            known.append(float(self._distribution[tokens[len(known)].id]))
        self._distribution = None  # the callback is a cycle, and this is what weighs in it
        for token, plog in zip(tokens, known, strict=False):
            token.plog = plog
            token.p = np.exp(plog)
            token.ptsum = token.ptsum**self._temperature

    def _see(
        self, _context: Any, _state: Any, tokens: Any, count: int, logits: Any, _user_data: Any
    ) -> None:
        if self._distribution is not None and count > 0:
            self._log_probabilities.append(float(self._distribution[tokens[count - 1].id]))
        tempered = np.frombuffer(self._ffi.buffer(logits, self._bytes), np.float32)
        own = tempered * self._temperature
        if self._opens_text(tokens, count):  # the library rules these out a moment later
            own[self._first_timestamp :] = -np.inf
        own -= own.max()
        own -= np.log(np.exp(own).sum())
        self._distribution = own

    def _opens_text(self, tokens: Any, count: int) -> bool:
        """Whether the newest token is a timestamp that does not end a segment."""
        newest = [tokens[at].id >= self._first_timestamp for at in range(max(count - 2, 0), count)]
        return bool(newest) and all(newest)


_MINIMUM_TIMESTAMP_MASS = 0.0005
"""Below it a token's timestamp distribution says nothing. whisper.cpp asks for 0.01."""

_IMPOSSIBLE = -100.0
"""The log probability of a token that had none."""


class Vocabulary:
    """A model's tokens: prompts to numbers, numbers to words."""

    def __init__(self, library: Any, context: Any, header: GgmlHeader) -> None:
        self.multilingual = header.languages > 1
        self.size = header.vocabulary
        self._end_of_text = library.whisper_token_eot(context)
        self.first_timestamp = library.whisper_token_beg(context)
        self._pieces = [
            ffi.string(library.whisper_token_to_str(context, token))
            for token in range(self._end_of_text)
        ]
        self._tokeniser = Tokeniser(self._pieces, header.text_context // 2 - 1)
        self.languages: tuple[str, ...] = ("en",)
        if self.multilingual:
            codes = (library.whisper_lang_str(i) for i in range(header.languages))
            self.languages = tuple(ffi.string(code).decode() for code in codes)

    def tokens_of(self, prompt: str) -> list[int]:
        """Tokenise a prompt.

        whisper.cpp would find them behind a regular expression that recurses once per character:
        slow, and a long prompt overflows the stack.
        """
        return self._tokeniser.tokens_of(prompt)

    def read(self, tokens: Sequence[Any], utterance: Utterance) -> tuple[tuple[Word, ...], float]:
        """Return the words, and the mean log probability of the text tokens (0.0 without any)."""
        at = self._within(tokens, len(utterance.samples) // SAMPLES_PER_POSITION)
        if not at:
            return (), 0.0
        text = [tokens[i] for i in at]
        pieces = [
            TextToken(self._pieces[token.id], token.p, self._position(token)) for token in text
        ]
        after = [self._timestamp(token) for token in tokens[at[-1] + 1 :]]
        words = words_from(
            pieces,
            utterance.start,
            len(utterance.samples),
            opening=self._timestamp(tokens[0]),
            closing=after[0] if after else None,
        )
        mean = float(sum(token.plog for token in text) / len(text))
        return words, mean if math.isfinite(mean) else _IMPOSSIBLE

    def _within(self, tokens: Sequence[Any], last: int) -> list[int]:
        """Return the indices of the text tokens that do not open at the end of the audio or behind it.

        Text that opens there is a second copy of what was said, or nothing that was.
        """
        kept: list[int] = []
        position = 0
        for index, token in enumerate(tokens):
            if (timestamp := self._timestamp(token)) is not None:
                position = timestamp
            elif token.id < self._end_of_text and position < max(last, 1):
                kept.append(index)
        return kept

    def _timestamp(self, token: Any) -> int | None:
        """Return what a timestamp token says, in positions; None for another token."""
        return token.id - self.first_timestamp if token.id >= self.first_timestamp else None

    def _position(self, token: Any) -> int | None:
        if token.tid < self.first_timestamp or token.ptsum < _MINIMUM_TIMESTAMP_MASS:
            return None
        return int(token.tid - self.first_timestamp)
