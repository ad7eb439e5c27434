"""What a Whisper model's token numbers mean: prompts become numbers, and numbers become words."""

import math
from collections.abc import Sequence
from typing import Any

from wordloop_ml.engines.ggml_file import GgmlHeader
from wordloop_ml.engines.whisper_abi import ffi
from wordloop_ml.engines.whisper_tokens import Tokeniser
from wordloop_ml.engines.whisper_words import SAMPLES_PER_POSITION, TextToken, words_from
from wordloop_ml.messages import Utterance, Word

_MINIMUM_TIMESTAMP_MASS = 0.0005
"""Below it a token's timestamp distribution says nothing. whisper.cpp asks for 0.01."""

_IMPOSSIBLE = -100.0
"""The log probability of a token that had none."""


class Vocabulary:
    """What the model's token numbers mean."""

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
        """A prompt's tokens.

        whisper.cpp would find them behind a regular expression that recurses once per character:
        slow, and a long prompt overflows the stack.
        """
        return self._tokeniser.tokens_of(prompt)

    def read(self, tokens: Sequence[Any], utterance: Utterance) -> tuple[tuple[Word, ...], float]:
        """The words, and the mean log probability of the text tokens (0.0 without any)."""
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
        """Where the text tokens stand that do not open at the end of the audio or behind it.

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
        """What a timestamp token says, in positions; None for another token."""
        return token.id - self.first_timestamp if token.id >= self.first_timestamp else None

    def _position(self, token: Any) -> int | None:
        if token.tid < self.first_timestamp or token.ptsum < _MINIMUM_TIMESTAMP_MASS:
            return None
        return int(token.tid - self.first_timestamp)
