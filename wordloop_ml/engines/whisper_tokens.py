"""Whisper's tokens as CTranslate2's files list them: numbers to bytes, and prompts to numbers."""

import re
from collections.abc import Sequence

from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.weights.conversion import byte_of_letter

_LONGEST_PROMPT = 2_000
"""Characters, from the end; a model takes some 220 tokens of it."""

_PROMPT_PARTS = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\s\w]+|[\s_]+")
"""Words, numbers, marks and blanks: no token spans two of them."""

_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")


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
        """The tokens of a prompt; what no token can spell is left out."""
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


class TokenTable:
    """What the numbers of a ``vocabulary.txt`` mean: one token a line, text first, then marks.

    size: how many there are. pieces: the bytes of each text token.
    languages: ISO 639-1 codes in the order of their tokens; English alone for a model of English.
    multilingual: whether decodes name language and task.
    """

    def __init__(self, text: str) -> None:
        """Raises ``StartupFailed`` (``engine_incompatible``) for a table that is not Whisper's."""
        lines = text.removesuffix("\n").split("\n")
        self.size = len(lines)
        # the names of all tokens take megabytes, and only a few are asked for later
        numbers = {token: number for number, token in enumerate(lines)}
        try:
            self.end_of_text = numbers["<|endoftext|>"]
            self.start = numbers["<|startoftranscript|>"]
            self.previous = numbers["<|startofprev|>"]
            self.transcribe = numbers["<|transcribe|>"]
            self.translate = numbers["<|translate|>"]
            self.first_timestamp = numbers["<|0.00|>"]
        except KeyError as error:
            raise StartupFailed(
                f"the vocabulary has no token {error}: it is not Whisper's",
                code=ErrorCode.ENGINE_INCOMPATIBLE,
            ) from error
        self.pieces = tuple(map(_bytes_of, lines[: self.end_of_text]))
        codes = (_LANGUAGE.fullmatch(line) for line in lines[self.start + 1 : self.translate])
        self._languages = {code[1]: numbers[code[0]] for code in codes if code}
        # a model of English has the other languages' tokens too, untrained; its start is one lower
        self.multilingual = self.start > _ENGLISH_START
        self.languages = tuple(self._languages) if self.multilingual else ("en",)

    def language(self, code: str) -> int:
        """The token of a language that the table has."""
        return self._languages[code]


_ENGLISH_START = 50_257


_BYTES = byte_of_letter()


def _bytes_of(token: str) -> bytes:
    return bytes(_BYTES[letter] for letter in token if letter in _BYTES)
